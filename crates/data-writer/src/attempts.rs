//! Refused attempts and operators' decisions: what was asked for and not done, and what people did to
//! the records themselves. They are rows of the ledger in a chain of their own, which only the active
//! writer extends; here they are taken in, checked and made into rows.
//!
//! Flow: a router's batch or an operator's word comes to the admin endpoint ([`Intake`]), waits in a
//! short queue, is kept by the `keeper` in one transaction, and only then answered. A batch is known by
//! its source and number, so that one that is sent again is kept once.

mod keeper;
mod rows;

use std::time::Duration;

use http_api::AttemptBatch;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

pub(crate) use keeper::{Keeper, KeeperEnd};
pub(crate) use rows::{attempt_rows, blank, decision_row};

/// The chain of refused attempts and of operators' decisions: a shard number that no grid gives out.
pub const ATTEMPTS_SHARD: u32 = 2_000_000_000;

/// Work that waits; a batch is a megabyte at most.
const WAITING_MAX: usize = 16;
/// Less than a router waits, so that it hears a "not now" instead of nothing.
const ANSWER_MAX: Duration = Duration::from_secs(9);

/// What an operator decides about a parked record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Its cause is gone: write it, and what has become of its things since.
    Retry,
    /// It will never be written, for this reason.
    Discard(String),
}

/// A parked record, what to do with it, and who says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decision {
    pub(crate) id: i64,
    pub(crate) verdict: Verdict,
    pub(crate) by: String,
}

/// One piece of work and where its answer goes.
#[derive(Debug)]
pub(crate) enum Work {
    Batch(Box<AttemptBatch>, oneshot::Sender<Result<(), NotDone>>),
    Decide(Decision, oneshot::Sender<Result<(), NotDone>>),
}

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotDone {
    /// It never will be.
    #[error("{0}")]
    Refused(String),
    /// Not here or not now; the same may be asked again.
    #[error("this writer does not write now")]
    NotNow,
}

/// Where work comes in.
#[derive(Debug, Clone)]
pub(crate) struct Intake {
    to: mpsc::Sender<Work>,
}

impl Intake {
    /// With the queue's other end, for the keeper.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Work>) {
        let (to, from) = mpsc::channel(WAITING_MAX);
        (Self { to }, from)
    }

    /// Keeps a batch; `Ok` once it is committed.
    pub(crate) async fn keep(&self, batch: AttemptBatch) -> Result<(), NotDone> {
        rows::check(&batch).map_err(|what| NotDone::Refused(what.to_owned()))?;
        self.ask(|answer| Work::Batch(Box::new(batch), answer)).await
    }

    /// Carries out a decision; `Ok` once it is committed.
    pub(crate) async fn decide(&self, decision: Decision) -> Result<(), NotDone> {
        self.ask(|answer| Work::Decide(decision, answer)).await
    }

    async fn ask(
        &self,
        work: impl FnOnce(oneshot::Sender<Result<(), NotDone>>) -> Work,
    ) -> Result<(), NotDone> {
        let (answer, answered) = oneshot::channel();
        let asked = async {
            self.to.send(work(answer)).await.map_err(|_| NotDone::NotNow)?;
            answered.await.unwrap_or(Err(NotDone::NotNow))
        };
        timeout(ANSWER_MAX, asked).await.unwrap_or(Err(NotDone::NotNow))
    }
}
