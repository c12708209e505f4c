//! The outermost layer: names of requests, traces, wrong addresses and methods, panics, deadlines.

use axum::Router;
use axum::routing::{get, post};
use http_api::server::ServerLimits;
use http_api::{Code, Deadline, Problem};

use crate::support::{Answer, Server, send, start};

async fn panics() -> &'static str {
    panic!("a planted defect")
}

async fn server() -> Server {
    let routes = Router::new()
        .route("/budget", get(|d: Deadline| async move { d.remaining().as_millis().to_string() }))
        .route("/busy", get(|| async { Problem::new(Code::Overloaded) }))
        .route("/panics", get(panics))
        .route("/only-post", post(|| async { "posted" }));
    start(routes, ServerLimits::default()).await
}

async fn ask(server: &Server, path: &str, headers: &[&str]) -> Answer {
    send(server.address, "GET", path, headers, b"").await
}

#[tokio::test]
async fn requests_have_a_name() {
    let server = server().await;
    let mine = ask(&server, "/budget", &["X-Request-Id: shop-7.a_b"]).await;
    assert_eq!(mine.header("x-request-id"), Some("shop-7.a_b"));
    for odd in ["", "a b", "<script>", &"x".repeat(65)] {
        let answer = ask(&server, "/budget", &[&format!("X-Request-Id: {odd}")]).await;
        let given = answer.header("x-request-id").expect("one is made");
        assert_eq!(given.len(), 36, "{odd}: {given}");
    }
}

#[tokio::test]
async fn traces_are_passed_back_if_they_are_some() {
    let server = server().await;
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let answer = ask(&server, "/budget", &[&format!("Traceparent: {trace}")]).await;
    assert_eq!(answer.header("traceparent"), Some(trace));
    assert_eq!(ask(&server, "/budget", &["Traceparent: 00-x"]).await.header("traceparent"), None);
}

#[tokio::test]
async fn deadlines_are_clamped_and_checked() {
    let server = server().await;
    let budget = async |value: &str| {
        let answer = ask(&server, "/budget", &[&format!("Grid-Deadline-Ms: {value}")]).await;
        answer.body.parse::<u64>().unwrap_or_else(|_| panic!("{value}: {}", answer.body))
    };
    assert!((20..=50).contains(&budget("1").await));
    assert!((900..=1_000).contains(&budget("1000").await));
    assert!((29_000..=30_000).contains(&budget("99999999999999999999999").await));
    let default: u64 = ask(&server, "/budget", &[]).await.body.parse().expect("a number");
    assert!((1_900..=2_000).contains(&default));
    for wrong in ["-1", "soon", "1.5", "+3", "0", "000"] {
        let answer = ask(&server, "/budget", &[&format!("Grid-Deadline-Ms: {wrong}")]).await;
        assert_eq!(answer.status, 400, "{wrong}");
        assert_eq!(answer.json()["errors"][0]["header"], "Grid-Deadline-Ms");
    }
}

#[tokio::test]
async fn wrong_addresses_and_methods_are_problems() {
    let server = server().await;
    let nowhere = ask(&server, "/no/such", &[]).await;
    assert_eq!((nowhere.status, nowhere.json()["code"].as_str()), (404, Some("not_found")));
    assert_eq!(nowhere.json()["instance"], "/no/such");
    let method = ask(&server, "/only-post", &[]).await;
    assert_eq!((method.status, method.json()["code"].as_str()), (405, Some("method_not_allowed")));
    assert_eq!(method.header("allow"), Some("POST"));
}

#[tokio::test]
async fn a_panic_is_one_answer_and_not_the_end() {
    let server = server().await;
    let answer = ask(&server, "/panics", &[]).await;
    assert_eq!((answer.status, answer.json()["code"].as_str()), (500, Some("internal")));
    assert!(!answer.body.contains("planted"), "{}", answer.body);
    assert_eq!(ask(&server, "/budget", &[]).await.status, 200);
}

#[tokio::test]
async fn busy_answers_say_when_to_come_back() {
    let server = server().await;
    let answer = ask(&server, "/busy", &[]).await;
    let after: u32 = answer.header("retry-after").expect("told").parse().expect("seconds");
    assert_eq!(answer.status, 503);
    assert!((1..=3).contains(&after), "{after}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}
