//! Who should lead: away from nodes that leave, and evenly by measured load.

use std::collections::BTreeMap;

use crate::meta::{MetaState, ShardRecord};
use crate::{NodeId, ShardId};

/// Load that an idle shard counts as, commands per second: leaders of idle shards spread too.
const IDLE_LOAD: u64 = 50;
/// A move must lessen the difference between two nodes by a fifth of the fuller one's load at
/// least, so that noise moves nothing.
const GAIN_DIVISOR: u64 = 5;

/// Commands per second of each shard.
pub type ShardLoads = BTreeMap<ShardId, u64>;

/// A change of a shard's preferred leader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaderMove {
    /// The shard.
    pub shard: ShardId,
    /// The replica that should lead.
    pub to: NodeId,
}

/// A shard whose preferred leader is on a node that leaves, and another replica for it: the one
/// whose node leads least.
#[must_use]
pub fn stranded_leader(state: &MetaState) -> Option<LeaderMove> {
    let active = state.active_nodes();
    let led = led(state, &ShardLoads::new());
    let stranded = |record: &&ShardRecord| {
        record.moving.is_none() && record.replicas.first().is_some_and(|n| !active.contains(n))
    };
    state.shards().iter().filter(|(_, record)| stranded(record)).find_map(|(shard, record)| {
        let fit = record.replicas.iter().copied().filter(|node| active.contains(node));
        let to = fit.min_by_key(|node| led.get(node).copied().unwrap_or(0))?;
        Some(LeaderMove { shard: *shard, to })
    })
}

/// The one change of a preferred leader that helps most, by measured load; `None` when none helps
/// enough. Shards named in `resting` were moved lately and are left alone.
#[must_use]
pub fn next_leader(
    state: &MetaState,
    loads: &ShardLoads,
    resting: &[ShardId],
) -> Option<LeaderMove> {
    let active = state.active_nodes();
    let led = led(state, loads);
    let of = |node: &NodeId| led.get(node).copied().unwrap_or(0);
    let mut best: Option<(u64, LeaderMove)> = None;
    for (&shard, record) in state.shards() {
        let Some(&from) = record.replicas.first().filter(|node| active.contains(node)) else {
            continue;
        };
        if shard == 0 || record.moving.is_some() || resting.contains(&shard) {
            continue;
        }
        let load = load_of(loads, shard);
        for &to in record.replicas[1..].iter().filter(|node| active.contains(node)) {
            let before = of(&from).abs_diff(of(&to));
            let after = (of(&from) - load).abs_diff(of(&to) + load);
            let gain = before.saturating_sub(after);
            let worth = of(&from) > of(&to) && gain > of(&from) / GAIN_DIVISOR;
            if worth && best.is_none_or(|(most, _)| gain > most) {
                best = Some((gain, LeaderMove { shard, to }));
            }
        }
    }
    best.map(|(_, found)| found)
}

/// Load of the shards that each node should lead.
fn led(state: &MetaState, loads: &ShardLoads) -> BTreeMap<NodeId, u64> {
    let mut led = BTreeMap::new();
    for (&shard, record) in state.shards().iter().filter(|(shard, _)| **shard != 0) {
        if let Some(&leader) = record.replicas.first() {
            *led.entry(leader).or_insert(0) += load_of(loads, shard);
        }
    }
    led
}

fn load_of(loads: &ShardLoads, shard: ShardId) -> u64 {
    IDLE_LOAD + loads.get(&shard).copied().unwrap_or(0)
}
