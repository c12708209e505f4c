//! Texts and JSON shapes from a made-up grid.

use grid_node::NodeId;
use operator::health::Health;
use operator::model::{
    BalancerView, DigestView, Issue, LayoutView, LogView, MoveView, NodeView, OperationView,
    Overview, Progress, ReplicaView, Severity, ShardView, Stage,
};
use serde_json::{Value, json};

use super::*;
use crate::ctl::writers::{Asked, WriterShard, WriterStatus};

fn node(node: NodeId, reachable: bool) -> NodeView {
    let port = 9_210 + u16::try_from(node).expect("small");
    let log = LogView {
        appended_bytes: 5 << 20,
        last_sync_us: 900,
        segments: 2,
        disk_free_bytes: Some(3 << 30),
        disk_total_bytes: Some(4 << 30),
    };
    NodeView {
        node,
        state: Stage::Active,
        reachable,
        client: Some(([127, 0, 0, 1], port).into()),
        admin: None,
        zone: String::new(),
        leads: 1,
        replicas: 2,
        versions: (1, 2),
        replaces: None,
        log: reachable.then_some(log),
    }
}

fn shard(shard: u32, health: Health, leader: Option<NodeId>) -> ShardView {
    let replica = |node| ReplicaView {
        node,
        alive: node != 2,
        votes: true,
        applied_index: Some(70),
        lag: 5,
        installing: false,
        doubtful: false,
        diverged: false,
        checked_index: (node == 1).then_some(60),
        checked_digest: (node == 1).then(|| "00000000000000ab".to_owned()),
    };
    ShardView {
        shard,
        health,
        leader,
        epoch: 3,
        term: 4,
        version: Some(2),
        committed_index: Some(75),
        replicas: [1, 2].map(replica).to_vec(),
        moving: None,
    }
}

fn operation() -> OperationView {
    OperationView {
        id: 7,
        what: "drain node 2".to_owned(),
        state: Progress::Running,
        moves_done: 3,
        moves_total: 12,
        note: String::new(),
        began_ms: 0,
    }
}

fn grid() -> Overview {
    let issue = Issue {
        code: "node_unreachable".to_owned(),
        severity: Severity::Warning,
        what: "node 2 does not answer".to_owned(),
        remedy: "start its unit".to_owned(),
    };
    Overview {
        asked: 1,
        revision: 9,
        active_version: 1,
        nodes: vec![node(1, true), node(2, false)],
        shards: vec![shard(0, Health::UnderReplicated, Some(1)), shard(1, Health::ReadOnly, None)],
        operations: vec![operation()],
        balancer: BalancerView { on: true, moves_paused: false },
        layout: LayoutView::default(),
        issues: vec![issue],
    }
}

fn writers() -> Vec<Asked> {
    let shards = vec![WriterShard { lag_ms: 31_000 }];
    let role = "active".to_owned();
    vec![Ok(WriterStatus { role, database_up: true, shards, quarantine: 0, archive_trouble: None })]
}

fn json(view: &impl serde::Serialize) -> Value {
    serde_json::to_value(view).expect("a JSON form")
}

#[test]
fn status_is_one_screen() {
    let text = Status::new(&grid(), &writers(), &[]).to_string();
    let expected = "\
node  state            zone  replicas  disk free  leads
1     active           -     2         3.0 GiB    0
2     does not answer  -     2         -          -
shards  2: 1 under_replicated, 1 read_only
persist lag  31000 ms
operation 7: drain node 2, running, 3 of 12 moves
alarm    PostgreSQL is 31 s behind the grid
         look at the writer's log and at the load of PostgreSQL
warning  node 2 does not answer
         start its unit
";
    assert_eq!(text, expected);
}

#[test]
fn a_node_that_was_given_up_is_not_expected_to_answer() {
    let mut grid = grid();
    grid.nodes[1].state = Stage::Lost;
    let text = Status::new(&grid, &writers(), &[]).to_string();
    assert!(text.contains("\n2     lost    -  "), "{text}");
}

#[test]
fn status_keeps_the_shape_that_scripts_know() {
    let status = json(&Status::new(&grid(), &writers(), &[]));
    assert_eq!(status["shards_by_state"], json!({ "serving": 1, "no_leader": 1 }));
    assert_eq!(status["shards_by_health"], json!({ "under_replicated": 1, "read_only": 1 }));
    assert_eq!(status["leaders"], json!({ "0": 1, "1": null }));
    assert_eq!(status["persist_lag_ms"], 31_000);
    assert_eq!(status["issues"][1], "node 2 does not answer");
    assert_eq!(status["details"][1]["code"], "node_unreachable");
    let node = &status["nodes"][1];
    assert_eq!((&node["node"], &node["reachable"]), (&json!(2), &json!(false)));
    let quiet = Status::new(&Overview { issues: Vec::new(), ..grid() }, &[], &[]);
    assert!(quiet.to_string().ends_with(
        "persist lag  unknown\noperation 7: drain node 2, running, 3 of 12 moves\nissues  none\n"
    ));
}

#[test]
fn shards_are_listed_with_their_moves() {
    let mut grid = grid();
    let change = MoveView { add: Some(4), remove: Some(1), phase: "learning".to_owned() };
    grid.shards[1].moving = Some(change);
    let shards = Shards::new(&grid);
    let expected = "\
shard  health            leader  replicas  epoch  term  committed  move
0      under_replicated  1       1,2       3      4     75         -
1      read_only         none    1,2       3      4     75         1>4 learning
";
    assert_eq!(shards.to_string(), expected);
    let first = &json(&shards)[0];
    assert_eq!(first["state"], "serving");
    assert_eq!((&first["replicas"], &first["epoch"]), (&json!([1, 2]), &json!(3)));
}

#[test]
fn one_shard_shows_every_replica() {
    let text = Shard(grid().shards.remove(0)).to_string();
    let expected = "\
shard 0  under_replicated, leader 1, epoch 3, term 4, version 2, committed 75
node  role      applied  lag  compared                state
1     leader    70       5    00000000000000ab at 60  ok
2     follower  70       5    -                       does not answer
";
    assert_eq!(text, expected);
}

#[test]
fn one_node_shows_its_disk() {
    let text = Node::new(&grid(), 1).expect("there").to_string();
    assert!(text.starts_with("node 1  active, answers\nclient  127.0.0.1:9211\n"), "{text}");
    assert!(text.ends_with("disk  3.0 GiB free of 4.0 GiB\n"), "{text}");
    assert!(Node::new(&grid(), 9).is_err());
}

#[test]
fn fingerprints_are_compared_only_at_the_same_entry() {
    let digest = |node, applied_index, digest: &str| DigestView {
        node,
        applied_index,
        digest: digest.to_owned(),
    };
    let equal = Digests(vec![digest(1, 5, "aa"), digest(2, 5, "aa")]);
    assert!(equal.verdict().is_ok() && !equal.to_string().contains("repeat"));
    let moving = Digests(vec![digest(1, 5, "aa"), digest(2, 6, "bb")]);
    assert!(moving.verdict().is_ok() && moving.to_string().contains("repeat to compare"));
    let wrong = Digests(vec![digest(1, 5, "aa"), digest(2, 6, "bb"), digest(3, 5, "cc")]);
    let said = wrong.verdict().expect_err("they differ").to_string();
    assert!(said.starts_with("nodes 1 and 3 differ at 5"), "{said}");
}

#[test]
fn receipts_say_what_is_next() {
    let receipt = |dry_run, operation, ended| {
        let plan = vec!["move shard 1".to_owned()];
        let receipt = operator::model::Receipt { plan, dry_run, operation };
        Receipt::new(receipt, ended).to_string()
    };
    assert_eq!(receipt(true, None, None), "move shard 1\ndry run: nothing was done\n");
    assert_eq!(receipt(false, None, None), "move shard 1\ndone\n");
    let begun = receipt(false, Some(7), None);
    assert!(begun.ends_with("operation 7 has begun: seatgrid ctl operation show 7\n"), "{begun}");
    let ended = receipt(false, Some(7), Some(operation()));
    assert!(ended.ends_with("operation 7: drain node 2, running, 3 of 12 moves\n"), "{ended}");
}

#[test]
fn a_staged_layout_says_how_to_apply_it() {
    let staged = vec!["let node 4 hold replicas".to_owned()];
    let text = Layout(LayoutView { version: 2, replicas_wanted: 3, staged }).to_string();
    assert!(text.contains("staged for layout 3:\n  let node 4 hold replicas\n"), "{text}");
    assert!(text.contains("layout apply --version 3"), "{text}");
}

#[test]
fn sizes_have_units() {
    let sizes = [0, 1_536, 10 << 20, 3 << 40].map(bytes);
    assert_eq!(sizes, ["0.0 KiB", "1.5 KiB", "10.0 MiB", "3.0 TiB"]);
}
