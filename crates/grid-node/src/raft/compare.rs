//! Compares a replica's fingerprints with those of the others, and takes it out of service when it is
//! the odd one (invariant I3).
//!
//! Every replica asks all voters for their fingerprint behind the same entry and believes what a
//! majority of them says, whoever leads. A replica that differs neither serves nor leads nor takes
//! snapshots from then on, says so as an error with both fingerprints, and goes on following the
//! log, which is right. It comes back when a later fingerprint is equal again: after a restart from
//! a sound snapshot, or when the leader's snapshot has replaced its state. Where no majority says
//! the same nobody is taken out, since nobody knows who is right.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::group::{Group, GroupParts};
use crate::NodeId;
use crate::machine::StateMachine;

/// Patience with one answer.
const ASK_PATIENCE: Duration = Duration::from_secs(1);
/// Pause before those are asked again who have no fingerprint there yet.
const ASK_AGAIN: Duration = Duration::from_millis(500);
/// The rest is asked so many times in all once a majority says the same, or a newer fingerprint is
/// there to be compared.
const ROUNDS: u32 = 4;
/// Slower replicas than this are left out of a comparison.
const COMPARE_PATIENCE: Duration = Duration::from_secs(20);

/// What the fingerprints of one entry say.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    /// A majority of the voters has this one.
    Majority(u64),
    /// All have spoken, or no majority can come about: who is right is not known.
    Split,
    /// Too few have spoken.
    Open,
}

/// Takes a fingerprint at each check point; runs with the replica. It does not wait for comparisons:
/// others may be waiting for this replica's fingerprint.
pub(super) async fn take<S: StateMachine>(parts: &GroupParts, group: &Group<S>) {
    loop {
        let point = group.replica.checks().next().await;
        let index = point.index;
        let Ok(turn) = parts.checkers.acquire().await else { return };
        let began = Instant::now();
        let taken = crate::platform::blocking(move || point.digest()).await;
        drop(turn);
        metrics::histogram!("seatgrid_shard_digest_seconds").record(began.elapsed());
        match taken {
            Ok(digest) => group.replica.checks().remember(index, digest),
            Err(error) => tracing::warn!(shard = group.shard, %error, "no fingerprint was taken"),
        }
    }
}

/// Compares each new fingerprint with those of the others; runs with the replica.
pub(super) async fn run<S: StateMachine>(parts: &GroupParts, group: &Group<S>) {
    let mut newest = group.replica.checks().watch();
    while newest.changed().await.is_ok() {
        let taken = *newest.borrow_and_update();
        if let Some(taken) = taken {
            compare(parts, group, taken).await;
        }
    }
}

/// Asks the other voters and draws the conclusion about this replica.
async fn compare<S: StateMachine>(parts: &GroupParts, group: &Group<S>, (index, own): (u64, u64)) {
    let voters = group.members().voters();
    let mut digests: BTreeMap<NodeId, u64> = BTreeMap::new();
    if voters.contains(&group.node_id) {
        digests.insert(group.node_id, own);
    }
    let give_up = Instant::now() + COMPARE_PATIENCE;
    for round in 1.. {
        let missing = voters.iter().filter(|node| !digests.contains_key(node));
        let asked = missing.map(|&node| async move {
            let answer = parts.peers.digest(node, group.shard, index, ASK_PATIENCE).await;
            // Another release may write the same state otherwise.
            let digest = answer.filter(|(form, _)| *form == S::FORM).map(|(_, digest)| digest);
            Some((node, digest?))
        });
        let answers = futures_util::future::join_all(asked).await;
        digests.extend(answers.into_iter().flatten());
        let settled = matches!(verdict(voters.len(), &digests), Verdict::Majority(_));
        // Who has gone on to a newer check point may have left this one out.
        let is_past = group.replica.checks().newest().is_some_and(|(newest, _)| newest != index);
        let rest_is_late = (settled || is_past) && round >= ROUNDS;
        if digests.len() == voters.len() || rest_is_late || Instant::now() >= give_up {
            break;
        }
        tokio::time::sleep(ASK_AGAIN).await;
    }
    conclude(group, (index, own), (&voters, &digests)).await;
}

async fn conclude<S: StateMachine>(
    group: &Group<S>,
    (index, own): (u64, u64),
    (voters, digests): (&BTreeSet<NodeId>, &BTreeMap<NodeId, u64>),
) {
    let shard = group.shard;
    match verdict(voters.len(), digests) {
        Verdict::Majority(digest) => {
            let odd = digests.iter().filter(|(_, other)| **other != digest);
            group.gate.differ(odd.map(|(node, _)| *node).collect());
            if own == digest {
                group.replica.checks().confirm(index, digest);
                if group.gate.diverge(false) {
                    tracing::info!(shard, index, "the replica is equal to the others again");
                    group.stand_again();
                }
            } else {
                stop_serving(group, index, (own, digest)).await;
            }
        }
        Verdict::Split => {
            let all: Vec<String> = digests.iter().map(|(n, d)| format!("{n}: {d:016x}")).collect();
            metrics::counter!("seatgrid_shard_digest_mismatch_total", "shard" => shard.to_string())
                .increment(1);
            tracing::error!(
                shard,
                index,
                digests = all.join(", "),
                "replicas differ and no majority says which is right"
            );
        }
        Verdict::Open => {
            tracing::debug!(shard, index, "too few replicas say their fingerprint");
        }
    }
}

/// Takes this replica out of service.
async fn stop_serving<S: StateMachine>(group: &Group<S>, index: u64, (own, majority): (u64, u64)) {
    let shard = group.shard;
    metrics::counter!("seatgrid_shard_digest_mismatch_total", "shard" => shard.to_string())
        .increment(1);
    let is_news = group.gate.diverge(true);
    if is_news {
        tracing::error!(
            shard,
            index,
            own = format!("{own:016x}"),
            majority = format!("{majority:016x}"),
            "this replica differs from the others and stops serving: restart its unit; if it \
             differs again, move the replica away"
        );
    }
    group.step_aside().await;
}

fn verdict(voters: usize, digests: &BTreeMap<NodeId, u64>) -> Verdict {
    let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
    for digest in digests.values() {
        *counts.entry(*digest).or_default() += 1;
    }
    let most = counts.iter().max_by_key(|(_, count)| **count);
    match most {
        Some((digest, count)) if *count > voters / 2 => Verdict::Majority(*digest),
        Some(_) if counts.len() > 1 => Verdict::Split,
        Some(_) | None => Verdict::Open,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_majority_of_all_voters_decides_whoever_has_not_spoken() {
        let of = |digests: &[u64]| -> BTreeMap<NodeId, u64> {
            (1..).zip(digests.iter().copied()).collect()
        };
        let cases = [
            (3, &[7, 7, 7][..], Verdict::Majority(7)),
            (3, &[7, 8, 7], Verdict::Majority(7)),
            (3, &[7, 7], Verdict::Majority(7)),
            (3, &[7, 8], Verdict::Split),
            (3, &[7, 8, 9], Verdict::Split),
            (3, &[7], Verdict::Open),
            (3, &[], Verdict::Open),
            (2, &[7, 8], Verdict::Split),
            (2, &[7, 7], Verdict::Majority(7)),
            (1, &[7], Verdict::Majority(7)),
            (5, &[7, 7, 8, 8], Verdict::Split),
            (5, &[7, 7, 7, 8], Verdict::Majority(7)),
        ];
        for (voters, digests, expected) in cases {
            assert_eq!(verdict(voters, &of(digests)), expected, "{voters} {digests:?}");
        }
    }
}
