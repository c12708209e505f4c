//! Pictures of small grids. `Grid` builds the facts, so that a case is one line.

use super::*;
use crate::health::Health;
use grid_node::LogStatus;

/// Facts of a grid that is well: `nodes` nodes, `shards` data shards and the meta group, each on
/// three nodes in a ring.
pub(crate) fn well(nodes: u64, shards: ShardId) -> Facts {
    let row = |id: u64| NodeRow {
        state: Stage::Active,
        client: SocketAddr::from(([127, 0, 0, 1], 9210 + u16::try_from(id).expect("small"))),
        admin: None,
        zone: String::new(),
        versions: (1, 1),
        replaces: None,
    };
    let ring = |shard: ShardId| {
        let replicas = (0..nodes.min(3)).map(|i| (u64::from(shard) + i) % nodes + 1).collect();
        (shard, ShardRow { epoch: 1, replicas, moving: None })
    };
    let table = Table {
        revision: 1,
        active_version: 1,
        nodes: (1..=nodes).map(|id| (id, row(id))).collect(),
        shards: (0..=shards).map(ring).collect(),
        layout: LayoutView { replicas_wanted: 3, ..LayoutView::default() },
        ..Table::default()
    };
    let statuses = (1..=nodes).map(|id| (id, Ok(status(&table, id)))).collect();
    Facts { asked: 1, table, statuses }
}

fn status(table: &Table, node_id: NodeId) -> NodeStatus {
    let held = table.shards.iter().filter(|(_, row)| row.replicas.contains(&node_id));
    let shards = held.map(|(shard, row)| ShardStatus {
        shard: *shard,
        serving: row.replicas.first() == Some(&node_id),
        leader: row.replicas.first().copied(),
        term: 2,
        voters: row.replicas.clone(),
        last_log_index: Some(100),
        committed_index: Some(100),
        applied_index: Some(100),
        snapshot_index: None,
        purged_index: None,
        log_bytes: 0,
        doubtful: false,
        version: 1,
        digest: None,
        diverged: false,
    });
    let log = LogStatus::default();
    NodeStatus { node_id, shards: shards.collect(), log }
}

/// A node that does not answer: its shards are led by the next replica.
pub(crate) fn silence(facts: &mut Facts, node: NodeId) {
    facts.statuses.insert(node, Err("timed out".to_owned()));
    let led = facts.table.shards.iter().filter(|(_, row)| row.replicas[0] == node);
    for (shard, next) in led.map(|(shard, row)| (*shard, row.replicas[1])).collect::<Vec<_>>() {
        change(facts, next, shard, |replica| replica.serving = true);
    }
}

/// Changes what a node says of one of its replicas.
pub(crate) fn change(
    facts: &mut Facts,
    node: NodeId,
    shard: ShardId,
    how: impl FnOnce(&mut ShardStatus),
) {
    let Some(Ok(status)) = facts.statuses.get_mut(&node) else { return };
    let replica = status.shards.iter_mut().find(|replica| replica.shard == shard);
    how(replica.expect("a replica there"));
}

/// A change of replicas that begins.
pub(crate) fn joining(node: NodeId) -> MoveView {
    MoveView { add: Some(node), remove: None, phase: "learning".to_owned() }
}

fn healths(facts: &Facts) -> Vec<Health> {
    overview(facts).shards.iter().map(|shard| shard.health).collect()
}

#[test]
fn a_grid_that_is_well_looks_well() {
    let picture = overview(&well(3, 4));
    assert!(picture.issues.is_empty(), "{:?}", picture.issues);
    assert!(picture.shards.iter().all(|shard| shard.health == Health::Healthy));
    assert_eq!(picture.nodes.iter().map(|node| node.leads).sum::<u32>(), 5);
    assert!(picture.nodes.iter().all(|node| node.replicas == 5 && node.reachable));
    let shard = &picture.shards[1];
    assert_eq!((shard.shard, shard.leader, shard.committed_index), (1, Some(2), Some(100)));
    assert_eq!(shard.replicas.iter().map(|r| r.node).collect::<Vec<_>>(), [2, 3, 1]);
}

#[test]
fn a_silent_node_leaves_its_shards_under_replicated() {
    let mut facts = well(3, 4);
    silence(&mut facts, 2);
    assert_eq!(healths(&facts), [Health::UnderReplicated; 5]);
    let picture = overview(&facts);
    assert_eq!(picture.nodes[1].replicas, 5, "it still holds them");
    assert!(!picture.nodes[1].reachable);
    let codes: Vec<&str> = picture.issues.iter().map(|issue| issue.code.as_str()).collect();
    assert_eq!(codes, ["shard_under_replicated", "node_unreachable"], "one per cause");
}

#[test]
fn a_lost_majority_reads_only_and_silence_is_unavailable() {
    let mut facts = well(3, 1);
    for node in [2, 3] {
        facts.statuses.insert(node, Err("refused".to_owned()));
    }
    change(&mut facts, 1, 0, |replica| replica.serving = false);
    assert_eq!(healths(&facts), [Health::ReadOnly; 2]);
    facts.statuses.clear();
    assert_eq!(healths(&facts), [Health::Unavailable; 2]);
}

#[test]
fn a_replica_behind_the_leaders_log_gets_a_snapshot() {
    let mut facts = well(3, 1);
    change(&mut facts, 3, 1, |replica| replica.last_log_index = Some(40));
    assert_eq!(healths(&facts)[1], Health::Healthy, "a little late is normal");
    change(&mut facts, 2, 1, |replica| replica.purged_index = Some(40));
    assert_eq!(healths(&facts)[1], Health::Healthy, "its next entry is still there");
    change(&mut facts, 2, 1, |replica| replica.purged_index = Some(41));
    assert_eq!(healths(&facts)[1], Health::InstallingSnapshot);
}

#[test]
fn of_two_leaders_the_newer_one_is_shown() {
    let mut facts = well(3, 1);
    change(&mut facts, 3, 1, |replica| {
        replica.serving = true;
        replica.term = 3;
    });
    let picture = overview(&facts);
    assert_eq!((picture.shards[1].leader, picture.shards[1].term), (Some(3), 3));
}

#[test]
fn a_third_node_makes_three_replicas_the_goal() {
    let mut facts = well(2, 1);
    assert_eq!(healths(&facts), [Health::Healthy; 2], "two nodes cannot do better");
    let third = facts.table.nodes[&1].clone();
    facts.table.nodes.insert(3, third);
    assert_eq!(healths(&facts), [Health::UnderReplicated; 2]);
}

#[test]
fn a_learner_is_shown_and_does_not_count() {
    let mut facts = well(4, 1);
    let row = facts.table.shards.get_mut(&1).expect("shard 1");
    assert_eq!(row.replicas, [2, 3, 4]);
    row.moving = Some(joining(1));
    let picture = overview(&facts);
    let joining = picture.shards[1].replicas.last().expect("four members");
    assert_eq!((joining.node, joining.votes, joining.alive), (1, false, false));
    assert_eq!(picture.shards[1].health, Health::Healthy);
}
