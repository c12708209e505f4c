//! What shoppers asked and were told, in the order of the simulation's clock.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use inventory::{Command, EventNo, Outcome, Reply};
use parking_lot::Mutex;
use processing_unit::GridError;

/// One request, with all its attempts under one key.
#[derive(Debug, Clone)]
pub struct Operation {
    /// The event asked about.
    pub event: EventNo,
    /// What was asked.
    pub command: Command,
    /// When it was first sent.
    pub asked: Duration,
    /// When the shopper stopped asking.
    pub ended: Option<Duration>,
    /// Some attempt had no answer: it may have had its effect.
    pub unresolved: bool,
    /// Answers of all attempts that had one.
    pub replies: Vec<Reply>,
}

/// One read, answered.
#[derive(Debug, Clone)]
pub struct Read {
    /// The event.
    pub event: EventNo,
    /// When it was sent.
    pub asked: Duration,
    /// The version that it told.
    pub version: u64,
}

/// All of a run.
#[derive(Debug, Default)]
pub struct Log {
    pub operations: Vec<Operation>,
    pub reads: Vec<Read>,
    /// Shoppers that came, and that have gone.
    pub shoppers: usize,
    pub gone: usize,
}

/// Handle of a run's history; clones share it.
#[derive(Debug, Clone, Default)]
pub struct History(Arc<Mutex<Log>>);

impl History {
    /// A request is sent for the first time; returns its place.
    pub fn ask(&self, operation: Operation) -> usize {
        let mut log = self.0.lock();
        log.operations.push(operation);
        log.operations.len() - 1
    }

    /// An attempt was answered.
    pub fn answer(&self, place: usize, at: Duration, answer: Result<Reply, GridError>) {
        let operation = &mut self.0.lock().operations[place];
        operation.ended = Some(at);
        match answer {
            Ok(reply) => operation.replies.push(reply),
            // All others say that nothing happened, which is to be believed.
            Err(GridError::Unknown | GridError::Protocol(_)) => operation.unresolved = true,
            Err(_) => {}
        }
    }

    /// A shopper comes.
    pub fn come(&self) {
        self.0.lock().shoppers += 1;
    }

    /// A shopper has gone.
    pub fn go(&self) {
        self.0.lock().gone += 1;
    }

    /// A read was answered.
    pub fn read(&self, read: Read) {
        self.0.lock().reads.push(read);
    }

    /// Looks at all of it.
    pub fn look<T>(&self, look: impl FnOnce(&Log) -> T) -> T {
        look(&self.0.lock())
    }
}

impl Log {
    /// Whether nobody waits for an answer.
    pub fn all_gone(&self) -> bool {
        self.gone == self.shoppers
    }

    /// Whether a version of an event can be that of an exchange of seats.
    pub fn may_be_a_swap(&self, event: EventNo, version: u64) -> bool {
        let swaps =
            |one: &&Operation| one.event == event && matches!(one.command, Command::SwapSeats(_));
        let is = |one: &Operation| {
            one.unresolved || one.replies.iter().any(|reply| reply.version == version)
        };
        self.operations.iter().filter(swaps).any(is)
    }

    /// Adds up outcomes, refusals and errors by name.
    pub fn count(&self, counts: &mut BTreeMap<String, u64>) {
        let mut add = |name: String| *counts.entry(name).or_default() += 1;
        for operation in &self.operations {
            add(format!("command {}", word(&operation.command)));
            for reply in &operation.replies {
                match &reply.outcome {
                    Outcome::Refused(refusal) => add(format!("refusal {}", word(refusal))),
                    outcome => add(format!("outcome {}", word(outcome))),
                }
                if reply.replayed {
                    add("replayed".to_owned());
                }
            }
            if operation.unresolved {
                add("unresolved attempt".to_owned());
            }
        }
        for _ in &self.reads {
            add("read".to_owned());
        }
    }
}

/// The first word of a value's form for people: its variant.
fn word(value: &impl std::fmt::Debug) -> String {
    format!("{value:?}").chars().take_while(|c| c.is_alphanumeric()).collect()
}

/// What must come up in every batch.
pub const NAMES: [&str; 26] = [
    "command Hold",
    "command ReleaseHold",
    "command SwapSeats",
    "command ExtendHold",
    "command PlaceOrder",
    "command CancelOrder",
    "command StartPayment",
    "command Settle",
    "outcome Held",
    "outcome Released",
    "outcome Swapped",
    "outcome Extended",
    "outcome OrderPlaced",
    "outcome OrderCancelled",
    "outcome PaymentStarted",
    "outcome Settled",
    "refusal SeatTaken",
    "refusal NotEnoughSeats",
    "refusal HoldNotFound",
    "refusal HoldExpired",
    "refusal OrderState",
    "refusal ExtensionNotAllowed",
    "replayed",
    "read",
    "unresolved attempt",
    "segments lost",
];
