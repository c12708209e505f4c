//! `GET /events/{id}/seats/stream`: the live seat map as server-sent events.
//!
//! Each event of the stream is encoded once for all; this file only hands bytes on, keeps quiet
//! streams alive, and sends a reader who fell behind to the snapshot.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::{self, Stream};
use http::HeaderMap;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http_api::{Code, Deadline, Id, Problem};
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use crate::api::event_map;
use crate::seatmap::{EventMap, Subscription};
use crate::state::App;

/// How long a browser waits before it reconnects, in milliseconds.
const RETRY_MS: u32 = 2_000;
/// Keeps a quiet stream alive.
const COMMENT: &[u8] = b": quiet\n\n";

/// Opens a live stream.
#[utoipa::path(get, path = "/api/v1/events/{id}/seats/stream", tag = "shopping",
    params(("id" = String, Path, description = "The event's id"),
        ("Last-Event-ID" = Option<u64>, Header, description = "Resumes after this version")),
    responses(
        (status = 200, content_type = "text/event-stream", description = "`delta` \
            {\"v\":version,\"s\":[[seat id,\"f|h|s|b\"]],\"n\":{tier: free}}; `resync` \
            {\"snapshot\":address}"),
        (status = 404, description = "`event_not_found`"),
        (status = 503, description = "`no_leader`, `overloaded`")))]
pub(crate) async fn open(
    State(app): State<App>,
    Id(id): Id,
    deadline: Deadline,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let last = last_event_id(&headers)?;
    let room = Arc::clone(&app.streams).try_acquire_owned();
    let room = room.map_err(|_| Problem::new(Code::Overloaded).detail("Too many live streams"))?;
    let map = event_map(&app, &id, deadline.0).await?;
    let reader = Reader {
        subscription: map.subscribe(last),
        map,
        comment_every: app.stream_comment,
        shutdown: app.shutdown.clone(),
        _room: room,
        _counted: Counted::new(),
    };
    let headers = [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-store")];
    Ok((headers, Body::from_stream(events(reader))).into_response())
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    let wrong = || Problem::invalid_header("Last-Event-ID", "Must be a version of the seat map");
    let text = value.to_str().map_err(|_| wrong())?;
    if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(|_| wrong()) }
}

/// One open stream.
struct Reader {
    map: Arc<EventMap>,
    subscription: Subscription,
    comment_every: Duration,
    shutdown: CancellationToken,
    _room: OwnedSemaphorePermit,
    _counted: Counted,
}

/// One of the open streams in the metrics, for as long as it lives.
struct Counted;

impl Counted {
    fn new() -> Self {
        metrics::gauge!("seatgrid_router_streams").increment(1.0);
        Self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        metrics::gauge!("seatgrid_router_streams").decrement(1.0);
    }
}

fn events(reader: Reader) -> impl Stream<Item = Result<Bytes, std::convert::Infallible>> {
    // A block without data is no event, but browsers keep its id: whoever is cut off before the
    // first event resumes without a gap. Who resumes has an id already.
    let id = reader.subscription.from.map_or_else(String::new, |from| format!("id: {from}\n"));
    let greeting = format!("retry: {RETRY_MS}\n{id}\n");
    let greeting = stream::once(async { Bytes::from(greeting) });
    let missed = stream::iter(reader.subscription.missed.clone());
    let live = stream::unfold(reader, |mut reader| async move {
        let bytes = reader.next().await?;
        Some((bytes, reader))
    });
    use futures_util::StreamExt;
    greeting.chain(missed).chain(live).map(Ok)
}

impl Reader {
    /// The next bytes; `None` ends the stream.
    async fn next(&mut self) -> Option<Bytes> {
        let news = tokio::time::timeout(self.comment_every, self.subscription.live.recv());
        tokio::select! {
            () = self.shutdown.cancelled() => None,
            // The plan was replaced: the browser opens a new stream.
            () = self.map.dropped() => None,
            news = news => match news {
                Ok(Ok(bytes)) => Some(bytes),
                Ok(Err(RecvError::Lagged(_))) => {
                    metrics::counter!("seatgrid_router_stream_resyncs_total").increment(1);
                    self.subscription = self.map.subscribe(None);
                    Some(self.map.resync())
                }
                // The map was dropped: the browser opens a new stream.
                Ok(Err(RecvError::Closed)) => None,
                Err(_) => Some(Bytes::from_static(COMMENT)),
            },
        }
    }
}
