//! The state as bytes: what cannot be derived, in one versioned form.
//!
//! Indexes, counters and timers are rebuilt. The layout of [`StateV1`] is frozen by a golden file.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::codec::{self, DecodeError};
use crate::event::HoldEnd;
use crate::keys::Keys;
use crate::outbox::Outbox;
use crate::{
    Event, EventNo, Hold, Order, Payment, PaymentStatus, Plan, Refund, RefundStatus, Sale,
    SeatStatus, SeatTable, State,
};

#[derive(Serialize, Deserialize)]
struct StateV1 {
    at_ms: u64,
    ledger_records_max: u64,
    keys: Keys,
    outbox: Outbox,
    forget: Vec<(u64, EventNo, u64)>,
    events: Vec<EventV1>,
}

#[derive(Serialize, Deserialize)]
struct EventV1 {
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

/// Why bytes are not a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RestoreError {
    /// The bytes are not a snapshot.
    Decode(DecodeError),
    /// They are one, but its parts contradict each other.
    Inconsistent(&'static str),
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decode(e) => write!(f, "snapshot: {e}"),
            Self::Inconsistent(what) => write!(f, "snapshot contradicts itself: {what}"),
        }
    }
}

impl std::error::Error for RestoreError {}

impl State {
    /// Encodes everything; equal states give equal bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        codec::encode(&StateV1 {
            at_ms: self.at_ms,
            ledger_records_max: self.ledger_records_max,
            keys: self.keys.clone(),
            outbox: self.outbox.clone(),
            forget: self.forget.iter().copied().collect(),
            events: self.events.values().map(event_out).collect(),
        })
    }

    /// Rebuilds a state.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RestoreError> {
        let parts: StateV1 = codec::decode_snapshot(bytes).map_err(RestoreError::Decode)?;
        let mut state = Self::with_ledger_max(parts.ledger_records_max);
        state.at_ms = parts.at_ms;
        state.keys = parts.keys;
        state.outbox = parts.outbox;
        state.forget = parts.forget.into_iter().collect();
        for event in parts.events {
            let event = event_in(event)?;
            let deadline = |hold: &Hold| (hold.expires_at_ms, event.no, hold.no);
            state.deadlines.extend(event.holds.values().map(deadline));
            state.events.insert(event.no, event);
        }
        Ok(state)
    }

    /// A fingerprint of everything replicated: equal on replicas with equal applied index
    /// (invariant I3). FNV-1a over the snapshot; costs as much as a snapshot.
    pub fn digest(&self) -> u64 {
        let fold = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        self.to_bytes().iter().fold(0xcbf2_9ce4_8422_2325, fold)
    }
}

fn event_out(event: &Event) -> EventV1 {
    EventV1 {
        no: event.no,
        version: event.version,
        next_no: event.next_no,
        sale: (*event.sale).clone(),
        plan: (*event.plan).clone(),
        seats: event.seats.parts().collect(),
        holds: event.holds.values().cloned().collect(),
        orders: event.orders.values().cloned().collect(),
        payments: event.payments.values().cloned().collect(),
        refunds: event.refunds.values().cloned().collect(),
        ended: event.ended.iter().map(|(no, end)| (*no, *end)).collect(),
    }
}

fn event_in(parts: EventV1) -> Result<Event, RestoreError> {
    parts.plan.check().map_err(|_| RestoreError::Inconsistent("plan"))?;
    let mut event = Event::open(parts.no, parts.sale, parts.plan);
    if parts.seats.len() != event.index.seat_count() {
        return Err(RestoreError::Inconsistent("seat count"));
    }
    event.seats = SeatTable::from_parts(&event.index, &parts.seats);
    event.version = parts.version;
    event.next_no = parts.next_no;
    event.holds = parts.holds.into_iter().map(|h| (h.no, h)).collect();
    event.orders = parts.orders.into_iter().map(|o| (o.no, o)).collect();
    event.payments = parts.payments.into_iter().map(|p| (p.no, p)).collect();
    event.refunds = parts.refunds.into_iter().map(|r| (r.no, r)).collect();
    event.ended = parts.ended.into_iter().collect();
    let open = event.payments.values().filter(|p| p.status == PaymentStatus::Pending);
    event.pending_payments = open.map(|p| p.no).collect();
    let open = event.refunds.values().filter(|r| r.status == RefundStatus::Pending);
    event.pending_refunds = open.map(|r| r.no).collect();
    Ok(event)
}
