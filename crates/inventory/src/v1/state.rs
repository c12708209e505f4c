//! The first form of snapshots.

use serde::Deserialize;

use super::{Plan, Sale};
use crate::event::{HoldEnd, WindowTold};
use crate::keys::Keys;
use crate::outbox::Outbox;
use crate::snapshot::{EventV2, StateV2};
use crate::{
    Actor, Change, EventNo, FeedPosition, FrozenTerms, HoldPurpose, HoldStep, LedgerRecord,
    OrderStatus, Payment, PricedSeat, RefundStatus, SeatStatus,
};

#[derive(Deserialize)]
pub(crate) struct State {
    at_ms: u64,
    ledger_records_max: u64,
    keys: Keys,
    outbox: OldOutbox,
    forget: Vec<(u64, EventNo, u64)>,
    events: Vec<Event>,
}

#[derive(Deserialize)]
#[serde(rename = "Outbox")]
struct OldOutbox {
    records: Vec<OldRecord>,
    reserved: u64,
    next: FeedPosition,
    acknowledged: FeedPosition,
}

#[derive(Deserialize)]
struct OldRecord {
    position: FeedPosition,
    at_ms: u64,
    event: EventNo,
    version: u64,
    actor: Actor,
    change: Change,
}

#[derive(Deserialize)]
struct Event {
    no: EventNo,
    version: u64,
    next_no: u64,
    sale: Sale,
    plan: Plan,
    seats: Vec<(SeatStatus, u64, u64)>,
    holds: Vec<Hold>,
    orders: Vec<Order>,
    payments: Vec<Payment>,
    refunds: Vec<Refund>,
    ended: Vec<(u64, HoldEnd)>,
}

#[derive(Deserialize)]
struct Hold {
    no: u64,
    seats: Vec<PricedSeat>,
    granted_at_ms: u64,
    expires_at_ms: u64,
    order: Option<u64>,
    step: Option<HoldStep>,
    adjacent: bool,
}

#[derive(Deserialize)]
struct Order {
    no: u64,
    hold: u64,
    seats: Vec<PricedSeat>,
    total_minor: i64,
    status: OrderStatus,
    contact: Vec<u8>,
    buyer: Option<u128>,
    created_at_ms: u64,
    expires_at_ms: u64,
    paid_at_ms: Option<u64>,
    payments: Vec<u64>,
    refunds: Vec<u64>,
    version: u64,
}

#[derive(Deserialize)]
struct Refund {
    no: u64,
    payment: u64,
    order: u64,
    amount_minor: i64,
    status: RefundStatus,
    attempts: u32,
    last_error: Option<String>,
    created_at_ms: u64,
    version: u64,
}

impl From<State> for StateV2 {
    fn from(old: State) -> Self {
        let (at_ms, mut outbox) = (old.at_ms, Outbox::from(old.outbox));
        let mut events: Vec<EventV2> = old.events.into_iter().map(EventV2::from).collect();
        for event in &mut events {
            event.told = WindowTold::at(&event.sale, at_ms);
            outbox.reserve(event.told.left());
        }
        Self {
            at_ms,
            ledger_records_max: old.ledger_records_max,
            keys: old.keys,
            outbox,
            forget: old.forget,
            fenced: Vec::new(),
            bound: None,
            staged: Vec::new(),
            events,
        }
    }
}

impl From<OldOutbox> for Outbox {
    fn from(old: OldOutbox) -> Self {
        let records = old.records.into_iter().map(LedgerRecord::from).collect();
        Self::with(records, old.reserved, (old.next, old.acknowledged))
    }
}

impl From<OldRecord> for LedgerRecord {
    fn from(old: OldRecord) -> Self {
        let OldRecord { position, at_ms, event, version, actor, change } = old;
        Self { position, at_ms, event, version, actor, change, detail: None }
    }
}

impl From<Event> for EventV2 {
    fn from(old: Event) -> Self {
        Self {
            no: old.no,
            version: old.version,
            next_no: old.next_no,
            sale: old.sale.into(),
            plan: old.plan.into(),
            seats: old.seats,
            holds: old.holds.into_iter().map(crate::Hold::from).collect(),
            orders: old.orders.into_iter().map(crate::Order::from).collect(),
            payments: old.payments,
            refunds: old.refunds.into_iter().map(crate::Refund::from).collect(),
            ended: old.ended,
            first_window: None,
            told: WindowTold::default(),
            paused: false,
            cancel: None,
            removed: Vec::new(),
            people: crate::event::PeopleForm::default(),
            codes: Vec::new(),
            waitlist: Vec::new(),
            map_floor: 0,
            queue: None,
        }
    }
}

impl From<Hold> for crate::Hold {
    fn from(old: Hold) -> Self {
        Self {
            no: old.no,
            seats: old.seats.into(),
            granted_at_ms: old.granted_at_ms,
            expires_at_ms: old.expires_at_ms,
            order: old.order,
            step: old.step,
            adjacent: old.adjacent,
            terms: FrozenTerms::default(),
            extensions: 0,
            purpose: HoldPurpose::Sale,
        }
    }
}

impl From<Order> for crate::Order {
    fn from(old: Order) -> Self {
        Self {
            no: old.no,
            hold: old.hold,
            seats: old.seats,
            left: Vec::new(),
            total_minor: old.total_minor,
            terms: FrozenTerms::default(),
            offer: None,
            status: old.status,
            contact: old.contact,
            buyer: old.buyer,
            created_at_ms: old.created_at_ms,
            expires_at_ms: old.expires_at_ms,
            paid_at_ms: old.paid_at_ms,
            payments: old.payments,
            refunds: old.refunds,
            version: old.version,
        }
    }
}

impl From<Refund> for crate::Refund {
    fn from(old: Refund) -> Self {
        Self {
            no: old.no,
            key_no: 0,
            payment: old.payment,
            order: old.order,
            amount_minor: old.amount_minor,
            status: old.status,
            attempts: old.attempts,
            last_error: old.last_error,
            created_at_ms: old.created_at_ms,
            version: old.version,
        }
    }
}
