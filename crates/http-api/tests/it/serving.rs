//! The accept loop and the admin endpoint: limits, drain, probes, metrics.

use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use http_api::Peer;
use http_api::admin::{self, Probes};
use http_api::server::{self, ServerLimits, bind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::support::{read_answer, send, start};

/// No wait of these tests takes longer unless something is broken.
const PATIENCE: Duration = Duration::from_secs(10);

async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.unwrap_or_else(|_| panic!("{what}: too long"))
}

#[tokio::test]
async fn requests_under_way_finish_and_new_ones_are_refused() {
    let (entered, release) =
        (std::sync::Arc::new(Notify::new()), std::sync::Arc::new(Notify::new()));
    let handler = {
        let (entered, release) = (entered.clone(), release.clone());
        move || async move {
            entered.notify_one();
            release.notified().await;
            "done"
        }
    };
    let mut server = start(Router::new().route("/", get(handler)), ServerLimits::default()).await;
    let address = server.address;
    let slow = tokio::spawn(async move { send(address, "GET", "/", &[], b"").await });
    within("the request arrives", entered.notified()).await;
    server.shutdown.cancel();
    within("nothing new is accepted", async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    release.notify_one();
    assert_eq!(within("it finishes", slow).await.expect("no panic").body, "done");
    within("the server ends", &mut server.task).await.expect("no panic");
}

#[tokio::test]
async fn a_request_without_one_host_is_refused_by_name() {
    let server = start(Router::new().route("/a", get(|| async { "a" })), ServerLimits::default());
    let server = server.await;
    let ask = async |head: &str| {
        let mut stream = TcpStream::connect(server.address).await.expect("connects");
        let text = format!("{head}\r\nConnection: close\r\nX-Request-Id: mine\r\n\r\n");
        stream.write_all(text.as_bytes()).await.expect("sends");
        within("an answer", read_answer(&mut stream)).await
    };
    for head in ["GET /a HTTP/1.1\r\nHost: t", "GET /a HTTP/1.0"] {
        assert_eq!(ask(head).await.status, 200, "{head}");
    }
    for head in ["GET /a HTTP/1.1", "GET /a HTTP/1.1\r\nHost: a\r\nHost: b"] {
        let answer = ask(head).await;
        assert_eq!(answer.status, 400, "{head}");
        let problem = answer.json();
        assert_eq!(
            (&problem["code"], &problem["instance"]),
            (&"invalid_request".into(), &"/a".into())
        );
        assert_eq!(problem["errors"][0]["header"], "Host");
        assert_eq!(answer.header("x-request-id"), Some("mine"));
    }
}

#[tokio::test]
async fn a_stuck_request_does_not_hold_the_stop_up() {
    let limits =
        ServerLimits { drain_within: Duration::from_millis(50), ..ServerLimits::default() };
    let never = || async { std::future::pending::<&str>().await };
    let mut server = start(Router::new().route("/", get(never)), limits).await;
    let mut stream = TcpStream::connect(server.address).await.expect("connects");
    stream.write_all(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n").await.expect("sends");
    server.shutdown.cancel();
    within("the server ends", &mut server.task).await.expect("no panic");
    let mut rest = Vec::new();
    // A reset says the same as an end.
    let _ = within("the connection is cut", stream.read_to_end(&mut rest)).await;
    assert!(rest.is_empty());
}

#[tokio::test]
async fn a_slow_head_is_cut_off() {
    let limits =
        ServerLimits { head_within: Duration::from_millis(100), ..ServerLimits::default() };
    let server = start(Router::new(), limits).await;
    let mut stream = TcpStream::connect(server.address).await.expect("connects");
    stream.write_all(b"GET / HTTP/1.1\r\nHost: ").await.expect("sends");
    let started = Instant::now();
    let mut rest = Vec::new();
    let _ = within("the connection is closed", stream.read_to_end(&mut rest)).await;
    assert!(started.elapsed() >= Duration::from_millis(90));
}

#[tokio::test]
async fn connections_over_the_cap_wait_for_room() {
    let limits = ServerLimits { connections_max: 1, ..ServerLimits::default() };
    let peer = |peer: axum::Extension<Peer>| async move { peer.0.0.port().to_string() };
    let server = start(Router::new().route("/", get(peer)), limits).await;
    let mut first = TcpStream::connect(server.address).await.expect("connects");
    let keep = b"GET / HTTP/1.1\r\nHost: t\r\n\r\n";
    first.write_all(keep).await.expect("sends");
    let mut byte = [0; 1];
    first.read_exact(&mut byte).await.expect("is served");
    let mut second = TcpStream::connect(server.address).await.expect("the kernel takes it");
    second
        .write_all(b"GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")
        .await
        .expect("sends");
    let early = tokio::time::timeout(Duration::from_millis(100), second.peek(&mut byte)).await;
    assert!(early.is_err(), "served above the cap");
    drop(first);
    let answer = within("there is room", read_answer(&mut second)).await;
    assert_eq!(answer.body, second.local_addr().expect("an address").port().to_string());
}

#[tokio::test]
async fn probes_and_metrics() {
    let probes = Probes::new();
    let shutdown = CancellationToken::new();
    let listener = bind("127.0.0.1:0".parse().expect("an address")).await.expect("binds");
    let at = listener.local_addr().expect("bound");
    let extra = Router::new().route("/admin/v1/status", get(|| async { "extra" }));
    tokio::spawn(admin::serve_on(listener, probes.clone(), extra, shutdown.clone()));
    let status = async |path: &str| send(at, "GET", path, &[], b"").await.status;

    assert_eq!((status("/livez").await, status("/startupz").await), (200, 503));
    assert_eq!(send(at, "GET", "/readyz", &[], b"").await.body, "starting\n");
    probes.ready();
    assert_eq!((status("/readyz").await, status("/startupz").await), (200, 200));
    probes.not_ready("no leader");
    assert_eq!(send(at, "GET", "/readyz", &[], b"").await.body, "no leader\n");
    assert_eq!(status("/startupz").await, 200);
    probes.drain();
    probes.ready();
    assert_eq!((status("/readyz").await, status("/livez").await), (503, 200));

    metrics::counter!("seatgrid_test_total").increment(3);
    let text = send(at, "GET", "/metrics", &[], b"").await.body;
    assert!(text.contains("seatgrid_test_total 3"), "{text}");
    assert_eq!(send(at, "GET", "/admin/v1/status", &[], b"").await.body, "extra");
    assert_eq!(status("/other").await, 404);

    let taken = admin::serve(at, probes, Router::new(), shutdown.clone()).await;
    assert!(taken.expect_err("in use").to_string().starts_with("cannot listen on 127.0.0.1:"));
    shutdown.cancel();
}

#[test]
fn connections_asked_for_fit_the_limit_of_open_files() {
    assert_eq!(server::allow_connections(100), 100);
    let most = server::allow_connections(usize::try_from(u32::MAX).expect("fits"));
    assert!(most >= 100, "{most}");
}
