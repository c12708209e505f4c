//! Rows as the tables take them, before they become SQL. Plain data; the rules that make them are
//! in `batch` and `ledger`.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use inventory::{FeedPosition, OrderId, OrderStatus, PaymentId, RefundId, SeatIx};

use crate::EventTerms;

/// `grid.event`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    /// Id, name, dates, limits.
    pub terms: Arc<EventTerms>,
    /// The plan's version.
    pub plan_version: u32,
    /// The event's version when the sale opened.
    pub version: u64,
    /// When, milliseconds since 1970.
    pub at_ms: u64,
}

/// What a seat is, with what the tables tell beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeatState {
    /// Anybody may hold it.
    Free,
    /// A hold has it.
    Held {
        /// The hold's number.
        hold: u64,
        /// Until when, milliseconds since 1970.
        until_ms: u64,
    },
    /// An order owns it.
    Sold {
        /// The order's number.
        order: u64,
    },
    /// The organiser keeps it back.
    Blocked,
}

/// `grid.seat`; its key is the event and the seat's index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeatRow {
    /// The event.
    pub terms: Arc<EventTerms>,
    /// Which seat.
    pub seat: SeatIx,
    /// What it is.
    pub state: SeatState,
    /// Its price in minor units.
    pub price_minor: i64,
    /// The rest of the hold that has it, in the grid's own form.
    pub hold_detail: Option<Arc<[u8]>>,
    /// The event's version at this change.
    pub version: u64,
    /// When, milliseconds since 1970.
    pub at_ms: u64,
}

/// `grid.sale_order`, complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRow {
    /// Its id.
    pub order: OrderId,
    /// The event.
    pub terms: Arc<EventTerms>,
    /// Its hold's number.
    pub hold: u64,
    /// The account, if any.
    pub buyer: Option<u128>,
    /// Sealed contact.
    pub contact: Vec<u8>,
    /// What was frozen with its prices, in the grid's own form.
    pub detail: Option<Vec<u8>>,
    /// Sum of the prices.
    pub total_minor: i64,
    /// When it was placed, milliseconds since 1970.
    pub created_at_ms: u64,
    /// The deadline of its hold.
    pub expires_at_ms: u64,
    /// Where it stands.
    pub standing: OrderChange,
}

/// The part of `grid.sale_order` that changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderChange {
    /// Where it stands.
    pub status: OrderStatus,
    /// When money made it paid.
    pub paid_at_ms: Option<u64>,
    /// The deadline of its hold, if that was moved.
    pub expires_at_ms: Option<u64>,
    /// The event's version at this change.
    pub version: u64,
    /// When, milliseconds since 1970.
    pub at_ms: u64,
}

/// `grid.order_seat`; its key is the order and the seat's index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderSeatRow {
    /// The event.
    pub terms: Arc<EventTerms>,
    /// Frozen price.
    pub price_minor: i64,
    /// `held`, `sold` or `released`.
    pub status: &'static str,
    /// The event's version at this change.
    pub version: u64,
}

/// `grid.payment`, complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentRow {
    /// Its id.
    pub payment: PaymentId,
    /// The event.
    pub terms: Arc<EventTerms>,
    /// Its order's number.
    pub order: u64,
    /// Provider's name.
    pub provider: String,
    /// Method's name.
    pub method: String,
    /// How much was asked for.
    pub amount_minor: i64,
    /// When it was started, milliseconds since 1970.
    pub started_at_ms: u64,
    /// What is known since.
    pub change: PaymentChange,
}

/// The part of `grid.payment` that changes; what is `None` stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PaymentChange {
    /// The gateway's id.
    pub provider_ref: Option<String>,
    /// How it ended.
    pub end: Option<PaymentEnd>,
    /// The event's version at the last change.
    pub version: u64,
    /// When, milliseconds since 1970.
    pub at_ms: u64,
}

/// A payment's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaymentEnd {
    /// `succeeded` or `canceled`.
    pub status: &'static str,
    /// What captured money became.
    pub settled_as: Option<&'static str>,
    /// How much was captured.
    pub captured_minor: Option<i64>,
    /// When, milliseconds since 1970.
    pub at_ms: u64,
}

/// `grid.refund`; the time of its decision stays that of the first row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundRow {
    /// Its id.
    pub refund: RefundId,
    /// The event.
    pub terms: Arc<EventTerms>,
    /// The payment that it gives back.
    pub payment: u64,
    /// That payment's order.
    pub order: u64,
    /// How much.
    pub amount_minor: i64,
    /// Where it stands.
    pub status: &'static str,
    /// Failed attempts.
    pub attempts: u32,
    /// The last failure.
    pub last_error: Option<String>,
    /// When it was decided, as far as this batch knows.
    pub created_at_ms: u64,
    /// The event's version at the last change.
    pub version: u64,
    /// When, milliseconds since 1970.
    pub at_ms: u64,
}

/// `grid.ledger` without its hashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerRow {
    /// Its place in the shard's log.
    pub position: FeedPosition,
    /// Public id of the event.
    pub event_id: String,
    /// What happened.
    pub kind: Cow<'static, str>,
    /// The order, if any.
    pub order_id: Option<String>,
    /// The seat, if any.
    pub seat_id: Option<String>,
    /// The hold, if any.
    pub hold_id: Option<String>,
    /// The payment, if any.
    pub payment_id: Option<String>,
    /// The refund, if any.
    pub refund_id: Option<String>,
    /// Money, if any.
    pub amount_minor: Option<i64>,
    /// When, milliseconds since 1970.
    pub at_ms: u64,
    /// `guest`, `system`, or an account's UUID.
    pub subject: String,
    /// Client address; IPv4 as such.
    pub ip: Option<IpAddr>,
    /// What the thing became.
    pub status: Cow<'static, str>,
}
