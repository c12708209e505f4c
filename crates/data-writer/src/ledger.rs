//! Records of the feed as rows of the ledger: one for every seat of a change, else one a change.
//! Pure. Rows are numbered as the grid numbered them, and never left out.

use std::net::{IpAddr, Ipv6Addr};

use inventory::{
    Actor, Change, FeedPosition, HoldId, LedgerRecord, OrderId, OrderStatus, PaymentId, PricedSeat,
    RefundId, RefundStatus, ReturnCause, SaleChange, Subject, WaitChange,
};

use crate::EventTerms;
use crate::rows::LedgerRow;

/// The ledger rows of one record, in the order of their ordinals.
pub fn ledger_rows(record: &LedgerRecord, terms: &EventTerms) -> Vec<LedgerRow> {
    let base = blank(record, terms);
    let event = record.event;
    let order_id = |no: u64| Some(OrderId { event, no }.to_string());
    let hold_id = |no: u64| Some(HoldId { event, no }.to_string());
    let seats = |base: LedgerRow, seats: &[PricedSeat]| seat_rows(&base, seats, terms);
    match &record.change {
        Change::SaleOpened { .. } => vec![LedgerRow { status: "open".into(), ..base }],
        Change::HoldGranted { hold, seats: held, .. } => {
            seats(LedgerRow { hold_id: hold_id(*hold), status: "held".into(), ..base }, held)
        }
        Change::HoldReleased { hold, seats: freed }
        | Change::HoldExpired { hold, seats: freed } => {
            seats(LedgerRow { hold_id: hold_id(*hold), status: "free".into(), ..base }, freed)
        }
        Change::HoldWithdrawn { hold, seats: freed } => {
            seats(LedgerRow { hold_id: hold_id(*hold), status: "free".into(), ..base }, freed)
        }
        Change::HoldExtended { hold, order, seats: held, .. } => {
            let (hold_id, order_id) = (hold_id(*hold), order.and_then(order_id));
            seats(LedgerRow { hold_id, order_id, status: "held".into(), ..base }, held)
        }
        Change::SeatsSold { order, seats: sold } => {
            seats(LedgerRow { order_id: order_id(*order), status: "sold".into(), ..base }, sold)
        }
        Change::SeatsReturned { order, seats: gone, cause, .. } => {
            let status = cause.as_str().into();
            seats(LedgerRow { order_id: order_id(*order), status, ..base }, gone)
        }
        Change::SeatsBlocked { seats: some } | Change::SeatsRemoved { seats: some } => {
            seats(LedgerRow { status: "blocked".into(), ..base }, some)
        }
        Change::SeatsUnblocked { seats: some } | Change::SeatsAdded { seats: some } => {
            seats(LedgerRow { status: "free".into(), ..base }, some)
        }
        Change::SaleChanged(change) => {
            vec![LedgerRow { status: sale_word(change).into(), ..base }]
        }
        Change::PlanReplaced { .. } => vec![LedgerRow { status: "open".into(), ..base }],
        Change::WaitlistChanged { change, .. } => {
            let (status, hold) = match change {
                WaitChange::Joined { .. } => ("waiting", None),
                WaitChange::Served { hold } => ("held", Some(*hold)),
                WaitChange::Left => ("left", None),
            };
            vec![LedgerRow { status: status.into(), hold_id: hold.and_then(hold_id), ..base }]
        }
        Change::OrderPlaced { order, hold, total_minor, .. } => vec![LedgerRow {
            order_id: order_id(*order),
            hold_id: hold_id(*hold),
            amount_minor: Some(*total_minor),
            status: OrderStatus::PendingPayment.as_str().into(),
            ..base
        }],
        Change::OrderChanged { order, status } => {
            vec![LedgerRow { order_id: order_id(*order), status: status.as_str().into(), ..base }]
        }
        Change::PaymentStarted { .. }
        | Change::PaymentRecorded { .. }
        | Change::PaymentSettled { .. }
        | Change::RefundChanged { .. } => vec![money_row(record, base)],
    }
}

/// The word for a change in `grid.ledger.kind`.
pub fn kind(change: &Change) -> &'static str {
    match change {
        Change::SaleOpened { .. } => "sale_opened",
        Change::HoldGranted { .. } => "hold_granted",
        Change::HoldReleased { .. } => "hold_released",
        Change::HoldExpired { .. } => "hold_expired",
        Change::OrderPlaced { .. } => "order_placed",
        Change::OrderChanged { status, .. } => match status {
            OrderStatus::PendingPayment => "order_pending_payment",
            OrderStatus::Paid => "order_paid",
            OrderStatus::Cancelled => "order_cancelled",
            OrderStatus::Expired => "order_expired",
            OrderStatus::RefundPending => "order_refund_pending",
            OrderStatus::Refunded => "order_refunded",
            OrderStatus::PartiallyRefunded => "order_partially_refunded",
        },
        Change::PaymentStarted { .. } => "payment_started",
        Change::PaymentRecorded { .. } => "payment_recorded",
        Change::PaymentSettled { .. } => "payment_settled",
        Change::SeatsSold { .. } => "seat_sold",
        Change::SaleChanged(change) => match change {
            SaleChange::Paused => "sale_paused",
            SaleChange::Resumed => "sale_resumed",
            // What an administrator changed stands in the row's status, who in its subject.
            SaleChange::WindowSet { .. }
            | SaleChange::CodesPut { .. }
            | SaleChange::PersonLimitSet { .. } => "admin_change",
            SaleChange::Opened => "sale_window_opened",
            SaleChange::Closed => "sale_window_closed",
            SaleChange::Cancelled => "event_cancelled",
        },
        Change::HoldExtended { .. } => "hold_extended",
        Change::HoldWithdrawn { .. } => "hold_withdrawn",
        Change::SeatsBlocked { .. } => "seat_blocked",
        Change::SeatsUnblocked { .. } => "seat_unblocked",
        Change::SeatsRemoved { .. } => "seat_withdrawn",
        Change::SeatsAdded { .. } => "seat_added",
        // An owner less, either way: `grid.double_sold` counts both.
        Change::SeatsReturned { cause, .. } => match cause {
            ReturnCause::Refunded | ReturnCause::EventCancelled => "seat_refunded",
            ReturnCause::Removed | ReturnCause::Reassigned => "seat_removed",
        },
        Change::PlanReplaced { .. } => "plan_replaced",
        Change::WaitlistChanged { change, .. } => match change {
            WaitChange::Joined { .. } => "waitlist_joined",
            WaitChange::Served { .. } => "waitlist_served",
            WaitChange::Left => "waitlist_left",
        },
        Change::RefundChanged { status, attempts, .. } => match (status, attempts) {
            (RefundStatus::Pending, 0) => "refund_pending",
            (RefundStatus::Pending, _) => "refund_failed",
            (RefundStatus::Succeeded, _) => "refund_succeeded",
            (RefundStatus::Dead, _) => "refund_dead",
        },
    }
}

/// What a change of the sale itself made of it.
fn sale_word(change: &SaleChange) -> &'static str {
    match change {
        SaleChange::Paused => "paused",
        SaleChange::Closed => "closed",
        SaleChange::Cancelled => "cancelled",
        SaleChange::Resumed | SaleChange::Opened => "open",
        SaleChange::WindowSet { .. } => "window_set",
        SaleChange::CodesPut { .. } => "codes_put",
        SaleChange::PersonLimitSet { .. } => "person_limit_set",
    }
}

fn blank(record: &LedgerRecord, terms: &EventTerms) -> LedgerRow {
    LedgerRow {
        position: record.position,
        event_id: terms.sale.event_id.clone(),
        kind: kind(&record.change).into(),
        order_id: None,
        seat_id: None,
        hold_id: None,
        payment_id: None,
        refund_id: None,
        amount_minor: None,
        at_ms: record.at_ms,
        subject: subject(record.actor),
        ip: record.actor.ip.map(|ip| Ipv6Addr::from(ip).to_canonical()),
        status: "".into(),
    }
}

fn seat_rows(base: &LedgerRow, seats: &[PricedSeat], terms: &EventTerms) -> Vec<LedgerRow> {
    let row = |(ordinal, priced): (u32, &PricedSeat)| LedgerRow {
        position: FeedPosition {
            log_index: base.position.log_index,
            ordinal: base.position.ordinal + ordinal,
        },
        seat_id: Some(terms.seat_id(priced.seat)),
        amount_minor: Some(priced.price_minor),
        ..base.clone()
    };
    (0..).zip(seats).map(row).collect()
}

fn money_row(record: &LedgerRecord, base: LedgerRow) -> LedgerRow {
    let event = record.event;
    let order_id = |no: u64| Some(OrderId { event, no }.to_string());
    let payment_id = |no: u64| Some(PaymentId { event, no }.to_string());
    match &record.change {
        Change::PaymentStarted { payment, order, amount_minor, .. } => LedgerRow {
            order_id: order_id(*order),
            payment_id: payment_id(*payment),
            amount_minor: Some(*amount_minor),
            status: "pending".into(),
            ..base
        },
        Change::PaymentRecorded { payment, order, .. } => LedgerRow {
            order_id: order_id(*order),
            payment_id: payment_id(*payment),
            status: "recorded".into(),
            ..base
        },
        Change::PaymentSettled { payment, order, status, settled_as, amount_minor } => LedgerRow {
            order_id: order_id(*order),
            payment_id: payment_id(*payment),
            amount_minor: Some(*amount_minor),
            status: settled_as.map_or(status.as_str(), |became| became.as_str()).into(),
            ..base
        },
        Change::RefundChanged { refund, payment, order, amount_minor, status, .. } => LedgerRow {
            order_id: order_id(*order),
            payment_id: payment_id(*payment),
            refund_id: Some(RefundId { event, no: *refund }.to_string()),
            amount_minor: Some(*amount_minor),
            status: status.as_str().into(),
            ..base
        },
        Change::SaleOpened { .. }
        | Change::HoldGranted { .. }
        | Change::HoldReleased { .. }
        | Change::HoldExpired { .. }
        | Change::OrderPlaced { .. }
        | Change::OrderChanged { .. }
        | Change::SeatsSold { .. }
        | Change::SaleChanged(_)
        | Change::HoldExtended { .. }
        | Change::HoldWithdrawn { .. }
        | Change::SeatsBlocked { .. }
        | Change::SeatsUnblocked { .. }
        | Change::SeatsRemoved { .. }
        | Change::SeatsAdded { .. }
        | Change::SeatsReturned { .. }
        | Change::PlanReplaced { .. }
        | Change::WaitlistChanged { .. } => base,
    }
}

fn subject(actor: Actor) -> String {
    match actor.subject {
        Subject::System => "system".to_owned(),
        Subject::Guest => "guest".to_owned(),
        Subject::Person(id) => uuid::Uuid::from_u128(id).to_string(),
    }
}

/// An address as the 16 bytes that the grid and the hash chain use.
pub(crate) fn ip_bytes(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}
