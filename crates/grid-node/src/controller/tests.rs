//! The controller's steps against a model of groups: whoever drives dies at every point, members
//! come back late, answers are lost; the goal is reached all the same and no group ever loses a
//! quorum of voters that have its log.

use std::collections::{BTreeMap, BTreeSet};

use super::step::{Step, next_step};
use crate::admin::{FollowerReport, ReplicaReport};
use crate::meta::tests::lines::{begun, founded, join, run};
use crate::meta::{MetaCommand, MetaState, MovePhase, OperationKind, ReplicaMove};
use crate::planner::{self, Scope};
use crate::{NodeId, ShardId};

/// A small generator, the same everywhere.
struct Dice(u64);

impl Dice {
    fn one_in(&mut self, n: u64) -> bool {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33).is_multiple_of(n)
    }
}

/// One group as it is in truth.
#[derive(Clone)]
struct ModelGroup {
    leader: NodeId,
    voters: BTreeSet<NodeId>,
    learners: BTreeSet<NodeId>,
    /// The voters a change stopped before, by the death of the leader.
    joint_with: Option<BTreeSet<NodeId>>,
    caught_up: BTreeSet<NodeId>,
}

impl ModelGroup {
    fn report(&self, shard: ShardId) -> ReplicaReport {
        let follower = |node: &NodeId| FollowerReport {
            node: *node,
            matched_index: 0,
            lag: if self.caught_up.contains(node) { 0 } else { 10_000 },
            heard_ms: Some(10),
        };
        ReplicaReport {
            node: self.leader,
            shard,
            leader: Some(self.leader),
            serving: true,
            voters: self.voters.iter().copied().collect(),
            learners: self.learners.iter().copied().collect(),
            joint: self.joint_with.is_some(),
            followers: self.voters.union(&self.learners).map(follower).collect(),
            ..ReplicaReport::default()
        }
    }

    /// Makes it so, or stops half-way.
    fn set_voters(&mut self, wanted: BTreeSet<NodeId>, half: bool) {
        let old = self.joint_with.take().unwrap_or_else(|| self.voters.clone());
        let strangers: Vec<_> = wanted.difference(&self.voters).collect();
        for node in strangers {
            assert!(self.caught_up.contains(node), "node {node} votes without the log");
        }
        if half && wanted != old {
            self.voters = old.union(&wanted).copied().collect();
            self.joint_with = Some(wanted);
        } else {
            assert!(wanted.contains(&self.leader), "the leader leaves while it leads");
            self.voters = wanted;
        }
        self.learners.clear();
    }
}

struct Model {
    state: MetaState,
    groups: BTreeMap<ShardId, ModelGroup>,
    dice: Dice,
}

impl Model {
    fn new(nodes: u64, seed: u64) -> Self {
        let state = founded(nodes);
        let group = |replicas: &Vec<NodeId>| {
            let voters: BTreeSet<NodeId> = replicas.iter().copied().collect();
            let (leader, caught_up) = (replicas[0], voters.clone());
            ModelGroup { leader, voters, learners: BTreeSet::new(), joint_with: None, caught_up }
        };
        let groups = state.shards().iter().map(|(s, r)| (*s, group(&r.replicas))).collect();
        Self { state, groups, dice: Dice(seed) }
    }

    /// One step of one change, with deaths in between.
    fn advance(&mut self, shard: ShardId, moving: ReplicaMove) {
        let dies = self.dice.one_in(3);
        let group = self.groups.get_mut(&shard).expect("as many groups as shards");
        let step = next_step(&self.state.shards()[&shard], moving, &group.report(shard));
        let reached = match step {
            Step::Wait => return,
            Step::AddLearner(node) => {
                group.learners.insert(node);
                MovePhase::Learning
            }
            Step::SetVoters { voters, reached } => {
                group.set_voters(voters.into_iter().collect(), dies);
                reached
            }
            Step::TransferLeader(to) => {
                assert!(group.voters.contains(&to) && group.caught_up.contains(&to));
                group.leader = to;
                MovePhase::Voting
            }
            Step::Publish(replicas) => {
                if !dies {
                    run(&mut self.state, MetaCommand::Publish { shard, replicas });
                }
                return;
            }
        };
        if !dies && self.state.shards()[&shard].moving.is_some() {
            run(&mut self.state, MetaCommand::AdvanceMove { shard, phase: reached });
        }
    }

    /// What happens by itself: learners catch up, leaders change.
    fn weather(&mut self) {
        for group in self.groups.values_mut() {
            if self.dice.one_in(4) {
                group.caught_up.extend(group.learners.iter().copied());
            }
            if self.dice.one_in(20) {
                let fit = group.voters.intersection(&group.caught_up);
                group.leader = *fit.last().expect("voters with the log");
            }
        }
    }

    fn moving(&self) -> Vec<(ShardId, ReplicaMove)> {
        self.state.shards().iter().filter_map(|(s, r)| Some((*s, r.moving?))).collect()
    }

    /// Runs until nothing is left to do within a scope.
    fn settle(&mut self, scope: &Scope) {
        for _ in 0..20_000 {
            self.weather();
            for (shard, moving) in self.moving() {
                self.advance(shard, moving);
            }
            let next = planner::next_change(&self.state, scope);
            match next.filter(|_| self.moving().len() < 2) {
                Some(planner::Change { shard, add, remove }) => {
                    let start = MetaCommand::StartMove { shard, add, remove, operation: 1 };
                    run(&mut self.state, start);
                }
                None if self.moving().is_empty() => return,
                None => {}
            }
        }
        panic!("does not come to rest: {:?}", self.state.shards());
    }

    #[track_caller]
    fn assert_settled(&self) {
        for (shard, record) in self.state.shards() {
            let group = &self.groups[shard];
            let published: BTreeSet<NodeId> = record.replicas.iter().copied().collect();
            assert_eq!(group.voters, published, "shard {shard}");
            assert_eq!((group.learners.len(), &group.joint_with), (0, &None), "shard {shard}");
        }
    }
}

#[test]
fn a_node_is_added_and_another_drained_whoever_dies_when() {
    for seed in 0..200 {
        let mut model = Model::new(3, seed);
        run(&mut model.state, join(100, None));
        begun(&mut model.state, OperationKind::AddNode { node: 4 });
        model.settle(&Scope::Everything);
        model.assert_settled();
        assert!(!model.state.shards_of(4).is_empty());
        begun(&mut model.state, OperationKind::DrainNode { node: 1, fewer_replicas: false });
        model.settle(&Scope::Evacuate { node: 1, fewer: false });
        model.assert_settled();
        assert_eq!(model.state.shards_of(1), [] as [ShardId; 0], "seed {seed}");
    }
}

#[test]
fn a_canceled_change_is_undone_unless_the_newcomer_votes_already() {
    for seed in 0..200 {
        let mut model = Model::new(4, seed);
        let kind = OperationKind::DrainNode { node: 1, fewer_replicas: false };
        let operation = begun(&mut model.state, kind);
        let scope = Scope::Evacuate { node: 1, fewer: false };
        let change = planner::next_change(&model.state, &scope).expect("something to move");
        let planner::Change { shard, add, remove } = change;
        let start = MetaCommand::StartMove { shard, add, remove, operation };
        run(&mut model.state, start);
        for _ in 0..seed % 12 {
            model.weather();
            for (shard, moving) in model.moving() {
                model.advance(shard, moving);
            }
        }
        let to = crate::meta::OperationState::Canceled;
        run(&mut model.state, MetaCommand::Steer { operation, to });
        let nothing = Scope::One(planner::Change { shard: 99, add: None, remove: None });
        model.settle(&nothing);
        model.assert_settled();
    }
}

#[test]
fn a_silent_newcomer_gets_no_vote() {
    let state = founded(4);
    let record = &state.shards()[&1];
    let newcomer = (1..=4).find(|node| !record.replicas.contains(node)).expect("four nodes");
    let moving = ReplicaMove {
        add: Some(newcomer),
        remove: Some(record.replicas[0]),
        phase: MovePhase::Learning,
        aborted: false,
        operation: 1,
        begun_at_ms: 0,
    };
    let follower = FollowerReport { node: newcomer, matched_index: 9, lag: 0, heard_ms: None };
    let mut report = ReplicaReport {
        voters: record.replicas.clone(),
        learners: vec![newcomer],
        followers: vec![follower],
        leader: Some(record.replicas[1]),
        ..ReplicaReport::default()
    };
    assert_eq!(next_step(record, moving, &report), Step::Wait);
    report.followers[0].heard_ms = Some(60_000);
    assert_eq!(next_step(record, moving, &report), Step::Wait);
    report.followers[0].heard_ms = Some(5);
    assert!(matches!(next_step(record, moving, &report), Step::SetVoters { .. }));
}
