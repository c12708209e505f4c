//! Stands for election as soon as the lease of a silent leader has ended.
//!
//! openraft waits for the lease and then for a random time between the shortest and the longest
//! election timeout, so that voters do not stand at the same moment. Here their order does that: the
//! first voter beside the silent leader stands at once, the next a little later. It is a matter of
//! time alone: openraft refuses a pre-vote within the lease, at home and at the other voters, so a
//! leader that a quorum hears is never disturbed and a lease is never cut short (invariant I6). When
//! nobody wins, openraft's own timers go on as ever.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::group::{Group, GroupParts};
use crate::machine::StateMachine;

/// After the end of the lease here, the other voters' leases end within this time: the same
/// heartbeat reached them a moment later.
const MARGIN: Duration = Duration::from_millis(15);
/// A voter stands so much later than the one before it: longer than an election takes.
const STAGGER: Duration = Duration::from_millis(60);
/// Attempts for one silence; more is left to the timers.
const ATTEMPTS_MAX: u32 = 4;

/// Runs as long as the replica.
pub(super) async fn run<S: StateMachine>(parts: &Arc<GroupParts>, group: &Arc<Group<S>>) {
    let lease = Duration::from_millis(parts.config.election_timeout_max);
    let mut silence: (Option<Instant>, u32) = (None, 0);
    loop {
        let heard_at = group.gate.leader_heard_at();
        if silence.0 != heard_at {
            silence = (heard_at, 0);
        }
        let (Some(heard_at), Some(rank)) = (heard_at, rank(group)) else {
            tokio::time::sleep(lease / 2).await;
            continue;
        };
        let voters = u32::try_from(group.voters().len()).unwrap_or(1);
        let at = heard_at + lease + MARGIN + STAGGER * (rank + silence.1 * voters);
        if silence.1 >= ATTEMPTS_MAX {
            tokio::time::sleep(lease / 2).await;
        } else if Instant::now() < at {
            // Whoever is heard meanwhile moves the moment.
            tokio::time::sleep_until(at.into()).await;
        } else {
            silence.1 += 1;
            tracing::debug!(shard = group.shard, "the leader is silent: standing for election");
            if group.raft.trigger().elect(true).await.is_err() {
                return;
            }
        }
    }
}

/// This node's place among the voters beside the leader that it last followed; `None` while it
/// follows none or has no vote.
fn rank<S: StateMachine>(group: &Group<S>) -> Option<u32> {
    let role = group.role();
    let leader = role.leader.filter(|leader| *leader != group.node_id)?;
    let mut others = group.voters().into_iter().filter(|voter| *voter != leader);
    others.position(|voter| voter == group.node_id).and_then(|rank| u32::try_from(rank).ok())
}
