//! The state as bytes: what cannot be derived, in one versioned form.
//!
//! A state is frozen first, which shares its chunks, and encoded from there while the state goes on.
//! Indexes, counters and timers are rebuilt. The layout of [`StateV2`] is frozen by a golden file;
//! the first form is read from [`crate::v1`].

use std::fmt;
use std::io::{self, Read, Write};
use std::sync::Arc;

use serde::ser::{SerializeSeq, Serializer};
use serde::{Deserialize, Serialize};

use crate::codec::{self, DecodeError};
use crate::event::{Cancel, Codes, HoldEnd, PeopleForm, Queue, QueueForm, WindowTold};
use crate::keys::{KeyLog, Keys};
use crate::outbox::Outbox;
use crate::share::{SharedMap, SharedSet};
use crate::{
    CodeUse, Event, EventNo, Hold, Order, Payment, PaymentStatus, Plan, Refund, RefundStatus, Sale,
    SeatIx, SeatStatus, SeatTable, State, WaitEntry, v1,
};

/// The state as written: the same fields as [`StateV2`], of which each is encoded on its own.
#[derive(Serialize)]
struct StateOut<'a> {
    at_ms: u64,
    ledger_records_max: u64,
    keys: &'a KeyLog,
    outbox: &'a Outbox,
    forget: Forget<'a>,
    fenced: Vec<EventNo>,
    bound: Option<u128>,
    staged: Vec<(EventNo, &'a Staged)>,
    events: Events<'a>,
}

/// The state as read.
#[derive(Deserialize)]
pub(crate) struct StateV2 {
    pub(crate) at_ms: u64,
    pub(crate) ledger_records_max: u64,
    pub(crate) keys: Keys,
    pub(crate) outbox: Outbox,
    pub(crate) forget: Vec<Timer>,
    pub(crate) fenced: Vec<EventNo>,
    pub(crate) bound: Option<u128>,
    pub(crate) staged: Vec<(EventNo, Staged)>,
    pub(crate) events: Vec<EventV2>,
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

/// An event on its way back from the database: what has come of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Staged {
    /// Pieces taken.
    pub(crate) pieces: u32,
    pub(crate) parts: EventV2,
}

/// One event, in both directions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EventV2 {
    pub(crate) no: EventNo,
    pub(crate) version: u64,
    pub(crate) next_no: u64,
    pub(crate) sale: Sale,
    pub(crate) plan: Plan,
    pub(crate) seats: Vec<(SeatStatus, u64, u64)>,
    pub(crate) holds: Vec<Hold>,
    pub(crate) orders: Vec<Order>,
    pub(crate) payments: Vec<Payment>,
    pub(crate) refunds: Vec<Refund>,
    pub(crate) ended: Vec<(u64, HoldEnd)>,
    pub(crate) first_window: Option<(u64, u64)>,
    pub(crate) told: WindowTold,
    pub(crate) paused: bool,
    pub(crate) cancel: Option<Cancel>,
    pub(crate) removed: Vec<SeatIx>,
    pub(crate) people: PeopleForm,
    pub(crate) codes: Vec<CodeUse>,
    pub(crate) waitlist: Vec<WaitEntry>,
    pub(crate) map_floor: u64,
    pub(crate) queue: Option<QueueForm>,
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
    fenced: SharedSet<EventNo>,
    bound: Option<u128>,
    staged: SharedMap<EventNo, Arc<Staged>>,
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
            fenced: self.fenced.iter().copied().collect(),
            bound: self.bound,
            staged: self.staged.iter().map(|(no, staged)| (*no, &**staged)).collect(),
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
        let Self { at_ms: _, ledger_records_max: _, bound: _, .. } = self;
        let Self { keys, outbox, forget, fenced, staged, events, .. } = self;
        let logs = keys.chunk_count() + outbox.records().chunk_count();
        logs + forget.chunk_count()
            + fenced.chunk_count()
            + events.chunk_count()
            + staged.chunk_count()
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
        // Timers follow from holds, windows and cancelled events, the index of keys from their log.
        let Self { events, keys, outbox, deadlines: _, turns: _, cancelling: _, .. } = self;
        let Self { forget, fenced, bound, staged, at_ms, ledger_records_max, .. } = self;
        Frozen {
            at_ms: *at_ms,
            ledger_records_max: *ledger_records_max,
            keys: keys.log().clone(),
            outbox: outbox.clone(),
            forget: forget.clone(),
            fenced: fenced.clone(),
            bound: *bound,
            staged: staged.clone(),
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
        let parts = codec::decode_snapshot::<StateV2, v1::state::State>(from);
        let parts = parts.map_err(RestoreError::Decode)?;
        let mut state = Self::with_ledger_max(parts.ledger_records_max);
        state.at_ms = parts.at_ms;
        state.keys = parts.keys;
        state.outbox = parts.outbox.weighed();
        state.forget = parts.forget.into_iter().collect();
        state.fenced = parts.fenced.into_iter().collect();
        state.bound = parts.bound;
        state.staged =
            parts.staged.into_iter().map(|(no, staged)| (no, Arc::new(staged))).collect();
        for event in parts.events {
            state.take_in(event_in(event)?);
        }
        state.count_ended();
        Ok(state)
    }

    /// Puts an event in with its timers.
    pub(crate) fn take_in(&mut self, event: Event) {
        let deadline = |hold: &Hold| (hold.expires_at_ms, event.no, hold.no);
        self.deadlines.extend(event.holds().map(deadline));
        self.turns.extend(event.turns().map(|at_ms| (at_ms, event.no)));
        if matches!(event.cancel, Some(Cancel::Running { .. })) {
            self.cancelling.insert(event.no);
        }
        if event.queue.is_some() && !event.told.closed {
            self.queues.insert(event.no);
        }
        self.events.insert(event.no, Arc::new(event));
    }

    /// Counts by event the orders that ended unpaid and are remembered.
    fn count_ended(&mut self) {
        for (_, event, order) in self.forget.iter() {
            if let Some(event) = self.events.get_mut(event) {
                Arc::make_mut(event).note_ended(*order);
            }
        }
    }

    /// See [`Frozen::digest`].
    pub fn digest(&self) -> u64 {
        self.freeze().digest()
    }
}

fn event_out(event: &Event) -> EventV2 {
    EventV2 {
        no: event.no,
        version: event.version,
        next_no: event.next_no,
        sale: (*event.sale).clone(),
        plan: (*event.plan).clone(),
        seats: event.seats.parts().collect(),
        holds: event.holds().cloned().collect(),
        orders: event.orders.values().cloned().collect(),
        payments: event.payments.values().cloned().collect(),
        refunds: event.refunds.values().cloned().collect(),
        ended: event.ended.iter().map(|(no, end)| (*no, *end)).collect(),
        first_window: event.first_window,
        told: event.told,
        paused: event.paused,
        cancel: event.cancel,
        removed: event.removed.iter().copied().collect(),
        people: PeopleForm::from(&event.people),
        codes: event.codes.all().cloned().collect(),
        waitlist: event.waitlist.values().cloned().collect(),
        map_floor: event.map_floor,
        queue: event.queue.as_deref().map(QueueForm::from),
    }
}

pub(crate) fn event_in(parts: EventV2) -> Result<Event, RestoreError> {
    parts.plan.check().map_err(|_| RestoreError::Inconsistent("plan"))?;
    let mut event = Event::open(parts.no, parts.sale, parts.plan, 0);
    if parts.seats.len() != event.index.seat_count() {
        return Err(RestoreError::Inconsistent("seat count"));
    }
    event.seats = SeatTable::from_parts(&event.index, &parts.seats);
    event.map_floor = parts.map_floor;
    event.version = parts.version;
    event.next_no = parts.next_no;
    event.holds = parts.holds.into_iter().map(|h| (h.no, Arc::new(h))).collect();
    event.orders = parts.orders.into_iter().map(|o| (o.no, o)).collect();
    event.payments = parts.payments.into_iter().map(|p| (p.no, p)).collect();
    event.refunds = parts.refunds.into_iter().map(|r| (r.no, r)).collect();
    event.ended = parts.ended.into_iter().collect();
    let open = event.payments.values().filter(|p| p.status == PaymentStatus::Pending);
    event.pending_payments = open.map(|p| p.no).collect();
    let open = event.refunds.values().filter(|r| r.status == RefundStatus::Pending);
    event.pending_refunds = open.map(|r| r.no).collect();
    event.first_window = parts.first_window;
    event.told = parts.told;
    event.paused = parts.paused;
    event.cancel = parts.cancel;
    event.removed = parts.removed.into_iter().collect();
    event.people = parts.people.into();
    event.codes = Codes::from_iter(parts.codes);
    event.waitlist = parts.waitlist.into_iter().map(|entry| (entry.no, entry)).collect();
    let waits = event.waitlist.values().filter(|entry| entry.hold.is_none());
    event.waiting = waits.map(|entry| entry.no).collect();
    event.count_wishes();
    event.queue = parts.queue.map(|form| Arc::new(Queue::from(form)));
    Ok(event)
}
