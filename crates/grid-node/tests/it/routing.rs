//! A client whose knowledge is old, whose links hang, or whose shard has no leader.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::join_all;
use grid_node::{
    AdminAnswer, AdminRequest, ClientConfig, ClientError, GridClient, MetaCommand, MetaReply,
    ReadFrom,
};

use crate::grid::{Grid, PATIENCE, soon, wait_for};
use crate::proxy::{Held, Proxy};
use crate::strangers::{client_hello, frame};
use crate::toy::{command, position};

/// A client that reaches each node through a link of its own.
async fn proxied(grid: &Grid) -> (BTreeMap<u64, Proxy>, GridClient) {
    let mut config = ClientConfig::new(Vec::new());
    config.attempt_timeout = Duration::from_millis(300);
    let mut proxies = BTreeMap::new();
    for node in grid.nodes.keys() {
        let real = grid.client_address(*node);
        let proxy = Proxy::start(real).await;
        config.units.push(real);
        config.via.insert(real, proxy.address);
        proxies.insert(*node, proxy);
    }
    (proxies, GridClient::new(config))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_whose_answer_was_lost_is_repeated_and_counts_once() {
    let mut grid = Grid::start_with(3, |c| c.raft.rebalance_ms = 0).await;
    let (proxies, client) = proxied(&grid).await;
    let leader = grid.leader(1).await;
    client.submit(1, command(1, "one"), soon()).await.expect("committed");
    let shard = grid.shard(leader, 1);
    let entries = |shard: &grid_node::Shard<crate::toy::Toy>| shard.read(|t| t.stamps_ms.len());
    let before = entries(&shard);
    proxies[&leader].hold(Held { back: true, ..Held::default() });
    let asking = client.clone();
    let asked = tokio::spawn(async move { asking.submit(1, command(2, "two"), soon()).await });
    wait_for("the command carried out", || (entries(&shard) > before).then_some(())).await;
    // The client has given up this attempt by then, and has not heard that the leader is well.
    tokio::time::timeout(Duration::from_millis(500), std::future::pending::<()>())
        .await
        .expect_err("nothing to wait for but the time");
    assert!(!asked.is_finished(), "the link still hangs");
    proxies[&leader].hold(Held::default());
    let reply = asked.await.expect("no panic").expect("answered at last");
    assert_eq!(position(&reply), 1);
    assert!(entries(&shard) >= before + 2, "it was sent twice");
    assert_eq!(shard.read(|toy| toy.words.clone()), ["one", "two"], "and counts once");
    grid.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_hangs_is_left_for_its_successor() {
    let mut grid = Grid::start_with(3, |c| c.raft.rebalance_ms = 0).await;
    let (proxies, client) = proxied(&grid).await;
    let leader = grid.leader(1).await;
    client.submit(1, command(1, "one"), soon()).await.expect("committed");
    // For the client it is as if the process was stopped: nothing is closed, nothing answered.
    proxies[&leader].hold(Held { there: true, back: true, ..Held::default() });
    grid.kill_node(leader);
    let asked_at = Instant::now();
    let written = (2..40).map(|request| client.submit(1, command(request, "more"), soon()));
    for reply in join_all(written).await {
        reply.expect("the successor answers");
    }
    let gone = asked_at.elapsed();
    assert!(gone < Duration::from_secs(5), "{gone:?}");
    let words = client.query(1, Bytes::new(), ReadFrom::Leader, soon()).await.expect("answered");
    assert_eq!(words.split(|byte| *byte == b'\n').count(), 39, "each once");
    proxies[&leader].hold(Held::default());
    client.submit(1, command(40, "last"), soon()).await.expect("committed");
    grid.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_of_a_dead_shard_wait_here_and_not_at_the_units() {
    let mut grid = Grid::start_with(3, |c| c.raft.rebalance_ms = 0).await;
    let (proxies, client) = proxied(&grid).await;
    let leader = grid.leader(1).await;
    client.submit(1, command(1, "one"), soon()).await.expect("committed");
    for node in (1..=3).filter(|node| *node != leader) {
        grid.kill_node(node);
    }
    let shard = grid.shard(leader, 1);
    wait_for("the lease to end", || (!shard.is_serving()).then_some(())).await;
    let sent = || proxies.values().map(Proxy::there_bytes).sum::<u64>();
    let before = sent();
    let until = Instant::now() + Duration::from_secs(2);
    let word = "w".repeat(1000);
    let asked = (2..102).map(|request| client.submit(1, command(request, &word), until));
    for outcome in join_all(asked).await {
        assert_eq!(outcome, Err(ClientError::NoLeader), "nothing happened");
    }
    // 100 commands of a kilobyte may have been tried once each; the rest is questions who leads.
    let bytes = sent() - before;
    assert!(bytes < 150_000, "{bytes} bytes: more than each command once");
    for node in (1..=3).filter(|node| *node != leader) {
        grid.start_node(node).await;
    }
    client.submit(1, command(200, "again"), soon()).await.expect("committed");
    grid.stop().await;
}

#[tokio::test]
async fn only_so_many_requests_wait_for_a_leader() {
    let nobody = SocketAddr::from(([127, 0, 0, 1], 1));
    let mut config = ClientConfig::new(vec![nobody]);
    (config.parked_max, config.parked_bytes_max) = (5, 4_000);
    let client = GridClient::new(config);
    let until = Instant::now() + Duration::from_millis(500);
    let small = join_all((0..20).map(|request| client.submit(1, command(request, "w"), until)));
    let outcomes = small.await;
    let busy = outcomes.iter().filter(|o| **o == Err(ClientError::Busy)).count();
    let waited = outcomes.iter().filter(|o| **o == Err(ClientError::NoLeader)).count();
    assert_eq!((busy, waited), (15, 5), "{outcomes:?}");
    let until = Instant::now() + Duration::from_millis(200);
    let word = "w".repeat(1_500);
    let large = join_all((0..3).map(|request| client.submit(1, command(request, &word), until)));
    let outcomes = large.await;
    let busy = outcomes.iter().filter(|o| **o == Err(ClientError::Busy)).count();
    assert_eq!(busy, 1, "the third is over the bytes: {outcomes:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_pins_reach_a_watcher_as_changes_only() {
    let mut grid = Grid::start(1).await;
    let (proxies, watcher) = proxied(&grid).await;
    let writer = grid.client();
    writer.pin("first", soon()).await.expect("pinned");
    wait_for("the first pin", || watcher.routes().pins.contains_key("first").then_some(())).await;
    let before = proxies[&1].back_bytes();
    for from in (0..1000).step_by(50) {
        let keys: Vec<String> = (from..from + 50).map(|n| format!("event-{n}")).collect();
        let pins = join_all(keys.iter().map(|key| writer.pin(key, soon()))).await;
        assert!(pins.iter().all(Result::is_ok), "{pins:?}");
    }
    wait_for("all pins", || (watcher.routes().pins.len() == 1001).then_some(())).await;
    let bytes = proxies[&1].back_bytes() - before;
    assert!(bytes < 60_000, "{bytes} bytes: whole tables were sent");
    let fresh = writer.refresh_routes(soon()).await.expect("fresh");
    assert_eq!(watcher.routes().pins, fresh.pins);
    for number in 1..=1001 {
        assert_eq!(watcher.routes().shard_of(number), fresh.shard_of(number));
    }
    grid.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_configured_address_is_enough_to_find_all_nodes() {
    let mut grid = Grid::start_with(3, |c| c.raft.rebalance_ms = 0).await;
    let client = GridClient::new(ClientConfig::new(vec![grid.client_address(3)]));
    client.submit(1, command(1, "one"), soon()).await.expect("committed");
    wait_for("all nodes", || (client.routes().nodes.len() == 3).then_some(())).await;
    grid.kill_node(3);
    client.submit(1, command(2, "two"), soon()).await.expect("the others are known by now");
    for node in 1..=2 {
        let status = client.admin(node, &AdminRequest::Status, soon()).await.expect("answered");
        assert!(matches!(&status, AdminAnswer::Status(s) if s.node_id == node), "{status:?}");
    }
    let meta = client.admin_leader(0, &AdminRequest::Meta { fresh: true }, soon()).await;
    assert!(matches!(meta, Ok(AdminAnswer::Meta(_))), "{meta:?}");
    grid.stop().await;
}

/// Nobody can tell the registry before there is a quorum; a node passes on what it is configured with.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_all_moved_are_told_by_the_first_that_is_back() {
    let mut grid = Grid::start_with(3, |c| c.raft.rebalance_ms = 0).await;
    let client = grid.client();
    client.submit(1, command(1, "one"), soon()).await.expect("committed");
    for node in 1..=3 {
        let view = grid.data_dir(node).join("meta-view");
        wait_for("the view of the grid on disk", || view.exists().then_some(())).await;
    }
    grid.stop().await;
    grid.move_everybody();
    grid.start_node(1).await;
    let client = GridClient::new(ClientConfig::new(vec![grid.client_address(1)]));
    let now: BTreeMap<_, _> = (1..=3).map(|node| (node, grid.client_address(node))).collect();
    wait_for("all addresses of today", || (client.routes().nodes == now).then_some(())).await;
    grid.start_node(2).await;
    client.submit(1, command(2, "two"), soon()).await.expect("committed");
    grid.start_node(3).await;
    wait_for("the registry", || {
        let state = grid.nodes[&1].grid_state()?;
        let registered =
            |(id, node): (&u64, &grid_node::meta::NodeRecord)| (*id, node.addresses.client);
        (state.nodes().iter().map(registered).collect::<BTreeMap<_, _>>() == now).then_some(())
    })
    .await;
    assert_eq!(client.routes().nodes, now);
    grid.stop().await;
}

/// The first byte of the answer to a command sent by hand under an epoch: 0 for done, 1 for moved.
fn submit_by_hand(to: SocketAddr, epoch: u64, command: &[u8]) -> u8 {
    use std::io::{Read, Write};
    let mut body = vec![0];
    body.extend(1_u32.to_le_bytes());
    body.extend(epoch.to_le_bytes());
    body.extend(5_000_u32.to_le_bytes());
    body.extend(1_u32.to_le_bytes());
    body.extend((command.len() as u32).to_le_bytes());
    body.extend(command);
    let mut stream = std::net::TcpStream::connect(to).expect("a listening port");
    stream.set_read_timeout(Some(PATIENCE)).expect("a valid time");
    stream.write_all(&[client_hello(), frame(&body)].concat()).expect("taken");
    let mut answer = |what: &str| {
        let mut header = [0; 12];
        stream.read_exact(&mut header).expect(what);
        let length = u32::from_le_bytes(header[..4].try_into().expect("four bytes"));
        let mut body = vec![0; length as usize];
        stream.read_exact(&mut body).expect(what);
        body
    };
    answer("the greeting");
    answer("the answer")[0]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_epoch_is_refused_and_a_newer_one_served() {
    let mut grid = Grid::start_with(3, |c| c.raft.rebalance_ms = 0).await;
    let client = grid.client();
    wait_for("the founding", || (client.routes().epoch(1) == 1).then_some(())).await;
    let replicas = vec![3, 1, 2];
    let publish = AdminRequest::Change(MetaCommand::Publish { shard: 1, replicas });
    let told = client.admin_leader(0, &publish, soon()).await;
    assert_eq!(told, Ok(AdminAnswer::Changed(MetaReply::Done)));
    for node in 1..=3 {
        wait_for("the new epoch", || (grid.nodes[&node].routes().epoch(1) == 2).then_some(()))
            .await;
    }
    wait_for("the news", || (client.routes().epoch(1) == 2).then_some(())).await;
    client.submit(1, command(1, "one"), soon()).await.expect("committed");
    let to = grid.client_address(grid.leader(1).await);
    let answers = tokio::task::spawn_blocking(move || {
        [1, 2, 9, 0].map(|epoch| submit_by_hand(to, epoch, &command(10 + epoch, "by hand")))
    });
    assert_eq!(answers.await.expect("no panic"), [1, 0, 0, 0], "under epochs 1, 2, 9 and none");
    let leader = grid.leader(1).await;
    assert_eq!(grid.words(leader, 1).len(), 4, "the refused one never happened");
    grid.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_frames_do_not_stop_the_port() {
    let mut grid = Grid::start(1).await;
    let client = grid.client();
    client.submit(1, command(1, "one"), soon()).await.expect("committed");
    let address = grid.client_address(1);
    let sent = tokio::task::spawn_blocking(move || {
        use std::io::{Read, Write};
        let mut frames = client_hello();
        for length in 0..400_usize {
            let body: Vec<u8> = (0..length % 90).map(|_| rand::random()).collect();
            frames.extend(frame(&body));
            // Of a known kind, with nonsense behind it.
            let mut known = vec![u8::try_from(length % 12).expect("small")];
            known.extend(body.iter().take(12));
            frames.extend(frame(&known));
        }
        let mut stream = std::net::TcpStream::connect(address).expect("a listening port");
        stream.write_all(&frames).expect("taken");
        let mut greeting = [0; 12];
        stream.read_exact(&mut greeting).expect("the hello was good");
    });
    sent.await.expect("no panic");
    client.submit(1, command(2, "two"), soon()).await.expect("the port still serves");
    let words = client.query(1, Bytes::new(), ReadFrom::Leader, soon()).await.expect("answered");
    let words = String::from_utf8(words.to_vec()).expect("text");
    assert!(words.lines().any(|w| w == "one") && words.lines().any(|w| w == "two"), "{words}");
    grid.stop().await;
}
