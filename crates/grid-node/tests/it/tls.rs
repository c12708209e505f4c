//! A whole grid under TLS, and who is kept out of it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use grid_node::tls::{TlsConfig, client_name, node_names};
use grid_node::{ClientConfig, GridClient, NodeConfig, ReadFrom, StartError};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};

use crate::certs::{Authority, Files};
use crate::grid::{Grid, PATIENCE, soon};
use crate::strangers::{VERSION, log_id, raft_hello};
use crate::toy::command;

/// The grid of these tests.
const CLUSTER: u128 = 7;

fn config(files: &Files) -> TlsConfig {
    TlsConfig::files(files.ca.clone(), files.cert.clone(), files.key.clone())
}

fn secure(authority: &Authority) -> impl Fn(&mut NodeConfig) + '_ {
    |node| {
        let label = format!("node-{}", node.node_id);
        let files = authority.issue(&label, &node_names(CLUSTER, node.node_id));
        node.tls = config(&files);
    }
}

fn client(grid: &Grid, nodes: u64, tls: TlsConfig) -> GridClient {
    let mut config = ClientConfig::new((1..=nodes).map(|id| grid.client_address(id)).collect());
    config.tls = tls;
    GridClient::new(config)
}

fn shortly() -> Instant {
    Instant::now() + Duration::from_millis(500)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grid_works_under_tls_and_takes_its_own_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    let authority = Authority::new(&dir.path().join("ours"));
    let mut grid = Grid::start_with(3, secure(&authority)).await;
    let files = authority.issue("client", &[client_name(CLUSTER)]);
    let ours = client(&grid, 3, config(&files));
    for request in 0..50 {
        ours.submit(1, command(request, "w"), soon()).await.expect("committed");
    }
    // Larger than what TLS takes in one piece.
    let large = "x".repeat(300_000);
    ours.submit(1, command(50, &large), soon()).await.expect("committed");
    let words = ours.query(1, Bytes::new(), ReadFrom::Leader, soon()).await.expect("answered");
    assert_eq!(words.len(), 50 * 2 + large.len());

    let foreign = Authority::new(&dir.path().join("theirs"));
    let hour_ago = std::time::SystemTime::now() - Duration::from_secs(3600);
    let strangers = [
        ("plain", TlsConfig::default()),
        ("foreign", config(&foreign.issue("client", &[client_name(CLUSTER)]))),
        ("of another grid", config(&authority.issue("other", &[client_name(8)]))),
        ("expired", config(&authority.issue_until("old", &[client_name(CLUSTER)], hour_ago))),
    ];
    for (who, tls) in strangers {
        let stranger = client(&grid, 3, tls);
        assert!(stranger.submit(1, command(99, "w"), shortly()).await.is_err(), "{who}");
    }
    let leader = grid.leader(1).await;
    grid.kill_node(leader);
    ours.submit(1, command(51, "w"), soon()).await.expect("committed by the next leader");
    grid.start_node(leader).await;
    grid.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_under_tls_does_not_talk_to_a_plain_grid() {
    let dir = tempfile::tempdir().expect("a directory");
    let authority = Authority::new(dir.path());
    let mut grid = Grid::start(1).await;
    grid.leader(1).await;
    let files = authority.issue("client", &[client_name(CLUSTER)]);
    let secured = client(&grid, 1, config(&files));
    assert!(secured.submit(1, command(1, "w"), shortly()).await.is_err());
    grid.client().submit(1, command(2, "w"), soon()).await.expect("committed");
    grid.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_does_not_start_with_the_certificate_of_another() {
    let dir = tempfile::tempdir().expect("a directory");
    let authority = Authority::new(dir.path());
    let mut grid = Grid::prepare(3, secure(&authority));
    let of_three = grid.config(3).tls.clone();
    grid.config(2).tls = of_three;
    match grid.try_start(2).await {
        Err(StartError::Tls(error)) => {
            assert!(error.to_string().contains("seatgrid tls issue --node 2"), "{error}");
        }
        other => panic!("{other:?}"),
    }
}

/// A connection under TLS to a port of node 1.
fn dial(files: &Files, to: SocketAddr) -> rustls::StreamOwned<rustls::ClientConnection, TcpStream> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&files.ca).expect("a certificate")).expect("sound");
    let chain = vec![CertificateDer::from_pem_file(&files.cert).expect("a certificate")];
    let key = PrivateKeyDer::from_pem_file(&files.key).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("known versions")
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .expect("they fit");
    let name = ServerName::try_from(node_names(CLUSTER, 1)[0].clone()).expect("a name");
    let tls = rustls::ClientConnection::new(Arc::new(config), name).expect("a connection");
    let stream = TcpStream::connect(to).expect("a listening port");
    stream.set_read_timeout(Some(PATIENCE)).expect("a valid time");
    rustls::StreamOwned::new(tls, stream)
}

/// Whether the Raft port greets this certificate as this node.
fn is_greeted(files: &Files, to: SocketAddr, hello: &[u8]) -> bool {
    let mut stream = dial(files, to);
    stream.write_all(hello).expect("sent");
    let mut greeting = [0; 13];
    // A refusal is an end of the connection, or a frame that only says why.
    stream.read_exact(&mut greeting[..12]).is_ok() && greeting[4..12] == [0; 8]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_raft_port_believes_certificates_and_not_words() {
    let dir = tempfile::tempdir().expect("a directory");
    let authority = Authority::new(dir.path());
    let mut grid = Grid::start_with(3, secure(&authority)).await;
    let to = grid.raft_address(1);
    let two = authority.issue("again-2", &node_names(CLUSTER, 2));
    let client = authority.issue("client", &[client_name(CLUSTER)]);
    let log_ids = [2, 3].map(|node| log_id(&grid, node));
    let greeted = tokio::task::spawn_blocking(move || {
        let hello = |from| raft_hello((CLUSTER, log_ids[from as usize - 2]), from, 1, VERSION);
        [
            is_greeted(&two, to, &hello(2)),
            is_greeted(&two, to, &hello(3)),
            is_greeted(&client, to, &hello(2)),
        ]
    });
    let [itself, swapped, client] = greeted.await.expect("no panic");
    assert!(itself, "node 2 as node 2");
    assert!(!swapped, "node 2 as node 3");
    assert!(!client, "a client as node 2");
    grid.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_open_handshakes_hold_no_place_for_ever() {
    let dir = tempfile::tempdir().expect("a directory");
    let authority = Authority::new(dir.path());
    let mut grid = Grid::start_with(1, |node| {
        secure(&authority)(node);
        node.limits.connections_max = 4;
    })
    .await;
    grid.leader(1).await;
    let to = grid.client_address(1);
    // The first bytes of a handshake, and then nothing.
    let silent: Vec<TcpStream> = (0..4)
        .map(|_| {
            let mut stream = TcpStream::connect(to).expect("a listening port");
            stream.write_all(&[22, 3, 1, 1, 0]).expect("sent");
            stream
        })
        .collect();
    let files = authority.issue("client", &[client_name(CLUSTER)]);
    let ours = client(&grid, 1, config(&files));
    ours.submit(1, command(1, "w"), soon()).await.expect("once the places are free again");
    drop(silent);
    grid.stop().await;
}
