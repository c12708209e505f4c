//! What is asked about an event's waiting room: opening it, a place in it, one's turn.

use serde::{Deserialize, Serialize};

use crate::{EventNo, QueueId};

/// Puts a waiting room in front of an event's sale: from then on holds need a turn. Opening it again
/// with the same content is harmless.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenQueue {
    /// The event.
    pub event: EventNo,
    /// How turns come.
    pub rules: QueueRules,
    /// What the draw is made from, secret until then; its hash is told at once.
    pub seed: [u8; 32],
}

/// How turns come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueRules {
    /// Turns a second, 1 to 10,000.
    pub admit_per_s: u32,
    /// How long a turn lasts once it is taken; 10 s to 24 h.
    pub turn_ttl_ms: u32,
    /// How long it waits to be taken; 5 s to 1 h.
    pub claim_ttl_ms: u32,
}

/// Takes a place in the waiting room; one a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnterQueue {
    /// The event.
    pub event: EventNo,
    /// Opaque id of the person.
    pub person: u128,
    /// What the person adds to the draw; published with it.
    pub salt: u128,
}

/// Takes a turn that has come: shows that somebody is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakeTurn {
    /// The place.
    pub place: QueueId,
    /// Whose it is.
    pub person: u128,
}
