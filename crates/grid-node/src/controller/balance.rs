//! Leaders: away from nodes that leave at once, and evenly by measured load now and then.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::Controller;
use crate::admin::AdminRequest;
use crate::meta::{MetaCommand, MetaState};
use crate::planner::{self, LeaderMove, ShardLoads};
use crate::{NodeId, ShardId};

/// Time over which load is measured.
const MEASURE_EVERY: Duration = Duration::from_secs(10);
/// A moved leader rests for so long.
const REST: Duration = Duration::from_secs(60);

/// What the balancer remembers; a successor measures anew.
#[derive(Default)]
pub(super) struct Balance {
    /// When each shard's counter was read, which node's it was, and what it said.
    counted: BTreeMap<ShardId, (Instant, NodeId, u64)>,
    loads: ShardLoads,
    measured_at: Option<Instant>,
    moved: BTreeMap<ShardId, Instant>,
}

impl Balance {
    /// Moves at most one leader; whether it did.
    pub async fn turn(&mut self, controller: &Controller, state: &MetaState) -> bool {
        if let Some(found) = planner::stranded_leader(state) {
            return self.hand_over(controller, found, "its node leaves").await;
        }
        let due = self.measured_at.is_none_or(|at| at.elapsed() >= MEASURE_EVERY);
        if !state.switches().balancer || !due {
            return false;
        }
        self.measure(controller, state).await;
        self.moved.retain(|_, at| at.elapsed() < REST);
        let resting: Vec<ShardId> = self.moved.keys().copied().collect();
        match planner::next_leader(state, &self.loads, &resting) {
            Some(found) => self.hand_over(controller, found, "load").await,
            None => false,
        }
    }

    async fn hand_over(
        &mut self,
        controller: &Controller,
        LeaderMove { shard, to }: LeaderMove,
        reason: &'static str,
    ) -> bool {
        tracing::info!(shard, to, reason, "another leader is preferred");
        self.moved.insert(shard, Instant::now());
        if let Err(error) = controller.change(MetaCommand::Prefer { shard, node: to }).await {
            tracing::debug!(shard, %error, "not preferred yet");
            return false;
        }
        metrics::counter!("seatgrid_leader_moves_total", "reason" => reason).increment(1);
        // Whoever is preferred takes over by itself a little later should this not succeed.
        let request = AdminRequest::TransferLeader { shard, to };
        if let Err(error) = controller.instruct(shard, request).await {
            tracing::debug!(shard, %error, "not handed over yet");
        }
        true
    }

    /// Commands per second of each shard since the last look.
    async fn measure(&mut self, controller: &Controller, state: &MetaState) {
        self.measured_at = Some(Instant::now());
        let shards = state.shards().keys().copied().filter(|shard| *shard != 0);
        let asked = shards.map(async |shard| (shard, controller.report(shard).await));
        for (shard, report) in futures_util::future::join_all(asked).await {
            let Ok(report) = report else { continue };
            let (now, total) = (Instant::now(), report.commands_total);
            let before = self.counted.insert(shard, (now, report.node, total));
            if let Some((at, node, count)) = before.filter(|(_, node, _)| *node == report.node) {
                let elapsed_ms = u64::try_from((now - at).as_millis()).unwrap_or(u64::MAX).max(1);
                let rate = total.saturating_sub(count).saturating_mul(1000) / elapsed_ms;
                tracing::trace!(shard, node, rate, "load");
                self.loads.insert(shard, rate);
            }
        }
    }
}
