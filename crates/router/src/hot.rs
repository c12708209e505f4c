//! The four calls of a rush, answered before the route table: a hold, its release, and the two reads of
//! seats.
//!
//! Flow: the server hands every request to [`Edge`]. A hot call is known by its method and address alone
//! and goes straight to its handler; the layers that the route table wraps around handlers
//! (`routes::public`) are called here one after the other, on the stack, which costs half. Everything
//! else, and every hot address that is written in an unusual way, goes to the route table, which answers
//! the same calls the same way. Nothing may be decided here that is not decided there.

use std::sync::Arc;

use axum::Router as Routes;
use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Request, State};
use axum::response::{IntoResponse, Response};
use http::Method;
use http::request::Parts;
use http_api::server::Answers;
use http_api::{Carried, Deadline, Id, IdempotencyKey, Params, Peer, Problem, RouteMeter, Timed};
use hyper::body::Incoming;

use crate::api::caller::Caller;
use crate::api::{availability, holds, seats};
use crate::attempts::Shown;
use crate::state::App;
use crate::{credits, routes};

/// The public port.
#[derive(Clone)]
pub(crate) struct Edge {
    app: App,
    /// All routes, with their layers.
    routes: Routes,
    meters: Arc<Meters>,
}

/// What is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    Hold,
    Release,
    Seats,
    Availability,
}

struct Meters {
    hold: RouteMeter,
    release: RouteMeter,
    seats: RouteMeter,
    availability: RouteMeter,
}

impl Edge {
    /// In front of these routes.
    pub(crate) fn new(app: App, routes: Routes) -> Self {
        Self { app, routes, meters: Arc::new(Meters::new()) }
    }
}

impl Answers for Edge {
    async fn answer(&self, request: http::Request<Incoming>, peer: Peer) -> Response {
        let peer = self.app.proxies.client(peer, request.headers());
        let Some((call, id)) = call(request.method(), request.uri().path()) else {
            return self.routes.answer(request, peer).await;
        };
        let id = Id(id.to_owned());
        let carried = Carried::of(request.headers());
        let (parts, body) = request.into_parts();
        let (method, uri) = (parts.method.clone(), parts.uri.clone());
        let shown = (!method.is_safe()).then(|| Shown::of(&parts.headers));
        let path = uri.path();
        let arrived = carried.arrived();
        carried
            .answered(path, async {
                let asked = Asked { id, parts, body, peer, arrived };
                let response = match asked.answer(call, &self.app).await {
                    Ok(response) => response,
                    Err(problem) => problem.into_response(),
                };
                if let Some(shown) = &shown {
                    self.app.attempts.note((&method, &uri), (Some(peer), shown), &response);
                }
                self.meters.of(call).record(arrived, response.status());
                response
            })
            .await
    }
}

/// A call with what came with it.
struct Asked {
    id: Id,
    parts: Parts,
    body: Incoming,
    peer: Peer,
    arrived: std::time::Instant,
}

impl Asked {
    /// What is looked at, and in which order, is what the handlers' extractors say.
    async fn answer(mut self, call: Call, app: &App) -> Result<Response, Problem> {
        let state = State(Arc::clone(app));
        match call {
            Call::Hold => {
                // Before the body is read, so that a refusal costs little.
                credits::ensure_room(app, &self.id.0)?;
                let caller = self.caller(app)?;
                let key = IdempotencyKey::in_headers(&self.parts.headers)?;
                let request = Request::from_parts(self.parts, Body::new(self.body));
                let body = Timed::from_request(request, &()).await?;
                holds::create(state, self.id, caller, key, body).await
            }
            Call::Release => {
                let caller = self.caller(app)?;
                holds::release(state, self.id, caller).await
            }
            Call::Seats => {
                let params = Params::from_request_parts(&mut self.parts, &()).await?;
                let deadline = Deadline::of(&self.parts.headers, self.arrived)?;
                seats::read(state, self.id, params, deadline, self.parts.headers).await
            }
            Call::Availability => {
                let params = Params::from_request_parts(&mut self.parts, &()).await?;
                let deadline = Deadline::of(&self.parts.headers, self.arrived)?;
                availability::read(state, self.id, params, deadline).await
            }
        }
    }

    fn caller(&self, app: &App) -> Result<Caller, Problem> {
        Caller::of(&self.parts, app, (Some(self.peer), self.arrived))
    }
}

impl Meters {
    fn new() -> Self {
        Self {
            hold: RouteMeter::new(routes::HOLDS, "POST"),
            release: RouteMeter::new(routes::HOLD, "DELETE"),
            seats: RouteMeter::new(routes::SEATS, "GET"),
            availability: RouteMeter::new(routes::AVAILABILITY, "GET"),
        }
    }

    fn of(&self, call: Call) -> &RouteMeter {
        match call {
            Call::Hold => &self.hold,
            Call::Release => &self.release,
            Call::Seats => &self.seats,
            Call::Availability => &self.availability,
        }
    }
}

/// The hot call that an address is, and its id. An id with anything but plain characters (percent
/// escapes, a slash) is left to the route table.
fn call<'a>(method: &Method, path: &'a str) -> Option<(Call, &'a str)> {
    let path = path.strip_prefix("/api/v1/")?;
    let (call, id) = match *method {
        Method::POST => (Call::Hold, path.strip_prefix("events/")?.strip_suffix("/holds")?),
        Method::DELETE => (Call::Release, path.strip_prefix("holds/")?),
        Method::GET => {
            let event = path.strip_prefix("events/")?;
            match event.strip_suffix("/seats") {
                Some(id) => (Call::Seats, id),
                None => (Call::Availability, event.strip_suffix("/availability")?),
            }
        }
        _ => return None,
    };
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    (!id.is_empty() && id.bytes().all(plain)).then_some((call, id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_addresses_of_the_four_calls_are_hot() {
        let hot = |method: Method, path: &str| {
            call(&method, path).map(|(call, id)| (call, id.to_owned()))
        };
        let is = |call, id: &str| Some((call, id.to_owned()));
        for (method, route, hot_call) in [
            (Method::POST, routes::HOLDS, Call::Hold),
            (Method::DELETE, routes::HOLD, Call::Release),
            (Method::GET, routes::SEATS, Call::Seats),
            (Method::GET, routes::AVAILABILITY, Call::Availability),
        ] {
            let path = route.replace("{id}", "1.demo_3-a");
            assert_eq!(hot(method, &path), is(hot_call, "1.demo_3-a"), "{route}");
        }
        for (method, path) in [
            (Method::GET, "/api/v1/events/a/holds"),
            (Method::PUT, "/api/v1/events/a/holds"),
            (Method::HEAD, "/api/v1/events/a/seats"),
            (Method::POST, "/api/v1/events//holds"),
            (Method::POST, "/api/v1/events/a%2fb/holds"),
            (Method::POST, "/api/v1/events/a/b/holds"),
            (Method::POST, "/api/v1/events/a/holds/"),
            (Method::DELETE, "/api/v1/holds/"),
            (Method::DELETE, "/api/v1/holds/a/b"),
            (Method::GET, "/api/v1/events/a/seats/stream"),
            (Method::GET, "/api/v2/events/a/seats"),
        ] {
            assert_eq!(hot(method.clone(), path), None, "{method} {path}");
        }
    }
}
