//! The documents of auditors: records of the ledger, sales by event and tier, watermarks.

use serde::Serialize;
use utoipa::ToSchema;

use super::Price;

/// A record of the ledger.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct RecordBody {
    /// When.
    pub(crate) at: String,
    /// As in `hold_granted`, `hold_refused`, `seat_sold`.
    pub(crate) kind: String,
    /// What the thing became, or why it was refused.
    pub(crate) status: String,
    /// `guest`, `system`, `operator` or an account's id.
    pub(crate) user: String,
    /// From where; absent for what the system did by itself.
    pub(crate) ip: Option<String>,
    pub(crate) event_id: Option<String>,
    pub(crate) hold_id: Option<String>,
    pub(crate) order_id: Option<String>,
    pub(crate) payment_id: Option<String>,
    pub(crate) refund_id: Option<String>,
    pub(crate) seat_id: Option<String>,
    /// In minor units of the event's currency.
    pub(crate) amount_minor: Option<i64>,
    /// Its name, as `seatgrid verify` says it.
    pub(crate) record: String,
}

/// A page of the ledger.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct AuditBody {
    pub(crate) items: Vec<RecordBody>,
    /// Asks for the next page; a page may be short and still have one.
    pub(crate) next_cursor: Option<String>,
    /// Nothing before this moment is missing; absent while nothing was written.
    pub(crate) complete_up_to: Option<String>,
}

/// One event in figures.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct SalesBody {
    pub(crate) event_id: String,
    pub(crate) name: String,
    pub(crate) free: i64,
    pub(crate) held: i64,
    pub(crate) sold: i64,
    pub(crate) blocked: i64,
    pub(crate) orders_paid: i64,
    /// Captured money that bought seats, less what went back of it.
    pub(crate) revenue: Price,
}

/// A seat with more than one live owner.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct DoubleBody {
    pub(crate) event_id: String,
    pub(crate) seat_id: String,
    pub(crate) owners: i64,
    /// `order_seat` or `ledger`: which of both says so.
    pub(crate) source: String,
}

/// A seat about which seats, orders and ledger do not say the same.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct SeatFaultBody {
    pub(crate) seat_id: String,
    /// Of the seat's own row, with the order that it names.
    pub(crate) status: String,
    pub(crate) order_id: Option<String>,
    /// Orders that own it by their own rows.
    pub(crate) owned_by: Vec<String>,
    /// Owners by the ledger: times sold, less times taken back.
    pub(crate) ledger_owners: i64,
}

/// How far the tables of a shard are.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct WatermarkBody {
    pub(crate) shard: i32,
    pub(crate) complete_up_to: String,
    pub(crate) lag_ms: i64,
}

/// The tables about all sales.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ReconciliationBody {
    pub(crate) events: Vec<SalesBody>,
    /// Must be empty.
    pub(crate) double_sold: Vec<DoubleBody>,
    pub(crate) watermarks: Vec<WatermarkBody>,
    /// Must be empty; there when one event was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seats: Option<Vec<SeatFaultBody>>,
}

/// Seats of one tier.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct TierSalesBody {
    pub(crate) tier: String,
    pub(crate) free: i64,
    pub(crate) held: i64,
    pub(crate) sold: i64,
    pub(crate) blocked: i64,
    /// What the owners paid for the seats sold, without fees.
    pub(crate) sold_for: Price,
}

/// One event's report.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct EventReportBody {
    #[serde(flatten)]
    pub(crate) sales: SalesBody,
    pub(crate) tiers: Vec<TierSalesBody>,
}
