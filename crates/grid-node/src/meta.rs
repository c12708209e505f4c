//! The meta group's state: nodes, shards and their replicas, pins, operators' goals. Shard 0, same
//! engine as all others.
//!
//! The one place that says where anything is: a node's groups follow it, routers read it, the
//! controller changes it step by step, and whoever takes over the controller's work reads here how
//! far it was. A pinned key stays where it is (invariant I7), node ids are never used twice
//! (invariant I5). Deterministic; the time comes with the entry.

mod command;
mod founding;
mod layout;
mod moves;
mod nodes;
mod operations;
mod pins;
mod snapshot;
mod types;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use command::{Founder, MetaCommand, MetaRefusal, MetaReply};
pub(crate) use nodes::ZONE_BYTES_MAX;
pub use pins::{KEY_BYTES_MAX, STAND_IN};
pub use types::{
    Layout, LayoutChange, MovePhase, NodeAddresses, NodeProfile, NodeRecord, NodeState, Operation,
    OperationKind, OperationState, ReplicaMove, ShardRecord, Switches,
};

use self::pins::PinRecord;
use crate::batch::Replies;
use crate::machine::{CommittedEntry, Encode, RestoreError, StateMachine};
use crate::routes::Pin;
use crate::{NodeId, ShardId, codec};

/// Outcome of a command inside this module.
type Outcome = Result<MetaReply, MetaRefusal>;

/// The meta group's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetaState {
    revision: u64,
    next_node_id: NodeId,
    nodes: BTreeMap<NodeId, NodeRecord>,
    shards: BTreeMap<ShardId, ShardRecord>,
    /// Shared between copies of the state: most changes leave them alone.
    pins: Arc<BTreeMap<String, PinRecord>>,
    /// Pins of each shard.
    load: BTreeMap<ShardId, u32>,
    next_operation: u64,
    operations: BTreeMap<u64, Operation>,
    layout: Layout,
    switches: Switches,
    /// Replicas wanted of each shard.
    replicas: u32,
    /// The version that all shards go by or are being raised to.
    version: u32,
}

impl Default for MetaState {
    fn default() -> Self {
        Self {
            revision: 0,
            next_node_id: 1,
            nodes: BTreeMap::new(),
            shards: BTreeMap::new(),
            pins: Arc::default(),
            load: BTreeMap::new(),
            next_operation: 1,
            operations: BTreeMap::new(),
            layout: Layout::default(),
            switches: Switches::default(),
            replicas: 0,
            version: 1,
        }
    }
}

impl MetaState {
    /// Grows with each change of anything.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Whether the founding layout is written down.
    #[must_use]
    pub fn is_founded(&self) -> bool {
        !self.nodes.is_empty()
    }

    /// All nodes that ever had an id.
    #[must_use]
    pub fn nodes(&self) -> &BTreeMap<NodeId, NodeRecord> {
        &self.nodes
    }

    /// One node.
    #[must_use]
    pub fn node(&self, node: NodeId) -> Option<&NodeRecord> {
        self.nodes.get(&node)
    }

    /// All shards; 0 is the meta group.
    #[must_use]
    pub fn shards(&self) -> &BTreeMap<ShardId, ShardRecord> {
        &self.shards
    }

    /// Operations: those not over, and the newest of those that are.
    #[must_use]
    pub fn operations(&self) -> &BTreeMap<u64, Operation> {
        &self.operations
    }

    /// The staged layout.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The operators' switches.
    #[must_use]
    pub fn switches(&self) -> Switches {
        self.switches
    }

    /// Replicas wanted of each shard.
    #[must_use]
    pub fn replicas_wanted(&self) -> usize {
        self.replicas as usize
    }

    /// The version that all shards go by or are being raised to.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Nodes that may hold replicas.
    #[must_use]
    pub fn active_nodes(&self) -> BTreeSet<NodeId> {
        let active = self.nodes.values().filter(|node| node.state == NodeState::Active);
        active.map(|node| node.id).collect()
    }

    /// Shards that a node has, gets or still has a replica of.
    #[must_use]
    pub fn shards_of(&self, node: NodeId) -> Vec<ShardId> {
        let involved = self.shards.iter().filter(|(_, shard)| shard.involves(node));
        involved.map(|(shard, _)| *shard).collect()
    }

    /// Whether a node has, gets or still has a replica of a shard.
    #[must_use]
    pub fn involves(&self, shard: ShardId, node: NodeId) -> bool {
        self.shards.get(&shard).is_some_and(|record| record.involves(node))
    }

    /// Applies one command at a time, milliseconds since 1970.
    pub fn execute(&mut self, command: MetaCommand, at_ms: u64) -> MetaReply {
        let outcome = match command {
            MetaCommand::Pin { key, shards } => self.pin(key, shards),
            MetaCommand::PinTo { key, shard, moved } => self.pin_to(key, shard, moved),
            MetaCommand::Found { nodes, shards, replicas, version } => {
                self.found(nodes, shards, (replicas, version))
            }
            MetaCommand::Announce { node, profile } => self.announce(node, profile),
            MetaCommand::Join { profile, replaces } => self.join(profile, replaces),
            MetaCommand::Begin { kind } => self.begin(kind, at_ms),
            MetaCommand::Steer { operation, to } => self.steer(operation, to, at_ms),
            MetaCommand::Report { operation, state, note, moves_total } => {
                self.report(operation, (state, note, moves_total), at_ms)
            }
            MetaCommand::StartMove { shard, add, remove, operation } => {
                self.start_move(shard, (add, remove), operation, at_ms)
            }
            MetaCommand::AdvanceMove { shard, phase } => self.advance_move(shard, phase),
            MetaCommand::Publish { shard, replicas } => self.publish(shard, replicas),
            MetaCommand::Prefer { shard, node } => self.prefer(shard, node),
            MetaCommand::Stage { change } => self.stage(change),
            MetaCommand::ApplyLayout { version } => self.apply_layout(version, at_ms),
            MetaCommand::RevertLayout => self.revert_layout(),
            MetaCommand::Switch { switches } => self.switch(switches),
            MetaCommand::Raised { shard, version } => self.raised(shard, version),
            MetaCommand::MovePin { key, since, to } => self.move_pin(key, since, to),
            MetaCommand::Renumber { key, from } => self.renumber(key, from),
        };
        outcome.unwrap_or_else(MetaReply::Refused)
    }

    /// Counts a change.
    fn touch(&mut self) {
        self.revision += 1;
    }

    fn switch(&mut self, switches: Switches) -> Outcome {
        if self.switches != switches {
            self.switches = switches;
            self.touch();
        }
        Ok(MetaReply::Done)
    }

    fn raised(&mut self, shard: ShardId, version: u32) -> Outcome {
        let record = self.shard_mut(shard)?;
        if record.version < version {
            record.version = version;
            self.touch();
        }
        Ok(MetaReply::Done)
    }

    fn shard_mut(&mut self, shard: ShardId) -> Result<&mut ShardRecord, MetaRefusal> {
        let missing = || MetaRefusal::NotFound(format!("shard {shard}"));
        self.shards.get_mut(&shard).ok_or_else(missing)
    }

    fn node_of(&self, node: NodeId) -> Result<&NodeRecord, MetaRefusal> {
        let missing = || MetaRefusal::NotFound(format!("node {node}"));
        self.nodes.get(&node).ok_or_else(missing)
    }
}

impl StateMachine for MetaState {
    const FORM: u32 = 2;

    fn empty(_shard: ShardId) -> Self {
        Self::default()
    }

    fn apply(&mut self, entry: &CommittedEntry, replies: &mut Replies) {
        for command in entry.commands.iter() {
            let reply = match codec::decode::<MetaCommand>(command) {
                Ok(command) if command.version() <= entry.version => {
                    self.execute(command, entry.at_ms)
                }
                Ok(_) | Err(_) => MetaReply::Invalid,
            };
            replies.push(&codec::encode(&reply));
        }
    }

    fn freeze(&self) -> Encode {
        let state = self.clone();
        Box::new(move |out| out.write_all(&snapshot::encode(&state)))
    }

    fn digest(&self) -> u64 {
        u64::from(crc32c::crc32c(&codec::encode(self)))
    }

    fn restore(_shard: ShardId, from: &mut dyn Read) -> Result<Self, RestoreError> {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).map_err(|e| RestoreError::new(e.to_string()))?;
        snapshot::decode(&bytes)
    }
}

#[cfg(test)]
pub(crate) mod tests;
