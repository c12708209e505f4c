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
/// A voter stands so much later than the one before it: longer than an election takes on a busy disk,
/// which two voters sync their votes to. At 60 ms one election in five was split.
const STAGGER: Duration = Duration::from_millis(150);
/// Attempts for one silence; more is left to the timers.
const ATTEMPTS_MAX: u32 = 4;

/// Runs as long as the replica.
pub(super) async fn run<S: StateMachine>(parts: &Arc<GroupParts>, group: &Arc<Group<S>>) {
    let lease = Duration::from_millis(parts.config.election_timeout_max);
    let mut silence = Silence::default();
    loop {
        silence.look(group);
        let (Some(heard_at), Some(rank)) = (silence.heard_at, silence.rank) else {
            tokio::time::sleep(lease / 2).await;
            continue;
        };
        let voters = u32::try_from(group.voters().len()).unwrap_or(1);
        let at = heard_at + lease + MARGIN + STAGGER * (rank + silence.attempts * voters);
        if silence.attempts >= ATTEMPTS_MAX {
            tokio::time::sleep(lease / 2).await;
        } else if Instant::now() < at {
            // Whoever is heard meanwhile moves the moment.
            tokio::time::sleep_until(at.into()).await;
        } else {
            silence.attempts += 1;
            tracing::debug!(shard = group.shard, "the leader is silent: standing for election");
            if group.raft.trigger().elect(true).await.is_err() {
                return;
            }
        }
    }
}

/// How long no leader was heard, and what was done about it.
#[derive(Default)]
struct Silence {
    heard_at: Option<Instant>,
    /// This node's place among those who may stand.
    rank: Option<u32>,
    attempts: u32,
}

impl Silence {
    fn look<S: StateMachine>(&mut self, group: &Group<S>) {
        let heard_at = group.gate.leader_heard_at();
        if self.heard_at != heard_at {
            *self = Self { heard_at, ..Self::default() };
        }
        let role = group.role();
        // Who stood and did not win follows nobody, and goes on; who voted for another does not.
        let stood = self.attempts > 0 && role.leader.is_none();
        if !stood {
            self.rank = rank(group);
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
