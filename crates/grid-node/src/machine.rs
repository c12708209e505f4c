//! What a shard replicates and how it is asked: the two traits an application implements.
//!
//! The grid calls them and knows nothing of what the bytes mean.

use std::future::Future;
use std::io::{self, Read, Write};
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use crate::batch::{Pieces, Replies};
use crate::shard::{ReadError, Shard};
use crate::{NodeId, ShardId};

/// A batch of commands that a quorum has made durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommittedEntry {
    /// Position in the shard's log; grows, with gaps where the group itself wrote.
    pub index: u64,
    /// The leader's clock when it proposed, milliseconds since 1970; never decreases in a shard.
    pub at_ms: u64,
    /// The version that the shard goes by here; among those that [`StateMachine::VERSIONS`] has.
    pub version: u32,
    /// The commands, in order.
    pub commands: Pieces,
}

/// Why a snapshot cannot be taken over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("snapshot refused: {0}")]
pub struct RestoreError(String);

impl RestoreError {
    /// With what is wrong.
    #[must_use]
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// Encodes a frozen state piece by piece, later and on a thread that may block; fails only as the
/// writer does.
pub type Encode = Box<dyn FnOnce(&mut dyn Write) -> io::Result<()> + Send>;

/// What a shard replicates. Deterministic: equal entries in equal order give equal states.
pub trait StateMachine: Send + Sync + Sized + 'static {
    /// Versions of entries and snapshots that this release can read. It applies an entry by the
    /// rules of the version that comes with it; a node that meets another version stops before it
    /// applies anything. Every shard begins at version 1.
    const VERSIONS: RangeInclusive<u32> = 1..=1;

    /// The form that [`StateMachine::freeze`] writes. Fingerprints are compared only among replicas
    /// whose releases write the same form.
    const FORM: u32 = 1;

    /// The state of a shard that has applied nothing.
    fn empty(shard: ShardId) -> Self;

    /// Applies one committed entry; pushes exactly one reply per command, in order. Short and
    /// pure: no clock, randomness or I/O.
    fn apply(&mut self, entry: &CommittedEntry, replies: &mut Replies);

    /// Freezes the state cheaply: it is called while nothing can be applied. Equal states are
    /// encoded to equal bytes: replicas compare them (invariant I3).
    fn freeze(&self) -> Encode;

    /// A fingerprint of the state: equal on replicas that have applied the same (invariant I3). May
    /// cost as much as a snapshot.
    fn digest(&self) -> u64;

    /// The state that [`StateMachine::freeze`] encoded, from all that `from` gives. Called on a
    /// thread that may block.
    ///
    /// # Errors
    /// [`RestoreError`] when that is no such state.
    fn restore(shard: ShardId, from: &mut dyn Read) -> Result<Self, RestoreError>;
}

/// Why a question has no answer. Nothing was changed by it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// This node does not serve the shard now.
    #[error("this node does not lead the shard")]
    NotLeader {
        /// Who may.
        hint: Option<NodeId>,
    },
    /// The deadline passed.
    #[error("the deadline passed")]
    Expired,
    /// The node stops.
    #[error("the node is stopping")]
    Stopped,
}

impl From<ReadError> for QueryError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::NotLeader { hint } => Self::NotLeader { hint },
            ReadError::Expired => Self::Expired,
            ReadError::Stopped => Self::Stopped,
        }
    }
}

/// Future of one answer.
pub type QueryFuture = Pin<Box<dyn Future<Output = Result<Bytes, QueryError>> + Send>>;

/// Answers an application's questions that arrive on the client port. Runs concurrently; may wait
/// (long poll) up to the deadline.
pub trait QueryHandler<S: StateMachine>: Send + Sync + 'static {
    /// Answers one question to one shard.
    fn query(&self, shard: Arc<Shard<S>>, body: Bytes, deadline: Instant) -> QueryFuture;
}
