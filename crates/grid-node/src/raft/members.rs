//! Who belongs to a group, as its own log says; configuration and shard table only say who should.

use std::collections::BTreeSet;

use super::types::Membership;
use crate::NodeId;

/// Members of a group. While its voters change there are two sets, and a decision needs both.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Members {
    /// The sets of voters: one, or two during a change, the newer last; none in a group that was
    /// never founded.
    pub configs: Vec<BTreeSet<NodeId>>,
    /// Members that get everything and decide nothing.
    pub learners: BTreeSet<NodeId>,
}

impl Members {
    /// As openraft has them.
    pub fn of(membership: &Membership) -> Self {
        let configs: Vec<_> = membership.get_joint_config().clone();
        let configs = if configs.iter().all(BTreeSet::is_empty) { Vec::new() } else { configs };
        Self { configs, learners: membership.learner_ids().collect() }
    }

    /// Voters of one set only, as a founding configuration has them.
    pub fn founding(voters: &[NodeId]) -> Self {
        Self { configs: vec![voters.iter().copied().collect()], learners: BTreeSet::new() }
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.configs.is_empty()
    }

    /// Everybody who votes in any of the sets.
    pub fn voters(&self) -> BTreeSet<NodeId> {
        self.configs.iter().flatten().copied().collect()
    }

    /// Whether a node votes in any of the sets.
    pub fn is_voter(&self, node: NodeId) -> bool {
        self.configs.iter().any(|config| config.contains(&node))
    }

    /// Whether a node decides everything alone.
    pub fn is_only(&self, node: NodeId) -> bool {
        let alone = |config: &BTreeSet<NodeId>| config.len() == 1 && config.contains(&node);
        !self.configs.is_empty() && self.configs.iter().all(alone)
    }

    /// Whether the voters are exactly these and no change is under way.
    pub fn are(&self, voters: &BTreeSet<NodeId>) -> bool {
        self.configs.len() == 1 && self.configs[0] == *voters
    }

    /// The voters, those of a preference first and in its order.
    pub fn by_preference(&self, preference: &[NodeId]) -> Vec<NodeId> {
        let voters = self.voters();
        let mut ordered: Vec<NodeId> =
            preference.iter().copied().filter(|node| voters.contains(node)).collect();
        ordered.extend(voters.iter().copied().filter(|node| !preference.contains(node)));
        ordered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_voter_is_alone_only_in_all_sets() {
        let one = BTreeSet::from([1]);
        let alone = Members { configs: vec![one.clone()], ..Members::default() };
        assert!(alone.is_only(1) && !alone.is_only(2) && alone.are(&one));
        let growing = Members { configs: vec![one.clone(), BTreeSet::from([1, 2])], ..alone };
        assert!(!growing.is_only(1) && !growing.are(&one) && growing.is_voter(2));
        assert!(!Members::default().is_only(1));
        assert!(Members::of(&Membership::default()).is_empty());
    }

    #[test]
    fn preference_orders_voters_and_adds_none() {
        let members = Members::founding(&[1, 2, 3]);
        assert_eq!(members.by_preference(&[3, 9, 1]), [3, 1, 2]);
    }
}
