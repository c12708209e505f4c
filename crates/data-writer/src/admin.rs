//! The writer's admin endpoint: probes and metrics as every role has them, and its status. Only reads
//! what the writer knows of itself.

mod recovery;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use http_api::admin::{Probes, serve_on};
use http_api::{AttemptBatch, Code, Problem, Strict};
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::attempts::{Decision, Intake, NotDone, Verdict};
use crate::health::{Health, Role, WriterStatus};
use crate::quarantine::QuarantineEntry;
use crate::sink::Sink;
pub(crate) use recovery::Recoverer;

/// How often readiness follows the writer's health.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// A full batch of attempts is 1.5 MB at most.
const BATCH_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Longest name of an operator, in characters.
const OPERATOR_CHARS_MAX: usize = 100;

/// What the endpoint may use.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) health: Arc<Health>,
    pub(crate) intake: Intake,
    /// For questions about the quarantine, apart from the shards' connections.
    pub(crate) sink: Arc<Sink>,
    /// Brings lost shards back.
    pub(crate) recoverer: Recoverer,
}

/// Serves until `shutdown`.
pub(crate) async fn serve(listener: TcpListener, desk: Desk, shutdown: CancellationToken) {
    let (probes, health) = (Probes::new(), Arc::clone(&desk.health));
    let serving = serve_on(listener, probes.clone(), routes(desk), shutdown);
    tokio::select! {
        () = serving => {}
        () = follow(&probes, &health) => {}
    }
}

fn routes(desk: Desk) -> Router {
    Router::new()
        .route("/admin/v1/status", get(status))
        .route("/admin/v1/attempts", post(keep_attempts))
        .route("/admin/v1/quarantine", get(list))
        .route("/admin/v1/quarantine/{id}", get(show))
        .route("/admin/v1/quarantine/{id}/retry", post(retry))
        .route("/admin/v1/quarantine/{id}/discard", post(discard))
        .route("/admin/v1/recovery", post(recovery::recover))
        .with_state(desk)
}

async fn status(State(desk): State<Desk>) -> Json<WriterStatus> {
    Json(desk.health.status())
}

/// Refused attempts of a router; answered once they are committed.
async fn keep_attempts(
    State(desk): State<Desk>,
    Strict { body, .. }: Strict<AttemptBatch, BATCH_BYTES_MAX>,
) -> Result<StatusCode, Problem> {
    must_write(&desk)?;
    desk.intake.keep(body).await.map_err(problem)?;
    Ok(StatusCode::NO_CONTENT)
}

/// `?all=true` shows resolved ones too.
#[derive(Debug, Deserialize)]
struct Listing {
    #[serde(default)]
    all: bool,
}

async fn list(
    State(desk): State<Desk>,
    Query(listing): Query<Listing>,
) -> Result<Json<Vec<QuarantineEntry>>, Problem> {
    let entries = desk.sink.quarantine_list(listing.all).await;
    entries.map(Json).map_err(|_| Problem::new(Code::DatabaseUnavailable))
}

async fn show(
    State(desk): State<Desk>,
    Path(id): Path<i64>,
) -> Result<Json<QuarantineEntry>, Problem> {
    let entry = desk.sink.quarantine_entry(id).await;
    let entry = entry.map_err(|_| Problem::new(Code::DatabaseUnavailable))?;
    entry.map(Json).ok_or_else(|| Problem::new(Code::NotFound))
}

/// Who decides, and why.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Word {
    by: String,
    #[serde(default)]
    reason: String,
}

async fn retry(
    State(desk): State<Desk>,
    Path(id): Path<i64>,
    Strict { body, .. }: Strict<Word>,
) -> Result<StatusCode, Problem> {
    decide(&desk, id, Verdict::Retry, body.by).await
}

async fn discard(
    State(desk): State<Desk>,
    Path(id): Path<i64>,
    Strict { body, .. }: Strict<Word>,
) -> Result<StatusCode, Problem> {
    if body.reason.trim().is_empty() {
        return Err(Problem::invalid_at("/reason", "a record is discarded for a reason"));
    }
    decide(&desk, id, Verdict::Discard(body.reason), body.by).await
}

async fn decide(desk: &Desk, id: i64, verdict: Verdict, by: String) -> Result<StatusCode, Problem> {
    must_write(desk)?;
    if by.trim().is_empty() || by.chars().count() > OPERATOR_CHARS_MAX || by.contains('\0') {
        return Err(Problem::invalid_at("/by", "name who decides"));
    }
    desk.intake.decide(Decision { id, verdict, by }).await.map_err(problem)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Only the active writer extends the chain; whoever asks goes on to the next one.
fn must_write(desk: &Desk) -> Result<(), Problem> {
    if desk.health.status().role == Role::Active {
        return Ok(());
    }
    Err(Problem::new(Code::Unavailable).detail("another writer is at work"))
}

fn problem(not_done: NotDone) -> Problem {
    match not_done {
        NotDone::Refused(what) => Problem::invalid_at("", what),
        NotDone::NotNow => Problem::new(Code::Unavailable),
    }
}

async fn follow(probes: &Probes, health: &Health) {
    let mut looks = tokio::time::interval(LOOK_EVERY);
    loop {
        looks.tick().await;
        match health.ready() {
            Ok(()) => probes.ready(),
            Err(why) => probes.not_ready(why),
        }
    }
}
