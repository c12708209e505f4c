//! The timekeeper: on the leader of each shard, proposes `ExpireHolds` when the next deadline has
//! passed. Level-triggered: it looks at the state, so failover and restart need nothing special,
//! and a proposal too many does nothing. It never changes state itself.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use grid_node::{Replicas, Shard};
use inventory::{Actor, Command, Envelope, codec};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::ShardMachine;

/// How long one proposal may take before another look.
const PROPOSAL_DEADLINE: Duration = Duration::from_secs(2);
/// The pause after a look that may repeat itself, so that a busy shard costs no spinning.
const PAUSE: Duration = Duration::from_millis(20);
/// The longest sleep: a clock that jumped is noticed after this.
const SLEEP_MAX: Duration = Duration::from_secs(1);

/// A shard's timekeeper at work.
struct Keeper {
    shard: Arc<Shard<ShardMachine>>,
    stop: CancellationToken,
}

/// One timekeeper for each replica on this node, as replicas come and go, until `shutdown`.
pub(crate) async fn keep_all(replicas: Replicas<ShardMachine>, shutdown: CancellationToken) {
    let mut changes = replicas.watch();
    let mut keepers: Vec<Keeper> = Vec::new();
    let mut tasks = JoinSet::new();
    loop {
        changes.borrow_and_update();
        let here = replicas.all();
        keepers.retain(|keeper| {
            // A replica that left and came back is another one under the same number.
            let stays = here.iter().any(|shard| Arc::ptr_eq(shard, &keeper.shard));
            if !stays {
                keeper.stop.cancel();
            }
            stays
        });
        for shard in here {
            if keepers.iter().any(|keeper| Arc::ptr_eq(&keeper.shard, &shard)) {
                continue;
            }
            let stop = shutdown.child_token();
            tasks.spawn(run(Arc::clone(&shard), stop.clone()));
            keepers.push(Keeper { shard, stop });
        }
        tokio::select! {
            () = shutdown.cancelled() => break,
            changed = changes.changed() => if changed.is_err() { break },
            Some(_) = tasks.join_next(), if !tasks.is_empty() => {}
        }
    }
    shutdown.cancel();
    while tasks.join_next().await.is_some() {}
}

/// Runs until `shutdown`.
async fn run(shard: Arc<Shard<ShardMachine>>, shutdown: CancellationToken) {
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = keep(&shard) => {}
    }
}

async fn keep(shard: &Shard<ShardMachine>) {
    let mut leadership = shard.watch_leadership();
    let mut applied = shard.watch_applied();
    let expire = Envelope { key: None, actor: Actor::SYSTEM, command: Command::ExpireHolds };
    let expire = Bytes::from(codec::encode_envelope(&expire));
    loop {
        if !*leadership.borrow_and_update() {
            if leadership.changed().await.is_err() {
                return;
            }
            continue;
        }
        applied.borrow_and_update();
        match next_due(shard) {
            Some(Duration::ZERO) => {
                let deadline = Instant::now() + PROPOSAL_DEADLINE;
                if let Err(error) = shard.submit(expire.clone(), deadline).await {
                    tracing::debug!(shard = shard.id(), %error, "expiry not proposed, looking again");
                }
                tokio::time::sleep(PAUSE).await;
            }
            Some(due) => {
                // A hold with a shorter life may come meanwhile: any news leads to another look.
                let news = async { tokio::join!(applied.changed(), tokio::time::sleep(PAUSE)) };
                tokio::select! {
                    () = tokio::time::sleep(due.min(SLEEP_MAX)) => {}
                    _ = leadership.changed() => {}
                    _ = news => {}
                }
            }
            None => {
                if applied.changed().await.is_err() {
                    return;
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// How long until the next deadline; `None` without one.
fn next_due(shard: &Shard<ShardMachine>) -> Option<Duration> {
    let deadline_ms = shard.read(|machine| machine.state().next_deadline_ms())?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Some(Duration::from_millis(deadline_ms).saturating_sub(now))
}
