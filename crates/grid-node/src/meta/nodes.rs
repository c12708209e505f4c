//! Who belongs to the grid: founders, newcomers, and the refusal of those who lost their log.

use std::collections::BTreeSet;

use super::{
    Founder, MetaRefusal, MetaReply, MetaState, NodeProfile, NodeRecord, NodeState, Outcome,
    ShardRecord,
};
use crate::{NodeId, ShardId};

/// Nodes that ever get an id: a bound of the table, far above what a grid has.
const NODES_MAX: usize = 1024;
/// Longest name of a zone, in bytes.
pub(crate) const ZONE_BYTES_MAX: usize = 64;

impl MetaState {
    pub(super) fn found(
        &mut self,
        founders: Vec<Founder>,
        shards: Vec<(ShardId, Vec<NodeId>)>,
        (replicas, version): (u32, u32),
    ) -> Outcome {
        if self.is_founded() {
            return Ok(MetaReply::Done);
        }
        let ids: BTreeSet<NodeId> = founders.iter().map(|node| node.id).collect();
        let known = |(_, replicas): &(ShardId, Vec<NodeId>)| {
            !replicas.is_empty() && replicas.iter().all(|node| ids.contains(node))
        };
        if ids.is_empty() || ids.contains(&0) || !shards.iter().all(known) {
            return Err(MetaRefusal::Invalid("not a founding layout".into()));
        }
        self.next_node_id = ids.iter().max().map_or(1, |max| max + 1);
        self.replicas = replicas;
        self.version = version;
        for founder in founders {
            let record = NodeRecord {
                id: founder.id,
                log_id: None,
                addresses: founder.addresses,
                zone: founder.zone,
                versions: (version, version),
                state: NodeState::Active,
                replaces: None,
            };
            self.nodes.insert(record.id, record);
        }
        // Groups begin with the first version, whatever release founds them, and are raised.
        let record = |replicas| ShardRecord { epoch: 1, replicas, moving: None, version: 1 };
        self.shards = shards.into_iter().map(|(id, replicas)| (id, record(replicas))).collect();
        self.touch();
        Ok(MetaReply::Done)
    }

    pub(super) fn announce(&mut self, node: NodeId, profile: NodeProfile) -> Outcome {
        self.check_profile(&profile)?;
        let known = self.node_of(node)?;
        if known.log_id.is_some_and(|log_id| log_id != profile.log_id) {
            // invariant: I5
            return Err(MetaRefusal::WrongLog { node });
        }
        if !known.state.is_member() {
            return Err(MetaRefusal::Gone { node });
        }
        let record = NodeRecord {
            log_id: Some(profile.log_id),
            addresses: profile.addresses,
            zone: profile.zone,
            versions: profile.versions,
            ..known.clone()
        };
        if record != *known {
            self.nodes.insert(node, record);
            self.touch();
        }
        Ok(MetaReply::Done)
    }

    pub(super) fn join(&mut self, profile: NodeProfile, replaces: Option<NodeId>) -> Outcome {
        self.check_profile(&profile)?;
        if let Some(known) = self.nodes.values().find(|n| n.log_id == Some(profile.log_id)) {
            return Ok(MetaReply::Joined(known.id));
        }
        if !self.is_founded() {
            return Err(MetaRefusal::Conflict("the grid is not founded yet".into()));
        }
        if self.nodes.len() >= NODES_MAX {
            return Err(MetaRefusal::Conflict(format!("{NODES_MAX} nodes have had an id")));
        }
        if let Some(lost) = replaces {
            self.check_replaced(lost)?;
        }
        let id = self.next_node_id;
        self.next_node_id += 1;
        // Whoever takes the place of a lost node was let in by the operator who gave that one up.
        let state = if replaces.is_some() { NodeState::Active } else { NodeState::Spare };
        let record = NodeRecord {
            id,
            log_id: Some(profile.log_id),
            addresses: profile.addresses,
            zone: profile.zone,
            versions: profile.versions,
            state,
            replaces,
        };
        self.nodes.insert(id, record);
        self.touch();
        Ok(MetaReply::Joined(id))
    }

    fn check_replaced(&self, lost: NodeId) -> Result<(), MetaRefusal> {
        match self.node_of(lost)?.state {
            NodeState::Lost | NodeState::Removed => {}
            _ => return Err(MetaRefusal::WrongLog { node: lost }),
        }
        match self.nodes.values().find(|node| node.replaces == Some(lost)) {
            Some(other) => {
                let reason = format!("node {} has taken the place of node {lost}", other.id);
                Err(MetaRefusal::Conflict(reason))
            }
            None => Ok(()),
        }
    }

    fn check_profile(&self, profile: &NodeProfile) -> Result<(), MetaRefusal> {
        let (oldest, newest) = profile.versions;
        check_zone(&profile.zone)?;
        if self.is_founded() && !(oldest..=newest).contains(&self.version) {
            let reason = format!(
                "the grid goes by version {}, this release reads {oldest} to {newest}",
                self.version
            );
            return Err(MetaRefusal::Unsafe(reason));
        }
        Ok(())
    }

    pub(super) fn set_node_state(&mut self, node: NodeId, state: NodeState) {
        if let Some(record) = self.nodes.get_mut(&node).filter(|record| record.state != state) {
            record.state = state;
            self.touch();
        }
    }
}

/// That a zone's name is not too long.
pub(super) fn check_zone(zone: &str) -> Result<(), MetaRefusal> {
    if zone.len() > ZONE_BYTES_MAX {
        return Err(MetaRefusal::Invalid(format!("a zone has at most {ZONE_BYTES_MAX} bytes")));
    }
    Ok(())
}
