//! The state of one shard and its only door, [`State::apply`].

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::commands::{self, Effect, Scope};
use crate::keys::Keys;
use crate::outbox::Outbox;
use crate::share::{SharedMap, SharedSet};
use crate::snapshot::Staged;
use crate::{
    Actor, Backlog, Command, Envelope, Event, EventNo, FeedPosition, LedgerRecord, Outcome,
    Refusal, Reply,
};

/// Records in the outbox, promised ones included, unless [`Command::LimitOutbox`] says otherwise.
/// Sixteen full outboxes are a third of a machine of 8 GB at [`crate::LEDGER_RECORD_BYTES`].
pub const LEDGER_RECORDS_MAX: u64 = 500_000;
/// What the limit may be set to. Fewer than one batch of the writer would stop sales for nothing; more
/// would not fit below [`crate::RECOVERY_MARGIN`], and costs gigabytes on each replica.
pub const LEDGER_RECORDS_LIMITS: RangeInclusive<u64> = 10_000..=10_000_000;
/// Holds ended by one command, so that an expiry wave never blocks a shard for long.
pub const EXPIRE_BATCH_MAX: u32 = 4_096;

/// Where and when a command stands in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Index of the log entry; commands of one entry share it.
    pub log_index: u64,
    /// The leader's time, milliseconds since 1970.
    pub at_ms: u64,
}

/// Everything one shard replicates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    pub(crate) events: SharedMap<EventNo, Arc<Event>>,
    pub(crate) keys: Keys,
    pub(crate) outbox: Outbox,
    /// (deadline, event, hold) of live holds.
    pub(crate) deadlines: BTreeSet<(u64, EventNo, u64)>,
    /// (when, event, order) of unpaid orders that have ended and will be forgotten.
    pub(crate) forget: SharedSet<(u64, EventNo, u64)>,
    /// (when, event) of ends of sales' windows that the ledger is not told of yet.
    pub(crate) turns: BTreeSet<(u64, EventNo)>,
    /// Cancelled events with something left to undo.
    pub(crate) cancelling: BTreeSet<EventNo>,
    /// Events with a waiting room whose sale is not over.
    pub(crate) queues: BTreeSet<EventNo>,
    /// Events that live in another shard and must not be opened here.
    pub(crate) fenced: SharedSet<EventNo>,
    /// The database that the shard is written to.
    pub(crate) bound: Option<u128>,
    /// Events on their way back from the database.
    pub(crate) staged: SharedMap<EventNo, Arc<Staged>>,
    pub(crate) at_ms: u64,
    pub(crate) ledger_records_max: u64,
}

impl Default for State {
    fn default() -> Self {
        Self::new()
    }
}

impl State {
    /// A shard without events.
    pub fn new() -> Self {
        Self::with_ledger_max(LEDGER_RECORDS_MAX)
    }

    /// A shard with another outbox limit; all replicas must use the same.
    pub fn with_ledger_max(ledger_records_max: u64) -> Self {
        Self {
            events: SharedMap::default(),
            keys: Keys::default(),
            outbox: Outbox::default(),
            deadlines: BTreeSet::new(),
            forget: SharedSet::default(),
            turns: BTreeSet::new(),
            cancelling: BTreeSet::new(),
            queues: BTreeSet::new(),
            fenced: SharedSet::default(),
            bound: None,
            staged: SharedMap::default(),
            at_ms: 0,
            ledger_records_max,
        }
    }

    /// Applies one committed command, the only way in which state changes (invariant I2). Total:
    /// every command on every state has a reply.
    ///
    /// # Panics
    /// On a broken invariant, which must stop the replica rather than spread.
    pub fn apply(&mut self, stamp: Stamp, envelope: &Envelope) -> Reply {
        // invariant: I9
        self.at_ms = self.at_ms.max(stamp.at_ms);
        self.outbox.begin(stamp.log_index);
        let known = envelope.key.as_ref().and_then(|key| self.keys.check(key, self.at_ms));
        if let Some(reply) = known {
            return reply;
        }
        match self.dispatch(envelope) {
            Ok(Effect { version, outcome }) => {
                let reply = Reply { version, replayed: false, outcome };
                if let Some(key) = &envelope.key {
                    self.keys.remember(key, self.at_ms, &reply);
                }
                reply
            }
            Err(refusal) => {
                Reply { version: 0, replayed: false, outcome: Outcome::Refused(refusal) }
            }
        }
    }

    fn dispatch(&mut self, envelope: &Envelope) -> Result<Effect, Refusal> {
        match &envelope.command {
            Command::OpenSale(c) => commands::open_sale::apply(self, envelope.actor, c),
            Command::ExpireHolds => Ok(commands::expire_holds::apply(self)),
            Command::Acknowledge(c) => Ok(commands::acknowledge::apply(self, c)),
            Command::Fence(c) => commands::fence::fence(self, c.event),
            Command::Unfence(c) => Ok(commands::fence::unfence(self, c.event)),
            Command::Bind(c) => commands::bind::apply(self, c),
            Command::LimitOutbox(c) => commands::limit_outbox::apply(self, c),
            Command::Recover(c) => commands::recover::apply(self, c),
            Command::ReplacePlan(c) => {
                let shard_seats = self.events().map(|event| event.seats().len()).sum();
                let mut scope = self.scope(c.event, envelope.actor)?;
                commands::replace_plan::apply(&mut scope, c, shard_seats)
            }
            of_event => {
                let event = of_event.event().ok_or(Refusal::EventNotFound)?;
                let mut scope = self.scope(event, envelope.actor)?;
                commands::apply(&mut scope, of_event)
            }
        }
    }

    /// One event with what its commands may touch.
    pub(crate) fn scope(&mut self, event: EventNo, actor: Actor) -> Result<Scope<'_>, Refusal> {
        let gone = self.fenced.contains(&event);
        let missing = if gone { Refusal::EventMoved } else { Refusal::EventNotFound };
        let event = self.events.get_mut(&event).ok_or(missing)?;
        Ok(Scope {
            // After a freeze the first command copies the event's lists of chunks, never the chunks.
            event: Arc::make_mut(event),
            outbox: &mut self.outbox,
            deadlines: &mut self.deadlines,
            forget: &mut self.forget,
            turns: &mut self.turns,
            cancelling: &mut self.cancelling,
            queues: &mut self.queues,
            at_ms: self.at_ms,
            actor,
            ledger_records_max: self.ledger_records_max,
        })
    }

    /// An event.
    pub fn event(&self, no: EventNo) -> Option<&Event> {
        self.events.get(&no).map(Arc::as_ref)
    }

    /// All events, by number.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.events.values().map(Arc::as_ref)
    }

    /// The database that the shard is written to, once a writer has said so.
    pub fn bound(&self) -> Option<u128> {
        self.bound
    }

    /// Pieces taken of an event that is on its way back from the database.
    pub fn pieces_of(&self, no: EventNo) -> Option<u32> {
        self.staged.get(&no).map(|staged| staged.pieces)
    }

    /// The time of the last command, milliseconds since 1970.
    pub fn at_ms(&self) -> u64 {
        self.at_ms
    }

    /// When [`Command::ExpireHolds`] has something to do, milliseconds since 1970.
    pub fn next_deadline_ms(&self) -> Option<u64> {
        let hold = self.deadlines.first().map(|d| d.0);
        let order = self.forget.first().map(|d| d.0);
        let turn = self.turns_not_held_back().next().map(|d| d.0);
        let cancel = self.cancel_is_due().then_some(self.at_ms);
        let queues = self.queues.iter().filter_map(|no| self.event(*no));
        let queue = queues.filter_map(|event| event.queue_due_ms(self.at_ms)).min();
        [hold, order, turn, cancel, queue].into_iter().flatten().min()
    }

    /// Ends of sales' windows that the ledger is to be told of, in their order, without the beginnings
    /// that have come and wait for PostgreSQL: an acknowledgement brings those back.
    pub(crate) fn turns_not_held_back(&self) -> impl Iterator<Item = (u64, EventNo)> {
        let behind = self.backlog(self.at_ms) != Backlog::Fine;
        let waits = move |when: u64, no: EventNo| {
            behind && when <= self.at_ms && self.event(no).is_some_and(|e| e.opens_with(when))
        };
        self.turns.iter().copied().filter(move |(when, no)| !waits(*when, *no))
    }

    /// The step of the outage ladder that the shard stands on at a moment, milliseconds since 1970.
    pub fn backlog(&self, at_ms: u64) -> Backlog {
        self.outbox.backlog(at_ms, self.ledger_records_max)
    }

    /// Most records of the outbox, promised ones included.
    pub fn ledger_records_max(&self) -> u64 {
        self.ledger_records_max
    }

    /// Sales that should have begun at a moment and wait for PostgreSQL.
    pub fn openings_waiting(&self, at_ms: u64) -> usize {
        if self.backlog(at_ms) == Backlog::Fine {
            return 0;
        }
        let due = self.turns.iter().take_while(|(when, _)| *when <= at_ms);
        due.filter(|(when, no)| self.event(*no).is_some_and(|e| e.opens_with(*when))).count()
    }

    /// Whether a cancelled event can be undone further: something is left, and the outbox has room.
    fn cancel_is_due(&self) -> bool {
        let first = self.cancelling.first().and_then(|event| self.event(*event));
        first.is_some_and(|event| {
            let room = commands::take_back_room(&event.sale.rules);
            self.outbox.has_room(room, self.ledger_records_max)
        })
    }

    /// Records that PostgreSQL does not have yet, oldest first.
    pub fn feed(&self) -> impl ExactSizeIterator<Item = &LedgerRecord> {
        self.outbox.records().iter()
    }

    /// Those of them after a position.
    pub fn feed_after(&self, position: FeedPosition) -> impl Iterator<Item = &LedgerRecord> {
        self.outbox.after(position)
    }

    /// The newest row's position, acknowledged or not.
    pub fn feed_end(&self) -> FeedPosition {
        self.outbox.end()
    }

    /// What PostgreSQL is known to have.
    pub fn acknowledged(&self) -> FeedPosition {
        self.outbox.acknowledged()
    }

    /// Room taken in the outbox: records waiting, and records promised to holds and payments.
    pub fn ledger_room(&self) -> (u64, u64) {
        (self.outbox.records().len() as u64, self.outbox.reserved())
    }

    /// Room taken in the outbox as the rules count it: beside [`Self::ledger_room`] what records of many
    /// seats or codes take above one place.
    pub fn ledger_taken(&self) -> u64 {
        self.outbox.taken()
    }

    /// When PostgreSQL was last known to have all that it had been told, milliseconds since 1970;
    /// `None` before a writer has said so for the first time.
    pub fn persisted_ms(&self) -> Option<u64> {
        self.outbox.heard_ms()
    }

    /// Remembered idempotency keys.
    pub fn key_count(&self) -> usize {
        self.keys.len()
    }
}
