//! A replica whose state differs from the others' is found by the replicas themselves and taken out
//! of service; the others go on, and it comes back once its state is right again (invariant I3).

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use grid_node::{
    ClientConfig, CommittedEntry, Encode, GridClient, GridNode, NodeId, QueryFuture, QueryHandler,
    Replies, RestoreError, Shard, ShardId, ShardStatus, StateMachine,
};

use crate::grid::{Grid, soon, wait_for};

const SHARD: ShardId = 1;
/// Milliseconds between comparisons.
const PERIOD_MS: u64 = 200;

/// Set while the next replica that applies the fateful word is to go wrong.
static FAULTY: AtomicBool = AtomicBool::new(false);

/// Words; one of them does not have the same effect everywhere, as if memory were broken.
#[derive(Debug, Default)]
struct Fickle(Vec<String>);

impl StateMachine for Fickle {
    fn empty(_shard: ShardId) -> Self {
        Self::default()
    }

    fn apply(&mut self, entry: &CommittedEntry, replies: &mut Replies) {
        for command in entry.commands.iter() {
            let word = String::from_utf8_lossy(command);
            let goes_wrong = word == "fate" && FAULTY.swap(false, Ordering::SeqCst);
            self.0.push(if goes_wrong { "fata".into() } else { word.into_owned() });
            replies.push(&[]);
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

/// Answers with the words as this replica has them, however old.
struct Stale;

impl QueryHandler<Fickle> for Stale {
    fn query(
        &self,
        shard: Arc<Shard<Fickle>>,
        _body: Bytes,
        _by: std::time::Instant,
    ) -> QueryFuture {
        Box::pin(async move { Ok(Bytes::from(shard.read(|words| words.0.join(" ")))) })
    }
}

struct Nodes(BTreeMap<NodeId, GridNode<Fickle>>);

impl Nodes {
    async fn start(grid: &mut Grid, ids: impl IntoIterator<Item = NodeId>) -> Self {
        let mut nodes = BTreeMap::new();
        for id in ids {
            let config = grid.config(id).clone();
            nodes.insert(id, GridNode::start(config, Arc::new(Stale)).await.expect("it starts"));
        }
        Self(nodes)
    }

    fn status(&self, node: NodeId) -> Option<ShardStatus> {
        let status = self.0[&node].status();
        status.shards.into_iter().find(|shard| shard.shard == SHARD)
    }

    /// The replicas that know of themselves that they differ.
    fn odd(&self) -> Vec<NodeId> {
        let differs = |id: &NodeId| self.status(*id).is_some_and(|shard| shard.diverged);
        self.0.keys().copied().filter(differs).collect()
    }

    fn serving(&self) -> Option<NodeId> {
        let serves = |id: &NodeId| self.status(*id).is_some_and(|shard| shard.serving);
        self.0.keys().copied().find(serves)
    }

    fn words(&self, node: NodeId) -> Vec<String> {
        self.0[&node].shard(SHARD).expect("a replica").read(|words| words.0.clone())
    }
}

/// Writes words until it is told to stop, so that there are check points.
async fn keep_writing(client: GridClient, stop: Arc<AtomicBool>) {
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    while !stop.load(Ordering::Relaxed) {
        ticks.tick().await;
        client.submit(SHARD, Bytes::from_static(b"w"), soon()).await.expect("the shard goes on");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_differs_is_found_and_taken_out_and_nothing_else_is_harmed() {
    let mut grid = Grid::prepare(3, |config| config.raft.digest_ms = PERIOD_MS);
    let mut nodes = Nodes::start(&mut grid, 1..=3).await;
    let units = (1..=3).map(|id| grid.client_address(id)).collect();
    let client = GridClient::new(ClientConfig::new(units));
    let stop = Arc::new(AtomicBool::new(false));
    let writing = tokio::spawn(keep_writing(client.clone(), Arc::clone(&stop)));
    wait_for("compared fingerprints", || {
        (1..=3).all(|id| nodes.status(id).is_some_and(|s| s.digest.is_some())).then_some(())
    })
    .await;
    assert_eq!(nodes.odd(), [0; 0], "equal replicas are not suspected");

    FAULTY.store(true, Ordering::SeqCst);
    client.submit(SHARD, Bytes::from_static(b"fate"), soon()).await.expect("committed");
    let odd = wait_for("the odd one", || nodes.odd().first().copied()).await;
    let has = |words: Vec<String>, word: &str| words.iter().any(|known| known == word);
    assert!(has(nodes.words(odd), "fata"), "the right one is found");
    let leader = wait_for("a leader among the others", || nodes.serving()).await;
    assert_ne!(leader, odd, "it does not serve");
    client.submit(SHARD, Bytes::from_static(b"after"), soon()).await.expect("the others go on");
    let told = wait_for("the word everywhere else", || {
        let others = nodes.0.keys().filter(|id| **id != odd);
        others.clone().all(|id| has(nodes.words(*id), "after")).then(|| nodes.odd())
    })
    .await;
    assert_eq!(told, [odd], "nobody else is suspected");
    assert!(nodes.status(odd).is_some_and(|shard| !shard.serving));
    // Not even an old state is told by it: whoever asks is sent to another one.
    for _ in 0..9 {
        let words = client.query(SHARD, Bytes::new(), grid_node::ReadFrom::Any, soon()).await;
        let words = String::from_utf8(words.expect("answered").to_vec()).expect("text");
        assert!(!words.contains("fata"), "a wrong state was told");
    }

    // Its log is right, so a restart makes it right again.
    nodes.0.remove(&odd).expect("running").shutdown().await;
    nodes.0.extend(Nodes::start(&mut grid, [odd]).await.0);
    wait_for("the right word", || {
        let words = nodes.0[&odd].shard(SHARD)?.read(|words| words.0.clone());
        (has(words.clone(), "fate") && has(words, "after")).then_some(())
    })
    .await;
    wait_for("its next comparison", || nodes.status(odd)?.digest).await;
    assert_eq!(nodes.odd(), [0; 0]);
    stop.store(true, Ordering::Relaxed);
    writing.await.expect("no command failed");
    for (_, node) in nodes.0 {
        node.shutdown().await;
    }
}
