//! I3: replicas that have applied the same entries are the same, whichever process and whenever.

use std::collections::BTreeMap;

use grid_node::ShardId;

use super::{Check, Sample};
use crate::network::HostId;

/// See the module.
#[derive(Default)]
pub struct Replicas(BTreeMap<(ShardId, u64), (u64, HostId)>);

impl Check for Replicas {
    fn name(&self) -> &'static str {
        "I3 equal replicas"
    }

    fn replica(&mut self, sample: &Sample) -> Result<(), String> {
        sample.own_checks.clone()?;
        let key = (sample.shard, sample.applied_index);
        let (digest, host) = *self.0.entry(key).or_insert((sample.digest, sample.host));
        if digest == sample.digest {
            return Ok(());
        }
        Err(format!("shard {} at {}: {host} and {} differ", key.0, key.1, sample.host))
    }
}
