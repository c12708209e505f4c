//! One line of a history: an attempt, from its sending to its answer.

use serde::{Deserialize, Serialize};

/// What was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// Seats are asked for.
    Hold,
    /// A hold's seats are exchanged.
    Swap,
    /// A hold is given back.
    Release,
    /// A hold is looked at.
    Read,
}

/// One attempt. Nothing in it names a person or proves ownership.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Line {
    /// When it was sent, in nanoseconds of the one clock of the one process that records.
    pub t0: u64,
    /// When its answer was there; `None` when there was none, or one that leaves open what happened.
    pub t1: Option<u64>,
    /// Who asked. After an attempt without an answer the next one has another client.
    pub client: u64,
    /// A UUID, the same for all attempts of one request.
    pub key: String,
    /// What was asked.
    pub op: Op,
    /// The event's id.
    pub event: String,
    /// Seats: asked for by a hold or a swap, named by the answer to a read.
    pub seats: Vec<String>,
    /// Before a swap: the hold's seats. After a refusal: the seats that it named as taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub named: Vec<String>,
    /// The answer's status.
    pub status: Option<u16>,
    /// Its code, if it was a problem.
    pub code: Option<String>,
    /// The hold: as granted by the answer, or as asked about.
    pub hold: Option<String>,
    /// The event's version in the answer.
    pub version: Option<u64>,
    /// A moment, on the clock of `t0`, before which the granted hold cannot have ended by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
}
