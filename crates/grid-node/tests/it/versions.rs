//! Two adjacent releases in one grid: they run together, a version is raised only when all can read
//! it, and who cannot stops before it applies anything of it (invariant I15).

use std::collections::BTreeMap;
use std::io::Read;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use grid_node::{
    ClientConfig, CommittedEntry, Encode, GridClient, GridNode, NodeId, QueryFuture, QueryHandler,
    RaiseError, Replies, RestoreError, Shard, ShardId, StartError, StateMachine,
};

use crate::grid::{Grid, PATIENCE, soon, wait_for};

/// Words, each with the version that it was applied under. Equal bytes mean another thing under
/// version 2: the word is doubled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Words<const NEWEST: u32>(Vec<(u32, String)>);

impl<const NEWEST: u32> StateMachine for Words<NEWEST> {
    const VERSIONS: RangeInclusive<u32> = 1..=NEWEST;

    fn empty(_shard: ShardId) -> Self {
        Self::default()
    }

    fn apply(&mut self, entry: &CommittedEntry, replies: &mut Replies) {
        assert!(Self::VERSIONS.contains(&entry.version), "applied what it cannot read");
        for command in entry.commands.iter() {
            let word = String::from_utf8_lossy(command);
            self.0.push((entry.version, word.repeat(entry.version as usize)));
            replies.push(&entry.version.to_le_bytes());
        }
    }

    fn freeze(&self) -> Encode {
        let words = self.0.clone();
        Box::new(move |out| serde_json::to_writer(out, &words).map_err(Into::into))
    }

    fn digest(&self) -> u64 {
        self.0.len() as u64
    }

    fn restore(_shard: ShardId, from: &mut dyn Read) -> Result<Self, RestoreError> {
        let words = serde_json::from_reader(from);
        words.map(Self).map_err(|e| RestoreError::new(e.to_string()))
    }
}

/// Nobody asks.
struct Silent;

impl<S: StateMachine> QueryHandler<S> for Silent {
    fn query(&self, _shard: Arc<Shard<S>>, _body: Bytes, _deadline: Instant) -> QueryFuture {
        Box::pin(async { Ok(Bytes::new()) })
    }
}

/// A node of either release.
enum Node {
    Old(GridNode<Words<1>>),
    New(GridNode<Words<2>>),
}

macro_rules! of_either {
    ($node:expr, $inner:ident => $value:expr) => {
        match $node {
            Node::Old($inner) => $value,
            Node::New($inner) => $value,
        }
    };
}

impl Node {
    fn serves(&self, shard: ShardId) -> bool {
        of_either!(self, node => node.shard(shard).is_some_and(|shard| shard.is_serving()))
    }

    fn version(&self, shard: ShardId) -> u32 {
        of_either!(self, node => node.shard(shard).map_or(0, |shard| shard.version()))
    }

    fn words(&self, shard: ShardId) -> Vec<(u32, String)> {
        of_either!(self, node => node.shard(shard).expect("a replica").read(|words| words.0.clone()))
    }

    async fn raise(&self, shard: ShardId, version: u32) -> Result<(), RaiseError> {
        of_either!(self, node => {
            node.shard(shard).expect("a replica").raise_version(version, soon()).await
        })
    }

    async fn stop(self) {
        of_either!(self, node => node.shutdown().await);
    }
}

fn is_locked(error: &StartError) -> bool {
    format!("{error:?}").contains("Locked")
}

/// A grid whose nodes are of different releases.
struct Mixed {
    grid: Grid,
    nodes: BTreeMap<NodeId, Node>,
}

impl Mixed {
    fn prepare() -> Self {
        Self { grid: Grid::prepare(3, |_| {}), nodes: BTreeMap::new() }
    }

    /// Starts a node, once the one before on its directory has let go of the log: a group that
    /// failed ends a moment after its node.
    async fn start(&mut self, id: NodeId, is_new: bool) -> Result<(), StartError> {
        let deadline = soon();
        let mut pause = tokio::time::interval(Duration::from_millis(20));
        loop {
            pause.tick().await;
            match self.try_start(id, is_new).await {
                Err(error) if is_locked(&error) && Instant::now() < deadline => {}
                started => return started,
            }
        }
    }

    async fn try_start(&mut self, id: NodeId, is_new: bool) -> Result<(), StartError> {
        let config = self.grid.config(id).clone();
        let node = if is_new {
            Node::New(GridNode::start(config, Arc::new(Silent)).await?)
        } else {
            Node::Old(GridNode::start(config, Arc::new(Silent)).await?)
        };
        self.nodes.insert(id, node);
        Ok(())
    }

    async fn stop(&mut self, id: NodeId) {
        self.nodes.remove(&id).expect("a running node").stop().await;
    }

    fn client(&self) -> GridClient {
        let units = (1..=3).map(|id| self.grid.client_address(id)).collect();
        GridClient::new(ClientConfig::new(units))
    }

    async fn leader(&self, shard: ShardId) -> &Node {
        wait_for("a serving leader", || self.nodes.values().find(|n| n.serves(shard))).await
    }

    /// Raises a shard, whoever leads it; says why not once it is refused for `reason`.
    async fn raise(&self, shard: ShardId, version: u32, reason: &str) -> Result<(), String> {
        let deadline = soon();
        loop {
            match self.leader(shard).await.raise(shard, version).await {
                Ok(()) => return Ok(()),
                Err(RaiseError::Refused(why)) if !reason.is_empty() && why.contains(reason) => {
                    return Err(why);
                }
                Err(error) => assert!(Instant::now() < deadline, "not raised: {error}"),
            }
        }
    }
}

/// Writes words until it is told to stop; how many of them were acknowledged, by version.
async fn load(client: GridClient, stop: Arc<AtomicBool>) -> BTreeMap<u32, u64> {
    let mut acknowledged = BTreeMap::new();
    while !stop.load(Ordering::Relaxed) {
        let reply = client.submit(1, Bytes::from_static(b"w"), soon()).await;
        let version = u32::from_le_bytes(reply.expect("committed")[..].try_into().expect("four"));
        *acknowledged.entry(version).or_insert(0) += 1;
    }
    acknowledged
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_releases_run_together_and_a_version_is_raised_once_all_can_read_it() {
    let mut mixed = Mixed::prepare();
    for (id, is_new) in [(1, true), (2, true), (3, false)] {
        mixed.start(id, is_new).await.expect("started");
    }
    let (client, stop) = (mixed.client(), Arc::new(AtomicBool::new(false)));
    let loading = tokio::spawn(load(client.clone(), Arc::clone(&stop)));

    let refused = mixed.raise(1, 2, "1 to 1").await.expect_err("node 3 cannot read it");
    assert!(refused.contains("reads"), "{refused}");
    assert!(mixed.nodes.values().all(|node| node.version(1) == 1));

    mixed.stop(3).await;
    mixed.start(3, true).await.expect("upgraded");
    mixed.raise(1, 2, "").await.expect("all can read it");
    mixed.raise(1, 2, "").await.expect("once more changes nothing");
    let beyond = mixed.raise(1, 3, "1 to 2").await.expect_err("no release reads it");
    assert!(beyond.contains("version 3"), "{beyond}");
    wait_for("the version everywhere", || {
        mixed.nodes.values().all(|node| node.version(1) == 2).then_some(())
    })
    .await;
    client.submit(1, Bytes::from_static(b"w"), soon()).await.expect("under version 2");
    stop.store(true, Ordering::Relaxed);
    let acknowledged = loading.await.expect("no panic");
    assert!(acknowledged[&1] > 0, "nothing was written under version 1: {acknowledged:?}");

    let words = wait_for("equal replicas", || {
        let all: Vec<_> = mixed.nodes.values().map(|node| node.words(1)).collect();
        all.iter().all(|words| *words == all[0]).then(|| all[0].clone())
    })
    .await;
    let (old, new): (Vec<_>, Vec<_>) = words.iter().partition(|(version, _)| *version == 1);
    assert!(words.is_sorted_by_key(|(version, _)| *version), "the version never falls");
    assert!(old.iter().all(|(_, word)| word == "w") && new.iter().all(|(_, word)| word == "ww"));
    assert!(old.len() as u64 >= acknowledged[&1]);

    for is_snapshot_first in [false, true] {
        if is_snapshot_first {
            mixed.start(3, true).await.expect("the new release");
            wait_for("node 3", || (mixed.nodes[&3].version(1) == 2).then_some(())).await;
            snapshot(&mixed, 3).await;
        }
        mixed.stop(3).await;
        let reason = old_release_refuses(&mut mixed, 3).await;
        assert!(reason.contains("version 2") && reason.contains("1 to 1"), "{reason}");
    }
    client.submit(1, Bytes::from_static(b"w"), soon()).await.expect("the others go on");
    for (_, node) in std::mem::take(&mut mixed.nodes) {
        node.stop().await;
    }
}

/// Lets a node write a snapshot of shard 1.
async fn snapshot(mixed: &Mixed, id: NodeId) {
    let Node::New(node) = &mixed.nodes[&id] else { panic!("an old release") };
    let request = grid_node::AdminRequest::Snapshot { shard: 1 };
    let answer = tokio::time::timeout(PATIENCE, node.admin(request, soon())).await;
    let answer = answer.expect("in time");
    assert_eq!(answer, grid_node::AdminAnswer::Done);
}

/// Starts the old release on what the new one has written; why it does not go on.
async fn old_release_refuses(mixed: &mut Mixed, id: NodeId) -> String {
    match mixed.start(id, false).await {
        Err(error) => error.to_string(),
        Ok(()) => {
            let Some(Node::Old(node)) = mixed.nodes.remove(&id) else { panic!("just started") };
            let shard = node.shard(1).expect("a replica");
            let failed = tokio::time::timeout(Duration::from_secs(20), node.failed()).await;
            assert_eq!(shard.version(), 1, "it did not go over the barrier");
            assert!(shard.read(|words| words.0.iter().all(|(version, _)| *version == 1)));
            node.shutdown().await;
            failed.expect("it says so in time")
        }
    }
}
