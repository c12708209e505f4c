//! Extends the chain of attempts while this writer leads: takes work from the intake, keeps it in one
//! transaction a piece, and answers. Level-triggered like the pumps: after any failure it claims the
//! chain again and does the same piece once more.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, mpsc};
use tokio::time::{MissedTickBehavior, interval};

use super::{ATTEMPTS_SHARD, NotDone, Work};
use crate::FeedSource;
use crate::backoff::Backoff;
use crate::failure::{FailureClass, class_of};
use crate::pump::Shared;
use crate::quarantine;
use crate::sink::{Checkpoint, WriteError, month_of};

/// How often it is looked whether a month is over, so that it can be archived.
const REST_EVERY: Duration = Duration::from_secs(60);
/// How long a month stays open for routers that send late: attempts of before are told as of then.
const LATE_MAX_MS: u64 = 24 * 60 * 60 * 1_000;

/// Why a keeper stopped.
#[derive(Debug)]
pub(crate) enum KeeperEnd {
    /// A writer with a higher epoch has the chain.
    Fenced,
}

/// The chain's only writer.
pub(crate) struct Keeper<S> {
    shared: Arc<Shared<S>>,
    work: Arc<Mutex<mpsc::Receiver<Work>>>,
    epoch: u64,
    backoff: Backoff,
}

impl<S: FeedSource> Keeper<S> {
    pub(crate) fn new(
        shared: Arc<Shared<S>>,
        work: Arc<Mutex<mpsc::Receiver<Work>>>,
        epoch: u64,
    ) -> Self {
        let backoff = Backoff::new(shared.settings.retry_min, shared.settings.retry_max);
        Self { shared, work, epoch, backoff }
    }

    /// Keeps until another writer has the chain. Safe to drop at any point: what was not answered
    /// comes again.
    pub(crate) async fn run(mut self) -> KeeperEnd {
        let work = Arc::clone(&self.work);
        let mut work = work.lock().await;
        let mut open = None;
        loop {
            match self.session(&mut work, &mut open).await {
                WriteError::Fenced if !self.is_current().await => return KeeperEnd::Fenced,
                error => tracing::debug!(%error, "attempts wait, tried again"),
            }
            self.backoff.pause().await;
        }
    }

    /// Whether this epoch may still claim.
    async fn is_current(&self) -> bool {
        !matches!(self.shared.sink.claim(ATTEMPTS_SHARD, self.epoch).await, Err(WriteError::Fenced))
    }

    /// Claims the chain and works until something fails.
    async fn session(
        &mut self,
        work: &mut mpsc::Receiver<Work>,
        open: &mut Option<Work>,
    ) -> WriteError {
        let mut at = match self.shared.sink.claim(ATTEMPTS_SHARD, self.epoch).await {
            Ok(checkpoint) => checkpoint,
            Err(error) => return error,
        };
        let mut rests = interval(REST_EVERY);
        rests.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if open.is_none() {
                tokio::select! {
                    next = work.recv() => *open = next,
                    _ = rests.tick() => match self.rest(&at).await {
                        Ok(to) => at = to,
                        Err(error) => return error,
                    },
                }
            }
            let Some(piece) = open.as_ref() else { continue };
            match self.keep(&at, piece).await {
                Ok(to) => {
                    at = to;
                    self.backoff.reset();
                    answer(open.take(), Ok(()));
                }
                Err(Failed::Never(why)) => answer(open.take(), Err(NotDone::Refused(why))),
                Err(Failed::Write(error)) => {
                    if is_hopeless(&error) {
                        tracing::error!(%error, "refused attempts that no database will take");
                        answer(open.take(), Err(NotDone::Refused(error.to_string())));
                    }
                    return error;
                }
            }
        }
    }

    async fn keep(&self, at: &Checkpoint, piece: &Work) -> Result<Checkpoint, Failed> {
        match piece {
            Work::Batch(batch, _) => Ok(self.shared.sink.keep_attempts(at, batch).await?),
            Work::Decide(decision, _) => {
                match quarantine::carry_out(&*self.shared.source, &self.shared.sink, at, decision)
                    .await
                {
                    Ok(to) => Ok(to),
                    Err(quarantine::CarryError::Write(error)) if !is_hopeless(&error) => {
                        Err(Failed::Write(error))
                    }
                    Err(error) => Err(Failed::Never(error.to_string())),
                }
            }
        }
    }

    async fn rest(&self, at: &Checkpoint) -> Result<Checkpoint, WriteError> {
        let now_ms = jiff::Timestamp::now().as_millisecond().unsigned_abs();
        let month_ms = month_of(now_ms.saturating_sub(LATE_MAX_MS)).unsigned_abs();
        if month_ms <= at.applied_at_ms {
            return Ok(*at);
        }
        self.shared.sink.refresh(at, month_ms).await
    }
}

enum Failed {
    /// Asking again will not help.
    Never(String),
    Write(WriteError),
}

impl From<WriteError> for Failed {
    fn from(error: WriteError) -> Self {
        Self::Write(error)
    }
}

fn is_hopeless(error: &WriteError) -> bool {
    matches!(error, WriteError::Database(cause) if class_of(cause) == FailureClass::Permanent)
}

/// Whoever asked may have gone; then the answer is lost and the question comes again.
fn answer(work: Option<Work>, result: Result<(), NotDone>) {
    match work {
        Some(Work::Batch(_, to) | Work::Decide(_, to)) => drop(to.send(result)),
        None => {}
    }
}
