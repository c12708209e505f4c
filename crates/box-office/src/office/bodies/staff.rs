//! The documents of staff calls.

use http_api::Problem;
use inventory::{CodeUse, OrderId, Outcome, RefundStatus};
use processing_unit::SaleAnswer;
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
pub(crate) fn sale(sale: &SaleAnswer) -> SaleBody {
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
