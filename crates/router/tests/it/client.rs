//! A shopper's client, small enough to see everything that is on the wire.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// No wait of these tests takes longer unless something is broken.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Ends a test that waits for what never comes.
pub async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.unwrap_or_else(|_| panic!("{what}: too long"))
}

/// Asks until the answer is `Some`.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    within(what, async {
        let mut pause = tokio::time::interval(Duration::from_millis(20));
        loop {
            pause.tick().await;
            if let Some(found) = look().await {
                return found;
            }
        }
    })
    .await
}

/// A client of one address; cheap to clone.
#[derive(Clone)]
pub struct Client {
    pool: Pool<HttpConnector, Full<Bytes>>,
    to: SocketAddr,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {:?}", self.body))
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("UTF-8")
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("visible ASCII"))
    }

    /// Status and stable code of a problem.
    pub fn problem(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        (self.status.as_u16(), self.json()["code"].as_str().unwrap_or_default().to_owned())
    }
}

/// A fresh version 7 UUID.
pub fn key() -> String {
    uuid::Uuid::now_v7().to_string()
}

impl Client {
    pub fn new(to: SocketAddr) -> Self {
        Self { pool: Pool::builder(TokioExecutor::new()).build_http(), to }
    }

    /// Sends a request and returns the head of the answer with its open body.
    pub async fn open(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> http::Response<Incoming> {
        let mut request =
            Request::builder().method(method).uri(format!("http://{}{path}", self.to));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::copy_from_slice(body))).expect("a request");
        let sent = within(path, self.pool.request(request)).await;
        sent.unwrap_or_else(|e| panic!("{path}: {e:?}"))
    }

    /// Sends a request and reads the whole answer.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let (parts, body) = self.open(method, path, headers, body).await.into_parts();
        let body = within(path, body.collect()).await.expect("a whole body").to_bytes();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send(Method::GET, path, headers, b"").await
    }

    /// Posts JSON under a key.
    pub async fn post(&self, path: &str, key: &str, body: &Value) -> Answer {
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        self.send(Method::POST, path, &headers, body.to_string().as_bytes()).await
    }

    /// Tries to hold seats of the hall under a fresh key.
    pub async fn hold(&self, body: &Value) -> Answer {
        self.post("/api/v1/events/hall/holds", &key(), body).await
    }

    /// The status of every seat of the hall by id.
    pub async fn seats(&self) -> std::collections::BTreeMap<String, String> {
        let answer = self.get("/api/v1/events/hall/seats", &[]).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let seats = answer.json()["seats"].as_array().expect("a list").clone();
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        seats.iter().map(|seat| (text(&seat["id"]), text(&seat["status"]))).collect()
    }
}
