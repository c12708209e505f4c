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
use uuid::Uuid;

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
    let (id, id_value) = request_id(request.headers());
    let trace = traceparent(request.headers());
    request.headers_mut().insert(X_REQUEST_ID, id_value.clone());
    request.extensions_mut().insert(RequestId(id));
    request.extensions_mut().insert(Arrived(Instant::now()));
    let path = request.uri().path().to_owned();

    let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    let mut response = answered.unwrap_or_else(|panic| panicked(panic.as_ref()));
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        name_instance(&mut response, &problem, &path);
    }
    response.headers_mut().insert(X_REQUEST_ID, id_value);
    if let Some(trace) = trace {
        response.headers_mut().insert(TRACEPARENT, trace);
    }
    response
}

/// The client's id if it is sane, else a new one.
fn request_id(headers: &HeaderMap) -> (Arc<str>, HeaderValue) {
    let sane = |text: &&str| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        (1..=REQUEST_ID_LEN_MAX).contains(&text.len()) && text.bytes().all(plain)
    };
    let given = headers.get(X_REQUEST_ID);
    if let Some(value) = given
        && let Some(text) = value.to_str().ok().filter(sane)
    {
        return (text.into(), value.clone());
    }
    let id = Uuid::now_v7().to_string();
    let value = HeaderValue::from_str(&id).expect("a UUID is visible ASCII");
    (id.into(), value)
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
