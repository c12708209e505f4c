//! How often people may call the endpoints of people: counted by account where somebody is signed in,
//! else by network, as signing in and registering always are; told in `RateLimit` headers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_api::{Code, Problem};

use super::super::Office;
use super::super::answer::client_ip;
use crate::people::rate::{Policy, Standing};

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// An IPv4 address mapped into IPv6 begins like this.
const MAPPED_V4: [u8; 12] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
/// Leading bits of an IPv6 address that name one network; the rest changes at will.
const NETWORK_BITS_V6: u32 = 64;

const MINUTE: Duration = Duration::from_secs(60);
/// Two a second from one network: a school behind one address, but no list of passwords.
const LOGIN: Policy = Policy { name: "login", calls_max: 120, window: MINUTE };
/// The same for new accounts.
const REGISTER: Policy = Policy { name: "register", calls_max: 120, window: MINUTE };
/// Sessions are carried on every ten minutes.
const SESSION: Policy = Policy { name: "session", calls_max: 240, window: MINUTE };
/// Codes cost a message each.
const CHANGES: Policy = Policy { name: "changes", calls_max: 30, window: MINUTE };
/// A page of the cabinet asks a handful of questions.
const CABINET: Policy = Policy { name: "cabinet", calls_max: 600, window: MINUTE };

/// The layer.
pub(in crate::office) async fn limit(
    State(office): State<Arc<Office>>,
    request: Request,
    next: Next,
) -> Response {
    let policy = policy(request.uri().path());
    let caller = office.caller(&request, policy);
    let standing = office.people.rates.count(policy, caller, Instant::now());
    let mut answer = if standing.is_allowed { next.run(request).await } else { refused(standing) };
    tell(answer.headers_mut(), policy, standing);
    answer
}

fn refused(standing: Standing) -> Response {
    let mut answer = Problem::new(Code::RateLimited).into_response();
    answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(standing.reset_s.max(1)));
    answer
}

fn policy(path: &str) -> Policy {
    let path = path.strip_prefix("/api/v1").unwrap_or(path);
    match path {
        "/auth/login" => LOGIN,
        "/auth/register" => REGISTER,
        _ if path.starts_with("/auth/") => SESSION,
        _ if path.starts_with("/me/changes") => CHANGES,
        _ => CABINET,
    }
}

/// As the draft of the standard has them: `"name";r=left;t=seconds`, `"name";q=quota;w=seconds`.
fn tell(headers: &mut HeaderMap, policy: Policy, standing: Standing) {
    let Policy { name, calls_max, window } = policy;
    let now = format!("\"{name}\";r={};t={}", standing.left, standing.reset_s);
    let rule = format!("\"{name}\";q={calls_max};w={}", window.as_secs());
    for (header, text) in [(RATE_LIMIT, now), (RATE_LIMIT_POLICY, rule)] {
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(header, value);
        }
    }
}

impl Office {
    fn caller(&self, request: &Request, policy: Policy) -> u128 {
        // Whoever has many accounts has no more guesses and registrations than others.
        if policy == LOGIN || policy == REGISTER {
            return network(client_ip(request.headers()));
        }
        let claims = self.access.signed_in(request.method(), request.headers());
        match claims {
            Ok(Some(claims)) => claims.account.as_u128(),
            Ok(None) | Err(_) => network(client_ip(request.headers())),
        }
    }
}

/// The part of an address that stays one client's; all whose address is unknown are one.
pub(super) fn network(address: Option<[u8; 16]>) -> u128 {
    let address = address.unwrap_or_default();
    let whole = u128::from_be_bytes(address);
    if address.starts_with(&MAPPED_V4) { whole } else { whole >> (128 - NETWORK_BITS_V6) }
}
