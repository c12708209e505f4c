//! The window of a sale: moved, or ended now. The catalogue is told first and is what counts; the
//! grid follows at once, or by the publisher when it could not be told here.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http_api::time::{now_ms, parse_rfc3339_ms};
use http_api::{
    Code, FieldError, Id, IdempotencyKey, NoBody, OptionalKey, Problem, Strict, from_grid,
};
use inventory::{Command, EventNo, Outcome, RequestKey, SetWindow};
use processing_unit::GridError;
use serde::Deserialize;
use utoipa::ToSchema;

use super::super::Office;
use super::super::answer::foreign;
use super::super::bodies::staff::StaffEventBody;
use super::Staff;
use super::catalogue::{self, EventRow, WindowEdit};

/// A sale opens at least so long before the event, unless a reason is given.
const NOTICE_MS: u64 = 60 * 24 * 60 * 60 * 1_000;
/// Longest reason, in characters.
const REASON_CHARS_MAX: usize = 500;

/// What to edit.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::office) struct EventEdit {
    /// The sale's window.
    sale: WindowForm,
}

/// Another window; what is left out stays.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::office) struct WindowForm {
    /// When holds begin to be granted, RFC 3339.
    #[serde(default)]
    opens_at: Option<String>,
    /// When holds stop being granted, RFC 3339.
    #[serde(default)]
    closes_at: Option<String>,
    /// Needed when the sale opens less than 60 days before the event.
    #[serde(default)]
    short_notice_reason: Option<String>,
}

/// Edits an event. What is held or sold stays so.
#[utoipa::path(patch, path = "/api/v1/admin/events/{id}", tag = "staff", request_body = EventEdit,
params(
    ("id" = String, Path, description = "The event"),
    ("If-Match" = String, Header, description = "The `ETag` that the edit is based on"),
    ("Idempotency-Key" = Option<String>, Header, description = "UUID, version 7 preferred"),
), responses(
    (status = 200, description = "The event as it is now", body = StaffEventBody),
    (status = 400, description = "`invalid_request`"),
    (status = 401, description = "`unauthenticated`"),
    (status = 404, description = "`event_not_found`"),
    (status = 409, description = "`event_cancelled`"),
    (status = 412, description = "`version_mismatch`: somebody else edited it meanwhile"),
    (status = 428, description = "`precondition_required`: without If-Match"),
    (status = 503, description = "`database_unavailable`"),
))]
pub(in crate::office) async fn edit(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    key: OptionalKey,
    staff: Staff,
    Strict { body, hash }: Strict<EventEdit>,
) -> Result<Response, Problem> {
    let revision = staff.if_match()?;
    let known = catalogue::event(&office.database, &id).await?;
    let edit = body.sale.checked(&known)?;
    let row = catalogue::move_window(&office.database, &id, revision, edit).await?;
    office.tell_window(&row, key.of(hash), &staff).await?;
    office.staff_event(row, &staff).await
}

/// Ends the sale now. It can be opened again by moving its window.
#[utoipa::path(post, path = "/api/v1/admin/events/{id}/close", tag = "staff", params(
    ("id" = String, Path, description = "The event"),
    ("Idempotency-Key" = String, Header, description = "UUID, version 7 preferred"),
), responses(
    (status = 200, description = "The event as it is now", body = StaffEventBody),
    (status = 401, description = "`unauthenticated`"),
    (status = 404, description = "`event_not_found`"),
    (status = 409, description = "`sale_not_open`, `event_cancelled`"),
    (status = 503, description = "`database_unavailable`: pause it meanwhile"),
))]
pub(in crate::office) async fn close(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    key: IdempotencyKey,
    staff: Staff,
    NoBody { hash }: NoBody,
) -> Result<Response, Problem> {
    let row = catalogue::close(&office.database, &id, now_ms()).await?;
    office.tell_window(&row, Some(key.of(hash)), &staff).await?;
    office.staff_event(row, &staff).await
}

impl WindowForm {
    fn checked(self, known: &EventRow) -> Result<WindowEdit, Problem> {
        let mut faults = Vec::new();
        let mut time = |given: Option<String>, name: &str, now_ms: i64| {
            let Some(text) = given else { return now_ms };
            let ms = parse_rfc3339_ms(&text).and_then(|ms| i64::try_from(ms).ok());
            ms.unwrap_or_else(|| {
                faults.push(FieldError::at(format!("/sale/{name}"), "must be an RFC 3339 time"));
                now_ms
            })
        };
        let opens_at_ms = time(self.opens_at, "opens_at", known.opens_at_ms);
        let closes_at_ms = time(self.closes_at, "closes_at", known.closes_at_ms);
        if opens_at_ms >= closes_at_ms {
            faults.push(FieldError::at("/sale/closes_at", "must be after opens_at"));
        }
        let reason = self.short_notice_reason.map(|reason| reason.trim().to_owned());
        let reason = reason.filter(|reason| !reason.is_empty());
        if reason.as_ref().is_some_and(|reason| reason.chars().count() > REASON_CHARS_MAX) {
            let detail = "must have 500 characters at most";
            faults.push(FieldError::at("/sale/short_notice_reason", detail));
        }
        let moved = opens_at_ms != known.opens_at_ms;
        let short = known.starts_at_ms.saturating_sub(opens_at_ms) < NOTICE_MS as i64;
        if moved && short && reason.is_none() {
            let detail = "is needed when the sale opens less than 60 days before the event";
            faults.push(FieldError::at("/sale/short_notice_reason", detail));
        }
        if !faults.is_empty() {
            return Err(Problem::invalid(faults));
        }
        let kept = if moved { None } else { known.short_notice_reason.clone() };
        Ok(WindowEdit { opens_at_ms, closes_at_ms, short_notice_reason: reason.or(kept) })
    }
}

impl Office {
    /// Tells the grid the window, if it has the event and another window.
    async fn tell_window(
        &self,
        row: &EventRow,
        key: Option<RequestKey>,
        staff: &Staff,
    ) -> Result<(), Problem> {
        let failed = |error| from_grid(error, Code::EventNotFound);
        let event = match self.grid.route(&row.id, staff.deadline).await {
            Ok(pin) => EventNo(pin.number),
            Err(GridError::NotFound) => return Ok(()),
            Err(error) => return Err(failed(error)),
        };
        let ms = |ms: i64| u64::try_from(ms).unwrap_or(0);
        let (opens_at_ms, closes_at_ms) = (ms(row.opens_at_ms), ms(row.closes_at_ms));
        match self.grid.sale(event, staff.deadline).await {
            Ok(open)
                if (open.sale.opens_at_ms, open.sale.closes_at_ms)
                    == (opens_at_ms, closes_at_ms) =>
            {
                return Ok(());
            }
            Ok(_) => {}
            Err(GridError::NotFound) => return Ok(()),
            Err(error) => return Err(failed(error)),
        }
        let command = Command::SetWindow(SetWindow { event, opens_at_ms, closes_at_ms });
        let reply = self.staff_command((event, Code::EventNotFound), key, staff, command).await?;
        match reply.outcome {
            Outcome::WindowSet => Ok(()),
            other => Err(foreign(&other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

    fn event() -> EventRow {
        EventRow {
            id: "gala".into(),
            name: "Gala".into(),
            status: "published".into(),
            starts_at_ms: 100 * DAY_MS,
            opens_at_ms: 10 * DAY_MS,
            closes_at_ms: 99 * DAY_MS,
            short_notice_reason: None,
            revision: 3,
        }
    }

    fn edit(form: &str) -> Result<WindowEdit, Problem> {
        serde_json::from_str::<WindowForm>(form).expect("a form").checked(&event())
    }

    #[test]
    fn a_late_opening_needs_its_reason_and_an_early_one_none() {
        assert_eq!(edit("{}").expect("nothing moves").opens_at_ms, 10 * DAY_MS);
        let early = r#"{"opens_at":"1970-02-09T00:00:00Z"}"#;
        assert_eq!(edit(early).expect("61 days before").opens_at_ms, 39 * DAY_MS);
        let late = r#"{"opens_at":"1970-02-11T00:00:00Z"}"#;
        assert!(edit(late).is_err(), "59 days before");
        let late = r#"{"opens_at":"1970-02-11T00:00:00Z","short_notice_reason":" a guest "}"#;
        assert_eq!(edit(late).expect("with it").short_notice_reason.as_deref(), Some("a guest"));
    }

    #[test]
    fn a_window_has_two_times_in_their_order() {
        for wrong in [
            r#"{"opens_at":"tomorrow"}"#,
            r#"{"closes_at":"1970-01-02T00:00:00Z"}"#,
            r#"{"opens_at":"1970-12-01T00:00:00Z","short_notice_reason":"late"}"#,
        ] {
            assert!(edit(wrong).is_err(), "{wrong}");
        }
    }
}
