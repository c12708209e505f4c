//! The timekeeper: on the leader of each shard, proposes `ExpireHolds` when the next deadline has
//! passed, and `LimitOutbox` when the shard goes by another limit than this unit's configuration.
//! Level-triggered: it looks at the state, so failover and restart need nothing special, and a proposal
//! too many does nothing. It never changes state itself.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use grid_node::{Replicas, Shard};
use inventory::{Actor, Command, Envelope, LimitOutbox, codec};
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
pub(crate) async fn keep_all(
    replicas: Replicas<ShardMachine>,
    outbox_records_max: u64,
    shutdown: CancellationToken,
) {
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
            tasks.spawn(run(Arc::clone(&shard), outbox_records_max, stop.clone()));
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
async fn run(
    shard: Arc<Shard<ShardMachine>>,
    outbox_records_max: u64,
    shutdown: CancellationToken,
) {
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = keep(&shard, outbox_records_max) => {}
    }
}

/// A command of the system itself, as it is proposed.
fn encoded(command: Command) -> Bytes {
    Bytes::from(codec::encode_envelope(&Envelope { key: None, actor: Actor::SYSTEM, command }))
}

async fn keep(shard: &Shard<ShardMachine>, outbox_records_max: u64) {
    let mut leadership = shard.watch_leadership();
    let mut applied = shard.watch_applied();
    let expire = encoded(Command::ExpireHolds);
    let limit = encoded(Command::LimitOutbox(LimitOutbox { records_max: outbox_records_max }));
    loop {
        if !*leadership.borrow_and_update() {
            if leadership.changed().await.is_err() {
                return;
            }
            continue;
        }
        applied.borrow_and_update();
        if goes_by_another_limit(shard, outbox_records_max) {
            propose(shard, &limit).await;
            continue;
        }
        match next_due(shard) {
            Some(Duration::ZERO) => propose(shard, &expire).await,
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

async fn propose(shard: &Shard<ShardMachine>, command: &Bytes) {
    let deadline = Instant::now() + PROPOSAL_DEADLINE;
    if let Err(error) = shard.submit(command.clone(), deadline).await {
        tracing::debug!(shard = shard.id(), %error, "not proposed, looking again");
    }
    tokio::time::sleep(PAUSE).await;
}

/// Whether the shard has another limit than wanted and goes by a version that knows of limits.
fn goes_by_another_limit(shard: &Shard<ShardMachine>, wanted: u64) -> bool {
    let known = shard.version() >= u32::from(codec::FORMAT);
    known && shard.read(|machine| machine.state().ledger_records_max()) != wanted
}

/// How long until the next deadline; `None` without one.
fn next_due(shard: &Shard<ShardMachine>) -> Option<Duration> {
    let deadline_ms = shard.read(|machine| machine.state().next_deadline_ms())?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Some(Duration::from_millis(deadline_ms).saturating_sub(now))
}
