//! Connections that do not belong here, frames that are too large, units that say nothing.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use bytes::Bytes;
use grid_node::{ClientConfig, GridClient, ReadFrom};

use crate::grid::{Grid, PATIENCE, soon, wait_for};
use crate::toy::command;

pub fn frame(body: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(body.len()).expect("a small body").to_le_bytes().to_vec();
    bytes.extend(0_u64.to_le_bytes());
    bytes.extend(body);
    bytes
}

/// The version of the Raft port.
pub const VERSION: u32 = 2;
/// The version of the client port.
const CLIENT_VERSION: u32 = 3;

/// A Raft hello: versions, cluster, from, a data directory, to.
pub fn raft_hello((cluster_id, log_id): (u128, u128), from: u64, to: u64, version: u32) -> Vec<u8> {
    let mut body = b"SGRAFT\r\n".to_vec();
    body.extend(version.to_le_bytes());
    body.extend(version.to_le_bytes());
    body.extend(cluster_id.to_le_bytes());
    body.extend(from.to_le_bytes());
    body.extend(log_id.to_le_bytes());
    body.extend(to.to_le_bytes());
    body.push(0);
    frame(&body)
}

/// The number of a node's data directory, from its identity file.
pub fn log_id(grid: &Grid, node: u64) -> u128 {
    let bytes = std::fs::read(grid.data_dir(node).join("identity")).expect("an identity");
    u128::from_le_bytes(bytes[36..52].try_into().expect("sixteen bytes"))
}

pub fn client_hello() -> Vec<u8> {
    let mut body = b"SGGRID\r\n".to_vec();
    body.extend(CLIENT_VERSION.to_le_bytes());
    body.extend(CLIENT_VERSION.to_le_bytes());
    frame(&body)
}

fn connect(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(to).expect("a listening port");
    stream.set_read_timeout(Some(PATIENCE)).expect("a valid time");
    stream
}

/// Sends bytes; returns how many come back before the other side closes. An abrupt end is an end.
fn answered_bytes(to: SocketAddr, bytes: &[u8]) -> usize {
    let mut stream = connect(to);
    stream.write_all(bytes).expect("sent");
    read_to_end(&mut stream)
}

fn read_to_end(stream: &mut TcpStream) -> usize {
    let (mut total, mut buffer) = (0, [0; 1024]);
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return total,
            Ok(count) => total += count,
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return total,
            Err(error) => panic!("the connection stays open: {error}"),
        }
    }
}

/// What answers a hello: nothing, or a frame of this id and body.
fn answer(to: SocketAddr, hello: &[u8]) -> Option<(u64, Vec<u8>)> {
    let mut stream = connect(to);
    stream.write_all(hello).expect("sent");
    let mut header = [0; 12];
    stream.read_exact(&mut header).ok()?;
    let len = u32::from_le_bytes(header[..4].try_into().expect("four bytes"));
    let mut body = vec![0; len as usize];
    stream.read_exact(&mut body).expect("a whole frame");
    Some((u64::from_le_bytes(header[4..].try_into().expect("eight bytes")), body))
}

/// Invariant I5.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_members_of_the_same_grid_with_their_own_log_are_let_in() {
    let mut grid = Grid::start(3).await;
    let node = &grid.nodes[&1];
    let registered = |id| {
        let state = node.grid_state()?;
        state.node(id)?.log_id
    };
    wait_for("the registry", || registered(2).and(registered(3))).await;
    let (to, two) = (grid.raft_address(1), log_id(&grid, 2));
    let answers = tokio::task::spawn_blocking(move || {
        [
            ("another protocol", client_hello(), None),
            ("no protocol", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(), None),
            ("another version", raft_hello((7, two), 2, 1, VERSION + 1), Some(1)),
            ("another cluster", raft_hello((8, two), 2, 1, VERSION), Some(1)),
            ("another node is meant", raft_hello((7, two), 2, 3, VERSION), Some(1)),
            ("an unknown node", raft_hello((7, two), 9, 1, VERSION), Some(1)),
            ("the node itself", raft_hello((7, two), 1, 1, VERSION), Some(1)),
            ("a node with another log", raft_hello((7, two + 1), 2, 1, VERSION), Some(2)),
            ("a real peer", raft_hello((7, two), 2, 1, VERSION), Some(0)),
        ]
        .map(|(who, hello, expected)| (who, expected, answer(to, &hello)))
    });
    for (who, expected, answered) in answers.await.expect("no panic") {
        assert_eq!(answered.as_ref().map(|(id, _)| *id), expected, "{who}: {answered:?}");
        if expected == Some(2) {
            let reason = String::from_utf8(answered.expect("an answer").1).expect("text");
            assert!(reason.contains("ctl node recover 2"), "{reason}");
        }
    }
    grid.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_of_another_grid_gets_no_votes() {
    let mut grid = Grid::prepare(3, |_| {});
    grid.config(3).cluster_id = 8;
    for id in 1..=3 {
        grid.start_node(id).await;
    }
    // The founders need all voters' word, and the stranger cannot give it.
    let client = grid.client();
    let short = std::time::Instant::now() + std::time::Duration::from_millis(700);
    assert!(client.submit(1, command(1, "w"), short).await.is_err());
    grid.stop_node(3).await;
    std::fs::remove_dir_all(grid.data_dir(3)).expect("removable");
    grid.config(3).cluster_id = 7;
    grid.start_node(3).await;
    client.submit(1, command(2, "w"), soon()).await.expect("committed");
    grid.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_oversized_frame_ends_its_connection_and_nothing_else() {
    let mut grid = Grid::start(3).await;
    let (client_port, raft_port) = (grid.client_address(1), grid.raft_address(1));
    let two = log_id(&grid, 2);
    let ended = tokio::task::spawn_blocking(move || {
        for (to, hello) in
            [(client_port, client_hello()), (raft_port, raft_hello((7, two), 2, 1, VERSION))]
        {
            let mut bytes = hello;
            bytes.extend(u32::MAX.to_le_bytes());
            bytes.extend(1_u64.to_le_bytes());
            answered_bytes(to, &bytes);
            // A hello is small, whatever the limit of requests is.
            let mut bytes = 2048_u32.to_le_bytes().to_vec();
            bytes.extend(1_u64.to_le_bytes());
            assert_eq!(answered_bytes(to, &bytes), 0);
        }
    });
    ended.await.expect("every connection was ended");
    let client = grid.client();
    client.submit(1, command(1, "w"), soon()).await.expect("committed");
    grid.stop().await;
}

/// A unit that takes connections and requests and never answers, as a frozen process would.
fn silent_unit() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        let mut taken = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut greeting = 7_u128.to_le_bytes().to_vec();
            greeting.extend(9_u64.to_le_bytes());
            greeting.extend(CLIENT_VERSION.to_le_bytes());
            stream.write_all(&frame(&greeting)).expect("sent");
            taken.push(stream);
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_unit_is_passed_over() {
    let mut grid = Grid::start(1).await;
    grid.leader(1).await;
    let mut config = ClientConfig::new(vec![silent_unit(), grid.client_address(1)]);
    config.attempt_timeout = std::time::Duration::from_millis(100);
    for request in 0..4 {
        // Each client begins with a unit of its own choice.
        let client = GridClient::new(config.clone());
        client.submit(1, command(request, "w"), soon()).await.expect("committed");
        let client = GridClient::new(config.clone());
        let words = client.query(1, Bytes::new(), ReadFrom::Leader, soon()).await;
        let expected = vec!["w"; request as usize + 1].join("\n");
        assert_eq!(words, Ok(Bytes::from(expected)));
        let stale = Bytes::from_static(b"stale");
        client.query(1, stale, ReadFrom::Any, soon()).await.expect("answered");
    }
    grid.stop().await;
}
