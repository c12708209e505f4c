//! I7, the other half: where a shard is follows from its epoch. Whichever unit is asked, one epoch of a
//! shard names the same three units; replicas change only together with it.

use std::collections::BTreeMap;

use grid_node::{MetaState, NodeId, ShardId};

use super::Check;
use crate::network::HostId;

/// Replicas of a shard; no order in a run asks for fewer.
const REPLICAS: usize = 3;

/// See the module.
#[derive(Default)]
pub struct Layout(BTreeMap<(ShardId, u64), Vec<NodeId>>);

impl Check for Layout {
    fn name(&self) -> &'static str {
        "I7 one place an epoch"
    }

    fn registry(&mut self, host: HostId, state: &MetaState) -> Result<(), String> {
        for (shard, record) in state.shards() {
            // Who is to lead stands first and may change within an epoch.
            let mut replicas = record.replicas.clone();
            replicas.sort_unstable();
            replicas.dedup();
            if replicas.len() != REPLICAS {
                return Err(format!("unit {host}: shard {shard} is at {:?}", record.replicas));
            }
            let epoch = (*shard, record.epoch);
            let known = self.0.entry(epoch).or_insert_with(|| replicas.clone());
            if *known != replicas {
                return Err(format!("unit {host}: {epoch:?} was at {known:?} and is {replicas:?}"));
            }
        }
        Ok(())
    }
}
