//! Ticket documents: one ticket or all of an order's, in every form that there is. Light forms are made
//! at once; heavy ones are asked of the workers and waited for as long as the caller does.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use http_api::{Code, Id, Problem};
use inventory::{Order, OrderId, PricedSeat, TicketId};
use serde::Serialize;
use utoipa::ToSchema;

use super::Office;
use super::answer::{Shopper, private};
use super::bodies::Price;
use super::tickets::TicketDesk;
use crate::clock::{local_text, text_signed};
use crate::documents::{self, DocumentName};
use crate::plans::{EventPlan, SeatName};
use crate::ticket_format::{SheetTicket, TicketFormat, TicketSheet};
use crate::ticket_standing::{Standing, good_seats, standing};

/// The first pause between two looks for a document; a worker needs some milliseconds.
const LOOK_PAUSE: Duration = Duration::from_millis(15);
/// The longest.
const LOOK_PAUSE_MAX: Duration = Duration::from_millis(200);
/// Kept free before the caller's deadline, for the answer.
const ANSWER_TIME: Duration = Duration::from_millis(200);
/// When to ask again for a document that is not there yet.
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("1");
/// Nobody on the way keeps what lets somebody in.
const NO_STORE: HeaderValue = HeaderValue::from_static("private, no-store");

/// A document that a worker has not made yet.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct DocumentPendingBody {
    /// `queued`.
    status: &'static str,
}

/// One ticket as a document.
#[utoipa::path(get, path = "/api/v1/tickets/{id}", tag = "orders", params(
    ("id" = String, Path, description = "The ticket and a form: `t1-5-3.pdf`, `.json`, `.txt`, and \
        `.pkpass` where the shop can sign passes"),
    ("X-Hold-Token" = String, Header, description = "The token of its order's hold"),
), responses(
    (status = 200, description = "The document"),
    (status = 202, description = "It is being made; ask again", body = DocumentPendingBody),
    (status = 404, description = "`ticket_not_found`"),
    (status = 409, description = "`order_state`: the ticket is not good any more"),
    (status = 503, description = "`database_unavailable`: heavy forms need the job queue"),
))]
pub(super) async fn ticket(
    State(office): State<Arc<Office>>,
    Id(file): Id,
    shopper: Shopper,
) -> Result<Response, Problem> {
    let missing = || Problem::new(Code::TicketNotFound);
    let (id, extension) = file.rsplit_once('.').ok_or_else(missing)?;
    let ticket: TicketId = id.parse().map_err(|_| missing())?;
    let format = office.formats.by_extension(extension).ok_or_else(missing)?;
    let own = office.own_order(&ticket.order.to_string(), &shopper).await;
    let (order, answer) = own.map_err(|problem| not_a_ticket(problem, missing))?;
    let seat = match standing(&answer.order, ticket.seat) {
        Standing::Good(seat) => seat,
        Standing::Replaced => return Err(gone("refunded")),
        Standing::Unknown => return Err(missing()),
        Standing::NotPaid | Standing::Refunded => return Err(gone_of(&answer.order)),
    };
    office.document(format, (order, &[seat]), &shopper).await
}

/// All tickets of an order as one document.
#[utoipa::path(get, path = "/api/v1/orders/{id}/documents/{form}", tag = "orders", params(
    ("id" = String, Path, description = "The order"),
    ("form" = String, Path, description = "`pdf`, `json` or `txt`; `pkpasses`, or `pkpass` for one \
        ticket, where the shop can sign passes"),
    ("X-Hold-Token" = String, Header, description = "The token of its hold"),
), responses(
    (status = 200, description = "The document"),
    (status = 202, description = "It is being made; ask again", body = DocumentPendingBody),
    (status = 404, description = "`order_not_found`, `not_found`: there is no such form"),
    (status = 409, description = "`order_state`: it is not paid"),
    (status = 503, description = "`database_unavailable`: heavy forms need the job queue"),
))]
pub(super) async fn order(
    State(office): State<Arc<Office>>,
    Path((id, form)): Path<(String, String)>,
    shopper: Shopper,
) -> Result<Response, Problem> {
    let format = office.formats.by_extension(&form);
    let format = format.ok_or_else(|| Problem::new(Code::NotFound))?;
    let (order, answer) = office.own_order(&id, &shopper).await?;
    let seats = good_seats(&answer.order).map_err(|status| gone(status.as_str()))?;
    office.document(format, (order, seats), &shopper).await
}

/// For somebody who does not have the order there is no ticket either.
fn not_a_ticket(problem: Problem, missing: impl Fn() -> Problem) -> Problem {
    if problem.code() == Code::OrderNotFound { missing() } else { problem }
}

/// Why a seat that the order once had is no good ticket: what became of it, or of the whole order.
fn gone_of(order: &Order) -> Problem {
    match good_seats(order) {
        Ok(_) => gone("refunded"),
        Err(status) => gone(status.as_str()),
    }
}

fn gone(status: &str) -> Problem {
    let problem = Problem::new(Code::OrderState).detail("There is no good ticket any more");
    problem.fact("order_status", status)
}

impl Office {
    async fn document(
        &self,
        format: &dyn TicketFormat,
        (order, seats): (OrderId, &[PricedSeat]),
        shopper: &Shopper,
    ) -> Result<Response, Problem> {
        let plan = self.plans.naming(order.event, seats, shopper.deadline).await?;
        let sheet = self.sheet(order, seats, &plan);
        if !format.fits(&sheet) {
            return Err(Problem::new(Code::NotFound).detail("This form is for one ticket"));
        }
        let made = match format.is_heavy() {
            false => Some(format.make(&sheet).map_err(Problem::internal)?),
            true => self.made_by_worker(format, &sheet, shopper.deadline).await?,
        };
        match made {
            Some(bytes) => Ok(file(format, order, bytes)),
            None => {
                let pending = DocumentPendingBody { status: "queued" };
                let mut answer = private(StatusCode::ACCEPTED, None, pending);
                answer.headers_mut().insert(RETRY_AFTER, ASK_AGAIN);
                Ok(answer)
            }
        }
    }

    async fn made_by_worker(
        &self,
        format: &dyn TicketFormat,
        sheet: &TicketSheet,
        deadline: Instant,
    ) -> Result<Option<Vec<u8>>, Problem> {
        let name = DocumentName::of(format.extension(), sheet);
        let find = || documents::find(&self.database, &self.contacts, name);
        if let Some(found) = find().await? {
            return Ok(Some(found));
        }
        let wish = (format.extension(), sheet);
        documents::ask(&self.database, &self.contacts, wish).await?;
        let mut pause = LOOK_PAUSE;
        while Instant::now() + pause + ANSWER_TIME < deadline {
            tokio::time::sleep(pause).await;
            if let Some(found) = find().await? {
                return Ok(Some(found));
            }
            pause = (pause * 3 / 2).min(LOOK_PAUSE_MAX);
        }
        Ok(None)
    }

    /// What documents say of an order's seats. The event's time and place are the catalogue's.
    fn sheet(&self, order: OrderId, seats: &[PricedSeat], plan: &EventPlan) -> TicketSheet {
        let catalogue = self.catalogue.get();
        let known = catalogue.as_ref().and_then(|all| all.event_and_venue(&plan.sale.event_id));
        let venue = known.and_then(|(_, venue)| venue);
        let desk = self.ticket_desk(plan);
        let starts_at_ms = i64::try_from(desk.starts_at_ms).unwrap_or(i64::MAX);
        let ticket = |(priced, name)| sheet_ticket(order, &desk, (priced, name));
        TicketSheet {
            event: known.map_or_else(|| plan.sale.name.clone(), |(event, _)| event.name.clone()),
            starts_at: local_text(starts_at_ms, &desk.timezone),
            starts_at_utc: text_signed(starts_at_ms),
            venue: venue.map_or_else(String::new, |v| format!("{}, {}", v.name, v.city)),
            address: venue.map_or_else(String::new, |venue| venue.address.clone()),
            order_id: order.to_string(),
            tickets: plan.named(seats).map(ticket).collect(),
        }
    }
}

fn sheet_ticket(
    order: OrderId,
    desk: &TicketDesk<'_>,
    (priced, name): (PricedSeat, SeatName<'_>),
) -> SheetTicket {
    let (claim, code) = desk.signed(order, (priced, &name));
    let price = Price::new(priced.price_minor, desk.plan.currency());
    SheetTicket {
        id: claim.ticket.to_string(),
        section: name.section_name.to_owned(),
        row: name.row.to_owned(),
        number: name.number.to_owned(),
        area: name.area,
        price: price.to_string(),
        code,
        seat: claim.seat_id,
    }
}

fn file(format: &dyn TicketFormat, order: OrderId, bytes: Vec<u8>) -> Response {
    let name = format!("inline; filename=\"tickets-{order}.{}\"", format.extension());
    let name = HeaderValue::from_str(&name).unwrap_or(HeaderValue::from_static("inline"));
    let kind = HeaderValue::from_static(format.media_type());
    ([(CONTENT_TYPE, kind), (CONTENT_DISPOSITION, name), (CACHE_CONTROL, NO_STORE)], bytes)
        .into_response()
}
