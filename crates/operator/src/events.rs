//! Orders about one event that need the application: halting its sale, and letting it live in another
//! shard. The application is behind a trait, so that this crate knows nothing of what is sold.
//!
//! A move is three steps, each harmless when repeated, in an order that leaves at every point at
//! most one shard where the event can come up (invariant I7): the old shard refuses it from now on,
//! which it will not if the event is there already; the new shard refuses it no more; the pin goes
//! from the one to the other. An order that broke off is given again.

use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use grid_node::{MetaCommand, Pin, ShardId};

use crate::console::{Console, Trouble};
use crate::model::Receipt;
use crate::orders::{Order, Refusal};

/// One command of the application: its shard may be electing.
const TELL_WITHIN: Duration = Duration::from_secs(5);

/// What can be said to a shard about an event. All of it may be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Grant nothing new.
    Quiesce,
    /// Grant again.
    Resume,
    /// Refuse the event: it comes up elsewhere.
    Fence,
    /// Refuse it no more.
    Unfence,
}

/// Why the application did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventTrouble {
    /// The event is not in the shard; nothing happened.
    #[error("the event is not there")]
    Absent,
    /// The event is in the shard, which cannot refuse it any more; nothing happened.
    #[error("the event is there already")]
    Present,
    /// It may have happened.
    #[error("the outcome is unknown")]
    Unknown,
    /// Something else; nothing happened.
    #[error("{0}")]
    Failed(String),
}

/// The application's side of events.
pub trait Events: Send + Sync + 'static {
    /// Says something about an event, by number, to a shard.
    fn tell(
        &self,
        shard: ShardId,
        event: u32,
        wish: Wish,
        deadline: Instant,
    ) -> BoxFuture<'_, Result<(), EventTrouble>>;

    /// Whether an event is in a shard: whether there is something to lose.
    fn is_there(
        &self,
        shard: ShardId,
        event: u32,
        deadline: Instant,
    ) -> BoxFuture<'_, Result<bool, EventTrouble>>;
}

/// An order about an event whose place is known.
struct Task<'a> {
    console: &'a Console,
    events: &'a dyn Events,
    event: &'a str,
    pin: Pin,
    /// The revision at which the pin was last changed.
    since: u64,
}

impl Console {
    /// Carries out an order about an event, or only shows what would be done. Its plan was checked
    /// against the picture of the grid.
    pub(crate) async fn perform_on_event(
        &self,
        order: &Order,
        dry_run: bool,
    ) -> Result<Receipt, Trouble> {
        let (Order::EventQuiesce { event }
        | Order::EventResume { event }
        | Order::EventMove { event, .. }) = order
        else {
            return Err(Trouble::Failed("it is not about an event".to_owned()));
        };
        let events = self.events().ok_or_else(|| {
            Trouble::Failed("the unit's application takes no orders about events".to_owned())
        })?;
        let (pin, since) = self.place_of(event).await?;
        let task = Task { console: self, events, event, pin, since };
        let plan = match order {
            Order::EventMove { shard, .. } => task.relocate(*shard, dry_run).await?,
            Order::EventResume { .. } => task.say(Wish::Resume, dry_run).await?,
            _ => task.say(Wish::Quiesce, dry_run).await?,
        };
        Ok(Receipt { plan, dry_run, operation: None })
    }
}

impl Task<'_> {
    async fn say(&self, wish: Wish, dry_run: bool) -> Result<Vec<String>, Trouble> {
        let (event, shard) = (self.event, self.pin.shard);
        let missing = || {
            let what = format!("event {event} has no sale in shard {shard} yet");
            Trouble::from(Refusal::Missing(what))
        };
        if !self.is_there(shard).await? {
            return Err(missing());
        }
        if !dry_run {
            match self.tell(shard, wish).await {
                Err(EventTrouble::Absent) => return Err(missing()),
                said => self.done(said)?,
            }
        }
        Ok(vec![match wish {
            Wish::Resume => format!("grant holds of event {event} again"),
            _ => format!("grant no new holds of event {event}; what is held may still be paid"),
        }])
    }

    async fn relocate(&self, to: ShardId, dry_run: bool) -> Result<Vec<String>, Trouble> {
        let (event, from) = (self.event, self.pin.shard);
        if from == to {
            if !dry_run {
                // A move away that broke off may have left it refused here.
                self.done(self.tell(to, Wish::Unfence).await)?;
            }
            return Ok(vec![format!("event {event} is pinned to shard {to} already")]);
        }
        if self.is_there(from).await? {
            return Err(self.stays());
        }
        let steps = vec![
            format!("let shard {from} refuse event {event}"),
            format!("let shard {to} take it"),
            format!("pin it to shard {to}"),
        ];
        if dry_run {
            return Ok(steps);
        }
        // invariant: I7
        match self.tell(from, Wish::Fence).await {
            Err(EventTrouble::Present) => return Err(self.stays()),
            said => self.done(said)?,
        }
        // From here on something has happened: whatever fails, the order is to be repeated.
        self.tell(to, Wish::Unfence).await.map_err(|_| Trouble::Unknown)?;
        let command = MetaCommand::MovePin { key: event.to_owned(), since: self.since, to };
        self.console.change(command).await.map_err(|_| Trouble::Unknown)?;
        Ok(steps)
    }

    /// The refusal to move an event that has seats in the grid.
    fn stays(&self) -> Trouble {
        let (event, shard) = (self.event, self.pin.shard);
        Refusal::Unsafe {
            reason: format!(
                "the sale of event {event} is made in shard {shard}: its seats, holds and keys \
                 stay there"
            ),
            remedy: format!("seatgrid ctl event move {event} --to NODE moves its whole shard"),
        }
        .into()
    }

    async fn is_there(&self, shard: ShardId) -> Result<bool, Trouble> {
        let deadline = Instant::now() + TELL_WITHIN;
        let there = self.events.is_there(shard, self.pin.number, deadline).await;
        there.map_err(|trouble| self.trouble(&trouble))
    }

    async fn tell(&self, shard: ShardId, wish: Wish) -> Result<(), EventTrouble> {
        let deadline = Instant::now() + TELL_WITHIN;
        self.events.tell(shard, self.pin.number, wish, deadline).await
    }

    fn done(&self, said: Result<(), EventTrouble>) -> Result<(), Trouble> {
        said.map_err(|trouble| self.trouble(&trouble))
    }

    fn trouble(&self, trouble: &EventTrouble) -> Trouble {
        match trouble {
            EventTrouble::Unknown => Trouble::Unknown,
            EventTrouble::Absent | EventTrouble::Present | EventTrouble::Failed(_) => {
                Trouble::Failed(format!("event {}: {trouble}", self.event))
            }
        }
    }
}

#[cfg(test)]
mod tests;
