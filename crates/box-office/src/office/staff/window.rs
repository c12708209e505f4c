//! The window of a sale: ended now, or moved by an edit. The catalogue is told first and is what counts; the
//! grid follows at once, or by the publisher when it could not be told here.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use http_api::time::now_ms;
use http_api::{Code, Id, IdempotencyKey, NoBody, Problem, from_grid};
use inventory::{Command, EventNo, Outcome, RequestKey, SetWindow};
use processing_unit::GridError;

use super::super::Office;
use super::super::answer::foreign;
use super::super::bodies::staff::StaffEventBody;
use super::Staff;
use super::catalogue::{self, WindowRow};

/// How long a row is kept from changing while the grid is told; others that wait for it give up after
/// 3 s.
const KEPT_MAX: Duration = Duration::from_secs(2);

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
    catalogue::close(&office.database, &id, now_ms()).await?;
    office.tell_window(&id, Some(key.of(hash)), &staff).await?;
    office.staff_event(&id, &staff).await
}

impl Office {
    /// Tells the grid the window of the event's row, if it has the event and another window. The row
    /// is kept from changing meanwhile, so that what is told last is what was written last.
    pub(super) async fn tell_window(
        &self,
        id: &str,
        key: Option<RequestKey>,
        staff: &Staff,
    ) -> Result<(), Problem> {
        let mut kept = self.database.begin().await?;
        let row = catalogue::kept_window(kept.db(), id).await?;
        let told = self.put_window((id, row), key, staff);
        let done = tokio::time::timeout(KEPT_MAX, told).await;
        let done = done.unwrap_or_else(|_| Err(Problem::new(Code::OutcomeUnknown)));
        kept.commit().await?;
        done
    }

    async fn put_window(
        &self,
        (id, row): (&str, WindowRow),
        key: Option<RequestKey>,
        staff: &Staff,
    ) -> Result<(), Problem> {
        let failed = |error| from_grid(error, Code::EventNotFound);
        let event = match self.grid.route(id, staff.deadline).await {
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
