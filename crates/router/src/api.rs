//! The handlers of the API. Each reads the request, asks the grid or a seat map, and writes the
//! answer; rules are elsewhere.

mod accept;
mod asker;
pub(crate) mod availability;
pub(crate) mod caller;
mod commit;
mod hold_answer;
pub(crate) mod hold_change;
mod hold_request;
pub(crate) mod holds;
pub(crate) mod openapi;
pub(crate) mod plan;
pub(crate) mod proxy;
pub(crate) mod queue;
pub(crate) mod seats;
pub(crate) mod stream;

use std::sync::Arc;
use std::time::Instant;

use http_api::{Code, Problem, from_grid};
use serde::Deserialize;

use crate::seatmap::{Age, EventMap, Snapshot};
use crate::state::Router;

/// `?fresh=true` asks for a map that is true now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Freshness {
    /// Asks the shard's leader even if the router's copy is young enough.
    #[serde(default)]
    pub(crate) fresh: bool,
}

/// The seat map of an event, or `event_not_found`.
async fn event_map(
    app: &Router,
    event_id: &str,
    deadline: Instant,
) -> Result<Arc<EventMap>, Problem> {
    app.maps.by_id(event_id, deadline).await.map_err(missing_event)
}

/// A view that is fresh enough for a reader.
async fn read_map(
    map: &EventMap,
    freshness: Freshness,
    deadline: Instant,
) -> Result<Snapshot, Problem> {
    let age = if freshness.fresh { Age::Now } else { Age::Usual };
    let snapshot = map.fresh(age, deadline).await.map_err(missing_event)?;
    metrics::histogram!("seatgrid_router_map_age_seconds").record(snapshot.age.as_secs_f64());
    Ok(snapshot)
}

fn missing_event(error: processing_unit::GridError) -> Problem {
    from_grid(error, Code::EventNotFound)
}
