//! Notifications of gateways: stored as they came, answered, then processed. While PostgreSQL is
//! away they are processed first and answered once the grid has the result.
//!
//! A notification is a stranger's hint. Nothing in it is believed; see [`crate::notices`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use futures_util::stream;
use http_api::{Code, Id, Problem, read_body};
use payments::{Notification, NotificationError};
use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Office, REFUND_ATTEMPTS_MAX};
use crate::clock::now_ms;
use crate::notices;
use crate::webhook_journal::{End, Ended, Waiting};

/// Largest notification, in bytes; real ones have below 4,096.
const BODY_BYTES_MAX: usize = 64 * 1_024;
/// Deadline of processing before the answer; gateways wait at least 10 s.
const INLINE_DEADLINE: Duration = Duration::from_secs(8);
/// Deadline of processing after the answer.
const LATER_DEADLINE: Duration = Duration::from_secs(20);

/// What a gateway has to say. Answered 200 once it cannot be lost any more.
#[utoipa::path(post, path = "/api/v1/webhooks/{provider}", tag = "gateways",
    params(("provider" = String, Path, description = "The payment provider's name")),
    request_body(content = Object, description = "The gateway's own notification"), responses(
    (status = 200, description = "Stored or dealt with; also when it is not for us"),
    (status = 400, description = "`invalid_request`: not a notification of this provider, or not \
        signed by it"),
    (status = 404, description = "`not_found`: no such provider"),
    (status = 503, description = "Neither stored nor dealt with: send it again"),
))]
pub(super) async fn receive(
    State(office): State<Arc<Office>>,
    Id(provider): Id,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let body = read_body(&parts.headers, body, BODY_BYTES_MAX).await?;
    let parsed = notices::parse(&office.settlement, &provider, &body)
        .map_err(|_| Problem::new(Code::NotFound))?;
    if parsed.is_ok() && office.is_forged(&provider, &parts.headers, &body) {
        notices::count(&provider, "forged");
        return Err(Problem::invalid_at("", "not signed by this payment provider"));
    }
    match parsed {
        Ok(notification) => office.accept(provider, notification, &body).await,
        Err(NotificationError::UnknownEvent { event }) => {
            office.ignore(&provider, &event, &body).await;
            Ok(accepted())
        }
        Err(NotificationError::TooLarge { .. }) => Err(Problem::new(Code::TooLarge)),
        Err(NotificationError::Malformed { .. }) => {
            notices::count(&provider, "malformed");
            Err(Problem::invalid_at("", "not a notification of this payment provider"))
        }
    }
}

impl Office {
    async fn accept(
        &self,
        provider: String,
        notification: Notification,
        body: &[u8],
    ) -> Result<Response, Problem> {
        let Some(stored) = self.journal.store(&provider, body).await else {
            return self.process_now(&provider, &notification).await;
        };
        if stored.wanted {
            let waiting = Waiting { id: stored.id, provider, body: body.to_vec() };
            // A full queue loses nothing: the worker takes it from the journal.
            let _ = self.notices.try_send(waiting);
        }
        Ok(accepted())
    }

    /// Whether a gateway that signs what it sends did not send this.
    fn is_forged(&self, provider: &str, headers: &HeaderMap, body: &[u8]) -> bool {
        let Some(gateway) = self.providers.get(provider) else { return false };
        let now_ms = i64::try_from(now_ms()).unwrap_or(i64::MAX);
        match gateway.check_signature(headers, body, now_ms) {
            Ok(()) => false,
            Err(error) => {
                tracing::debug!(provider, %error, "a notification is not the gateway's own");
                true
            }
        }
    }

    /// Without a journal the result itself is what makes the answer safe.
    async fn process_now(
        &self,
        provider: &str,
        notification: &Notification,
    ) -> Result<Response, Problem> {
        let deadline = Instant::now() + INLINE_DEADLINE;
        let attempts_max = REFUND_ATTEMPTS_MAX;
        let processed =
            notices::process(&self.settlement, provider, notification, attempts_max, deadline)
                .await;
        match processed {
            Ok(outcome) => {
                notices::count(provider, outcome.end.as_str());
                Ok(accepted())
            }
            Err(error) => {
                notices::count(provider, "put_off");
                tracing::debug!(provider, %error, "a notification was not stored nor processed");
                Err(Problem::new(Code::OutcomeUnknown))
            }
        }
    }

    /// An event that nobody acts upon is only worth a note.
    async fn ignore(&self, provider: &str, event: &str, body: &[u8]) {
        notices::count(provider, End::Ignored.as_str());
        if let Some(stored) = self.journal.store(provider, body).await {
            let note = format!("event {event} is not handled");
            self.journal.end(Ended { id: stored.id, end: End::Ignored, note }).await;
        }
    }
}

fn accepted() -> Response {
    Json(json!({ "status": "accepted" })).into_response()
}

/// Processes what was stored, a bounded number at a time, until `shutdown`.
pub(super) async fn work_off(
    office: Arc<Office>,
    mut waiting: mpsc::Receiver<Waiting>,
    parallel_max: usize,
    shutdown: CancellationToken,
) {
    let queue = stream::poll_fn(|context| waiting.poll_recv(context));
    let work = queue.for_each_concurrent(parallel_max, |waiting| {
        let office = office.clone();
        async move {
            let deadline = Instant::now() + LATER_DEADLINE;
            let (settlement, attempts_max) = (&office.settlement, REFUND_ATTEMPTS_MAX);
            let processed =
                notices::process_stored(settlement, &waiting, attempts_max, deadline).await;
            match processed {
                Ok(ended) => office.journal.end(ended).await,
                Err(error) => notices::put_off(&office.database, &waiting, &error).await,
            }
        }
    });
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = work => {}
    }
}
