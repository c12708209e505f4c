//! The tasks of one replica: beginning or rejoining its group, following leadership, handing over
//! to the preferred leader, noticing that it cannot go on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use openraft::async_runtime::WatchReceiver as _;

use super::compare;
use super::doubt;
use super::founding::{self, is_founding};
use super::group::{Group, GroupParts, Role};
use super::message::Testimony;
use super::snapshot_task;
use super::{mute, prompt};
use crate::NodeId;
use crate::machine::StateMachine;

/// Pause between questions to peers that do not answer yet.
const ASK_AGAIN: Duration = Duration::from_millis(200);
/// Patience with one such question.
const ASK_PATIENCE: Duration = Duration::from_millis(500);
/// How often a dead core task is looked for; its last metrics say why it died.
const PULSE: Duration = Duration::from_millis(500);

/// Starts the tasks of a replica. They end with it.
pub(super) fn spawn<S: StateMachine>(parts: &Arc<GroupParts>, group: &Arc<Group<S>>, fresh: bool) {
    let run = |task: futures_util::future::BoxFuture<'static, ()>| {
        let ended = group.ended.clone();
        parts.tasks.spawn(async move {
            ended.run_until_cancelled(task).await;
        });
    };
    let (p, g) = (Arc::clone(parts), Arc::clone(group));
    run(Box::pin(async move { join(&p, &g, fresh).await }));
    let (p, g) = (Arc::clone(parts), Arc::clone(group));
    run(Box::pin(async move { follow(&p, &g).await }));
    let (p, g) = (Arc::clone(parts), Arc::clone(group));
    run(Box::pin(async move { hand_over(&p, &g).await }));
    let (p, g) = (Arc::clone(parts), Arc::clone(group));
    run(Box::pin(async move { prompt::run(&p, &g).await }));
    let (p, g) = (Arc::clone(parts), Arc::clone(group));
    run(Box::pin(async move { mute::run(&p, &g).await }));
    let (p, g) = (Arc::clone(parts), Arc::clone(group));
    run(Box::pin(async move { snapshot_task::run(&p, &g).await }));
    let (p, g) = (Arc::clone(parts), Arc::clone(group));
    run(Box::pin(async move { compare::take(&p, &g).await }));
    let (p, g) = (Arc::clone(parts), Arc::clone(group));
    run(Box::pin(async move { compare::run(&p, &g).await }));
}

async fn join<S: StateMachine>(parts: &GroupParts, group: &Group<S>, fresh: bool) {
    if fresh {
        resolve_doubt(parts, group).await;
        founding::run(parts, group).await;
    } else if group.log.is_joining() {
        // It stands once it has caught up, or has heard everybody.
        resolve_doubt(parts, group).await;
    } else {
        // The gate, not the order of these two, keeps a doubtful node out of elections.
        tokio::join!(resolve_doubt(parts, group), stand(parts, group));
    }
}

/// Testimonies of all voters, this one included; waits until every one has answered, or a leader has
/// ended the doubt. A log that lost its end may not know the newest members, so those that the others
/// name are heard as well.
async fn hear_all<S: StateMachine>(parts: &GroupParts, group: &Group<S>) -> Option<Vec<Testimony>> {
    let own = Testimony {
        vote: group.log.vote(),
        last_log_id: group.log.last_log_id(),
        voters: group.voters(),
    };
    let mut named: BTreeSet<NodeId> = own.voters.iter().copied().collect();
    let mut heard = BTreeMap::from([(group.node_id, own)]);
    loop {
        let missing: Vec<NodeId> =
            named.iter().copied().filter(|node| !heard.contains_key(node)).collect();
        let silent = |node: &NodeId| parts.peers.directory.has_given_up(*node);
        if missing.iter().all(silent) && may_do_without(parts, group, &named, &heard) {
            return Some(heard.into_values().collect());
        }
        for node in missing {
            if let Some(testimony) = parts.peers.testify(node, group.shard, ASK_PATIENCE).await {
                named.extend(&testimony.voters);
                heard.insert(node, testimony);
            }
        }
        if named.iter().any(|node| !heard.contains_key(node)) {
            tokio::time::sleep(ASK_AGAIN).await;
        }
        if !group.gate.doubtful() {
            return None;
        }
    }
}

/// Whether those heard suffice. A voter that was given up is missed only by a group that has more
/// than its founding entry: where a quorum never had anything, nothing was ever committed. A log
/// whose end was cut cannot say that of itself.
fn may_do_without<S: StateMachine>(
    parts: &GroupParts,
    group: &Group<S>,
    named: &BTreeSet<NodeId>,
    heard: &BTreeMap<NodeId, Testimony>,
) -> bool {
    let unfounded = || heard.values().all(|t| is_founding(t.last_log_id.as_ref()));
    let count = named.iter().filter(|node| heard.contains_key(node)).count();
    let quorum = named.len() / 2 + 1;
    count == named.len() || (count >= quorum && unfounded() && !parts.doubts.contains(group.shard))
}

/// After a cut of the log, or with an empty one: hears all voters, so that the group can elect even
/// if all of them are in doubt; a leader that comes about meanwhile makes it good earlier.
async fn resolve_doubt<S: StateMachine>(parts: &GroupParts, group: &Group<S>) {
    if !group.gate.doubtful() {
        return;
    }
    let (shard, cut) = (group.shard, parts.doubts.contains(group.shard));
    let (voters, joining) = (group.voters(), group.log.is_joining());
    let alone = voters == [group.node_id];
    if joining && (alone || !voters.contains(&group.node_id)) {
        // Only a leader can tell whether it has a vote.
        return;
    }
    if alone {
        if cut {
            tracing::warn!(shard, "the log's end was cut and there is no other replica: going on");
        }
        return doubt::end(group, &parts.doubts);
    }
    if cut {
        tracing::warn!(shard, "the log's end was cut: not voting until it is made good");
    }
    let Some(testimonies) = hear_all(parts, group).await else { return };
    group.gate.all_heard(&testimonies);
    if joining {
        group.raft.runtime_config().elect(true);
    }
}

/// Lets a restarted voter stand for election after the quiet, the preferred leader first.
async fn stand<S: StateMachine>(parts: &GroupParts, group: &Group<S>) {
    let voters = group.voters();
    let rank = voters.iter().position(|id| *id == group.node_id).unwrap_or(0);
    let config = &parts.config;
    let stagger = Duration::from_millis(config.election_timeout_min / 2);
    let lease = Duration::from_millis(config.election_timeout_max);
    let quiet = if voters.len() == 1 { Duration::ZERO } else { lease };
    let at = parts.started_at + quiet + stagger * u32::try_from(rank).unwrap_or(0);
    tokio::time::sleep_until(at.into()).await;
    group.raft.runtime_config().elect(true);
    if group.role().leader.is_none()
        && let Err(error) = group.raft.trigger().elect(true).await
    {
        tracing::debug!(shard = group.shard, %error, "not standing for election");
    }
}

/// Publishes leadership as it changes, and the reason when the core task has ended.
async fn follow<S: StateMachine>(parts: &GroupParts, group: &Group<S>) {
    let mut server = group.raft.server_metrics();
    loop {
        let role = {
            let metrics = server.borrow_watched();
            let leads = metrics.state.is_leader();
            Role { term: metrics.vote.leader_id.term, leader: metrics.current_leader, leads }
        };
        publish(parts, group, role);
        // Elected by voters that were heard, and committed in its own term: it lacks nothing.
        if group.gate.doubtful() && group.serves() {
            doubt::end(group, &parts.doubts);
        }
        let running = group.raft.metrics().borrow_watched().running_state.clone();
        if let Err(fatal) = running {
            if group.ended.is_cancelled() {
                return;
            }
            // A dead core leads nothing, whatever its last figures say.
            publish(parts, group, Role { term: group.role().term, ..Role::default() });
            let reason = format!("consensus of shard {} stopped: {fatal}", group.shard);
            parts.failed.send_if_modified(|failed| {
                let first = failed.is_none();
                failed.get_or_insert(reason);
                first
            });
            return;
        }
        tokio::select! {
            changed = server.changed() => if changed.is_err() { tokio::time::sleep(PULSE).await },
            () = tokio::time::sleep(PULSE) => {}
        }
    }
}

fn publish<S: StateMachine>(parts: &GroupParts, group: &Group<S>, role: Role) {
    let before = group.role();
    if role == before {
        return;
    }
    let (shard, term) = (group.shard, role.term);
    if role.leads != before.leads {
        tracing::info!(shard, term, leads = role.leads, "leadership");
        let leads = f64::from(u8::from(role.leads));
        metrics::gauge!("seatgrid_shard_leads", "shard" => shard.to_string()).set(leads);
        if role.leads {
            metrics::counter!("seatgrid_shard_leaderships_total").increment(1);
        }
    }
    group.role.send_replace(role);
    group.leads.send_if_modified(|leads| std::mem::replace(leads, role.leads) != role.leads);
    parts.leaders_epoch.send_modify(|epoch| *epoch += 1);
}

/// Gives leadership to the preferred node when that one is alive and up to date.
async fn hand_over<S: StateMachine>(parts: &GroupParts, group: &Group<S>) {
    if parts.rebalance.is_zero() {
        return;
    }
    loop {
        tokio::time::sleep(parts.rebalance).await;
        let Some(preferred) = group.preference().first().copied() else { continue };
        if !group.serves() || group.check_successor(preferred).is_err() {
            continue;
        }
        let shard = group.shard;
        tracing::info!(shard, to = preferred, "handing over leadership");
        // This node leads no more in this term; without that successor another one is elected.
        if let Err(error) = group.transfer_to(preferred).await {
            tracing::info!(shard, to = preferred, %error, "leadership was not handed over");
        }
    }
}
