//! One shard's pump: asks the grid for what comes after the checkpoint, has it written, tells the
//! grid. Level-triggered: after any failure it claims the checkpoint again and goes on from what is
//! committed, so a crash, a lost answer and a take-over all use the same path.

mod apply;
mod error;
mod inspect;
mod sizing;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics::{counter, histogram};
use processing_unit::{Feed, ShardId};

pub use error::ShardError;

use crate::FeedSource;
use crate::backoff::Backoff;
use crate::config::{PumpSettings, WriterConfig};
use crate::health::Health;
use crate::sink::{Checkpoint, Sink, WriteError};
use crate::terms::TermsCache;

/// What all pumps of a writer share.
#[derive(Debug)]
pub struct Shared<S> {
    pub(crate) source: Arc<S>,
    pub(crate) sink: Arc<Sink>,
    pub(crate) health: Arc<Health>,
    pub(crate) settings: PumpSettings,
}

impl<S: FeedSource> Shared<S> {
    /// From `source` into `sink`, with the knobs of `config`.
    pub fn new(source: Arc<S>, sink: Sink, health: Arc<Health>, config: &WriterConfig) -> Self {
        Self { source, sink: Arc::new(sink), health, settings: PumpSettings::from(config) }
    }
}

/// One shard's pump under one epoch.
#[derive(Debug)]
pub struct Pump<S> {
    shared: Arc<Shared<S>>,
    shard: ShardId,
    epoch: u64,
    batch_rows: u32,
    /// The earliest beginning of the next batch.
    gather_until: Option<Instant>,
    terms: TermsCache,
    backoff: Backoff,
}

impl<S: FeedSource> Pump<S> {
    /// For a shard, under the epoch of the writer's lease.
    pub fn new(shared: Arc<Shared<S>>, shard: ShardId, epoch: u64) -> Self {
        let settings = shared.settings;
        Self {
            shared,
            shard,
            epoch,
            batch_rows: settings.batch_rows_min,
            gather_until: None,
            terms: TermsCache::default(),
            backoff: Backoff::new(settings.retry_min, settings.retry_max),
        }
    }

    /// Pumps until a writer with a higher epoch has the shard. Safe to drop at any point.
    pub async fn run(mut self) {
        loop {
            let Err(error) = self.session().await;
            if matches!(error, ShardError::Fenced) {
                return;
            }
            self.shared.health.shard_failed(self.shard, &error);
            self.backoff.pause().await;
        }
    }

    /// Claims the shard and pumps until something fails.
    async fn session(&mut self) -> Result<Infallible, ShardError> {
        let claimed = self.shared.sink.claim(self.shard, self.epoch).await;
        let mut checkpoint = claimed.map_err(|error| match error {
            WriteError::Fenced => ShardError::Fenced,
            error => ShardError::Write(error),
        })?;
        self.shared.health.database_up();
        inspect::check_name(&self.shared, &checkpoint).await?;
        loop {
            checkpoint = self.step(checkpoint).await?;
            self.shared.health.shard_works(self.shard);
            self.backoff.reset();
        }
    }

    /// One question to the grid and what follows from the answer.
    async fn step(&mut self, checkpoint: Checkpoint) -> Result<Checkpoint, ShardError> {
        if let Some(until) = self.gather_until.take() {
            tokio::time::sleep_until(until.into()).await;
        }
        let wait = self.shared.settings.poll_wait;
        let after = checkpoint.position;
        let feed = self.shared.source.feed(self.shard, after, self.batch_rows, wait).await?;
        inspect::check_feed(&feed, after)?;
        if feed.records.is_empty() {
            return self.rest(checkpoint, &feed).await;
        }
        self.shared.health.shard_at(self.shard, feed.at_ms, feed.records[0].at_ms);
        let began = Instant::now();
        let complete_ms = complete_ms(&feed);
        let terms = self.terms.of(&*self.shared.source, &feed.records).await?;
        let applied = apply::apply(&self.shared, checkpoint, &feed.records, (terms, complete_ms));
        let checkpoint = applied.await?;
        self.gather_until = (!feed.more).then(|| began + self.shared.settings.batch_every);
        self.account(&feed, complete_ms, began.elapsed());
        self.acknowledge(&checkpoint).await;
        Ok(checkpoint)
    }

    /// Nothing new: an acknowledgement that was lost, and now and then one more, since the shard has no
    /// other way to know that PostgreSQL is there; its time is the watermark that follows.
    async fn rest(&self, checkpoint: Checkpoint, feed: &Feed) -> Result<Checkpoint, ShardError> {
        self.shared.health.shard_at(self.shard, feed.at_ms, feed.at_ms);
        let every_ms = self.shared.settings.watermark_every_ms;
        let is_due = feed.at_ms >= checkpoint.applied_at_ms + every_ms;
        if is_due || feed.acknowledged < checkpoint.position {
            self.acknowledge(&checkpoint).await;
        }
        if !is_due {
            return Ok(checkpoint);
        }
        let after = checkpoint.position;
        let now = self.shared.source.feed(self.shard, after, 1, Duration::ZERO).await?;
        if !now.records.is_empty() {
            return Ok(checkpoint);
        }
        Ok(self.shared.sink.refresh(&checkpoint, now.complete_ms).await?)
    }

    fn account(&mut self, feed: &Feed, complete_ms: u64, took: Duration) {
        let complete_ms = if feed.more { complete_ms } else { feed.at_ms };
        self.shared.health.shard_at(self.shard, feed.at_ms, complete_ms);
        histogram!("seatgrid_writer_batch_seconds").record(took.as_secs_f64());
        let settings = &self.shared.settings;
        let limits = settings.batch_rows_min..=settings.batch_rows_max;
        self.batch_rows = sizing::next_batch_rows(self.batch_rows, &limits, feed.more, took);
    }

    /// Best effort: whatever is lost here is repeated with the next batch or the next idle look.
    async fn acknowledge(&self, checkpoint: &Checkpoint) {
        let told = self.shared.source.acknowledge(self.shard, checkpoint.position).await;
        if let Err(error) = told {
            counter!("seatgrid_writer_acknowledgements_lost_total").increment(1);
            tracing::debug!(shard = self.shard, %error, "not acknowledged, comes again");
        }
    }
}

/// Times never decrease in a shard, so all before the last record's is told; with nothing left at the
/// grid, all before its last command.
fn complete_ms(feed: &Feed) -> u64 {
    let last_ms = feed.records.last().map_or(0, |record| record.at_ms);
    if feed.more { last_ms } else { last_ms.max(feed.complete_ms) }
}
