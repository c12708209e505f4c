//! The state as bytes: what cannot be derived, in one versioned form.
//!
//! A state is frozen first, which shares its chunks, and encoded from there while the state goes on.
//! Indexes, counters and timers are rebuilt. The layout of [`StateV1`] is frozen by a golden file.

use std::fmt;
use std::io::{self, Read, Write};
use std::sync::Arc;

use serde::ser::{SerializeSeq, Serializer};
use serde::{Deserialize, Serialize};

use crate::codec::{self, DecodeError};
use crate::event::HoldEnd;
use crate::keys::{KeyLog, Keys};
use crate::outbox::Outbox;
use crate::share::{SharedMap, SharedSet};
use crate::{
    Event, EventNo, Hold, Order, Payment, PaymentStatus, Plan, Refund, RefundStatus, Sale,
    SeatStatus, SeatTable, State,
};

/// The state as written: the same fields as [`StateV1`], of which each is encoded on its own.
#[derive(Serialize)]
struct StateOut<'a> {
    at_ms: u64,
    ledger_records_max: u64,
    keys: &'a KeyLog,
    outbox: &'a Outbox,
    forget: Forget<'a>,
    events: Events<'a>,
}

#[derive(Deserialize)]
struct StateV1 {
    at_ms: u64,
    ledger_records_max: u64,
    keys: Keys,
    outbox: Outbox,
    forget: Vec<Timer>,
    events: Vec<EventV1>,
}

type Timer = (u64, EventNo, u64);

struct Forget<'a>(&'a SharedSet<Timer>);

impl Serialize for Forget<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut all = serializer.serialize_seq(Some(self.0.len()))?;
        self.0.iter().try_for_each(|timer| all.serialize_element(timer))?;
        all.end()
    }
}

struct Events<'a>(&'a SharedMap<EventNo, Arc<Event>>);

impl Serialize for Events<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut all = serializer.serialize_seq(Some(self.0.len()))?;
        self.0.values().try_for_each(|event| all.serialize_element(&event_out(event)))?;
        all.end()
    }
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

/// A state as it was at one moment, shared with the one that goes on.
#[derive(Debug, Clone)]
pub struct Frozen {
    at_ms: u64,
    ledger_records_max: u64,
    keys: KeyLog,
    outbox: Outbox,
    forget: SharedSet<Timer>,
    events: SharedMap<EventNo, Arc<Event>>,
}

impl Frozen {
    /// Encodes everything, one event at a time; equal states give equal bytes.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_to(&self, out: &mut dyn Write) -> io::Result<()> {
        let state = StateOut {
            at_ms: self.at_ms,
            ledger_records_max: self.ledger_records_max,
            keys: &self.keys,
            outbox: &self.outbox,
            forget: Forget(&self.forget),
            events: Events(&self.events),
        };
        codec::encode_into(&state, out)
    }

    /// A fingerprint of everything replicated: equal on replicas with equal applied index
    /// (invariant I3). FNV-1a over the snapshot; costs as much as a snapshot.
    pub fn digest(&self) -> u64 {
        let mut hash = Fnv(0xcbf2_9ce4_8422_2325);
        self.write_to(&mut hash).expect("a sum refuses no bytes");
        hash.0
    }

    /// How many chunks the freeze took hold of: what it cost, whatever the state's size.
    pub fn chunk_count(&self) -> usize {
        let Self { at_ms: _, ledger_records_max: _, keys, outbox, forget, events } = self;
        let logs = keys.chunk_count() + outbox.records().chunk_count();
        logs + forget.chunk_count() + events.chunk_count()
    }
}

/// FNV-1a, 64 bits.
struct Fnv(u64);

impl Write for Fnv {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let fold = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        self.0 = bytes.iter().fold(self.0, fold);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl State {
    /// Takes hold of everything as it is now. Costs by the number of chunks, not by content.
    pub fn freeze(&self) -> Frozen {
        // Deadlines follow from holds, the index of keys from their log.
        let Self { events, keys, outbox, deadlines: _, forget, at_ms, ledger_records_max } = self;
        Frozen {
            at_ms: *at_ms,
            ledger_records_max: *ledger_records_max,
            keys: keys.log().clone(),
            outbox: outbox.clone(),
            forget: forget.clone(),
            events: events.clone(),
        }
    }

    /// Encodes everything; equal states give equal bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.freeze().write_to(&mut bytes).expect("memory refuses no bytes");
        bytes
    }

    /// As [`State::read_from`] with bytes in memory.
    ///
    /// # Errors
    /// [`RestoreError`] when the bytes are no state.
    pub fn from_bytes(mut bytes: &[u8]) -> Result<Self, RestoreError> {
        Self::read_from(&mut bytes)
    }

    /// Rebuilds a state from all that `from` gives.
    ///
    /// # Errors
    /// [`RestoreError`] when that is no state.
    pub fn read_from(from: &mut dyn Read) -> Result<Self, RestoreError> {
        let parts: StateV1 = codec::decode_snapshot(from).map_err(RestoreError::Decode)?;
        let mut state = Self::with_ledger_max(parts.ledger_records_max);
        state.at_ms = parts.at_ms;
        state.keys = parts.keys;
        state.outbox = parts.outbox;
        state.forget = parts.forget.into_iter().collect();
        for event in parts.events {
            let event = event_in(event)?;
            let deadline = |hold: &Hold| (hold.expires_at_ms, event.no, hold.no);
            state.deadlines.extend(event.holds.values().map(deadline));
            state.events.insert(event.no, Arc::new(event));
        }
        Ok(state)
    }

    /// See [`Frozen::digest`].
    pub fn digest(&self) -> u64 {
        self.freeze().digest()
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
