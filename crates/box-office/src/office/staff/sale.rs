//! A sale as a whole: reading it, pausing, resuming, cancelling the event.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use http_api::{Code, Id, IdempotencyKey, NoBody, Problem, after_write, from_grid};
use inventory::{CancelEvent, Command, EventNo, Outcome, PauseSale, ResumeSale};
use processing_unit::GridError;

use super::super::Office;
use super::super::answer::{foreign, private, replayed};
use super::super::bodies::staff::{self as bodies, SaleBody, StaffEventBody};
use super::Staff;

/// An event as staff sees it.
#[utoipa::path(get, path = "/api/v1/admin/events/{id}", tag = "staff", params(
    ("id" = String, Path, description = "The event"),
), responses(
    (status = 200, description = "The event; its `ETag` is what an edit names in `If-Match`",
        body = StaffEventBody),
    (status = 401, description = "`unauthenticated`"),
    (status = 404, description = "`event_not_found`"),
    (status = 503, description = "`database_unavailable`"),
))]
pub(in crate::office) async fn read(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    staff: Staff,
) -> Result<Response, Problem> {
    office.staff_event(&id, &staff).await
}

/// Grants no holds until the sale is resumed; what is held may be paid.
#[utoipa::path(post, path = "/api/v1/admin/events/{id}/pause", tag = "staff", params(
    ("id" = String, Path, description = "The event"),
    ("Idempotency-Key" = String, Header, description = "UUID, version 7 preferred"),
), responses(
    (status = 200, description = "The sale as it is now", body = SaleBody),
    (status = 401, description = "`unauthenticated`"),
    (status = 404, description = "`event_not_found`"),
    (status = 409, description = "`idempotency_window_expired`"),
))]
pub(in crate::office) async fn pause(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    key: IdempotencyKey,
    staff: Staff,
    NoBody { hash }: NoBody,
) -> Result<Response, Problem> {
    let event = office.event_no(&id, staff.deadline).await?;
    let command = Command::PauseSale(PauseSale { event });
    office.change_sale(event, (key, hash), &staff, command).await
}

/// Grants holds again.
#[utoipa::path(post, path = "/api/v1/admin/events/{id}/resume", tag = "staff", params(
    ("id" = String, Path, description = "The event"),
    ("Idempotency-Key" = String, Header, description = "UUID, version 7 preferred"),
), responses(
    (status = 200, description = "The sale as it is now", body = SaleBody),
    (status = 401, description = "`unauthenticated`"),
    (status = 404, description = "`event_not_found`"),
    (status = 409, description = "`idempotency_window_expired`"),
))]
pub(in crate::office) async fn resume(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    key: IdempotencyKey,
    staff: Staff,
    NoBody { hash }: NoBody,
) -> Result<Response, Problem> {
    let event = office.event_no(&id, staff.deadline).await?;
    let command = Command::ResumeSale(ResumeSale { event });
    office.change_sale(event, (key, hash), &staff, command).await
}

/// Cancels an event for good: no hold is granted any more, holds and unpaid orders end, paid orders
/// get all their money back. It goes on in bounded steps by itself until nothing is left to do;
/// the same address read tells how far it is.
#[utoipa::path(post, path = "/api/v1/admin/events/{id}/cancel", tag = "staff", params(
    ("id" = String, Path, description = "The event"),
    ("Idempotency-Key" = String, Header, description = "UUID, version 7 preferred"),
), responses(
    (status = 202, description = "The sale, with `cancel` saying how far it is", body = SaleBody),
    (status = 401, description = "`unauthenticated`"),
    (status = 404, description = "`event_not_found`"),
    (status = 409, description = "`idempotency_window_expired`"),
    (status = 503, description = "`persistence_backlog`"),
))]
pub(in crate::office) async fn cancel(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    key: IdempotencyKey,
    staff: Staff,
    NoBody { hash }: NoBody,
) -> Result<Response, Problem> {
    let event = office.event_no(&id, staff.deadline).await?;
    let command = Command::CancelEvent(CancelEvent { event });
    let mut answer = office.change_sale(event, (key, hash), &staff, command).await?;
    *answer.status_mut() = StatusCode::ACCEPTED;
    Ok(answer)
}

/// How far a cancelled event is undone.
#[utoipa::path(get, path = "/api/v1/admin/events/{id}/cancel", tag = "staff", params(
    ("id" = String, Path, description = "The event"),
), responses(
    (status = 200, description = "The sale, with `cancel` saying how far it is", body = SaleBody),
    (status = 401, description = "`unauthenticated`"),
    (status = 404, description = "`event_not_found`; `not_found`: it is not cancelled"),
))]
pub(in crate::office) async fn progress(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    staff: Staff,
) -> Result<Response, Problem> {
    let event = office.event_no(&id, staff.deadline).await?;
    let sale = office.sale(event, &staff).await?;
    if sale.cancel.is_none() {
        return Err(Problem::new(Code::NotFound).detail("The event is not cancelled"));
    }
    Ok(private(StatusCode::OK, Some(sale.version), sale))
}

impl Office {
    /// The sale as the grid has it now.
    pub(super) async fn sale(&self, event: EventNo, staff: &Staff) -> Result<SaleBody, Problem> {
        self.looked(event, staff).await.map_err(|error| from_grid(error, Code::EventNotFound))
    }

    async fn looked(&self, event: EventNo, staff: &Staff) -> Result<SaleBody, GridError> {
        let sale = self.grid.sale(event, staff.deadline).await?;
        // Units of an older release do not tell it.
        let expiries = self.grid.expiries(event, staff.deadline).await.ok();
        Ok(bodies::sale(&sale, expiries))
    }

    async fn change_sale(
        &self,
        event: EventNo,
        (key, hash): (IdempotencyKey, u64),
        staff: &Staff,
        command: Command,
    ) -> Result<Response, Problem> {
        let about = (event, Code::EventNotFound);
        let reply = self.staff_command(about, Some(key.of(hash)), staff, command).await?;
        match reply.outcome {
            Outcome::SalePaused
            | Outcome::SaleResumed
            | Outcome::WindowSet
            | Outcome::EventCancelled { .. } => {}
            other => return Err(foreign(&other)),
        }
        let sale = self.sale(event, staff).await.map_err(after_write)?;
        Ok(replayed(private(StatusCode::OK, Some(sale.version), sale), reply.replayed))
    }

    /// The sale of an event of the catalogue, if the grid has it.
    pub(super) async fn sale_of(
        &self,
        id: &str,
        staff: &Staff,
    ) -> Result<Option<SaleBody>, Problem> {
        let sale = match self.grid.route(id, staff.deadline).await {
            Ok(pin) => self.looked(EventNo(pin.number), staff).await,
            Err(error) => Err(error),
        };
        match sale {
            Ok(sale) => Ok(Some(sale)),
            Err(GridError::NotFound) => Ok(None),
            Err(error) => Err(from_grid(error, Code::EventNotFound)),
        }
    }
}
