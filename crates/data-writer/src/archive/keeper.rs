//! The leading writer's own archiving: months that are over go to files, old ones leave the tables,
//! again and again. The same work as `seatgrid ledger archive`, and as harmless to repeat: a writer
//! that dies or is replaced in the middle leaves a partial file that the next run makes anew.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use metrics::counter;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::months::{ArchiveError, Archived, archive_months};
use crate::config::WriterConfig;
use crate::failure::is_away;
use crate::health::Health;
use crate::signing::HeadSigner;

/// Before the first look: a writer that has just taken over has more urgent things to do.
const FIRST_AFTER: Duration = Duration::from_secs(1);
/// Before a look that failed is repeated, at most the usual time between two.
const RETRY_AFTER: Duration = Duration::from_secs(60);

/// Where files go, and how long months stay.
#[derive(Debug)]
pub(crate) struct ArchiveKeeper {
    job: Arc<Job>,
    every: Duration,
    health: Arc<Health>,
}

#[derive(Debug)]
struct Job {
    url: String,
    dir: PathBuf,
    keep_months: u32,
    signer: Option<HeadSigner>,
}

impl ArchiveKeeper {
    /// With the knobs of `config`; `None` when no directory is set.
    pub(crate) fn new(
        config: &WriterConfig,
        url: &str,
        signer: Option<HeadSigner>,
        health: Arc<Health>,
    ) -> Option<Self> {
        let dir = config.archive_dir.clone()?;
        let job = Job { url: url.to_owned(), dir, keep_months: config.archive_keep_months, signer };
        let every = Duration::from_millis(config.archive_every_ms);
        Some(Self { job: Arc::new(job), every, health })
    }

    /// Never ends. Dropped, it gives up what it was at.
    pub(crate) async fn run(&self) {
        let mut turns = interval(self.every);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        turns.reset_after(FIRST_AFTER.min(self.every));
        loop {
            turns.tick().await;
            // A task of its own: compressing a month must not hold up the heartbeat.
            let mut task = JoinSet::new();
            let job = Arc::clone(&self.job);
            task.spawn(async move { job.archive().await });
            match task.join_next().await {
                Some(Ok(Ok(done))) => self.done(&done),
                Some(Ok(Err(error))) => {
                    self.failed(&error);
                    turns.reset_after(RETRY_AFTER.min(self.every));
                }
                Some(Err(_)) | None => tracing::error!("archiving broke, tried again"),
            }
        }
    }

    fn done(&self, done: &Archived) {
        for (file, records) in &done.written {
            counter!("seatgrid_writer_archived_records_total").increment(*records);
            tracing::info!(file = %file.display(), records, "a month of the ledger is archived");
        }
        for (month, records) in &done.dropped {
            tracing::info!(month, records, "an archived month left the tables");
        }
        self.health.archive_works();
    }

    fn failed(&self, error: &ArchiveError) {
        match error {
            // That PostgreSQL is away is told by those who need it at once.
            ArchiveError::Database(cause) if is_away(cause) => {}
            error => self.health.archive_failed(error),
        }
    }
}

impl Job {
    async fn archive(&self) -> Result<Archived, ArchiveError> {
        std::fs::create_dir_all(&self.dir)?;
        let signer = self.signer.as_ref();
        archive_months(&self.url, &self.dir, self.keep_months, signer, &mut |_| {}).await
    }
}
