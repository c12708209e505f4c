//! The console against a grid in memory that has the real state of the meta group.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use grid_node::meta::{Founder, MetaCommand, NodeAddresses};
use grid_node::{LogStatus, ShardStatus};

use super::*;

/// Nodes 1 to n; each shard is led by its preferred leader as long as that answers.
pub(crate) struct Fake {
    pub state: std::sync::Mutex<MetaState>,
    pub silent: BTreeSet<NodeId>,
    pub leaderless: bool,
    /// Commands are carried out, and their answers get lost.
    pub deaf: bool,
    pub snapshots: std::sync::Mutex<Vec<NodeId>>,
}

impl Fake {
    pub fn new(nodes: u64) -> Self {
        let address = |port: u64| {
            SocketAddr::from(([127, 0, 0, 1], u16::try_from(20_000 + port).expect("small")))
        };
        let founder = |id| Founder {
            id,
            addresses: NodeAddresses { raft: address(id), client: address(id + 1000), admin: None },
            zone: String::new(),
        };
        let ring = |shard: u64| {
            (0..nodes.min(3)).map(move |i| (shard + i) % nodes + 1).collect::<Vec<_>>()
        };
        let shards = (0_u32..=4).map(|shard| (shard, ring(u64::from(shard))));
        let command = MetaCommand::Found {
            nodes: (1..=nodes).map(founder).collect(),
            shards: shards.collect(),
            replicas: 3,
            version: 1,
        };
        let mut state = MetaState::default();
        assert_eq!(state.execute(command, 1), MetaReply::Done);
        Self {
            state: state.into(),
            silent: BTreeSet::new(),
            leaderless: false,
            deaf: false,
            snapshots: std::sync::Mutex::default(),
        }
    }

    pub fn console(self) -> (Console, Arc<Self>) {
        let fake = Arc::new(self);
        (Console::new(1, Arc::clone(&fake) as Arc<dyn Nodes>), fake)
    }

    fn status(&self, node_id: NodeId) -> NodeStatus {
        let state = self.state.lock().expect("no panic");
        let mine = state.shards().iter().filter(|(_, record)| record.replicas.contains(&node_id));
        let shards = mine.map(|(shard, record)| {
            let leader = record.replicas.iter().find(|node| !self.silent.contains(node)).copied();
            ShardStatus {
                shard: *shard,
                serving: leader == Some(node_id),
                leader,
                term: 1,
                voters: record.replicas.clone(),
                last_log_index: Some(9),
                committed_index: Some(9),
                applied_index: Some(9),
                snapshot_index: None,
                purged_index: None,
                log_bytes: 0,
                doubtful: false,
                version: 1,
                digest: None,
                diverged: false,
            }
        });
        let log = LogStatus::default();
        NodeStatus { node_id, shards: shards.collect(), log }
    }

    fn answer(&self, node: NodeId, request: AdminRequest) -> Result<AdminAnswer, ClientError> {
        let meta = || Box::new(self.state.lock().expect("no panic").clone());
        Ok(match request {
            AdminRequest::Meta { .. } => AdminAnswer::Meta(meta()),
            AdminRequest::Status => AdminAnswer::Status(Box::new(self.status(node))),
            AdminRequest::Digest { .. } => AdminAnswer::Digest { applied_index: 9, digest: 255 },
            AdminRequest::Snapshot { .. } => {
                self.snapshots.lock().expect("no panic").push(node);
                AdminAnswer::Done
            }
            AdminRequest::Change(command) => {
                let reply = self.state.lock().expect("no panic").execute(command, 2);
                if self.deaf {
                    return Err(ClientError::Unknown);
                }
                AdminAnswer::Changed(reply)
            }
            other => panic!("the console does not ask {other:?}"),
        })
    }
}

impl Nodes for Fake {
    fn ask(
        &self,
        node: NodeId,
        request: AdminRequest,
        _: Instant,
    ) -> BoxFuture<'_, Result<AdminAnswer, ClientError>> {
        let silent = self.silent.contains(&node);
        Box::pin(async move {
            if silent { Err(ClientError::NoLeader) } else { self.answer(node, request) }
        })
    }

    fn ask_leader(
        &self,
        _: ShardId,
        request: AdminRequest,
        _: Instant,
    ) -> BoxFuture<'_, Result<AdminAnswer, ClientError>> {
        Box::pin(async move {
            if self.leaderless { Err(ClientError::NoLeader) } else { self.answer(1, request) }
        })
    }
}

fn revision(fake: &Fake) -> u64 {
    fake.state.lock().expect("no panic").revision()
}

#[tokio::test]
async fn the_picture_has_all_nodes_also_silent_ones() {
    let mut fake = Fake::new(3);
    fake.silent.insert(3);
    let (console, _) = fake.console();
    let grid = console.overview().await.expect("a picture");
    assert_eq!(grid.nodes.iter().map(|n| n.reachable).collect::<Vec<_>>(), [true, true, false]);
    assert!(grid.shards.iter().all(|shard| shard.leader.is_some()));
    assert_eq!(grid.issues.len(), 2, "{:?}", grid.issues);
}

#[tokio::test]
async fn an_order_becomes_an_operation_and_is_one_when_repeated() {
    let (console, fake) = Fake::new(4).console();
    let order = Order::NodeDrain { node: 2, fewer_replicas: false };
    let first = console.perform(&order, false).await.expect("begun");
    assert_eq!((first.operation, first.dry_run), (Some(1), false));
    let again = console.perform(&order, false).await.expect("the same");
    assert_eq!(again.operation, Some(1));
    let operations = console.operations().await.expect("a list");
    assert_eq!(operations.len(), 1);
    assert_eq!(operations[0].what, "drain node 2");
    assert_eq!(fake.state.lock().expect("no panic").operations().len(), 1);
}

#[tokio::test]
async fn a_dry_run_changes_nothing_and_is_refused_alike() {
    let (console, fake) = Fake::new(4).console();
    let before = revision(&fake);
    let order = Order::NodeDrain { node: 2, fewer_replicas: false };
    let receipt = console.perform(&order, true).await.expect("a plan");
    assert!(receipt.dry_run && receipt.operation.is_none(), "{receipt:?}");
    let moves: Vec<&String> =
        receipt.plan.iter().filter(|step| step.contains("from node 2")).collect();
    assert_eq!(moves.len(), 4, "every replica of node 2 has a place to go: {receipt:?}");
    let order = Order::NodeRemove { node: 2 };
    let (dry, real) = (console.perform(&order, true).await, console.perform(&order, false).await);
    assert_eq!(dry, real);
    assert!(matches!(dry, Err(Trouble::Refused(Refusal::Unsafe { .. }))), "{dry:?}");
    let order = Order::ShardSnapshot { shard: 1 };
    console.perform(&order, true).await.expect("a plan");
    assert_eq!((revision(&fake), fake.snapshots.lock().expect("no panic").len()), (before, 0));
}

#[tokio::test]
async fn snapshots_are_asked_of_every_living_replica() {
    let mut fake = Fake::new(3);
    fake.silent.insert(3);
    let (console, fake) = fake.console();
    console.perform(&Order::ShardSnapshot { shard: 1 }, false).await.expect("done");
    let mut asked = fake.snapshots.lock().expect("no panic").clone();
    asked.sort_unstable();
    assert_eq!(asked, [1, 2]);
}

#[tokio::test]
async fn a_lost_answer_is_told_as_unknown() {
    let mut fake = Fake::new(4);
    fake.deaf = true;
    let (console, fake) = fake.console();
    let result = console.perform(&Order::BalancerSet { on: false }, false).await;
    assert_eq!(result, Err(Trouble::Unknown));
    assert!(!fake.state.lock().expect("no panic").switches().balancer, "it had happened");
}

#[tokio::test]
async fn without_a_meta_leader_one_can_look_but_not_order() {
    let mut fake = Fake::new(3);
    fake.leaderless = true;
    let (console, _) = fake.console();
    assert_eq!(console.overview().await.expect("an old picture").nodes.len(), 3);
    let result = console.perform(&Order::Rebalance, false).await;
    assert_eq!(result, Err(Trouble::NoLeader));
}

#[tokio::test]
async fn what_only_the_meta_group_knows_is_refused_by_it() {
    let (console, _) = Fake::new(4).console();
    let pin = |shard| Order::EventPin { event: "gala".to_owned(), shard: Some(shard) };
    console.perform(&pin(2), false).await.expect("pinned");
    console.perform(&pin(2), false).await.expect("pinned there already");
    assert_eq!(console.pin_of("gala").await.expect("pinned").shard, 2);
    let elsewhere = console.perform(&pin(3), true).await;
    assert!(matches!(elsewhere, Err(Trouble::Refused(Refusal::Conflict(_)))), "{elsewhere:?}");
    let missing = console.pin_of("matinee").await;
    assert!(matches!(missing, Err(Trouble::Refused(Refusal::Missing(_)))), "{missing:?}");
}

#[tokio::test]
async fn every_order_reaches_the_meta_group() {
    let (console, _) = Fake::new(4).console();
    let operation = |receipt: Receipt| receipt.operation;
    for (order, begins) in [
        (Order::ShardMove { shard: 1, from: Some(2), to: Some(1) }, true),
        (Order::ShardTransfer { shard: 1, to: 3 }, true),
        (Order::ShardPin { shard: 1, leader: 4 }, false),
        (Order::LayoutStage { change: crate::Change::Drain { node: 4 } }, false),
        (Order::LayoutApply { version: 1 }, true),
        (Order::MovesPause { paused: true }, false),
        (Order::Rebalance, true),
        (Order::OperationPause { id: 1 }, false),
        (Order::OperationResume { id: 1 }, false),
        (Order::OperationCancel { id: 1 }, false),
        (Order::LayoutStage { change: crate::Change::Replicas { count: 1 } }, false),
        (Order::LayoutRevert, false),
    ] {
        let done =
            console.perform(&order, false).await.unwrap_or_else(|e| panic!("{order:?}: {e}"));
        assert_eq!(operation(done).is_some(), begins, "{order:?}");
    }
    let grid = console.overview().await.expect("a picture");
    assert!(grid.balancer.moves_paused && grid.layout.staged.is_empty());
    assert_eq!(grid.operations[0].state, crate::model::Progress::Canceled);
    assert_eq!(grid.layout.version, 1);
}

#[tokio::test]
async fn fingerprints_come_from_living_replicas() {
    let mut fake = Fake::new(3);
    fake.silent.insert(2);
    let (console, _) = fake.console();
    let digests = console.digests(1).await.expect("some");
    assert_eq!(digests.len(), 2);
    assert!(digests.iter().all(|d| d.digest == "00000000000000ff" && d.node != 2));
    assert!(console.digests(99).await.is_err());
}
