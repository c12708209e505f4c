//! The task that lets time act: expiry, late decisions, pending refunds.
//!
//! It reads the ledger for what is due and takes no hint about what changed, so that a restart
//! goes on exactly where the last process stopped.

use std::{convert::Infallible, sync::Arc, time::Duration};

use super::{
    state::Sandbox,
    store::{CommitError, StoreError, now_ms},
};

/// Longest sleep. Timers are on the calendar clock, which may be set while we sleep.
const SLEEP_MAX: Duration = Duration::from_secs(1);
/// Wait after the disk was too slow.
const BACK_OFF: Duration = Duration::from_millis(100);
/// Most objects looked at in one transaction, so that requests get their turn.
const BATCH_MAX: usize = 256;

/// Runs until the sandbox stops or its journal breaks.
pub async fn run(sandbox: Arc<Sandbox>) {
    loop {
        let due_ms = sandbox.store.peek(|ledger| ledger.next_timer_ms());
        let wait = due_ms.map_or(SLEEP_MAX, |due_ms| until(due_ms).min(SLEEP_MAX));
        if wait.is_zero() {
            match act(&sandbox).await {
                Ok(()) => {}
                Err(StoreError::Full) => tokio::time::sleep(BACK_OFF).await,
                Err(StoreError::Broken) => return,
            }
            continue;
        }
        tokio::select! {
            () = sandbox.stop.cancelled() => return,
            () = sandbox.store.timers_changed() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// How long until that moment of the calendar clock.
pub fn until(due_ms: i64) -> Duration {
    let ms = due_ms.saturating_sub(now_ms());
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

async fn act(sandbox: &Sandbox) -> Result<(), StoreError> {
    let decide = |ledger: &super::ledger::Ledger, now_ms| {
        Ok::<_, Infallible>((ledger.on_due(now_ms, BATCH_MAX), ()))
    };
    sandbox.store.commit(decide).await.map_err(|error| match error {
        CommitError::Refused(never) => match never {},
        CommitError::Store(error) => error,
    })
}
