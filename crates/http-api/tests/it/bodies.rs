//! Strict bodies: each fault has its status, its code and a pointer to the place.

use axum::Router;
use axum::routing::post;
use http_api::server::ServerLimits;
use http_api::{NoBody, Problem, Strict};
use serde::Deserialize;

use crate::support::{Answer, Server, send, start};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    seats: Vec<String>,
    #[serde(default)]
    best: Option<Best>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Best {
    number: u16,
}

async fn wish(wish: Strict<Wish, 256>) -> Result<String, Problem> {
    let number = wish.body.best.map_or(0, |best| best.number);
    Ok(format!("{} {number} {}", wish.body.seats.len(), wish.hash))
}

async fn server() -> Server {
    let routes = Router::new()
        .route("/wish", post(wish))
        .route("/bare", post(|bare: NoBody| async move { bare.hash.to_string() }));
    start(routes, ServerLimits::default()).await
}

async fn ask(server: &Server, kind: &str, body: &[u8]) -> Answer {
    send(server.address, "POST", "/wish", &[&format!("Content-Type: {kind}")], body).await
}

#[tokio::test]
async fn faults_have_a_status_a_code_and_a_pointer() {
    let server = server().await;
    let (json, invalid) = ("application/json", "invalid_request");
    let utf16 = "application/json; charset=utf-16";
    let long = format!("{{\"seats\":[\"{}\"]}}", "x".repeat(300));
    #[rustfmt::skip]
    let table: &[(&str, &str, &str, u16, &str, &str)] = &[
        ("unknown member", json, r#"{"seats":[],"vip":true}"#, 400, invalid, "/vip"),
        ("unknown inner one", json, r#"{"seats":[],"best":{"number":1,"x":2}}"#, 400, invalid, "/best/x"),
        ("missing member", json, "{}", 400, invalid, ""),
        ("member twice", json, r#"{"seats":[],"seats":[]}"#, 400, invalid, ""),
        ("wrong type", json, r#"{"seats":["a",7]}"#, 400, invalid, "/seats/1"),
        ("negative", json, r#"{"seats":[],"best":{"number":-1}}"#, 400, invalid, "/best/number"),
        ("huge", json, r#"{"seats":[],"best":{"number":70000}}"#, 400, invalid, "/best/number"),
        ("fraction", json, r#"{"seats":[],"best":{"number":1.5}}"#, 400, invalid, "/best/number"),
        ("cut off", json, r#"{"seats":["#, 400, invalid, ""),
        ("two values", json, r#"{"seats":[]} {}"#, 400, invalid, ""),
        ("other type", "text/plain", r#"{"seats":[]}"#, 415, "unsupported_media_type", "-"),
        ("other charset", utf16, r#"{"seats":[]}"#, 415, "unsupported_media_type", "-"),
        ("too large", json, &long, 413, "too_large", "-"),
    ];
    for (name, kind, body, status, code, pointer) in table {
        let answer = ask(&server, kind, body.as_bytes()).await;
        assert_eq!(answer.status, *status, "{name}: {}", answer.body);
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{name}");
        let problem = answer.json();
        assert_eq!(problem["code"], *code, "{name}");
        assert_eq!(problem["status"], *status, "{name}");
        assert_eq!(problem["instance"], "/wish", "{name}");
        assert!(problem["title"].is_string() && problem["type"].is_string(), "{name}");
        if *pointer != "-" {
            assert_eq!(problem["errors"][0]["pointer"], *pointer, "{name}: {problem}");
            assert!(problem["errors"][0]["detail"].is_string(), "{name}");
            assert!(!answer.body.contains("line 1 column 2"), "{name}: {}", answer.body);
        }
    }
    let no_utf8 = ask(&server, json, &[0xff; 20]).await;
    assert_eq!(no_utf8.status, 400);
}

#[tokio::test]
async fn an_upload_far_over_the_limit_still_gets_its_answer() {
    let server = server().await;
    let answer = ask(&server, "application/json", &vec![b' '; 4 << 20]).await;
    assert_eq!((answer.status, answer.json()["bytes_max"].as_u64()), (413, Some(256)));
}

#[tokio::test]
async fn a_chunked_body_is_bounded_too() {
    let server = server().await;
    let headers = ["Content-Type: application/json", "Transfer-Encoding: chunked"];
    let mut chunked = Vec::new();
    for _ in 0..8 {
        chunked.extend_from_slice(b"40\r\n");
        chunked.extend_from_slice(&[b' '; 64]);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    let answer = send_raw(&server, &headers, &chunked).await;
    assert_eq!(answer.status, 413, "{}", answer.body);
}

async fn send_raw(server: &Server, headers: &[&str], body: &[u8]) -> Answer {
    use tokio::io::AsyncWriteExt;
    let mut stream = tokio::net::TcpStream::connect(server.address).await.expect("connects");
    let lines = headers.join("\r\n");
    let head = format!("POST /wish HTTP/1.1\r\nHost: t\r\nConnection: close\r\n{lines}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.expect("sends");
    stream.write_all(body).await.expect("sends");
    crate::support::read_answer(&mut stream).await
}

#[tokio::test]
async fn the_charset_may_be_said_in_every_legal_way() {
    let server = server().await;
    for said in ["charset=utf-8", "charset=\"utf-8\"", "CHARSET=\"UTF-8\""] {
        let answer = ask(&server, &format!("application/json;{said}"), br#"{"seats":[]}"#).await;
        assert_eq!(answer.status, 200, "{said}: {}", answer.body);
    }
}

#[tokio::test]
async fn the_hash_is_of_what_is_meant() {
    let server = server().await;
    let hash = async |body: &str| {
        let answer = ask(&server, "application/json; charset=UTF-8", body.as_bytes()).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body.rsplit(' ').next().expect("a hash").to_owned()
    };
    let first = hash(r#"{"seats":["a"],"best":{"number":2}}"#).await;
    assert_eq!(first, hash(r#" {"best" : {"number":2}, "seats":["a"]}"#).await);
    assert_ne!(first, hash(r#"{"seats":["b"],"best":{"number":2}}"#).await);
    assert_ne!(hash(r#"{"seats":["a","b"]}"#).await, hash(r#"{"seats":["b","a"]}"#).await);
}

#[tokio::test]
async fn no_body_means_none_or_an_empty_object() {
    let server = server().await;
    let bare = async |body: &[u8]| send(server.address, "POST", "/bare", &[], body).await;
    let (none, empty) = (bare(b"").await, bare(b" {} ").await);
    assert_eq!((none.status, &none.body), (200, &empty.body));
    for wrong in ["{\"x\":1}", "[]", "{", "null"] {
        assert_eq!(bare(wrong.as_bytes()).await.status, 400, "{wrong}");
    }
}
