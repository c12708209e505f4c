//! Whether this router should get requests: it has a route table and some shard's leader answers.
//! Level-triggered: asked again and again, whatever happened before.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use processing_unit::{GridError, ShardId};
use tokio_util::sync::CancellationToken;

use crate::state::App;

/// The pause between two looks: fast until ready, so that a start is short, then calm.
const LOOK_SOON: Duration = Duration::from_millis(100);
const LOOK_LATER: Duration = Duration::from_secs(1);
/// How long one look may take.
const LOOK_WITHIN: Duration = Duration::from_secs(2);
/// How long the first readiness waits for the maps of what is on sale, so that the first visitors need not;
/// one shard without a leader keeps nobody out for longer.
const WARM_WITHIN: Duration = Duration::from_secs(10);
/// A shard that every cluster has, asked while no event is pinned.
const FIRST_SHARD: ShardId = 1;
/// Looks that must fail one after the other before a ready router says it is not: a change of
/// leader is bridged by retries and needs no load balancer.
const FAILURES_MAX: u32 = 5;

/// Looks until `shutdown`.
pub(crate) async fn watch(app: &App, shutdown: CancellationToken) {
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = keep_looking(app) => {}
    }
}

async fn keep_looking(app: &App) {
    let (mut failures, mut is_warm) = (0, false);
    loop {
        let pause = match look(app).await {
            Ok(()) => {
                failures = 0;
                if !std::mem::replace(&mut is_warm, true) {
                    app.maps.warm_up(Instant::now() + WARM_WITHIN).await;
                }
                app.probes.ready();
                LOOK_LATER
            }
            Err(error) => {
                failures += 1;
                if failures >= FAILURES_MAX {
                    app.probes.not_ready(error.to_string());
                }
                LOOK_SOON
            }
        };
        tokio::time::sleep(pause).await;
    }
}

async fn look(app: &App) -> Result<(), GridError> {
    let deadline = Instant::now() + LOOK_WITHIN;
    let routes = app.grid.refresh_routes(deadline).await?;
    let pinned: BTreeSet<ShardId> = routes.pins.values().map(|pin| pin.shard).collect();
    let shards = if pinned.is_empty() { BTreeSet::from([FIRST_SHARD]) } else { pinned };
    let each = LOOK_WITHIN / shards.len() as u32;
    for shard in shards {
        if app.grid.shard(shard, Instant::now() + each).await.is_ok() {
            return Ok(());
        }
    }
    Err(GridError::NoLeader)
}
