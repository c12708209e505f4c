//! The outermost layer of every server: gives a request its name and time of arrival, passes trace
//! headers back, tells problems which request they belong to, and turns a panic into an answer.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderValue};

use crate::time::now_ms;
use crate::{Code, Problem, TRACEPARENT, X_REQUEST_ID};

/// Longest request id taken from a client.
const REQUEST_ID_LEN_MAX: usize = 64;
/// `00-<32 hexadecimal digits>-<16>-<2>`.
const TRACEPARENT_LEN: usize = 55;

/// The request's name, in its extensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(pub Arc<str>);

/// When the request arrived, in its extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrived(pub Instant);

/// The layer; use with `axum::middleware::from_fn`.
pub async fn carry(mut request: Request, next: Next) -> Response {
    let carried = Carried::of(request.headers());
    request.headers_mut().insert(X_REQUEST_ID, carried.id.clone());
    request.extensions_mut().insert(RequestId(carried.name()));
    request.extensions_mut().insert(Arrived(carried.arrived));
    let path = request.uri().path().to_owned();
    carried.answered(&path, next.run(request)).await
}

/// What goes with a request from its arrival to its answer. For who answers without layers; others
/// use [`carry`].
#[derive(Debug, Clone)]
pub struct Carried {
    /// The request's name: visible ASCII.
    id: HeaderValue,
    trace: Option<HeaderValue>,
    arrived: Instant,
}

impl Carried {
    /// The client's id if it is sane, else a new one.
    pub fn of(headers: &HeaderMap) -> Self {
        let given = headers.get(X_REQUEST_ID).filter(|value| is_sane(value.as_bytes()));
        let id = given.cloned().unwrap_or_else(new_id);
        Self { id, trace: traceparent(headers), arrived: Instant::now() }
    }

    /// When the request arrived.
    pub fn arrived(&self) -> Instant {
        self.arrived
    }

    fn name(&self) -> Arc<str> {
        self.id.to_str().unwrap_or_default().into()
    }

    /// The answer with the request's name, where problems say which request it was and a panic is
    /// one of them.
    pub async fn answered(self, path: &str, answer: impl Future<Output = Response>) -> Response {
        let answered = AssertUnwindSafe(answer).catch_unwind().await;
        let mut response = answered.unwrap_or_else(|panic| panicked(panic.as_ref()));
        if let Some(problem) = response.extensions_mut().remove::<Problem>() {
            name_instance(&mut response, &problem, path);
        }
        response.headers_mut().insert(X_REQUEST_ID, self.id);
        if let Some(trace) = self.trace {
            response.headers_mut().insert(TRACEPARENT, trace);
        }
        response
    }
}

fn is_sane(id: &[u8]) -> bool {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    (1..=REQUEST_ID_LEN_MAX).contains(&id.len()) && id.iter().all(plain)
}

/// A UUID of version 7. It need not be a secret, so the system is not asked for chance each time.
fn new_id() -> HeaderValue {
    let id = uuid::Builder::from_unix_timestamp_millis(now_ms(), &rand::random()).into_uuid();
    let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
    let text = id.hyphenated().encode_lower(&mut text);
    HeaderValue::from_str(text).expect("a UUID is visible ASCII")
}

fn traceparent(headers: &HeaderMap) -> Option<HeaderValue> {
    let value = headers.get(TRACEPARENT)?;
    let plain = value.as_bytes().iter().all(|b| b.is_ascii_hexdigit() || *b == b'-');
    (value.len() == TRACEPARENT_LEN && plain).then(|| value.clone())
}

fn name_instance(response: &mut Response, problem: &Problem, path: &str) {
    response.headers_mut().remove(CONTENT_LENGTH);
    *response.body_mut() = Body::from(problem.body(Some(path)).to_string());
}

/// A panic is a defect: the process lives on, the log says it, the client learns that it was us.
fn panicked(panic: &(dyn std::any::Any + Send)) -> Response {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(cause = text.unwrap_or("unknown"), "a handler panicked");
    Problem::new(Code::Internal).into_response()
}
