//! Metrics of a node and, on the meta group's leader, of the whole grid. Names and meanings are in
//! docs/metrics.md. Publishes what others measured; decides nothing.

use std::time::Duration;

use grid_node::NodeStatus;
use metrics::gauge;
use tokio_util::sync::CancellationToken;

use crate::console::Console;
use crate::health::Health;
use crate::model::{Overview, Progress, Severity, Stage};

/// Pause between two pictures of the grid: alarms look every quarter of a minute or less often.
const GRID_EVERY: Duration = Duration::from_secs(5);

/// Publishes a node's own figures.
pub fn publish_node(status: &NodeStatus) {
    let log = &status.log;
    gauge!("seatgrid_wal_queue_records").set(log.queue_len as f64);
    gauge!("seatgrid_wal_queue_bytes").set(log.queue_bytes as f64);
    if let (Some(free), Some(total)) = (log.disk_free_bytes, log.disk_total_bytes) {
        gauge!("seatgrid_disk_free_bytes").set(free as f64);
        gauge!("seatgrid_disk_total_bytes").set(total as f64);
    }
    let doubtful = status.shards.iter().filter(|shard| shard.doubtful).count();
    gauge!("seatgrid_replicas_doubtful").set(doubtful as f64);
    for shard in &status.shards {
        let name = shard.shard.to_string();
        let index = |index: Option<u64>| index.unwrap_or(0) as f64;
        gauge!("seatgrid_shard_serving", "shard" => name.clone())
            .set(f64::from(u8::from(shard.serving)));
        gauge!("seatgrid_shard_term", "shard" => name.clone()).set(shard.term as f64);
        gauge!("seatgrid_shard_committed_index", "shard" => name.clone())
            .set(index(shard.committed_index));
        gauge!("seatgrid_shard_applied_index", "shard" => name.clone())
            .set(index(shard.applied_index));
        gauge!("seatgrid_shard_snapshot_index", "shard" => name.clone())
            .set(index(shard.snapshot_index));
        gauge!("seatgrid_shard_log_bytes", "shard" => name).set(shard.log_bytes as f64);
    }
}

/// Publishes the picture of the grid while this node leads the meta group, until `shutdown`. On all
/// other nodes the same metrics are zero, so that a sum over nodes is the truth.
pub async fn watch_grid(console: Console, leads: impl Fn() -> bool, shutdown: CancellationToken) {
    let mut was_leader = false;
    loop {
        if leads() {
            // Without a picture the last one stands; who is unreachable shows in the next.
            if let Ok(grid) = console.overview().await {
                publish_grid(&grid);
                was_leader = true;
            }
        } else if std::mem::take(&mut was_leader) {
            clear_grid();
        }
        tokio::select! {
            () = tokio::time::sleep(GRID_EVERY) => {}
            () = shutdown.cancelled() => return,
        }
    }
}

/// What of the picture is counted: how many of which kind.
fn counts(grid: &Overview) -> Vec<(Count, usize)> {
    let health = Health::ALL.map(|health| {
        let count = grid.shards.iter().filter(|shard| shard.health == health).count();
        (Count::Shards(health), count)
    });
    let stages = STAGES.map(|stage| {
        let count = grid.nodes.iter().filter(|node| node.state == stage).count();
        (Count::Nodes(stage), count)
    });
    let severities = [Severity::Alarm, Severity::Warning, Severity::Notice].map(|severity| {
        let count = grid.issues.iter().filter(|issue| issue.severity == severity).count();
        (Count::Issues(severity), count)
    });
    let states = [Progress::Running, Progress::Paused, Progress::Failed].map(|state| {
        let count = grid.operations.iter().filter(|operation| operation.state == state).count();
        (Count::Operations(state), count)
    });
    let silent = grid.nodes.iter().filter(|node| node.state != Stage::Removed && !node.reachable);
    let moving = grid.shards.iter().filter(|shard| shard.moving.is_some());
    let whole = [(Count::Silent, silent.count()), (Count::Moving, moving.count())];
    health.into_iter().chain(stages).chain(severities).chain(states).chain(whole).collect()
}

const STAGES: [Stage; 6] =
    [Stage::Spare, Stage::Active, Stage::Draining, Stage::Drained, Stage::Lost, Stage::Removed];

/// A metric with its label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Count {
    Shards(Health),
    Nodes(Stage),
    Issues(Severity),
    Operations(Progress),
    Silent,
    Moving,
}

impl Count {
    fn set(self, value: f64) {
        let gauge = match self {
            Self::Shards(health) => gauge!("seatgrid_grid_shards", "health" => health.name()),
            Self::Nodes(stage) => gauge!("seatgrid_grid_nodes", "state" => stage.name()),
            Self::Issues(severity) => gauge!("seatgrid_grid_issues", "severity" => severity.name()),
            Self::Operations(state) => {
                gauge!("seatgrid_grid_operations", "state" => state.name())
            }
            Self::Silent => gauge!("seatgrid_grid_nodes_unreachable"),
            Self::Moving => gauge!("seatgrid_grid_shards_moving"),
        };
        gauge.set(value);
    }
}

fn publish_grid(grid: &Overview) {
    counts(grid).into_iter().for_each(|(count, value)| count.set(value as f64));
    let lags = grid.shards.iter().flat_map(|shard| &shard.replicas).filter(|replica| replica.alive);
    let lag = lags.map(|replica| replica.lag).max().unwrap_or(0);
    gauge!("seatgrid_grid_replica_lag_max").set(lag as f64);
    gauge!("seatgrid_grid_balancer_on").set(f64::from(u8::from(grid.balancer.on)));
}

fn clear_grid() {
    let nothing = Overview {
        asked: 0,
        revision: 0,
        active_version: 0,
        nodes: Vec::new(),
        shards: Vec::new(),
        operations: Vec::new(),
        balancer: crate::model::BalancerView::default(),
        layout: crate::model::LayoutView::default(),
        issues: Vec::new(),
    };
    publish_grid(&nothing);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::overview;
    use crate::picture::tests::{silence, well};

    fn count_of(grid: &Overview, wanted: Count) -> usize {
        let mut counts = counts(grid).into_iter();
        counts.find(|(count, _)| *count == wanted).map(|(_, value)| value).expect("counted")
    }

    #[test]
    fn every_shard_and_node_is_counted_once() {
        let mut facts = well(4, 4);
        silence(&mut facts, 2);
        let grid = overview(&facts);
        let sum = |of: fn(&Count) -> bool| -> usize {
            counts(&grid).iter().filter(|(count, _)| of(count)).map(|(_, value)| value).sum()
        };
        assert_eq!(sum(|count| matches!(count, Count::Shards(_))), 5);
        assert_eq!(sum(|count| matches!(count, Count::Nodes(_))), 4);
        assert_eq!(sum(|count| matches!(count, Count::Issues(_))), grid.issues.len());
        assert_eq!(count_of(&grid, Count::Silent), 1);
        assert!(count_of(&grid, Count::Shards(Health::UnderReplicated)) > 0);
    }
}
