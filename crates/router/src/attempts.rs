//! Refused attempts to buy, kept as evidence: what was asked for, from where, and why not. What
//! succeeds is in the ledger by way of the grid; what is refused changes no state and would only cost
//! the log, so it goes from here to the data writer in batches.
//!
//! A refusal must never cost much nor wait: it is put into a bounded list, and what finds no room is
//! counted. The count is kept as a record of its own.

mod sender;

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, Method, Uri};
use http_api::access::Access;
use http_api::{ATTEMPTS_MAX, Attempt, Code, Peer, Problem, X_PROBLEM_CODE};
use parking_lot::Mutex;
use tokio::sync::Notify;

pub(crate) use sender::send_all;

use crate::config::RouterConfig;

/// An id in an address longer than this is not one of ours.
const ID_LEN_MAX: usize = 64;

/// Refused attempts that wait for the writer.
#[derive(Debug)]
pub(crate) struct Attempts {
    waiting: Mutex<VecDeque<Attempt>>,
    waiting_max: usize,
    one_in: u64,
    /// Whether there is somebody to keep them.
    is_kept: bool,
    access: Access,
    refused: AtomicU64,
    lost: AtomicU64,
    sampled_out: AtomicU64,
    /// A batch is full.
    enough: Notify,
}

/// What is taken for one batch.
#[derive(Debug, Default, Clone)]
pub(crate) struct Taken {
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) lost: u64,
    pub(crate) sampled_out: u64,
}

impl Attempts {
    pub(crate) fn new(config: &RouterConfig, access: Access) -> Self {
        Self {
            waiting: Mutex::default(),
            waiting_max: config.attempts_waiting_max,
            one_in: u64::from(config.attempts_one_in.max(1)),
            is_kept: !config.writers.is_empty(),
            access,
            refused: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            sampled_out: AtomicU64::new(0),
            enough: Notify::new(),
        }
    }

    /// Puts down what was asked for, if it was refused.
    pub(crate) fn note(
        &self,
        (method, uri): (&Method, &Uri),
        (peer, shown): (Option<Peer>, &Shown),
        response: &Response,
    ) {
        let is_refused = response.status().is_client_error() || response.status().is_server_error();
        if is_refused
            && !was_shed(response)
            && let Some(asked) = Asked::of(method, uri)
        {
            let subject = || self.subject(shown);
            self.put(|| attempt(&asked, (subject(), peer), response));
        }
    }

    /// The account that is signed in; its number says nothing to whoever has not our tables.
    fn subject(&self, Shown(headers): &Shown) -> Cow<'static, str> {
        // As for a reading call: a change that lacked our page's token is somebody's attempt, too.
        match self.access.signed_in(&Method::GET, headers) {
            Ok(Some(claims)) => Cow::Owned(claims.account.to_string()),
            Ok(None) | Err(_) => Cow::Borrowed("guest"),
        }
    }

    /// Puts an attempt down, unless it is left out or there is no room.
    fn put(&self, attempt: impl FnOnce() -> Attempt) {
        let number = self.refused.fetch_add(1, Ordering::Relaxed);
        if !self.is_kept {
            return;
        }
        if !number.is_multiple_of(self.one_in) {
            self.sampled_out.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let mut waiting = self.waiting.lock();
        if waiting.len() >= self.waiting_max {
            drop(waiting);
            self.lost.fetch_add(1, Ordering::Relaxed);
            metrics::counter!("seatgrid_router_attempts_lost_total").increment(1);
            return;
        }
        waiting.push_back(attempt());
        let is_enough = waiting.len() == ATTEMPTS_MAX;
        drop(waiting);
        if is_enough {
            self.enough.notify_one();
        }
    }

    /// The oldest attempts, and what was left out since the last time; `None` when there is nothing.
    fn take(&self) -> Option<Taken> {
        let mut waiting = self.waiting.lock();
        let count = waiting.len().min(ATTEMPTS_MAX);
        let attempts: Vec<Attempt> = waiting.drain(..count).collect();
        drop(waiting);
        let lost = self.lost.swap(0, Ordering::Relaxed);
        let sampled_out = self.sampled_out.swap(0, Ordering::Relaxed);
        let is_nothing = attempts.is_empty() && lost == 0 && sampled_out == 0;
        (!is_nothing).then_some(Taken { attempts, lost, sampled_out })
    }
}

/// What a request shows of who is signed in, kept until its answer is known. Nothing for a guest, and
/// never looked at unless the answer is a refusal.
pub(crate) struct Shown(HeaderMap);

impl Shown {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut shown = HeaderMap::new();
        for name in [AUTHORIZATION, COOKIE] {
            for value in headers.get_all(&name) {
                shown.append(name.clone(), value.clone());
            }
        }
        Self(shown)
    }
}

/// The layer; use with `axum::middleware::from_fn_with_state`.
pub(crate) async fn watch(
    State(attempts): State<Arc<Attempts>>,
    request: Request,
    next: Next,
) -> Response {
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return next.run(request).await;
    }
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let peer = request.extensions().get::<Peer>().copied();
    let shown = Shown::of(request.headers());
    let response = next.run(request).await;
    attempts.note((&method, &uri), (peer, &shown), &response);
    response
}

/// Told to come back in a moment: counted as shed, and cheap only if nobody writes it down.
fn was_shed(response: &Response) -> bool {
    let problem = response.extensions().get::<Problem>();
    problem.is_some_and(|problem| problem.code() == Code::Overloaded)
}

fn attempt(
    asked: &Asked<'_>,
    (subject, peer): (Cow<'static, str>, Option<Peer>),
    response: &Response,
) -> Attempt {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
    Attempt {
        at_ms: since_1970.map_or(0, |since| since.as_millis() as u64),
        kind: Cow::Borrowed(asked.kind),
        event_id: asked.event.to_owned(),
        hold_id: asked.hold.map(str::to_owned),
        order_id: asked.order.map(str::to_owned),
        subject,
        ip: peer.map(|peer| peer.0.ip().to_canonical()),
        status: status_of(response),
    }
}

fn status_of(response: &Response) -> Cow<'static, str> {
    if let Some(problem) = response.extensions().get::<Problem>() {
        return Cow::Borrowed(problem.code().as_str());
    }
    let told = response.headers().get(X_PROBLEM_CODE).and_then(|value| value.to_str().ok());
    told.map_or_else(|| response.status().as_str().to_owned().into(), |code| code.to_owned().into())
}

/// What an address asks for, when it is a purchase.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked<'a> {
    kind: &'static str,
    event: &'a str,
    hold: Option<&'a str>,
    order: Option<&'a str>,
}

impl<'a> Asked<'a> {
    fn of(method: &Method, uri: &'a Uri) -> Option<Self> {
        let path = uri.path().strip_prefix("/api/v1/")?;
        let parts: Vec<&str> = path.splitn(4, '/').collect();
        let of_event = |kind, event| Some(Self { kind, event, ..Self::default() });
        let of_order = |kind, order| Some(Self { kind, order: Some(order), ..Self::default() });
        let asked = match (method.as_str(), parts.as_slice()) {
            ("POST", ["events", event, "holds"]) => of_event("hold_refused", event),
            ("POST", ["events", event, "queue"]) => of_event("queue_refused", event),
            ("POST", ["events", event, "waitlist"]) => of_event("waitlist_refused", event),
            ("PATCH", ["holds", hold]) => {
                Some(Self { kind: "hold_change_refused", hold: Some(hold), ..Self::default() })
            }
            ("DELETE", ["holds", hold]) => {
                Some(Self { kind: "hold_release_refused", hold: Some(hold), ..Self::default() })
            }
            ("POST", ["orders"]) => of_event("order_refused", ""),
            ("POST", ["orders", order, "payments"]) => of_order("payment_refused", order),
            ("POST", ["orders", order, "cancel"]) => of_order("order_cancel_refused", order),
            ("POST", ["orders", order, "refunds"]) => of_order("refund_refused", order),
            _ => None,
        }?;
        Some(Self {
            event: sane(asked.event).unwrap_or_default(),
            hold: asked.hold.and_then(sane),
            order: asked.order.and_then(sane),
            ..asked
        })
    }
}

/// An id as we give them out; whatever else stands in an address is not kept.
fn sane(id: &str) -> Option<&str> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    (id.len() <= ID_LEN_MAX && id.bytes().all(plain)).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purchases_are_told_from_the_rest() {
        let of = |method: Method, path: &str| {
            let uri: Uri = path.parse().expect("a path");
            Asked::of(&method, &uri).map(|asked| {
                let part = |part: Option<&str>| part.unwrap_or("-").to_owned();
                let (hold, order) = (part(asked.hold), part(asked.order));
                format!("{} {} {hold} {order}", asked.kind, asked.event)
            })
        };
        let cases = [
            (Method::POST, "/api/v1/events/gala/holds", Some("hold_refused gala - -")),
            (Method::POST, "/api/v1/events/gala/queue?x=1", Some("queue_refused gala - -")),
            (Method::POST, "/api/v1/events/g%00a/holds", Some("hold_refused  - -")),
            (Method::DELETE, "/api/v1/holds/h1-2", Some("hold_release_refused  h1-2 -")),
            (Method::PATCH, "/api/v1/holds/h1-2", Some("hold_change_refused  h1-2 -")),
            (Method::POST, "/api/v1/orders", Some("order_refused  - -")),
            (Method::POST, "/api/v1/orders/o1-2/payments", Some("payment_refused  - o1-2")),
            (Method::POST, "/api/v1/orders/o1-2/cancel", Some("order_cancel_refused  - o1-2")),
            (Method::POST, "/api/v1/webhooks/sandbox", None),
            (Method::POST, "/api/v1/auth/login", None),
            (Method::POST, "/api/v1/events/gala/holds/more", None),
            (Method::POST, "/events/gala/holds", None),
        ];
        for (method, path, expected) in cases {
            assert_eq!(of(method, path).as_deref(), expected, "{path}");
        }
    }

    fn one(kind: &'static str) -> Attempt {
        Attempt {
            at_ms: 1,
            kind: kind.into(),
            event_id: "gala".to_owned(),
            hold_id: None,
            order_id: None,
            subject: "guest".into(),
            ip: None,
            status: "seat_taken".into(),
        }
    }

    #[test]
    fn what_finds_no_room_or_is_left_out_is_counted() {
        let writers = vec![([127, 0, 0, 1], 1).into()];
        let config = RouterConfig { writers, attempts_waiting_max: 3, ..RouterConfig::default() };
        let attempts = Attempts::new(&config, Access::default());
        (0..5).for_each(|_| attempts.put(|| one("hold_refused")));
        let taken = attempts.take().expect("something");
        assert_eq!((taken.attempts.len(), taken.lost, taken.sampled_out), (3, 2, 0));
        assert!(attempts.take().is_none());
        let sampling =
            Attempts::new(&RouterConfig { attempts_one_in: 4, ..config }, Access::default());
        (0..8).for_each(|_| sampling.put(|| one("hold_refused")));
        let taken = sampling.take().expect("something");
        assert_eq!((taken.attempts.len(), taken.lost, taken.sampled_out), (2, 0, 6));
        let alone = Attempts::new(&RouterConfig::default(), Access::default());
        alone.put(|| unreachable!("nobody keeps it"));
        assert!(alone.take().is_none());
    }
}
