//! What staff and the notifier ask a shard's leader.

use std::time::Instant;

use grid_node::ShardId;
use inventory::{CodeUse, EventNo};

use super::{Grid, GridError, unexpected};
use crate::query::{Answer, BesideAnswer, Expiries, Query, SaleAnswer, Turn};

impl Grid {
    /// An event's sale as its leader knows it.
    ///
    /// # Errors
    /// [`GridError::NotFound`] for an event that was never opened.
    pub async fn sale(&self, event: EventNo, deadline: Instant) -> Result<SaleAnswer, GridError> {
        match self.ask(event, Query::Sale { event }, deadline).await? {
            Answer::Sale(sale) => Ok(*sale),
            other => Err(unexpected(&other)),
        }
    }

    /// An event's codes with their use, by hash; 10,000 at most.
    ///
    /// # Errors
    /// [`GridError::NotFound`] for an event that was never opened.
    pub async fn codes(
        &self,
        event: EventNo,
        deadline: Instant,
    ) -> Result<Vec<CodeUse>, GridError> {
        match self.ask(event, Query::Codes { event }, deadline).await? {
            Answer::Codes(codes) => Ok(codes),
            other => Err(unexpected(&other)),
        }
    }

    /// What an event's sale has beside its terms, codes and contents.
    ///
    /// # Errors
    /// [`GridError::NotFound`] for an event that was never opened; [`GridError::Protocol`] from a unit of
    /// a release that does not know the question.
    pub async fn beside(
        &self,
        event: EventNo,
        deadline: Instant,
    ) -> Result<BesideAnswer, GridError> {
        match self.ask(event, Query::Beside { event }, deadline).await? {
            Answer::Beside(beside) => Ok(*beside),
            other => Err(unexpected(&other)),
        }
    }

    /// When an event's held seats come back.
    ///
    /// # Errors
    /// As [`Self::beside`].
    pub async fn expiries(&self, event: EventNo, deadline: Instant) -> Result<Expiries, GridError> {
        match self.ask(event, Query::Expiries { event }, deadline).await? {
            Answer::Expiries(expiries) => Ok(expiries),
            other => Err(unexpected(&other)),
        }
    }

    /// Places of a shard's waiting lists whose turn has come, while their holds live.
    ///
    /// # Errors
    /// [`GridError`] when the shard gave no answer.
    pub async fn turns(
        &self,
        shard: ShardId,
        limit: u32,
        deadline: Instant,
    ) -> Result<Vec<Turn>, GridError> {
        match self.query(shard, &Query::Turns { limit }, deadline).await? {
            Answer::Turns(turns) => Ok(turns),
            other => Err(unexpected(&other)),
        }
    }
}
