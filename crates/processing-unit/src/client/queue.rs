//! What is asked of a shard's leader about waiting rooms.

use std::time::Instant;

use inventory::{EventNo, QueueId};

use super::{Grid, GridError, unexpected};
use crate::query::{Answer, DrawAnswer, PlaceAnswer, Query};

impl Grid {
    /// One place in a waiting room; what was used up or sent back twice is not found.
    ///
    /// # Errors
    /// [`GridError::NotFound`] for a place that is not there.
    pub async fn queue_place(
        &self,
        id: QueueId,
        deadline: Instant,
    ) -> Result<PlaceAnswer, GridError> {
        match self.ask(id.event, Query::QueuePlace(id), deadline).await? {
            Answer::QueuePlace(place) => Ok(place),
            other => Err(unexpected(&other)),
        }
    }

    /// The draw of an event's waiting room, with some of its places after a number.
    ///
    /// # Errors
    /// [`GridError::NotFound`] for an event without a waiting room.
    pub async fn draw(
        &self,
        event: EventNo,
        (after, limit): (u64, u32),
        deadline: Instant,
    ) -> Result<DrawAnswer, GridError> {
        match self.ask(event, Query::Draw { event, after, limit }, deadline).await? {
            Answer::Draw(draw) => Ok(*draw),
            other => Err(unexpected(&other)),
        }
    }
}
