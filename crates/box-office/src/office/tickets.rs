//! Tickets of a paid order: a signed code and its picture for each seat.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use http_api::{Code, Id, Problem};
use inventory::{OrderId, PricedSeat, TicketId};
use processing_unit::OrderAnswer;

use super::Office;
use super::answer::{Shopper, private};
use super::bodies::TicketBody;
use crate::checkins;
use crate::clock::now_ms;
use crate::plans::{EventPlan, SeatName};
use crate::ticket_code::{TicketClaim, TicketSigner};
use crate::ticket_qr;

/// How long the question may take by which tickets somebody came in.
const USED_WITHIN: Duration = Duration::from_millis(500);
/// How long after the start of the event a ticket still lets somebody in.
const VALID_AFTER_START_MS: u64 = 12 * 60 * 60 * 1_000;

/// The tickets of an order, once it is paid; those whose money went back say so.
#[utoipa::path(get, path = "/api/v1/orders/{id}/tickets", tag = "orders", params(
    ("id" = String, Path, description = "The order"),
    ("X-Hold-Token" = String, Header, description = "The token of its hold"),
), responses(
    (status = 200, description = "A ticket for each seat, also of refunded ones", body = Vec<TicketBody>),
    (status = 404, description = "`order_not_found`"),
    (status = 409, description = "`order_state`: it is not paid"),
))]
pub(super) async fn list(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    shopper: Shopper,
) -> Result<Response, Problem> {
    let (id, answer) = office.own_order(&id, &shopper).await?;
    if answer.order.paid_at_ms.is_none() {
        let problem = Problem::new(Code::OrderState).detail("The order is not paid");
        return Err(problem.fact("order_status", answer.order.status.as_str()));
    }
    let plan = office.plans.naming(id.event, &answer.order.seats, shopper.deadline).await?;
    let used = office.used_tickets(id).await;
    let desk = office.ticket_desk(&plan);
    let tickets = match answer.refunds.is_empty() {
        true => live(id, &answer, (&desk, &used)),
        false => all(id, &answer, (&desk, &used)),
    };
    Ok(private(StatusCode::OK, Some(answer.version), tickets))
}

/// What tickets of one event are made with.
pub(super) struct TicketDesk<'a> {
    pub(super) plan: &'a EventPlan,
    signer: &'a TicketSigner,
    /// When the event starts, milliseconds since 1970.
    pub(super) starts_at_ms: u64,
    /// The venue's, as IANA names it.
    pub(super) timezone: String,
}

impl TicketDesk<'_> {
    /// Whether a ticket lets nobody in any more at that moment, milliseconds since 1970.
    pub(super) fn is_over(&self, at_ms: u64) -> bool {
        at_ms > self.starts_at_ms.saturating_add(VALID_AFTER_START_MS)
    }

    /// What the ticket for a seat says, and its code.
    pub(super) fn signed(
        &self,
        order: OrderId,
        (priced, name): (PricedSeat, &SeatName<'_>),
    ) -> (TicketClaim, String) {
        let claim = TicketClaim {
            ticket: TicketId { order, seat: priced.seat },
            event_id: self.plan.sale.event_id.clone(),
            seat_id: name.id(),
        };
        let code = self.signer.code(&claim);
        (claim, code)
    }
}

impl Office {
    /// Tickets of an order by which somebody came in. While PostgreSQL is away nobody knows of any.
    pub(super) async fn used_tickets(&self, order: OrderId) -> HashSet<String> {
        let used = checkins::used(&self.database, order.to_string());
        let used = tokio::time::timeout(USED_WITHIN, used).await;
        used.ok().and_then(Result::ok).unwrap_or_default().into_iter().collect()
    }

    /// The event starts when the catalogue says: the grid keeps the start of the sale's opening, and
    /// the event may have been moved since.
    pub(super) fn ticket_desk<'a>(&'a self, plan: &'a EventPlan) -> TicketDesk<'a> {
        let catalogue = self.catalogue.get();
        let known = catalogue.as_ref().and_then(|all| all.event_and_venue(&plan.sale.event_id));
        let moved = known.and_then(|(event, _)| u64::try_from(event.starts_at_ms).ok());
        let starts_at_ms = moved.unwrap_or(plan.sale.starts_at_ms);
        let timezone = known.and_then(|(_, venue)| venue).map_or("UTC", |venue| &venue.timezone);
        TicketDesk { plan, signer: &self.tickets, starts_at_ms, timezone: timezone.to_owned() }
    }
}

/// The tickets of the seats that an order owns. One that let somebody in is used, also when the door
/// tells it after the event.
fn live(
    order: OrderId,
    answer: &OrderAnswer,
    (desk, used): (&TicketDesk<'_>, &HashSet<String>),
) -> Vec<TicketBody> {
    let status = if desk.is_over(now_ms()) { "expired" } else { "valid" };
    let mut tickets = of_seats(order, &answer.order.seats, status, desk);
    for ticket in tickets.iter_mut().filter(|ticket| used.contains(&ticket.id)) {
        ticket.status = "used".to_owned();
    }
    tickets
}

/// All tickets that an order ever had: of seats that it let go, too.
pub(super) fn all(
    order: OrderId,
    answer: &OrderAnswer,
    (desk, used): (&TicketDesk<'_>, &HashSet<String>),
) -> Vec<TicketBody> {
    if answer.order.paid_at_ms.is_none() {
        return Vec::new();
    }
    let gone = if answer.refunds.is_empty() { "cancelled" } else { "refunded" };
    let mut tickets = match answer.order.status.owns_seats() {
        true => live(order, answer, (desk, used)),
        false => of_seats(order, &answer.order.seats, gone, desk),
    };
    tickets.extend(of_seats(order, &answer.order.left, gone, desk));
    tickets
}

fn of_seats(
    order: OrderId,
    seats: &[PricedSeat],
    status: &str,
    desk: &TicketDesk<'_>,
) -> Vec<TicketBody> {
    let ticket = |(priced, name): (PricedSeat, SeatName<'_>)| {
        let (claim, code) = desk.signed(order, (priced, &name));
        TicketBody {
            id: claim.ticket.to_string(),
            seat: claim.seat_id,
            qr_svg: ticket_qr::svg(&code),
            code,
            status: status.to_owned(),
        }
    };
    desk.plan.named(seats).map(ticket).collect()
}
