//! Connections that do not belong here, frames that are too large, units that say nothing.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use bytes::Bytes;
use grid_node::{ClientConfig, GridClient, ReadFrom};

use crate::grid::{Grid, PATIENCE, soon};
use crate::toy::command;

fn frame(body: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(body.len()).expect("a small body").to_le_bytes().to_vec();
    bytes.extend(0_u64.to_le_bytes());
    bytes.extend(body);
    bytes
}

/// A Raft hello: cluster, from, to.
pub fn raft_hello(cluster_id: u128, from: u64, to: u64) -> Vec<u8> {
    raft_hello_of(1, cluster_id, from, to)
}

fn raft_hello_of(version: u32, cluster_id: u128, from: u64, to: u64) -> Vec<u8> {
    let mut body = b"SGRAFT\r\n".to_vec();
    body.extend(version.to_le_bytes());
    body.extend(cluster_id.to_le_bytes());
    body.extend(from.to_le_bytes());
    body.extend(to.to_le_bytes());
    body.push(0);
    frame(&body)
}

fn client_hello() -> Vec<u8> {
    let mut body = b"SGGRID\r\n".to_vec();
    body.extend(1_u32.to_le_bytes());
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_configured_peers_of_the_same_grid_are_let_in() {
    let mut grid = Grid::start(3).await;
    let to = grid.raft_address(1);
    let refused = tokio::task::spawn_blocking(move || {
        [
            ("another cluster", raft_hello(8, 2, 1)),
            ("another node is meant", raft_hello(7, 2, 3)),
            ("an unknown node", raft_hello(7, 9, 1)),
            ("the node itself", raft_hello(7, 1, 1)),
            ("another version", raft_hello_of(2, 7, 2, 1)),
            ("another protocol", client_hello()),
            ("no protocol", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec()),
        ]
        .map(|(who, hello)| (who, answered_bytes(to, &hello)))
    });
    for (who, bytes) in refused.await.expect("no panic") {
        assert_eq!(bytes, 0, "{who} is greeted");
    }
    let greeted = tokio::task::spawn_blocking(move || {
        let mut stream = connect(to);
        stream.write_all(&raft_hello(7, 2, 1)).expect("sent");
        let mut greeting = [0; 12];
        stream.read_exact(&mut greeting).is_ok()
    });
    assert!(greeted.await.expect("no panic"), "a real peer is let in");
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
    let ended = tokio::task::spawn_blocking(move || {
        for (to, hello) in [(client_port, client_hello()), (raft_port, raft_hello(7, 2, 1))] {
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
