//! A leader whose messages arrive while it hears no answer: it serves nobody, and must not keep the
//! others from electing either. Two guards see to that, and each is enough: openraft's own pauses between
//! heartbeats without a quorum, and the mute, which holds back all else as well.

use std::time::{Duration, Instant};

use grid_node::{AdminAnswer, AdminRequest, NodeId, ReadError};

use crate::grid::{Grid, soon, wait_for};
use crate::proxy::{Held, Proxy};
use crate::toy::command;

/// Starts a node again that reaches the others through links of its own. The registry has their real
/// addresses, so nobody else takes these links.
async fn restart_behind_proxies(grid: &mut Grid, node: NodeId) -> Vec<Proxy> {
    let view = grid.data_dir(node).join("meta-view");
    wait_for("the view of the grid on disk", || view.exists().then_some(())).await;
    grid.stop_node(node).await;
    let mut proxies = Vec::new();
    for other in (1..=3).filter(|other| *other != node) {
        let proxy = Proxy::start(grid.raft_address(other)).await;
        let peers = &mut grid.config(node).peers;
        peers.get_mut(&other).expect("a founder").raft = proxy.address;
        proxies.push(proxy);
    }
    grid.start_node(node).await;
    proxies
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_is_heard_but_hears_nobody_makes_room_for_another() {
    let mut grid = Grid::start_with(3, |c| c.raft.rebalance_ms = 0).await;
    let client = grid.client();
    client.submit(1, command(1, "one"), soon()).await.expect("committed");
    let proxies = restart_behind_proxies(&mut grid, 1).await;
    wait_for("the node to catch up", || (grid.words(1, 1).len() == 1).then_some(())).await;
    let transfer = AdminRequest::TransferLeader { shard: 1, to: 1 };
    assert_eq!(grid.administer(transfer).await, AdminAnswer::Done);
    client.submit(1, command(2, "two"), soon()).await.expect("committed by way of the proxies");
    for proxy in &proxies {
        proxy.hold(Held { deaf: true, ..Held::default() });
    }
    let sent: u64 = proxies.iter().map(Proxy::there_bytes).sum();
    let deaf = grid.shard(1, 1);
    wait_for("the end of its lease", || (!deaf.is_serving()).then_some(())).await;
    assert!(proxies.iter().map(Proxy::there_bytes).sum::<u64>() > sent, "it still speaks");
    let short = Instant::now() + Duration::from_millis(100);
    let read = deaf.read_fresh(short, |toy| toy.words.len()).await;
    assert!(matches!(read, Err(ReadError::NotLeader { .. } | ReadError::Expired)), "{read:?}");
    let successor =
        wait_for("another leader", || (2..=3).find(|node| grid.shard(*node, 1).is_serving())).await;
    client.submit(1, command(3, "three"), soon()).await.expect("committed by the successor");
    for proxy in &proxies {
        proxy.hold(Held::default());
    }
    wait_for("all words", || (grid.words(1, 1).len() == 3).then_some(())).await;
    assert_eq!(grid.leader(1).await, successor, "nobody is disturbed when the fault is over");
    grid.stop().await;
}
