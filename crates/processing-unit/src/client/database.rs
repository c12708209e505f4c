//! What ties a shard to the database that it is written to, and brings it back from there. Asked for by
//! the data writer and by people, never by shoppers.

use std::time::Instant;

use grid_node::{AdminAnswer, AdminRequest, MetaCommand, MetaReply, Pin, ShardId};
use inventory::{Actor, Bind, Command, Envelope, Outcome, RecoverEvent};

use super::{Grid, GridError};

/// The group that holds the pins.
const META: ShardId = 0;

impl Grid {
    /// Pins an event to a shard of the caller's choice. Numbers are given out in turn, so that pins
    /// made in the order of their old numbers have those again.
    ///
    /// # Errors
    /// [`GridError::Protocol`] when it is pinned elsewhere or there is no such shard.
    pub async fn pin_to(
        &self,
        event_id: &str,
        shard: ShardId,
        deadline: Instant,
    ) -> Result<Pin, GridError> {
        let command = MetaCommand::PinTo { key: event_id.to_owned(), shard, moved: false };
        match self.client.admin_leader(META, &AdminRequest::Change(command), deadline).await? {
            AdminAnswer::Changed(MetaReply::Pinned(pin)) => Ok(pin),
            AdminAnswer::NotLeader { .. } => Err(GridError::NoLeader),
            other => Err(GridError::Protocol(format!("{event_id} is not pinned: {other:?}"))),
        }
    }

    /// Gives an event that is lost another number; the old one is nobody's from then on.
    ///
    /// # Errors
    /// [`GridError`]; a second time changes nothing.
    pub async fn renumber(
        &self,
        event_id: &str,
        from: u32,
        deadline: Instant,
    ) -> Result<Pin, GridError> {
        let command = MetaCommand::Renumber { key: event_id.to_owned(), from };
        match self.client.admin_leader(META, &AdminRequest::Change(command), deadline).await? {
            AdminAnswer::Changed(MetaReply::Pinned(pin)) => Ok(pin),
            AdminAnswer::NotLeader { .. } => Err(GridError::NoLeader),
            other => Err(GridError::Protocol(format!("{event_id} keeps its number: {other:?}"))),
        }
    }

    /// Whether a shard was founded anew in this grid's life: the pins of its events are those of
    /// before.
    ///
    /// # Errors
    /// [`GridError`].
    pub async fn was_founded_anew(
        &self,
        shard: ShardId,
        deadline: Instant,
    ) -> Result<bool, GridError> {
        let request = AdminRequest::Meta { fresh: true };
        match self.client.admin_leader(META, &request, deadline).await? {
            AdminAnswer::Meta(state) => Ok(!state.outlived(shard).is_empty()),
            AdminAnswer::NotLeader { .. } => Err(GridError::NoLeader),
            other => Err(GridError::Protocol(format!("no tables of the grid: {other:?}"))),
        }
    }

    /// Says which database a shard is written to; the one before, if any, must be told.
    ///
    /// # Errors
    /// [`GridError::Protocol`] when it is written to another one.
    pub async fn bind(
        &self,
        shard: ShardId,
        (from, to): (Option<u128>, u128),
        deadline: Instant,
    ) -> Result<(), GridError> {
        let command = Command::Bind(Bind { from, to });
        let envelope = Envelope { key: None, actor: Actor::SYSTEM, command };
        match self.shard_command(shard, &envelope, deadline).await?.outcome {
            Outcome::Bound => Ok(()),
            other => Err(GridError::Protocol(format!("shard {shard} is not bound: {other:?}"))),
        }
    }

    /// Gives a shard one piece of an event that comes back; what the shard says.
    ///
    /// # Errors
    /// [`GridError`]; a piece whose outcome is unknown may be given again.
    pub async fn recover(
        &self,
        shard: ShardId,
        piece: RecoverEvent,
        deadline: Instant,
    ) -> Result<Outcome, GridError> {
        let command = Command::Recover(piece);
        let envelope = Envelope { key: None, actor: Actor::SYSTEM, command };
        Ok(self.shard_command(shard, &envelope, deadline).await?.outcome)
    }
}
