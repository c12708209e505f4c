//! The beginning of a group: the entry that every founder's log starts with, and the first election.
//!
//! A founder writes down the voters by itself, before it hears anybody. The entry is the same for all
//! of them, so it does not matter whose log lives: no founder is needed more than another one, and a
//! founding that was interrupted anywhere goes on where it stood. What keeps a node whose log was
//! lost from founding its group a second time is the gate: an empty log is in doubt, and votes only
//! once all voters were heard, for the newest log among them (invariants I4, I5).

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use openraft::async_runtime::WatchReceiver as _;
use openraft::{EntryPayload, ServerState};

use super::group::{Group, GroupParts};
use super::types::{Entry, LeaderId, LogId, Membership};
use crate::NodeId;
use crate::machine::StateMachine;

/// The term of the founding entry: no leader ever has it, so the entry alone is never committed.
const FOUNDING_TERM: u64 = 0;
/// First pause between attempts to be elected, since others may not have heard everybody yet;
/// doubles up to a lease.
const STAND_AGAIN: Duration = Duration::from_millis(100);
/// So much longer the next founder waits than the one before it. That one was heard a moment ago and is
/// more likely slow than gone: it founds its other groups on the same disk.
const LEASES_PER_TURN: u32 = 4;

/// Whether a log that ends here has nothing but its founding entry.
pub(super) fn is_founding(end: Option<&LogId>) -> bool {
    end.is_none_or(|id| id.leader_id.term == FOUNDING_TERM)
}

/// The entry that a group of these voters begins with.
pub(super) fn first_entry(voters: &[NodeId]) -> Entry {
    let voters: BTreeSet<NodeId> = voters.iter().copied().collect();
    // In the place of a leader: founders that were configured otherwise must not seem to agree.
    let leader_id = LeaderId { term: FOUNDING_TERM, node_id: fingerprint(&voters) };
    let membership = Membership::new_with_defaults(vec![voters], []);
    Entry { log_id: LogId { leader_id, index: 0 }, payload: EntryPayload::Membership(membership) }
}

fn fingerprint(voters: &BTreeSet<NodeId>) -> u64 {
    // FNV-1a: equal on every machine.
    let bytes = voters.iter().flat_map(|voter| voter.to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    })
}

/// Stands for the first election once the doubt about the empty log is over: the preferred leader at
/// once, each of the others some leases later should nobody lead by then.
pub(super) async fn run<S: StateMachine>(parts: &GroupParts, group: &Group<S>) {
    let lease = Duration::from_millis(parts.config.election_timeout_max);
    let lost = |node: NodeId| parts.peers.directory.has_given_up(node);
    let turn = turn(&group.voters(), group.node_id, lost);
    let at = Instant::now() + lease * LEASES_PER_TURN * turn;
    // Once the group has had a leader, this node is a voter like any other.
    while Instant::now() < at && group.role().leader.is_none() {
        tokio::time::sleep(STAND_AGAIN).await;
    }
    group.raft.runtime_config().elect(true);
    let mut pause = STAND_AGAIN;
    while group.role().leader.is_none() {
        // With a pre-vote: it changes nothing before a quorum would elect this node. Asked for again
        // while its votes are on their way, it would begin another term and lose them.
        let standing = group.raft.metrics().borrow_watched().state == ServerState::Candidate;
        if !standing && let Err(error) = group.raft.trigger().elect(true).await {
            tracing::debug!(shard = group.shard, %error, "not standing for election");
            return;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(lease);
    }
}

/// How many founders that may still come stand before this one. A node that the log does not name
/// stands before nobody: consensus keeps it from being elected until it is a member.
fn turn(voters: &[NodeId], own: NodeId, lost: impl Fn(NodeId) -> bool) -> u32 {
    let before = voters.iter().take_while(|node| **node != own);
    before.filter(|node| !lost(**node)).map(|_| 1).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn founders_agree_on_the_entry_when_they_agree_on_the_voters() {
        assert_eq!(first_entry(&[1, 2, 3]), first_entry(&[3, 1, 2]));
        assert_ne!(first_entry(&[1, 2, 3]).log_id, first_entry(&[1, 2, 4]).log_id);
        let founding = first_entry(&[1, 2, 3]).log_id;
        assert!(is_founding(None) && is_founding(Some(&founding)));
        let leader_id = LeaderId { term: 1, node_id: 1 };
        assert!(!is_founding(Some(&LogId { leader_id, index: 1 })));
    }

    #[test]
    fn founders_stand_in_order_and_wait_for_nobody_that_was_given_up() {
        let turns = |own, lost: &[NodeId]| turn(&[1, 2, 3], own, |node| lost.contains(&node));
        assert_eq!([turns(1, &[]), turns(2, &[]), turns(3, &[])], [0, 1, 2]);
        assert_eq!([turns(2, &[1]), turns(3, &[1]), turns(3, &[1, 2])], [0, 1, 0]);
    }
}
