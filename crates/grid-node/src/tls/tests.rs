//! Tests over real sockets: who is let in, who is not, and what a change of files does.

use std::time::SystemTime;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use certs::Authority;

#[path = "../../tests/it/certs.rs"]
mod certs;

const CLUSTER: u128 = 7;

struct Place {
    dir: TempDir,
    authority: Authority,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let authority = Authority::new(&dir.path().join("ours"));
        Self { dir, authority }
    }

    fn node(&self, node: NodeId) -> Tls {
        tls(&self.authority.issue(&format!("node-{node}"), &node_names(CLUSTER, node)))
    }

    fn client(&self) -> Tls {
        tls(&self.authority.issue("client", &[client_name(CLUSTER)]))
    }
}

fn tls(files: &certs::Files) -> Tls {
    let certs::Files { ca, cert, key } = files.clone();
    Tls::new(files::Files { ca, cert, key })
}

fn node(node: NodeId) -> Callee {
    Callee::Node { cluster_id: CLUSTER, node }
}

/// Connects one with the other and sends a byte each way; what each side has to say of it.
async fn meet(server: &Tls, client: &Tls, callee: Callee) -> (io::Result<Caller>, io::Result<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let accepting = async {
        let (stream, _) = listener.accept().await?;
        let (mut stream, caller) = server.accept(stream).await?;
        let byte = stream.read_u8().await?;
        stream.write_u8(byte + 1).await?;
        stream.flush().await?;
        Ok(caller)
    };
    let dialling = async {
        let stream = TcpStream::connect(address).await?;
        let dial = Dial { tls: client.clone(), callee };
        let mut stream = dial.connect(stream).await?;
        stream.write_u8(1).await?;
        stream.flush().await?;
        assert_eq!(stream.read_u8().await?, 2);
        Ok(())
    };
    tokio::join!(accepting, dialling)
}

async fn assert_refused(server: &Tls, client: &Tls, callee: Callee, why: &str) {
    let (accepted, dialled) = meet(server, client, callee).await;
    assert!(accepted.is_err(), "{why}: accepted as {accepted:?}");
    assert!(dialled.is_err(), "{why}: dialled");
}

#[tokio::test]
async fn nodes_and_clients_of_one_authority_know_each_other() {
    let place = Place::new();
    let (one, two, client) = (place.node(1), place.node(2), place.client());
    let (caller, dialled) = meet(&one, &two, node(1)).await;
    dialled.expect("node 2 reaches node 1");
    let caller = caller.expect("node 2 is let in");
    caller.must_be_node(CLUSTER, 2).expect("it is node 2");
    caller.must_be_node(CLUSTER, 3).expect_err("it is not node 3");
    let (caller, dialled) = meet(&one, &client, Callee::AnyUnit).await;
    dialled.expect("the client reaches node 1");
    let caller = caller.expect("the client is let in");
    caller.must_be_of(CLUSTER).expect("it is of this grid");
    caller.must_be_node(CLUSTER, 2).expect_err("it is no node");
}

#[tokio::test]
async fn strangers_are_refused() {
    let place = Place::new();
    let server = place.node(1);
    let foreign = Authority::new(&place.dir.path().join("theirs"));
    let forged = tls(&foreign.issue("node-2", &node_names(CLUSTER, 2)));
    assert_refused(&server, &forged, node(1), "another authority calls").await;
    assert_refused(&forged, &server, node(2), "another authority answers").await;
    let hour_ago = SystemTime::now() - Duration::from_secs(3600);
    let names = node_names(CLUSTER, 2);
    let expired = tls(&place.authority.issue_until("old", &names, hour_ago));
    assert_refused(&server, &expired, node(1), "an expired certificate calls").await;
    assert_refused(&expired, &server, node(2), "an expired certificate answers").await;
    assert_refused(&server, &place.node(2), node(3), "node 1 answers for node 3").await;
    let client = place.client();
    assert_refused(&client, &server, Callee::AnyUnit, "a client answers for a unit").await;
    let other = tls(&place.authority.issue("other", &node_names(8, 1)));
    assert_refused(&other, &client, Callee::AnyUnit, "a unit of another grid answers").await;
}

#[tokio::test]
async fn without_a_certificate_nobody_is_let_in() {
    let place = Place::new();
    let server = place.node(1);
    let loaded = place.client().current().await.expect("sound files");
    let mut roots = rustls::RootCertStore::empty();
    let ca = place.dir.path().join("ours/ca.pem");
    use rustls::pki_types::pem::PemObject as _;
    let ca = rustls::pki_types::CertificateDer::from_pem_file(ca).expect("a certificate");
    roots.add(ca).expect("an authority");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let anonymous = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("known versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let stream = TcpStream::connect(listener.local_addr().expect("bound")).await.expect("taken");
    let name = ServerName::try_from(loaded.unit_name().expect("a grid")).expect("a name");
    let connector = tokio_rustls::TlsConnector::from(Arc::new(anonymous));
    let (accepted, _) = tokio::join!(
        async { server.accept(listener.accept().await.expect("taken").0).await },
        connector.connect(name, stream)
    );
    assert!(accepted.is_err(), "no certificate, no connection");
}

#[tokio::test]
async fn changed_files_count_from_the_next_connection_on_and_damaged_ones_do_not() {
    let place = Place::new();
    let server = place.node(1);
    let first = server.current().await.expect("sound files");
    place.authority.issue("node-1", &node_names(CLUSTER, 9));
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut looks = tokio::time::interval(Duration::from_millis(50));
    let second = loop {
        looks.tick().await;
        let now = server.current().await.expect("sound files");
        if now.names != first.names {
            break now;
        }
        assert!(Instant::now() < deadline, "the new files are not read");
    };
    assert_eq!(second.names, node_names(CLUSTER, 9));
    std::fs::write(place.dir.path().join("ours/node-1.pem"), "no certificate").expect("written");
    server.inner.state.lock().looked_at = None;
    let kept = server.current().await.expect("the old ones stay");
    assert!(Arc::ptr_eq(&kept, &second));
    let new = tls(&certs::Files {
        ca: place.dir.path().join("ours/ca.pem"),
        cert: place.dir.path().join("ours/node-1.pem"),
        key: place.dir.path().join("ours/node-1.key"),
    });
    assert!(new.current().await.is_err(), "a start with damaged files is refused");
}

#[tokio::test]
async fn a_node_starts_only_under_its_own_name() {
    let place = Place::new();
    let server = place.node(1);
    server.must_name(CLUSTER, 1).await.expect("its own");
    let error = server.must_name(CLUSTER, 2).await.expect_err("another").to_string();
    assert!(error.contains("seatgrid tls issue --node 2"), "{error}");
    assert!(server.must_name(8, 1).await.is_err(), "another grid");
}
