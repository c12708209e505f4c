//! The waiting list: joining after sell-out, one's place in it, leaving. Who is served is decided by
//! the rules, in the command that frees seats; then the place tells the hold that it was given.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use http_api::{Code, FieldError, Guest, Id, IdempotencyKey, Problem, Strict, from_grid};
use inventory::{
    Best, Command, EventNo, HoldId, JoinWaitlist, LeaveWaitlist, Outcome, Refusal, WaitId,
};
use processing_unit::WaitAnswer;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Office;
use super::answer::{Shopper, foreign, private, replayed};
use super::bodies::waiting::{WaitBody, joined, place};
use crate::clock::now_ms;
use crate::contact::{BuyerForm, Contact};
use crate::plans::EventPlan;

/// Seats that one may wait for at most, whatever the event allows.
const SEATS_MAX: u16 = 100;
/// Tiers that a wish may name.
const TIERS_MAX: usize = 64;

/// What to wait for.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WaitForm {
    /// How many seats, 1 to 100.
    number: u16,
    /// Wanted tiers; none means any.
    #[serde(default)]
    tiers: Vec<String>,
    /// The highest price of one seat.
    #[serde(default)]
    max_price: Option<http_api::Money>,
    /// Where to send word; may be left out by who looks again.
    #[serde(default)]
    buyer: Option<BuyerForm>,
    /// With a buyer: must contain `personal_data`.
    #[serde(default)]
    consents: Vec<String>,
    /// How to be told: `email`, `push`, `telegram`.
    #[serde(default)]
    channels: Vec<String>,
}

/// Waits for seats to come back. Served strictly in the order of joining.
#[utoipa::path(post, path = "/api/v1/events/{id}/waitlist", tag = "shopping",
request_body = WaitForm, params(
    ("id" = String, Path, description = "The event's id"),
    ("Idempotency-Key" = String, Header, description = "UUID, version 7 preferred"),
    ("X-Hold-Token" = Option<String>, Header, description = "The token of an earlier hold: \
        its shopper and this one are one person"),
), responses(
    (status = 201, description = "A place in the list", body = WaitBody),
    (status = 400, description = "`invalid_request`, `idempotency_key_required`"),
    (status = 404, description = "`event_not_found`"),
    (status = 409, description = "`waitlist_state`: no list, such seats are free, or the person \
        waits already; `limit_per_person`, `sale_not_open`, `sale_closed`, `event_cancelled`, \
        `idempotency_window_expired`"),
    (status = 422, description = "`idempotency_conflict`"),
    (status = 429, description = "`rate_limited`: eight places an hour for one address"),
    (status = 503, description = "`overloaded`: the list is full; `persistence_backlog`"),
))]
pub(super) async fn join(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    key: IdempotencyKey,
    shopper: Shopper,
    Strict { body, hash }: Strict<WaitForm>,
) -> Result<Response, Problem> {
    let missing = |error| from_grid(error, Code::EventNotFound);
    let pin = office.grid.route(&id, shopper.deadline).await.map_err(missing)?;
    let event = EventNo(pin.number);
    let plan = office.plans.get(event, shopper.deadline).await.map_err(missing)?;
    let wish = body.wish(&plan)?;
    let guest = Guest::of(&shopper.token, &office.tokens, key);
    // A retry of a request that got its place is let through, whatever was taken since.
    if !office.joins.allows(event, shopper.ip(), key.0) {
        let detail = "This address has taken as many places as one may in an hour";
        return Err(Problem::new(Code::RateLimited).detail(detail));
    }
    let person = guest.person(&office.tokens, (event, &plan.sale.rules), shopper.ip());
    let contact = office.sealed_contact(&body, (event, person), &shopper)?;
    let command = Command::JoinWaitlist(JoinWaitlist { event, person, wish, contact });
    let reply = office.command(event, key.of(hash), &shopper, command).await?;
    let Outcome::WaitlistJoined { entry, before } = reply.outcome else {
        return Err(foreign(&reply.outcome));
    };
    office.joins.note(event, shopper.ip(), key.0);
    let token = guest.mark(&office.tokens.wait_token(entry));
    let document = joined(entry, &plan, (body.number, before), token);
    Ok(replayed(private(StatusCode::CREATED, Some(reply.version), document), reply.replayed))
}

/// A place in a waiting list, and the hold that it was given once its turn has come.
#[utoipa::path(get, path = "/api/v1/waitlist/{id}", tag = "shopping", params(
    ("id" = String, Path, description = "The place"),
    ("X-Hold-Token" = String, Header, description = "The place's token"),
), responses(
    (status = 200, description = "The place", body = WaitBody),
    (status = 404, description = "`not_found`: left, served and ended, or somebody else's"),
))]
pub(super) async fn read(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    shopper: Shopper,
) -> Result<Response, Problem> {
    let entry = office.own_place(&id, &shopper)?;
    let found = office.grid.wait_entry(entry, shopper.deadline).await?;
    let plan = office.plans.get(entry.event, shopper.deadline).await?;
    let token = office.token_of_turn(&found, entry, &shopper);
    Ok(private(StatusCode::OK, Some(found.version), place(entry, &found, &plan, token)))
}

/// Gives a place up; doing so again changes nothing. Seats that were given already are released
/// with their hold.
#[utoipa::path(delete, path = "/api/v1/waitlist/{id}", tag = "shopping", params(
    ("id" = String, Path, description = "The place"),
    ("X-Hold-Token" = String, Header, description = "The place's token"),
), responses(
    (status = 204, description = "Nobody waits at this place"),
    (status = 404, description = "`not_found`: not a place of this shopper"),
))]
pub(super) async fn leave(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    shopper: Shopper,
) -> Result<Response, Problem> {
    let entry = office.own_place(&id, &shopper)?;
    let command = Command::LeaveWaitlist(LeaveWaitlist { entry });
    match office.command_unkeyed(entry.event, &shopper, command).await?.outcome {
        Outcome::WaitlistLeft | Outcome::Refused(Refusal::WaitNotFound) => {
            Ok(StatusCode::NO_CONTENT.into_response())
        }
        other => Err(foreign(&other)),
    }
}

impl WaitForm {
    fn wish(&self, plan: &EventPlan) -> Result<Best, Problem> {
        let mut faults = Vec::new();
        if !(1..=SEATS_MAX).contains(&self.number) {
            faults.push(FieldError::at("/number", "must be 1 to 100"));
        }
        if self.tiers.len() > TIERS_MAX {
            faults.push(FieldError::at("/tiers", "must have 64 names at most"));
        }
        let mut tiers = Vec::new();
        for (at, id) in self.tiers.iter().take(TIERS_MAX).enumerate() {
            match plan.plan.tiers.iter().position(|tier| tier.id == *id) {
                Some(tier) => tiers.push(tier as u16),
                None => faults.push(FieldError::at(format!("/tiers/{at}"), "no such tier")),
            }
        }
        let ceiling = self
            .max_price
            .as_ref()
            .map(|price| (price.currency == plan.currency()).then(|| price.minor().ok()).flatten());
        if ceiling == Some(None) {
            let detail = "must be an amount in the event's currency";
            faults.push(FieldError::at("/max_price", detail));
        }
        if !faults.is_empty() {
            return Err(Problem::invalid(faults));
        }
        let max_price_minor = ceiling.flatten();
        let number = self.number;
        Ok(Best { number, tiers, max_price_minor, prevent_orphans: true, ..Best::default() })
    }
}

impl Office {
    /// Sealed under the person's own key, or under the shop's for a guest. Needs no database.
    fn sealed_contact(
        &self,
        form: &WaitForm,
        (event, person): (EventNo, u128),
        shopper: &Shopper,
    ) -> Result<Vec<u8>, Problem> {
        let Some(buyer) = &form.buyer else { return Ok(Vec::new()) };
        let contact = Contact::check(buyer, &form.consents, &form.channels, now_ms());
        let contact = contact.map_err(|faults| {
            let faults =
                faults.into_iter().map(|fault| FieldError::at(fault.pointer, fault.detail));
            Problem::invalid(faults.collect())
        })?;
        let contact = contact.reading(shopper.language).to_bytes();
        // Under the person's own key where there is one, so that an erasure takes it wherever it lies.
        let sealed = match &shopper.claims {
            Some(claims) => self.person_key(claims)?.seal_for_waiting(event, person, &contact),
            None => self.contacts.seal_for_waiting(event, person, &contact),
        };
        sealed.map_err(Problem::internal)
    }

    /// The place's id, if the token is its own.
    fn own_place(&self, id: &str, shopper: &Shopper) -> Result<WaitId, Problem> {
        let entry: WaitId = id.parse().map_err(|_| Problem::new(Code::NotFound))?;
        self.tokens.check_wait(entry, &shopper.token)?;
        Ok(entry)
    }

    /// The token of the hold that the place was given; only whoever owns the place learns it.
    fn token_of_turn(
        &self,
        found: &WaitAnswer,
        entry: WaitId,
        shopper: &Shopper,
    ) -> Option<String> {
        let no = found.hold.as_ref()?.no;
        let token = self.tokens.token(HoldId { event: entry.event, no });
        let guest = Guest::named(&shopper.token);
        Some(guest.map_or(token.clone(), |guest| guest.mark(&token)))
    }
}
