//! `GET /events/{id}/availability`: how many seats are left, as of which version and moment.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CACHE_CONTROL;
use http_api::time::rfc3339_ms;
use http_api::{Deadline, GRID_VERSION, Id, Money, Params, Problem};
use inventory::SeatCounts;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::{Freshness, event_map, read_map};
use crate::seatmap::{PlanView, Snapshot, fee_on};
use crate::state::App;

/// Seats by status, in all and by section and tier.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Availability {
    version: u64,
    /// The leader's time at which this was true.
    as_of: String,
    /// How long ago that was.
    age_ms: u64,
    #[serde(flatten)]
    counts: Counts,
    sections: Vec<SectionCounts>,
    tiers: Vec<TierCounts>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Counts {
    total: u32,
    free: u32,
    held: u32,
    sold: u32,
    blocked: u32,
}

#[derive(Debug, Serialize, ToSchema)]
struct SectionCounts {
    id: String,
    #[serde(flatten)]
    counts: Counts,
}

#[derive(Debug, Serialize, ToSchema)]
struct TierCounts {
    id: String,
    price: Money,
    /// What is paid on top for each seat; absent where there is no fee.
    #[serde(skip_serializing_if = "Option::is_none")]
    fee: Option<Money>,
    #[serde(flatten)]
    counts: Counts,
}

impl From<SeatCounts> for Counts {
    fn from(counts: SeatCounts) -> Self {
        let SeatCounts { free, held, sold, blocked } = counts;
        Self { total: counts.total(), free, held, sold, blocked }
    }
}

impl Availability {
    fn new(plan: &PlanView, snapshot: &Snapshot) -> Self {
        let view = &snapshot.view;
        let sections = plan.plan.sections.iter().zip(&view.sections);
        let tiers = plan.plan.tiers.iter().zip(&view.tiers);
        Self {
            version: view.version,
            as_of: rfc3339_ms(snapshot.as_of_ms),
            age_ms: snapshot.age.as_millis() as u64,
            counts: view.total.into(),
            sections: sections
                .map(|(section, counts)| SectionCounts {
                    id: section.id.clone(),
                    counts: (*counts).into(),
                })
                .collect(),
            tiers: tiers
                .map(|(tier, counts)| TierCounts {
                    id: tier.id.clone(),
                    price: plan.money(tier.price_minor),
                    fee: fee_on(&plan.sale, tier),
                    counts: (*counts).into(),
                })
                .collect(),
        }
    }
}

/// Answers the counts.
#[utoipa::path(get, path = "/api/v1/events/{id}/availability", tag = "shopping",
    params(("id" = String, Path, description = "The event's id"), Freshness),
    responses(
        (status = 200, body = Availability),
        (status = 404, description = "`event_not_found`"),
        (status = 503, description = "`no_leader`, `overloaded`")))]
pub(crate) async fn read(
    State(app): State<App>,
    Id(id): Id,
    Params(freshness): Params<Freshness>,
    deadline: Deadline,
) -> Result<Response, Problem> {
    let map = event_map(&app, &id, deadline.0).await?;
    let snapshot = read_map(&map, freshness, deadline.0).await?;
    let version = [(GRID_VERSION, snapshot.view.version.to_string())];
    let body = Json(Availability::new(&map.plan, &snapshot));
    Ok((version, [(CACHE_CONTROL, "no-cache")], body).into_response())
}
