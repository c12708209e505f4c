//! Brings shards back from the tables after all their replicas were lost. Asked for by a person only.
//!
//! Flow: the tables' rows of a shard get another name and incarnation first, which shuts out every
//! writer and unit of before; then the events' pins, then every event in pieces, each a command of the
//! new shard's log. Whoever begins again after a death in the middle goes on where it stopped. What the
//! tables did not have yet is lost: the report says from when until when, and which numbers at the
//! payment gateways nobody here can know.
//!
//! Never touches a shard that has state, and never guesses: rows that contradict each other end it.

mod assemble;
pub(crate) mod load;
mod pieces;
mod pins;
mod report;

use std::collections::BTreeSet;
use std::future::Future;
use std::time::{Duration, Instant};

use inventory::{EventNo, FeedPosition, Outcome, RecoverEvent, Refusal};
use processing_unit::{Grid, GridConfig, GridError, Pin, ShardId};

pub use report::{LostWindow, RecoveredEvent, RecoveredShard, Recovery};

use crate::FeedSource;
use crate::attempts::blank;
use crate::batch::Batch;
use crate::database::UrlError;
use crate::resync::{ALL_EVENTS, GAP_KIND};
use crate::rows::LedgerRow;
use crate::sink::{Checkpoint, OpenRun, Sink, WriteError};
use load::Written;

/// How long one command or question may take: founding a new grid's groups included.
const ASK_DEADLINE: Duration = Duration::from_secs(30);

/// How often a writer may claim a shard just when it is fenced.
const FENCE_TRIES_MAX: u32 = 5;

/// What to bring back.
#[derive(Debug, Clone, Default)]
pub struct RecoverWish {
    /// One shard alone; all that need it otherwise.
    pub shard: Option<ShardId>,
    /// When the shards were lost, milliseconds since 1970, if that is known; now otherwise.
    pub lost_at_ms: Option<u64>,
}

/// Why not everything came back. What was brought back before stays, and is not touched by another try.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// The URL is none.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// The grid did not answer; beginning again goes on from here.
    #[error("the grid does not answer: {0}")]
    Grid(#[from] GridError),
    /// The database did not answer or take it.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// It would do harm or nothing: says why. Nothing was changed.
    #[error("{0}")]
    Refused(String),
    /// The rows of an event contradict each other.
    #[error("event {event_id} cannot be brought back: {reason}")]
    Invalid {
        /// The event.
        event_id: String,
        /// What contradicts what.
        reason: String,
    },
}

impl From<sqlx::Error> for RecoverError {
    fn from(error: sqlx::Error) -> Self {
        Self::Write(WriteError::Database(error))
    }
}

/// A grid that takes events back.
pub trait RecoverTarget: FeedSource {
    /// Numbers of the events that live in a shard.
    fn events(
        &self,
        shard: ShardId,
    ) -> impl Future<Output = Result<BTreeSet<EventNo>, GridError>> + Send;

    /// Pins an event to a shard, under the next number that is free.
    fn pin_to(
        &self,
        event_id: &str,
        shard: ShardId,
    ) -> impl Future<Output = Result<Pin, GridError>> + Send;

    /// Whether a shard was founded anew beside living ones: the grid still has all pins.
    fn founded_anew(&self, shard: ShardId) -> impl Future<Output = Result<bool, GridError>> + Send;

    /// Gives an event another number than the one that was lost with its shard.
    fn renumber(
        &self,
        event_id: &str,
        from: u32,
    ) -> impl Future<Output = Result<Pin, GridError>> + Send;

    /// Gives a shard one piece.
    fn recover(
        &self,
        shard: ShardId,
        piece: RecoverEvent,
    ) -> impl Future<Output = Result<Outcome, GridError>> + Send;
}

impl RecoverTarget for Grid {
    async fn events(&self, shard: ShardId) -> Result<BTreeSet<EventNo>, GridError> {
        let summary = Self::shard(self, shard, Instant::now() + ASK_DEADLINE).await?;
        Ok(summary.events.iter().map(|event| event.event).collect())
    }

    async fn pin_to(&self, event_id: &str, shard: ShardId) -> Result<Pin, GridError> {
        Self::pin_to(self, event_id, shard, Instant::now() + ASK_DEADLINE).await
    }

    async fn founded_anew(&self, shard: ShardId) -> Result<bool, GridError> {
        self.was_founded_anew(shard, Instant::now() + ASK_DEADLINE).await
    }

    async fn renumber(&self, event_id: &str, from: u32) -> Result<Pin, GridError> {
        Self::renumber(self, event_id, from, Instant::now() + ASK_DEADLINE).await
    }

    async fn recover(&self, shard: ShardId, piece: RecoverEvent) -> Result<Outcome, GridError> {
        Self::recover(self, shard, piece, Instant::now() + ASK_DEADLINE).await
    }
}

/// Brings back what the tables have and the grid has lost.
///
/// # Errors
/// [`RecoverError`].
pub async fn recover(
    database_url: &str,
    grid: &GridConfig,
    wish: &RecoverWish,
) -> Result<Recovery, RecoverError> {
    recover_from(&Grid::connect(grid), database_url, wish).await
}

/// As [`recover`], into any grid.
///
/// # Errors
/// As [`recover`].
pub async fn recover_from<S: RecoverTarget>(
    target: &S,
    database_url: &str,
    wish: &RecoverWish,
) -> Result<Recovery, RecoverError> {
    let sink = Sink::connect(database_url, 1)?;
    let written = sink.written_events().await?;
    let shards: BTreeSet<ShardId> = written.iter().map(|event| event.shard).collect();
    let wanted = shards.iter().filter(|shard| wish.shard.is_none_or(|only| only == **shard));
    let mut lost = Vec::new();
    let mut alive = Vec::new();
    for shard in wanted {
        match look(target, &sink, *shard).await? {
            Standing::Lost(found) => lost.push(*found),
            Standing::Alive(why) => alive.push(why),
        }
    }
    if lost.is_empty() {
        let nothing = "the tables have no event of it: nothing to bring back".to_owned();
        return Err(RecoverError::Refused(alive.into_iter().next().unwrap_or(nothing)));
    }
    let shards: BTreeSet<ShardId> = lost.iter().map(|found| found.shard).collect();
    let numbers = pins::look(target, &written, &shards).await?;
    let mut begun = Vec::new();
    for found in lost {
        begun.push(begin(target, &sink, found, wish).await?);
    }
    // Writers look at what is pinned: by now all of it has its new name.
    numbers.settle(target).await?;
    let mut recovery = Recovery { shards: Vec::new(), left_alone: alive };
    for shard in begun {
        recovery.shards.push(one_shard(target, &sink, (shard, &written)).await?);
    }
    Ok(recovery)
}

/// A shard whose tables are to be brought back.
struct Found {
    shard: ShardId,
    checkpoint: Checkpoint,
    /// An earlier try that did not come to its end.
    open: Option<OpenRun>,
    /// The database that the grid's shard is written to, if any.
    bound: Option<u128>,
    /// The grid's clock, milliseconds since 1970.
    now_ms: u64,
}

enum Standing {
    Lost(Box<Found>),
    /// It has state of its own: says which.
    Alive(String),
}

async fn look<S: RecoverTarget>(
    target: &S,
    sink: &Sink,
    shard: ShardId,
) -> Result<Standing, RecoverError> {
    let Some(checkpoint) = sink.checkpoint(shard).await? else {
        let why = format!("shard {shard} has events in the tables and no checkpoint: restore it");
        return Err(RecoverError::Refused(why));
    };
    let feed = target.feed(shard, FeedPosition::default(), 1, Duration::ZERO).await?;
    let open = sink.open_run(&checkpoint).await?;
    let here = target.events(shard).await?;
    if open.is_none() {
        if !here.is_empty() {
            let why = format!("shard {shard} lives: it has {} events", here.len());
            return Ok(Standing::Alive(why));
        }
        if feed.bound.is_some() {
            let why = format!("shard {shard} has no event and is written to a database already");
            return Ok(Standing::Alive(why));
        }
    }
    let (bound, now_ms) = (feed.bound, feed.at_ms);
    Ok(Standing::Lost(Box::new(Found { shard, checkpoint, open, bound, now_ms })))
}

/// A writer that claims the shard meanwhile moves nothing but its epoch.
async fn fence(
    sink: &Sink,
    mut from: Checkpoint,
    (gap, until_ms): (&Batch, u64),
) -> Result<OpenRun, WriteError> {
    let mut tries = 0;
    loop {
        let done = sink.fence(&from, gap, until_ms).await;
        if !matches!(done, Err(WriteError::Fenced)) || tries == FENCE_TRIES_MAX {
            return done;
        }
        tries += 1;
        match sink.checkpoint(from.shard).await? {
            Some(now) if Checkpoint { epoch: from.epoch, ..now } == from => from = now,
            Some(_) | None => return done,
        }
    }
}

/// A shard that nobody of before can reach any more.
struct Begun {
    shard: ShardId,
    run: OpenRun,
    /// Whether an earlier try had begun it.
    went_on: bool,
    now_ms: u64,
}

async fn begin<S: RecoverTarget>(
    target: &S,
    sink: &Sink,
    found: Found,
    wish: &RecoverWish,
) -> Result<Begun, RecoverError> {
    let (shard, now_ms) = (found.shard, found.now_ms);
    let went_on = found.open.is_some();
    let run = match found.open {
        Some(run) => run,
        None => {
            // Not before what the tables have, not after this moment.
            let from_ms = found.checkpoint.applied_at_ms;
            let lost_at_ms = wish.lost_at_ms.unwrap_or(found.now_ms);
            let until_ms = lost_at_ms.min(found.now_ms).max(from_ms);
            let gap = gap(&found.checkpoint, until_ms);
            fence(sink, found.checkpoint, (&gap, until_ms)).await?
        }
    };
    if found.bound != Some(run.database_id) {
        target.bind(shard, found.bound, run.database_id).await?;
    }
    Ok(Begun { shard, run, went_on, now_ms })
}

async fn one_shard<S: RecoverTarget>(
    target: &S,
    sink: &Sink,
    (begun, written): (Begun, &[Written]),
) -> Result<RecoveredShard, RecoverError> {
    let Begun { shard, run, went_on, now_ms } = begun;
    let here = target.events(shard).await?;
    let mut events = Vec::new();
    for event in written.iter().filter(|event| event.shard == shard) {
        let rows = sink.event_rows(event).await?;
        let invalid = |reason| RecoverError::Invalid { event_id: event.event_id.clone(), reason };
        let whole = assemble::assemble(event, rows, now_ms).map_err(invalid)?;
        events.push(RecoveredEvent::of(event, &whole));
        if !here.contains(&event.number) {
            give(target, event, whole).await?;
        }
    }
    let (lost_after, lost) = (run.lost_after.clone(), run.lost);
    let report =
        RecoveredShard { shard, incarnation: run.incarnation, lost_after, lost, went_on, events };
    sink.finish_run(shard, &run, &report).await?;
    Ok(report)
}

/// The record that stands for all that is lost, as the first of the new incarnation.
fn gap(from: &Checkpoint, at_ms: u64) -> Batch {
    let FeedPosition { log_index, ordinal } = from.position;
    let row = LedgerRow {
        position: FeedPosition::default(),
        event_id: ALL_EVENTS.to_owned(),
        ..blank(at_ms, GAP_KIND.to_owned(), format!("lost after {log_index}.{ordinal}"))
    };
    Batch { ledger: vec![row], ..Batch::default() }
}

async fn give<S: RecoverTarget>(
    target: &S,
    event: &Written,
    whole: assemble::Whole,
) -> Result<(), RecoverError> {
    for piece in pieces::pieces(event.number, whole) {
        let refused = |refusal| match refusal {
            Refusal::RecoveryInvalid { reason } => reason,
            other => format!("{other:?}"),
        };
        match again_until_known(target, event.shard, piece).await? {
            Outcome::Recovered { .. } => {}
            Outcome::Refused(refusal) => {
                let event_id = event.event_id.clone();
                return Err(RecoverError::Invalid { event_id, reason: refused(refusal) });
            }
            other => return Err(GridError::Protocol(format!("{other:?}")).into()),
        }
    }
    Ok(())
}

/// A piece that is given twice is taken once.
async fn again_until_known<S: RecoverTarget>(
    target: &S,
    shard: ShardId,
    piece: RecoverEvent,
) -> Result<Outcome, GridError> {
    let deadline = Instant::now() + ASK_DEADLINE;
    loop {
        match target.recover(shard, piece.clone()).await {
            Err(GridError::Unknown | GridError::NoLeader | GridError::Overloaded)
                if Instant::now() < deadline => {}
            told => return told,
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
