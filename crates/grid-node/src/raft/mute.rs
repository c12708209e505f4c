//! Silences a leader that no quorum answers, so that the others can elect.
//!
//! A leader whose messages arrive while the answers are lost would else keep its followers from
//! electing for as long as the fault lasts: it serves nobody, and each heartbeat prolongs the lease
//! that they have promised. Not to send is always safe. A muted leader speaks again from time to time:
//! if the fault was on both sides and nobody else was elected, it takes up its work again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::group::{Group, GroupParts};
use crate::machine::StateMachine;

/// Without a quorum's answers a leader speaks on for so many leases: answers may only be late.
const SPEAKS_LEASES: u32 = 1;
/// Then it is mute for so many: more than the others need for their leases and an election.
const MUTE_LEASES: u32 = 3;
/// Looks per lease.
const LOOKS: u32 = 8;

/// Runs as long as the replica.
pub(super) async fn run<S: StateMachine>(parts: &Arc<GroupParts>, group: &Arc<Group<S>>) {
    let lease = Duration::from_millis(parts.config.election_timeout_max);
    let mut leads = group.watch_leads();
    loop {
        group.gate.mute(false);
        if leads.wait_for(|leads| *leads).await.is_err() {
            return;
        }
        let led_since = Instant::now();
        let mut unheard_since = None;
        while group.role().leads {
            tokio::time::sleep(lease / LOOKS).await;
            let now = Instant::now();
            let heard = group.keeps_lease(led_since);
            unheard_since = (!heard).then(|| unheard_since.unwrap_or(now));
            let mute = unheard_since.is_some_and(|since| is_mute(now.duration_since(since), lease));
            if group.gate.mute(mute) && mute {
                tracing::warn!(shard = group.shard, "no quorum answers this leader: it is silent");
            }
        }
    }
}

/// Whether a leader that lost its lease so long ago is to be mute now.
fn is_mute(unheard: Duration, lease: Duration) -> bool {
    let cycle = lease * (SPEAKS_LEASES + MUTE_LEASES);
    let within = unheard.as_millis() % cycle.as_millis().max(1);
    within >= (lease * SPEAKS_LEASES).as_millis()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leader_speaks_for_one_lease_and_is_mute_for_three() {
        let lease = Duration::from_millis(1000);
        let mute = |ms| is_mute(Duration::from_millis(ms), lease);
        assert_eq!([0, 999, 1000, 3999].map(mute), [false, false, true, true]);
        assert_eq!([4000, 4999, 5000].map(mute), [false, false, true]);
    }
}
