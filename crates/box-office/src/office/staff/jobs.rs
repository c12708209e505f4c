//! Background work as staff sees it: jobs with another try for what was given up, and everything that a
//! person must look at, from wherever it failed.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http_api::{Code, Id, NoBody, Params, Problem};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::Office;
use super::super::answer::private;
use super::Staff;
use crate::clock::text_signed;
use crate::failures::{self, Failure, FailurePlace};
use crate::jobs::{self, JobFilter, JobRow};

/// Rows of a page, unless asked otherwise, and at most.
const PAGE: u16 = 50;
const PAGE_MAX: u16 = 200;
const STATUSES: [&str; 4] = ["waiting", "running", "done", "dead"];

/// Which jobs.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::office) struct JobListing {
    /// `waiting`, `running`, `done` or `dead`.
    #[serde(default)]
    status: Option<String>,
    /// Only of this kind.
    #[serde(default)]
    kind: Option<String>,
    /// `next_cursor` of the page before.
    #[serde(default)]
    cursor: Option<String>,
    /// 1 to 200, 50 unless given.
    #[serde(default)]
    limit: Option<u16>,
}

/// A job.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(in crate::office) struct JobBody {
    id: String,
    kind: String,
    /// `waiting`, `running`, `done` or `dead`.
    status: String,
    /// 0 first, 9 last.
    priority: i16,
    attempts: i32,
    attempts_max: i32,
    /// What went wrong last.
    error: Option<String>,
    created_at: String,
    /// When it is tried, or was put off until.
    next_attempt_at: String,
    ended_at: Option<String>,
}

/// A page of jobs.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(in crate::office) struct JobsBody {
    items: Vec<JobBody>,
    next_cursor: Option<String>,
}

/// Something that failed for good and waits for a person.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(in crate::office) struct FailureBody {
    /// `job`, `message`, `refund`, `notification` (of a gateway) or `record` (of the data writer).
    kind: String,
    id: String,
    /// Which kind of job, message or gateway.
    about: String,
    error: Option<String>,
    at: String,
    /// The call that tries it again, where there is one.
    retry: Option<String>,
}

/// All that waits for a person.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(in crate::office) struct FailuresBody {
    /// The newest first.
    items: Vec<FailureBody>,
    next_cursor: Option<String>,
}

/// Which failures.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(in crate::office) struct FailureListing {
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// 1 to 200, 200 unless given.
    limit: Option<u16>,
}

/// Background work, the newest first.
#[utoipa::path(get, path = "/api/v1/admin/jobs", tag = "staff", params(JobListing), responses(
    (status = 200, description = "A page of jobs", body = JobsBody),
    (status = 400, description = "`invalid_request`"),
    (status = 401, description = "`unauthenticated`"),
    (status = 503, description = "`database_unavailable`"),
))]
pub(in crate::office) async fn list(
    State(office): State<Arc<Office>>,
    _staff: Staff,
    Params(listing): Params<JobListing>,
) -> Result<Response, Problem> {
    let filter = listing.filter()?;
    let max = filter.max;
    let jobs = jobs::list(&office.database, filter).await?;
    let next = (jobs.len() as i64 == max).then(|| jobs.last().map(|job| job.id.to_string()));
    let items = jobs.into_iter().map(JobBody::from).collect();
    Ok(private(StatusCode::OK, None, JobsBody { items, next_cursor: next.flatten() }))
}

/// Tries a job again that was given up.
#[utoipa::path(post, path = "/api/v1/admin/jobs/{id}/retry", tag = "staff", params(
    ("id" = String, Path, description = "The job"),
), responses(
    (status = 200, description = "The job; one that was not given up is as it was", body = JobBody),
    (status = 401, description = "`unauthenticated`"),
    (status = 404, description = "`not_found`"),
    (status = 503, description = "`database_unavailable`"),
))]
pub(in crate::office) async fn retry(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    _staff: Staff,
    _body: NoBody,
) -> Result<Response, Problem> {
    let missing = || Problem::new(Code::NotFound);
    let id = id.parse().map_err(|_| missing())?;
    let job = jobs::retry(&office.database, id).await?.ok_or_else(missing)?;
    Ok(private(StatusCode::OK, None, JobBody::from(job)))
}

/// Everything that failed for good: jobs, messages, refunds, notifications of gateways, records.
#[utoipa::path(get, path = "/api/v1/admin/errors", tag = "staff", params(FailureListing), responses(
    (status = 200, description = "A page of what waits for a person", body = FailuresBody),
    (status = 400, description = "`invalid_request`"),
    (status = 401, description = "`unauthenticated`"),
    (status = 503, description = "`database_unavailable`"),
))]
pub(in crate::office) async fn errors(
    State(office): State<Arc<Office>>,
    _staff: Staff,
    Params(listing): Params<FailureListing>,
) -> Result<Response, Problem> {
    let max = limit(listing.limit.unwrap_or(PAGE_MAX))?;
    let after = match listing.cursor.as_deref().map(read_cursor) {
        Some(None) => return Err(Problem::invalid_parameter("cursor", "is none of ours")),
        after => after.flatten(),
    };
    // One more than the page shows tells whether there is a next one.
    let mut found = failures::list(&office.database, after, i64::from(max) + 1).await?;
    let more = found.len() > usize::from(max);
    found.truncate(max.into());
    let next_cursor = found.last().filter(|_| more).map(cursor);
    let items = found.into_iter().map(FailureBody::from).collect();
    Ok(private(StatusCode::OK, None, FailuresBody { items, next_cursor }))
}

fn limit(asked: u16) -> Result<u16, Problem> {
    let wrong = || Problem::invalid_parameter("limit", "must be 1 to 200");
    if (1..=PAGE_MAX).contains(&asked) { Ok(asked) } else { Err(wrong()) }
}

fn cursor(last: &Failure) -> String {
    URL_SAFE_NO_PAD.encode(format!("{}~{}~{}", last.at_ms, last.kind, last.id))
}

fn read_cursor(text: &str) -> Option<FailurePlace> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
    let mut parts = text.splitn(3, '~');
    let at_ms = parts.next()?.parse().ok()?;
    let (kind, id) = (parts.next()?.to_owned(), parts.next()?.to_owned());
    // What the database cannot hold was never told by it.
    (!text.contains('\0')).then_some(FailurePlace { at_ms, kind, id })
}

impl JobListing {
    fn filter(self) -> Result<JobFilter, Problem> {
        let max = limit(self.limit.unwrap_or(PAGE))?;
        if self.status.as_deref().is_some_and(|status| !STATUSES.contains(&status)) {
            return Err(Problem::invalid_parameter(
                "status",
                "must be waiting, running, done or dead",
            ));
        }
        let before = self.cursor.map(|cursor| cursor.parse::<i64>());
        let before = before
            .transpose()
            .map_err(|_| Problem::invalid_parameter("cursor", "is none of ours"))?;
        Ok(JobFilter { status: self.status, kind: self.kind, before, max: max.into() })
    }
}

impl From<JobRow> for JobBody {
    fn from(job: JobRow) -> Self {
        Self {
            id: job.id.to_string(),
            kind: job.kind,
            status: job.status,
            priority: job.priority,
            attempts: job.attempts,
            attempts_max: job.attempts_max,
            error: job.error,
            created_at: text_signed(job.made_ms),
            next_attempt_at: text_signed(job.next_ms),
            ended_at: job.ended_ms.map(text_signed),
        }
    }
}

impl From<Failure> for FailureBody {
    fn from(failure: Failure) -> Self {
        let retry = match failure.kind.as_str() {
            "job" => Some(format!("/api/v1/admin/jobs/{}/retry", failure.id)),
            "refund" => Some(format!("/api/v1/admin/refunds/{}/retry", failure.id)),
            _ => None,
        };
        Self {
            retry,
            kind: failure.kind,
            id: failure.id,
            about: failure.about,
            error: failure.error,
            at: text_signed(failure.at_ms),
        }
    }
}
