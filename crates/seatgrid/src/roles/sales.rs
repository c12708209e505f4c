//! What an operator's orders about events mean to the rules of seats. Translates and decides nothing.

use std::pin::Pin;
use std::time::Instant;

use grid_node::ShardId;
use inventory::{
    Actor, Command, Envelope, EventNo, Fence, Outcome, PauseSale, Refusal, ResumeSale, Unfence,
};
use operator::{EventTrouble, Events, Wish};
use processing_unit::{Answer, Grid, GridError, Query};

/// What the application answers, later.
type Said<'a, T> = Pin<Box<dyn Future<Output = Result<T, EventTrouble>> + Send + 'a>>;

/// The events of a grid.
pub(super) struct Sales(pub Grid);

impl Events for Sales {
    fn tell(&self, shard: ShardId, event: u32, wish: Wish, deadline: Instant) -> Said<'_, ()> {
        let event = EventNo(event);
        let command = match wish {
            Wish::Quiesce => Command::PauseSale(PauseSale { event }),
            Wish::Resume => Command::ResumeSale(ResumeSale { event }),
            Wish::Fence => Command::Fence(Fence { event }),
            Wish::Unfence => Command::Unfence(Unfence { event }),
        };
        // Each of them may be repeated without a key.
        let envelope = Envelope { key: None, actor: Actor::SYSTEM, command };
        Box::pin(async move {
            let reply = self.0.shard_command(shard, &envelope, deadline).await;
            match reply.map_err(trouble)?.outcome {
                Outcome::Refused(Refusal::EventPresent) => Err(EventTrouble::Present),
                Outcome::Refused(Refusal::EventNotFound | Refusal::EventMoved) => {
                    Err(EventTrouble::Absent)
                }
                Outcome::Refused(other) => Err(EventTrouble::Failed(format!("refused: {other:?}"))),
                _ => Ok(()),
            }
        })
    }

    fn is_there(&self, shard: ShardId, event: u32, deadline: Instant) -> Said<'_, bool> {
        // The shard's leader answers, so what was acknowledged before counts.
        let query = Query::SeatMap { event: EventNo(event), known: None, wait_ms: 0 };
        Box::pin(async move {
            match self.0.query(shard, &query, deadline).await {
                Ok(Answer::SeatMap(_)) => Ok(true),
                Ok(_) => Err(EventTrouble::Failed("the unit answered something else".to_owned())),
                Err(GridError::NotFound) => Ok(false),
                Err(error) => Err(trouble(error)),
            }
        })
    }
}

fn trouble(error: GridError) -> EventTrouble {
    match error {
        GridError::Unknown => EventTrouble::Unknown,
        GridError::NotFound => EventTrouble::Absent,
        other => EventTrouble::Failed(other.to_string()),
    }
}
