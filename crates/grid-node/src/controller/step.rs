//! What comes next for a change of replicas: pure, from what the meta group has recorded and what
//! the group itself says.
//!
//! The group's own members decide, not the recorded phase: whoever recorded it may have died before
//! or after doing it. The order keeps a quorum of caught-up voters at every point: the newcomer
//! learns, catches up, votes; then the old one stops leading, stops voting.

use std::collections::BTreeSet;

use crate::NodeId;
use crate::admin::ReplicaReport;
use crate::meta::{MovePhase, ReplicaMove, ShardRecord};

/// A newcomer that lacks no more entries than this may vote: less than a second of a busy shard.
const CAUGHT_UP_LAG_MAX: u64 = 64;
/// A follower that was not heard for so long is not given a vote or the lead, in milliseconds.
const SILENCE_MAX_MS: u64 = 2_000;

/// The next thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing yet.
    Wait,
    /// Let the newcomer follow.
    AddLearner(NodeId),
    /// Change who votes; `reached` is what holds before.
    SetVoters { voters: Vec<NodeId>, reached: MovePhase },
    /// Let another one lead.
    TransferLeader(NodeId),
    /// All is done: tell everybody.
    Publish(Vec<NodeId>),
}

/// What comes next.
pub(super) fn next_step(record: &ShardRecord, moving: ReplicaMove, report: &ReplicaReport) -> Step {
    let voters: BTreeSet<NodeId> = report.voters.iter().copied().collect();
    let ready = moving.add.is_some_and(|add| voters.contains(&add));
    if moving.aborted && !ready {
        return undo(record, report);
    }
    if let Some(add) = moving.add.filter(|_| !ready) {
        return admit(add, &voters, report);
    }
    let wanted = record.replicas_after((moving.add, moving.remove));
    let target: BTreeSet<NodeId> = wanted.iter().copied().collect();
    if voters == target && !report.joint && report.learners.is_empty() {
        return Step::Publish(wanted);
    }
    match moving.remove.filter(|old| report.leader == Some(*old) && !target.contains(old)) {
        Some(_) => successor(&wanted, moving.add, report).map_or(Step::Wait, Step::TransferLeader),
        None => Step::SetVoters { voters: wanted, reached: MovePhase::LeaderMoved },
    }
}

/// Brings the newcomer to where it votes.
fn admit(add: NodeId, voters: &BTreeSet<NodeId>, report: &ReplicaReport) -> Step {
    if !report.learners.contains(&add) {
        return Step::AddLearner(add);
    }
    if !is_near(add, report) {
        return Step::Wait;
    }
    let voters = voters.iter().copied().chain([add]).collect();
    Step::SetVoters { voters, reached: MovePhase::CaughtUp }
}

/// Back to what was published.
fn undo(record: &ShardRecord, report: &ReplicaReport) -> Step {
    let published: BTreeSet<NodeId> = record.replicas.iter().copied().collect();
    let voters: BTreeSet<NodeId> = report.voters.iter().copied().collect();
    if voters == published && !report.joint && report.learners.is_empty() {
        return Step::Publish(record.replicas.clone());
    }
    Step::SetVoters { voters: record.replicas.clone(), reached: MovePhase::Planned }
}

/// Who leads next: the newcomer, or else the first of the rest that is up to date.
fn successor(wanted: &[NodeId], add: Option<NodeId>, report: &ReplicaReport) -> Option<NodeId> {
    let others = wanted.iter().copied().filter(|node| Some(*node) != add);
    add.into_iter().chain(others).find(|node| is_near(*node, report))
}

fn is_near(node: NodeId, report: &ReplicaReport) -> bool {
    let follower = report.followers.iter().find(|follower| follower.node == node);
    follower.is_some_and(|follower| {
        follower.lag <= CAUGHT_UP_LAG_MAX
            && follower.heard_ms.is_some_and(|heard_ms| heard_ms <= SILENCE_MAX_MS)
    })
}
