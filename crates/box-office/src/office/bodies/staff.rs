//! The documents of staff calls.

use http_api::Problem;
use inventory::{CodeUse, OrderId, Outcome, RefundStatus};
use payments::GatewayHealth;
use processing_unit::{Expiries, SaleAnswer};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::answer::foreign;
use super::super::staff::event_form::EventForm;
use super::Price;
use crate::clock::rfc3339_ms as text;

/// A sale as the grid has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct SaleBody {
    pub(crate) event_id: String,
    /// `not_open`, `on_sale`, `paused`, `closed` or `cancelled`.
    pub(crate) state: &'static str,
    pub(crate) opens_at: String,
    pub(crate) closes_at: String,
    pub(crate) plan_version: u32,
    /// The state's version.
    pub(crate) version: u64,
    pub(crate) seats: CountsBody,
    /// Live holds.
    pub(crate) holds: u64,
    /// Orders that the grid remembers.
    pub(crate) orders: u64,
    /// Places that wait in the list.
    pub(crate) waiting: u64,
    pub(crate) refunds: RefundCountsBody,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expiring: Option<ExpiringBody>,
    /// How far a cancelled event is undone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cancel: Option<CancelBody>,
}

/// Seats by status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct CountsBody {
    pub(crate) total: u32,
    pub(crate) free: u32,
    pub(crate) held: u32,
    pub(crate) sold: u32,
    pub(crate) blocked: u32,
}

/// Held seats by when they come back, if nobody pays for them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ExpiringBody {
    /// Seats whose hold ends within the first minute from now, the second, up to the fifth.
    pub(crate) by_minute: Vec<u32>,
    /// Seats of holds that last longer.
    pub(crate) later: u32,
}

/// A payment gateway as this office saw it lately. The worker, which follows payments and pays
/// refunds, keeps a count of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct GatewayBody {
    pub(crate) name: String,
    /// `answers`; `rests`: several calls in a row got no answer, it is left alone for seconds;
    /// `unused`: nobody asked it lately.
    pub(crate) state: &'static str,
    /// What the figures are about: so many seconds up to now.
    pub(crate) window_s: u64,
    /// Calls that were sent.
    pub(crate) calls: u64,
    /// Those of them without an answer; a refusal is an answer.
    pub(crate) failures: u64,
    /// Calls that were not sent, because it rests.
    pub(crate) spared: u64,
    /// Half of the calls took no longer than so many milliseconds; powers of two.
    pub(crate) p50_ms: Option<u64>,
    /// The same of 95 in a hundred.
    pub(crate) p95_ms: Option<u64>,
}

/// All gateways of this installation, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct GatewaysBody {
    pub(crate) items: Vec<GatewayBody>,
}

impl GatewayBody {
    /// How `name` did.
    pub(crate) fn of(name: &str, health: &GatewayHealth) -> Self {
        let is_unused = health.calls == 0 && health.spared == 0;
        let state = match health.is_resting {
            true => "rests",
            false if is_unused => "unused",
            false => "answers",
        };
        Self {
            name: name.to_owned(),
            state,
            window_s: GatewayHealth::WINDOW_S,
            calls: health.calls,
            failures: health.failures,
            spared: health.spared,
            p50_ms: health.p50_ms,
            p95_ms: health.p95_ms,
        }
    }
}

/// Refunds by status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct RefundCountsBody {
    pub(crate) pending: u64,
    pub(crate) succeeded: u64,
    /// Given up: a person must pay them, or try again.
    pub(crate) dead: u64,
}

/// How far a cancelled event is undone. It goes on by itself, also after a restart of anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct CancelBody {
    /// Orders that there are.
    pub(crate) orders: u64,
    /// Orders that were looked at.
    pub(crate) orders_done: u64,
    /// Whether all holds and orders are ended; refunds are counted apart.
    pub(crate) done: bool,
}

/// An event as staff sees it: what the catalogue wants, and what the grid has.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct StaffEventBody {
    pub(crate) id: String,
    /// `draft` or `published`.
    pub(crate) status: String,
    /// What `If-Match` of an edit names; also the `ETag`.
    pub(crate) revision: i64,
    #[serde(flatten)]
    pub(crate) form: EventForm,
    /// Absent until the sale was opened in the grid.
    pub(crate) grid: Option<SaleBody>,
}

/// What became of seats.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct SeatsDoneBody {
    pub(crate) event_id: String,
    /// `added`, `removed`, `blocked` or `unblocked`.
    pub(crate) action: &'static str,
    /// How many.
    pub(crate) seats: u32,
    /// Holds that ended for it.
    pub(crate) holds: Vec<String>,
    /// Refunds decided for it.
    pub(crate) refunds: Vec<String>,
    pub(crate) plan_version: u32,
}

/// A refund that staff decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct StaffRefundBody {
    /// Absent when no money goes back.
    pub(crate) id: Option<String>,
    /// How it began: `pending`; how it goes on is told by `GET /refunds/{id}`.
    pub(crate) status: Option<&'static str>,
    pub(crate) order_id: String,
    /// The same as `id`.
    pub(crate) refund_id: Option<String>,
    pub(crate) amount: Price,
}

impl StaffRefundBody {
    /// What the grid answered to a return of an order's seats.
    ///
    /// # Errors
    /// The refusal, or that another command was answered.
    pub(crate) fn of(order: OrderId, outcome: &Outcome, currency: &str) -> Result<Self, Problem> {
        let Outcome::SeatsRefunded { refund, amount_minor } = outcome else {
            return Err(foreign(outcome));
        };
        let id = refund.map(|refund| refund.to_string());
        Ok(Self {
            id: id.clone(),
            status: refund.map(|_| RefundStatus::Pending.as_str()),
            order_id: order.to_string(),
            refund_id: id,
            amount: Price::new(*amount_minor, currency),
        })
    }
}

/// A code with its use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct CodeBody {
    pub(crate) code: String,
    /// `promo` or `presale`.
    pub(crate) kind: &'static str,
    pub(crate) from: String,
    pub(crate) until: String,
    /// Tiers it works for; none means all.
    pub(crate) tiers: Vec<String>,
    pub(crate) seats_max: Option<u32>,
    /// Seats held under it now.
    pub(crate) held_seats: u32,
    /// Seats ever sold under it.
    pub(crate) sold_seats: u32,
    /// Whether the grid knows it as written here.
    pub(crate) in_force: bool,
}

/// A limit of one person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct LimitBody {
    pub(crate) event_id: String,
    /// The opaque person.
    pub(crate) person: String,
    /// The limit; absent when it is the sale's again.
    pub(crate) max: Option<u16>,
}

/// The sale as the grid has it.
pub(crate) fn sale(sale: &SaleAnswer, expiries: Option<Expiries>) -> SaleBody {
    let counts = sale.seats;
    SaleBody {
        event_id: sale.sale.event_id.clone(),
        state: state(sale),
        opens_at: text(sale.sale.opens_at_ms),
        closes_at: text(sale.sale.closes_at_ms),
        plan_version: sale.plan_version,
        version: sale.version,
        seats: CountsBody {
            total: counts.free + counts.held + counts.sold + counts.blocked,
            free: counts.free,
            held: counts.held,
            sold: counts.sold,
            blocked: counts.blocked,
        },
        holds: sale.holds,
        orders: sale.orders,
        waiting: sale.waiting,
        refunds: RefundCountsBody {
            pending: sale.refunds.pending,
            succeeded: sale.refunds.succeeded,
            dead: sale.refunds.dead,
        },
        expiring: expiries.map(|expiries| ExpiringBody {
            by_minute: expiries.by_minute.to_vec(),
            later: expiries.later,
        }),
        cancel: sale.cancel.map(|cancel| CancelBody {
            orders: cancel.orders,
            orders_done: cancel.orders_done,
            done: cancel.done,
        }),
    }
}

fn state(sale: &SaleAnswer) -> &'static str {
    let terms = &sale.sale;
    if sale.cancel.is_some() {
        "cancelled"
    } else if sale.at_ms >= terms.closes_at_ms {
        "closed"
    } else if sale.paused {
        "paused"
    } else if sale.at_ms < terms.opens_at_ms {
        "not_open"
    } else {
        "on_sale"
    }
}

/// What a code was used for, as (held, sold) seats.
pub(crate) fn use_of(known: Option<&CodeUse>) -> (u32, u32) {
    known.map_or((0, 0), |known| (known.held_seats, known.sold_seats))
}
