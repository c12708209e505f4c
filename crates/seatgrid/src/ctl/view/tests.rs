//! The operator's picture from made-up answers.

use grid_node::{LogStatus, ShardStatus};

use super::*;
use crate::ctl::ask::{Asked, WriterShard, WriterStatus};

fn replica(shard: ShardId, serving: bool, applied: u64) -> ShardStatus {
    ShardStatus {
        shard,
        serving,
        leader: Some(1),
        term: 4,
        voters: vec![1, 2],
        last_log_index: Some(applied),
        committed_index: Some(applied),
        applied_index: Some(applied),
        snapshot_index: None,
        purged_index: None,
        log_bytes: 0,
        doubtful: false,
    }
}

fn unit(node_id: NodeId, shards: Vec<ShardStatus>) -> Asked<NodeStatus> {
    let log = LogStatus { appended_bytes: 0, syncs: 0, last_sync_us: 0, segments: 1 };
    Asked { admin: admin(node_id), answer: Ok(NodeStatus { node_id, shards, log }) }
}

fn admin(node: NodeId) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 9_100 + u16::try_from(node).expect("small")))
}

fn writer(lag_ms: u64) -> Asked<WriterStatus> {
    let shards = vec![WriterShard { lag_ms }, WriterShard { lag_ms: 1 }];
    let role = "active".to_owned();
    let status = WriterStatus { role, database_up: true, shards, quarantine: 0 };
    Asked { admin: admin(9), answer: Ok(status) }
}

fn healthy() -> Answers {
    let units = vec![
        unit(1, vec![replica(0, true, 10), replica(1, false, 20)]),
        unit(2, vec![replica(0, false, 10), replica(1, true, 20)]),
    ];
    Answers { units, writers: vec![writer(7)] }
}

#[test]
fn a_healthy_grid_has_leaders_and_no_issues() {
    let answers = healthy();
    let status = View::new(&answers).status();
    assert_eq!(status.leaders, BTreeMap::from([(0, Some(1)), (1, Some(2))]));
    assert_eq!((status.persist_lag_ms, status.issues.len()), (Some(7), 0));
    let text = status.to_string();
    assert!(text.contains("2 serving, 0 without a leader") && text.contains("issues  none"));
    let json = serde_json::to_value(&status).expect("JSON");
    assert_eq!(json["shards_by_state"]["serving"], 2);
    assert_eq!(json["nodes"][1]["leads"], 1);
}

#[test]
fn what_is_wrong_becomes_an_issue() {
    let mut answers = healthy();
    answers.units[1].answer = Err("127.0.0.1:9102: connection refused".to_owned());
    let Ok(node) = &mut answers.units[0].answer else { panic!("it answers") };
    node.shards[0].doubtful = true;
    let Ok(writer) = &mut answers.writers[0].answer else { panic!("it answers") };
    writer.database_up = false;
    writer.quarantine = 2;
    let issues = View::new(&answers).status().issues.join("\n");
    for expected in [
        "does not answer: 127.0.0.1:9102",
        "shard 1 has no leader",
        "shard 0 on node 1 waits to be repaired",
        "cannot reach PostgreSQL",
        "2 records are parked",
    ] {
        assert!(issues.contains(expected), "{expected} in {issues}");
    }
}

#[test]
fn a_replica_far_behind_is_an_issue() {
    let mut answers = healthy();
    answers.units[0] = unit(1, vec![replica(0, true, 10), replica(1, false, 50_000)]);
    let issues = View::new(&answers).status().issues;
    assert_eq!(issues, ["the replica of shard 1 on node 2 is 49980 entries behind"]);
}

#[test]
fn an_event_is_shown_with_its_place() {
    let answers = healthy();
    let event = View::new(&answers).event("demo-hall", 1);
    let json = serde_json::to_string(&event).expect("JSON");
    let expected = r#"{"event_id":"demo-hall","shard":1,"leader":2,"replicas":[1,2],"epoch":4}"#;
    assert_eq!(json, expected);
}
