//! The waiting room: `POST /events/{id}/queue`, `GET /queue/{ticket}`, `GET /events/{id}/draw`. Who
//! comes when is decided by the rules; here requests become commands and answers are worded. Looking at
//! one's place when the turn has come takes the turn: that is how a person shows to be there.

mod bodies;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CACHE_CONTROL;
use http_api::{
    Code, Guest, Id, IdempotencyKey, OptionalKey, Params, Problem, after_write, from_grid,
    person_of_account,
};
use inventory::{
    Command, EnterQueue, Envelope, EventNo, Outcome, QueueId, Refusal, Stand, TakeTurn,
};
use processing_unit::{GridError, PlaceAnswer};
use serde::Deserialize;
use uuid::Uuid;

use self::bodies::{DrawBody, QueueBody};
use crate::api::asker::Asker;
use crate::api::caller::Caller;
use crate::api::commit::{command, refused, refused_without_seats, unexpected};
use crate::api::event_map;
use crate::seatmap::PlanView;
use crate::state::{App, Router};

/// Places of a draw in one answer.
const PLACES_MAX: u32 = 10_000;
/// Places of a draw in one answer where nothing is said.
const PLACES: u32 = 1_000;

/// Takes a place in the event's waiting room, or tells the one that the person has. Before the sale
/// opens, everybody present takes part in one draw; later, places are behind all others.
#[utoipa::path(post, path = "/api/v1/events/{id}/queue", tag = "shopping",
    params(("id" = String, Path, description = "The event's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "UUID: makes a retry of a guest \
            the same guest, and goes into the draw as SHA-256 of its 16 bytes, first half"),
        ("X-Hold-Token" = Option<String>, Header, description = "An earlier token: its shopper and \
            this one are one person")),
    responses(
        (status = 200, body = QueueBody),
        (status = 404, description = "`event_not_found`, `not_found`: no waiting room"),
        (status = 409, description = "`sale_closed`, `event_cancelled`"),
        (status = 503, description = "`overloaded`: also where the room is full; `no_leader`, \
            `outcome_unknown`")))]
pub(crate) async fn enter(
    State(app): State<App>,
    Id(id): Id,
    caller: Caller,
    OptionalKey(key): OptionalKey,
) -> Result<Response, Problem> {
    let key = key.unwrap_or_else(|| IdempotencyKey(Uuid::new_v4()));
    let map = event_map(&app, &id, caller.deadline.0).await?;
    let (event, plan) = (map.plan.event, &map.plan);
    let guest = Guest::of(&caller.token, &app.tokens, key);
    let person = person(&app, plan, &caller, guest);
    let enter = Command::EnterQueue(EnterQueue { event, person, salt: key.salt() });
    // One place a person, so it needs no key to be safe to repeat.
    let envelope = Envelope { key: None, actor: caller.actor, command: enter };
    let answer = command(&app, event, &envelope, caller.deadline).await?;
    let reply = answer.map_err(|error| from_grid(error, Code::EventNotFound))?;
    match reply.outcome {
        Outcome::QueueEntered { place } => {
            count("entered");
            let token = guest.mark(&app.tokens.queue_token(place));
            let found = app.grid.queue_place(place, caller.deadline.0).await;
            let found = found.map_err(|error| after_write(missing(error)))?;
            Ok(told(QueueBody::of(place, plan, &found).with(token)))
        }
        Outcome::Refused(Refusal::NotEnoughSeats) => {
            count("closed");
            Ok(told(QueueBody::closed(plan)))
        }
        Outcome::Refused(refusal) => Err(refused(&map, (&refusal, reply.version))),
        other => Err(unexpected(&other)),
    }
}

/// One's place in a waiting room. Once the turn has come this takes it.
#[utoipa::path(get, path = "/api/v1/queue/{id}", tag = "shopping",
    params(("id" = String, Path, description = "The place"),
        ("X-Hold-Token" = Option<String>, Header, description = "The place's token; not needed by \
            who is signed in as its owner")),
    responses(
        (status = 200, body = QueueBody),
        (status = 404, description = "`not_found`: used up, or somebody else's"),
        (status = 503, description = "`no_leader`, `overloaded`, `outcome_unknown`")))]
pub(crate) async fn read(
    State(app): State<App>,
    Id(ticket): Id,
    caller: Caller,
) -> Result<Response, Problem> {
    let place: QueueId = ticket.parse().map_err(|_| no_place())?;
    let map = app.maps.by_no(place.event, caller.deadline.0).await.map_err(missing)?;
    let mut found = app.grid.queue_place(place, caller.deadline.0).await.map_err(missing)?;
    if !is_own(&app, &map.plan, &caller, &found) {
        return Err(no_place());
    }
    if let Stand::Turn { taken: false, .. } = found.place.stand {
        take(&app, (place, found.place.person), &caller).await?;
        let again = app.grid.queue_place(place, caller.deadline.0).await;
        found = again.map_err(|error| after_write(missing(error)))?;
    }
    Ok(told(QueueBody::of(place, &map.plan, &found)))
}

/// Takes a turn. One that ended meanwhile is told by the next look.
async fn take(
    app: &Router,
    (place, person): (QueueId, u128),
    caller: &Caller,
) -> Result<(), Problem> {
    let command = Command::TakeTurn(TakeTurn { place, person });
    let envelope = Envelope { key: None, actor: caller.actor, command };
    let reply = app.grid.command(place.event, &envelope, caller.deadline.0).await;
    let reply = reply.map_err(missing)?;
    match reply.outcome {
        Outcome::TurnTaken { .. } => {
            count("turn_taken");
            Ok(())
        }
        Outcome::Refused(Refusal::QueueRequired | Refusal::QueuePlaceNotFound) => Ok(()),
        Outcome::Refused(refusal) => Err(refused_without_seats((&refusal, reply.version))),
        other => Err(unexpected(&other)),
    }
}

/// Which places of the draw are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Page {
    /// Places after this number; 0 begins.
    #[serde(default)]
    after: u64,
    /// Most of them, 1,000 where nothing is said, 10,000 at most.
    #[serde(default)]
    limit: Option<u32>,
}

/// The draw of the event's waiting room, for anybody to make again.
#[utoipa::path(get, path = "/api/v1/events/{id}/draw", tag = "shopping",
    params(("id" = String, Path, description = "The event's id"), Page),
    responses(
        (status = 200, body = DrawBody),
        (status = 404, description = "`event_not_found`, `not_found`: no waiting room"),
        (status = 503, description = "`no_leader`, `overloaded`")))]
pub(crate) async fn draw(
    State(app): State<App>,
    Id(id): Id,
    caller: Caller,
    Params(page): Params<Page>,
) -> Result<Response, Problem> {
    let event: EventNo = event_map(&app, &id, caller.deadline.0).await?.plan.event;
    let limit = page.limit.unwrap_or(PLACES).clamp(1, PLACES_MAX);
    let asked = (page.after, limit);
    let found = app.grid.draw(event, asked, caller.deadline.0).await.map_err(missing)?;
    Ok(told(DrawBody::of(&id, page.after, &found.draw)))
}

fn person(app: &Router, plan: &PlanView, caller: &Caller, guest: Guest) -> u128 {
    let asker = Asker { guest, account: caller.account, ip: caller.actor.ip };
    asker.known(app, plan)
}

/// Whether the place is the caller's: by who is signed in, or by the guest of the token that is shown.
fn is_own(app: &Router, plan: &PlanView, caller: &Caller, found: &PlaceAnswer) -> bool {
    let of_account = caller.account.map(|id| person_of_account(&app.tokens, plan.event, id));
    let of_guest = Guest::named(&caller.token)
        .map(|guest| guest.person(&app.tokens, (plan.event, &plan.sale.rules), caller.actor.ip));
    [of_account, of_guest].contains(&Some(found.place.person))
}

fn told<T: serde::Serialize>(body: T) -> Response {
    ([(CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

fn no_place() -> Problem {
    Problem::new(Code::NotFound).detail("There is no such place in the waiting room")
}

fn missing(error: GridError) -> Problem {
    from_grid(error, Code::NotFound)
}

fn count(outcome: &'static str) {
    metrics::counter!("seatgrid_queue_total", "outcome" => outcome).increment(1);
}
