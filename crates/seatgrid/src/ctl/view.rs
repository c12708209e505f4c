//! From what each process says of itself to what an operator asks: one picture of the grid, for
//! people and for programs. Pure.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;

use grid_node::{NodeId, NodeStatus, ShardId};
use serde::Serialize;

use super::ask::Answers;

/// A replica that is further behind its leader than this is an issue, in log entries.
const BEHIND_MAX: u64 = 10_000;

/// The picture.
#[derive(Debug)]
pub(super) struct View<'a> {
    answers: &'a Answers,
    shards: Vec<Shard>,
}

/// One shard over all nodes; 0 is the meta group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Shard {
    pub(super) shard: ShardId,
    pub(super) state: State,
    pub(super) leader: Option<NodeId>,
    pub(super) replicas: Vec<NodeId>,
    pub(super) epoch: u64,
    pub(super) committed_index: Option<u64>,
}

/// Whether a shard serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    /// A leader answers.
    Serving,
    /// No asked node leads it.
    NoLeader,
}

/// One unit.
#[derive(Debug, Serialize)]
pub(super) struct Node {
    node: Option<NodeId>,
    admin: SocketAddr,
    reachable: bool,
    leads: usize,
    replicas: usize,
}

/// The answer to `status`.
#[derive(Debug, Serialize)]
pub(super) struct Status {
    nodes: Vec<Node>,
    shards_by_state: BTreeMap<State, usize>,
    leaders: BTreeMap<ShardId, Option<NodeId>>,
    persist_lag_ms: Option<u64>,
    issues: Vec<String>,
}

/// The answer to `shard list`.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(super) struct ShardList(Vec<Shard>);

/// The answer to `event show`.
#[derive(Debug, Serialize)]
pub(super) struct Event {
    event_id: String,
    shard: ShardId,
    leader: Option<NodeId>,
    replicas: Vec<NodeId>,
    /// Grows whenever the shard gets another leader.
    epoch: u64,
}

impl<'a> View<'a> {
    pub(super) fn new(answers: &'a Answers) -> Self {
        let mut shards = BTreeMap::new();
        for node in nodes(answers) {
            for replica in &node.shards {
                let shard = shards.entry(replica.shard).or_insert_with(|| Shard {
                    shard: replica.shard,
                    state: State::NoLeader,
                    leader: None,
                    replicas: replica.voters.clone(),
                    epoch: 0,
                    committed_index: None,
                });
                shard.epoch = shard.epoch.max(replica.term);
                shard.committed_index = shard.committed_index.max(replica.committed_index);
                if replica.serving {
                    shard.state = State::Serving;
                    shard.leader = Some(node.node_id);
                }
            }
        }
        Self { answers, shards: shards.into_values().collect() }
    }

    pub(super) fn status(&self) -> Status {
        let mut shards_by_state = BTreeMap::from([(State::Serving, 0), (State::NoLeader, 0)]);
        for shard in &self.shards {
            *shards_by_state.entry(shard.state).or_default() += 1;
        }
        Status {
            nodes: self.nodes(),
            shards_by_state,
            leaders: self.shards.iter().map(|shard| (shard.shard, shard.leader)).collect(),
            persist_lag_ms: self.persist_lag_ms(),
            issues: self.issues(),
        }
    }

    pub(super) fn shards(&self) -> ShardList {
        ShardList(self.shards.clone())
    }

    pub(super) fn event(&self, id: &str, shard: ShardId) -> Event {
        let known = self.shards.iter().find(|known| known.shard == shard);
        Event {
            event_id: id.to_owned(),
            shard,
            leader: known.and_then(|known| known.leader),
            replicas: known.map(|known| known.replicas.clone()).unwrap_or_default(),
            epoch: known.map_or(0, |known| known.epoch),
        }
    }

    fn nodes(&self) -> Vec<Node> {
        let units = self.answers.units.iter();
        let nodes = units.map(|unit| {
            let status = unit.answer.as_ref().ok();
            let shards = status.map_or(&[][..], |status| &status.shards);
            Node {
                node: status.map(|status| status.node_id),
                admin: unit.admin,
                reachable: status.is_some(),
                leads: shards.iter().filter(|shard| shard.serving).count(),
                replicas: shards.len(),
            }
        });
        nodes.collect()
    }

    /// The worst shard of the active writer; unknown when none answers.
    fn persist_lag_ms(&self) -> Option<u64> {
        let active = self.answers.writers.iter().filter_map(|writer| writer.answer.as_ref().ok());
        let active = active.filter(|writer| writer.role == "active");
        active.flat_map(|writer| &writer.shards).map(|shard| shard.lag_ms).max()
    }

    fn issues(&self) -> Vec<String> {
        let silent_units = self.answers.units.iter().filter_map(|unit| unit.answer.as_ref().err());
        let silent = silent_units.map(|fault| format!("a unit does not answer: {fault}"));
        let leaderless = self.shards.iter().filter(|shard| shard.leader.is_none());
        let leaderless = leaderless.map(|shard| format!("shard {} has no leader", shard.shard));
        silent.chain(leaderless).chain(self.replica_issues()).chain(self.writer_issues()).collect()
    }

    fn replica_issues(&self) -> Vec<String> {
        let mut issues = Vec::new();
        for node in nodes(self.answers) {
            for replica in &node.shards {
                let name =
                    format!("the replica of shard {} on node {}", replica.shard, node.node_id);
                if replica.doubtful {
                    issues.push(format!("{name} waits to be repaired after a torn log"));
                }
                let whole = self.shards.iter().find(|shard| shard.shard == replica.shard);
                let committed = whole.and_then(|shard| shard.committed_index).unwrap_or(0);
                let behind = committed.saturating_sub(replica.applied_index.unwrap_or(0));
                if behind > BEHIND_MAX {
                    issues.push(format!("{name} is {behind} entries behind"));
                }
            }
        }
        issues
    }

    fn writer_issues(&self) -> Vec<String> {
        let mut issues = Vec::new();
        for writer in &self.answers.writers {
            match &writer.answer {
                Err(fault) => issues.push(format!("a writer does not answer: {fault}")),
                Ok(writer) => {
                    if !writer.database_up {
                        issues.push("the writer cannot reach PostgreSQL".to_owned());
                    }
                    if writer.quarantine > 0 {
                        let parked = writer.quarantine;
                        issues
                            .push(format!("{parked} records are parked in grid.writer_quarantine"));
                    }
                }
            }
        }
        issues
    }
}

fn nodes(answers: &Answers) -> impl Iterator<Item = &NodeStatus> {
    answers.units.iter().filter_map(|unit| unit.answer.as_ref().ok())
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for node in &self.nodes {
            let Node { admin, leads, replicas, .. } = node;
            match node.node {
                Some(id) => writeln!(f, "node {id}  {admin}  leads {leads} of {replicas} shards")?,
                None => writeln!(f, "node ?  {admin}  does not answer")?,
            }
        }
        let count = |state| self.shards_by_state.get(&state).copied().unwrap_or(0);
        let (serving, leaderless) = (count(State::Serving), count(State::NoLeader));
        writeln!(f, "shards  {serving} serving, {leaderless} without a leader")?;
        match self.persist_lag_ms {
            Some(lag) => writeln!(f, "persist lag  {lag} ms")?,
            None => writeln!(f, "persist lag  unknown")?,
        }
        if self.issues.is_empty() {
            return writeln!(f, "issues  none");
        }
        self.issues.iter().try_for_each(|issue| writeln!(f, "issue  {issue}"))
    }
}

impl fmt::Display for ShardList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "shard  leader  replicas  epoch  committed")?;
        for shard in &self.0 {
            let (leader, replicas) = (name(shard.leader), names(&shard.replicas));
            let committed = shard.committed_index.unwrap_or(0);
            let (number, epoch) = (shard.shard, shard.epoch);
            writeln!(f, "{number:>5}  {leader:>6}  {replicas:>8}  {epoch:>5}  {committed:>9}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { event_id, shard, epoch, .. } = self;
        let (leader, replicas) = (name(self.leader), names(&self.replicas));
        writeln!(
            f,
            "event {event_id}  shard {shard}  leader {leader}  replicas {replicas}  epoch {epoch}"
        )
    }
}

fn name(node: Option<NodeId>) -> String {
    node.map_or_else(|| "none".to_owned(), |node| node.to_string())
}

fn names(nodes: &[NodeId]) -> String {
    nodes.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests;
