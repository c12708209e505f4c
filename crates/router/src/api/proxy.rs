//! Everything under `/api/v1` that is not about seats: passed on to the office.
//!
//! The office believes what this router says about the client, therefore nothing of that kind is
//! taken over from the client. Bodies are read whole, so that a slow upload never holds a
//! connection to the office.

use std::time::{Duration, Instant};

use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use http_api::{Code, Deadline, GRID_DEADLINE_MS, Peer, Problem, read_body};
use http_body_util::Full;

use crate::office::Failure;
use crate::state::App;

/// How much longer than the client's deadline the office gets: it keeps the deadline itself and its
/// own answer says more than ours could.
const GRACE: Duration = Duration::from_millis(500);

/// Headers that speak of one connection, and those by which a client could pose as a proxy.
const NOT_PASSED: &[&str] = &[
    "connection",
    "expect",
    "forwarded",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
];

/// Passes a request on and its answer back.
pub(crate) async fn pass_on(
    State(app): State<App>,
    deadline: Deadline,
    peer: Option<Extension<Peer>>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let begun = Instant::now();
    let body = read_body(&parts.headers, body, app.office.body_bytes_max).await?;
    let deadline = deadline.put_off(begun.elapsed());
    let is_read = matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS);
    let mut onward = http::Request::new(Full::new(body));
    *onward.method_mut() = parts.method;
    *onward.uri_mut() = parts.uri;
    *onward.headers_mut() = onward_headers(parts.headers, peer.map(|peer| peer.0.0), deadline);
    let sent = app.office.send(onward, deadline.remaining() + GRACE).await;
    let (answer, _permit) = sent.map_err(|failure| problem(failure, is_read))?;
    let (mut parts, body) = answer.into_parts();
    drop_connection_headers(&mut parts.headers);
    Ok(Response::from_parts(parts, Body::new(body)).into_response())
}

fn problem(failure: Failure, is_read: bool) -> Problem {
    metrics::counter!("seatgrid_router_office_failures_total").increment(1);
    match failure {
        Failure::Full => Problem::new(Code::Overloaded),
        Failure::Away => {
            Problem::new(Code::Overloaded).detail("The office cannot be reached; nothing happened")
        }
        // A read that was lost changed nothing.
        Failure::Silent if is_read => {
            Problem::new(Code::Overloaded).detail("The office did not answer in time")
        }
        Failure::Silent => Problem::new(Code::OutcomeUnknown),
    }
}

fn onward_headers(
    mut headers: HeaderMap,
    client: Option<std::net::SocketAddr>,
    deadline: Deadline,
) -> HeaderMap {
    drop_connection_headers(&mut headers);
    // The length is that of the body as it was read, the host that of the office, which is told under
    // which one the client reached us.
    headers.remove(CONTENT_LENGTH);
    if let Some(host) = headers.remove(HOST) {
        headers.insert(HeaderName::from_static("x-forwarded-host"), host);
    }
    // A budget of nothing would be a fault of the client's.
    let left_ms = u64::try_from(deadline.remaining().as_millis()).unwrap_or(u64::MAX).max(1);
    headers.insert(GRID_DEADLINE_MS, HeaderValue::from(left_ms));
    let client = client.and_then(|client| client.ip().to_string().parse().ok());
    if let Some(client) = client {
        headers.insert(HeaderName::from_static("x-forwarded-for"), client);
    }
    headers
}

fn drop_connection_headers(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in NOT_PASSED {
        headers.remove(*name);
    }
}

/// An empty body, for requests of the router's own.
pub(crate) fn no_body() -> Full<Bytes> {
    Full::new(Bytes::new())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn nobody_can_pose_as_a_proxy() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "keep-alive, x-secret"),
            ("x-secret", "1"),
            ("x-forwarded-for", "9.9.9.9"),
            ("forwarded", "for=9.9.9.9"),
            ("x-forwarded-host", "evil.example"),
            ("host", "shop.example"),
            ("content-length", "7"),
            ("x-hold-token", "kept"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        let client = "192.0.2.7:1234".parse().ok();
        let onward = onward_headers(headers, client, Deadline::after(Duration::from_secs(1)));
        let mut names: Vec<&str> = onward.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        let expected = ["grid-deadline-ms", "x-forwarded-for", "x-forwarded-host", "x-hold-token"];
        assert_eq!(names, expected);
        assert_eq!(onward["x-forwarded-for"], "192.0.2.7");
        assert_eq!(onward["x-forwarded-host"], "shop.example");
    }
}
