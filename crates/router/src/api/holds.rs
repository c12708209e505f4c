//! `POST /events/{id}/holds`, `GET` and `DELETE /holds/{id}`: request to command, outcome to
//! answer.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CACHE_CONTROL, LOCATION};
use http_api::token::ShownToken;
use http_api::{
    Code, Deadline, GRID_VERSION, Guest, Id, IdempotencyKey, Problem, Strict, Timed, from_grid,
    person_of_account,
};
use inventory::{
    Command, Envelope, HoldEnd, HoldId, HoldSeats, Outcome, Refusal, ReleaseHold, Reply,
};
use processing_unit::{GridError, HoldAnswer as Found};
use uuid::Uuid;

use crate::api::asker::Asker;
use crate::api::caller::Caller;
use crate::api::commit::{
    PLAN_TRIES, command, is_stale, refused, refused_without_seats, replayed, unexpected,
};
use crate::api::event_map;
use crate::api::hold_answer::HoldAnswer;
use crate::api::hold_request::HoldRequest;
use crate::seatmap::{EventMap, PlanView};
use crate::state::{App, Router};

/// Takes seats for a while: all or none.
#[utoipa::path(post, path = "/api/v1/events/{id}/holds", tag = "shopping",
    params(("id" = String, Path, description = "The event's id"),
        ("Idempotency-Key" = String, Header, description = "UUID, version 7 preferred"),
        ("X-Hold-Token" = Option<String>, Header, description = "The token of an earlier hold: \
            its shopper and this one are one person to the limits")),
    request_body = HoldRequest,
    responses(
        (status = 201, body = HoldAnswer),
        (status = 400, description = "`invalid_request`, `idempotency_key_required`"),
        (status = 403, description = "`queue_required`, with the waiting room's address"),
        (status = 404, description = "`event_not_found`"),
        (status = 409, description = "`seat_taken`, `not_enough_seats`, `not_enough_adjacent`, \
            `limit_per_person`, `companion_alone`, `code_invalid`, `code_used_up`, \
            `sale_not_open`, `sale_closed`, `sale_paused`, `event_cancelled`, \
            `idempotency_window_expired`"),
        (status = 422, description = "`idempotency_conflict`"),
        (status = 429, description = "`rate_limited`: too many holds in a short while"),
        (status = 503, description = "`overloaded`, `persistence_backlog`, `no_leader`, \
            `outcome_unknown`")))]
pub(crate) async fn create(
    State(app): State<App>,
    Id(id): Id,
    Caller { actor, deadline, token, account }: Caller,
    key: IdempotencyKey,
    Timed { read: Strict { body, hash }, waited }: Timed<Strict<HoldRequest>>,
) -> Result<Response, Problem> {
    let deadline = deadline.put_off(waited);
    let guest = Guest::of(&token, &app.tokens, key);
    let asker = Asker { guest, account, ip: actor.ip };
    let key = Some(key.of(hash));
    let mut map = event_map(&app, &id, deadline.0).await?;
    let mut reply = None;
    for _ in 0..PLAN_TRIES {
        let person = asker.person(&app, &map.plan, &token);
        let wish = wish(&map.plan, person, &body)?;
        let envelope = Envelope { key, actor, command: Command::Hold(wish) };
        let answer = command(&app, map.plan.event, &envelope, deadline).await.map_err(counted)?;
        let answer = answer.map_err(|error| counted(from_grid(error, Code::EventNotFound)))?;
        let is_last = !is_stale(&answer);
        reply = Some(answer);
        if is_last {
            break;
        }
        app.maps.forget(&map);
        map = event_map(&app, &id, deadline.0).await?;
    }
    match reply {
        Some(reply) => granted(&app, &map, guest, reply),
        None => Err(Problem::internal("no try of a hold")),
    }
}

/// The command's body in the plan's own numbers.
fn wish(plan: &PlanView, person: Option<u128>, body: &HoldRequest) -> Result<HoldSeats, Problem> {
    let (promo, presale) = body.codes(plan)?;
    let choice = body.choice(plan)?;
    let wish = HoldSeats::of(plan.event, plan.plan.version, choice);
    Ok(HoldSeats { person, promo, presale, ..wish })
}

fn granted(app: &Router, map: &EventMap, guest: Guest, reply: Reply) -> Result<Response, Problem> {
    map.acknowledge(reply.version);
    match reply.outcome {
        Outcome::Held(held) => {
            let token = guest.token(&app.tokens, held.hold);
            let body = HoldAnswer::granted(&map.plan, &held, token, reply.version);
            count(if reply.replayed { "replayed" } else { "granted" });
            let headers = [
                (GRID_VERSION, reply.version.to_string()),
                (LOCATION, format!("/api/v1/holds/{}", held.hold)),
                (CACHE_CONTROL, "no-store".to_owned()),
            ];
            let response = (StatusCode::CREATED, headers, Json(body)).into_response();
            Ok(replayed(response, reply.replayed))
        }
        Outcome::Refused(refusal) => Err(counted(refused(map, (&refusal, reply.version)))),
        other => Err(unexpected(&other)),
    }
}

/// Reads a hold back.
#[utoipa::path(get, path = "/api/v1/holds/{id}", tag = "shopping",
    params(("id" = String, Path, description = "The hold's id"),
        ("X-Hold-Token" = String, Header, description = "The hold's token")),
    responses(
        (status = 200, body = HoldAnswer),
        (status = 404, description = "`hold_not_found`"),
        (status = 410, description = "`hold_expired`"),
        (status = 503, description = "`no_leader`, `overloaded`")))]
pub(crate) async fn read(
    State(app): State<App>,
    Id(id): Id,
    Caller { deadline, token, account, .. }: Caller,
) -> Result<Response, Problem> {
    let id = own_hold(&app, (&id, account), &token, deadline).await?;
    live(&app, id, deadline).await
}

/// The hold as it is now.
pub(super) async fn live(
    app: &Router,
    id: HoldId,
    deadline: Deadline,
) -> Result<Response, Problem> {
    let (version, answer) = live_answer(app, id, deadline).await?;
    Ok(told(version, answer))
}

/// A document about a hold as of a version.
pub(super) fn told(version: u64, answer: HoldAnswer) -> Response {
    let headers = [(GRID_VERSION, version.to_string()), (CACHE_CONTROL, "no-store".to_owned())];
    (headers, Json(answer)).into_response()
}

/// The hold as it is now, with the event's version.
pub(super) async fn live_answer(
    app: &Router,
    id: HoldId,
    deadline: Deadline,
) -> Result<(u64, HoldAnswer), Problem> {
    let found = app.grid.hold(id, deadline.0).await.map_err(missing_hold)?;
    let (hold, version, at_ms) = match found {
        Found::Live { hold, version, at_ms } if at_ms < hold.expires_at_ms => {
            (hold, version, at_ms)
        }
        // Past its deadline nothing can be bought from it, whether its end is committed or not.
        Found::Live { .. } | Found::Ended(HoldEnd::Expired) => {
            return Err(Problem::new(Code::HoldExpired));
        }
        Found::Ended(HoldEnd::Released | HoldEnd::Sold | HoldEnd::Withdrawn) => {
            return Err(Problem::new(Code::HoldNotFound));
        }
    };
    let map = app.maps.by_no(id.event, deadline.0).await.map_err(missing_hold)?;
    map.acknowledge(version);
    Ok((version, HoldAnswer::live(&map.plan, &hold, version, at_ms)))
}

/// Gives a hold back; doing so again changes nothing.
#[utoipa::path(delete, path = "/api/v1/holds/{id}", tag = "shopping",
    params(("id" = String, Path, description = "The hold's id"),
        ("X-Hold-Token" = String, Header, description = "The hold's token")),
    responses(
        (status = 204, description = "The seats are free"),
        (status = 404, description = "`hold_not_found`"),
        (status = 410, description = "`hold_expired`"),
        (status = 503, description = "`no_leader`, `overloaded`, `outcome_unknown`")))]
pub(crate) async fn release(
    State(app): State<App>,
    Id(id): Id,
    Caller { actor, deadline, token, account }: Caller,
) -> Result<Response, Problem> {
    let hold = own_hold(&app, (&id, account), &token, deadline).await?;
    // Releasing by id is safe to repeat, so it needs no key.
    let command = Command::ReleaseHold(ReleaseHold { hold });
    let envelope = Envelope { key: None, actor, command };
    let reply = app.grid.command(hold.event, &envelope, deadline.0).await.map_err(missing_hold)?;
    match reply.outcome {
        Outcome::Released => {
            if let Some(map) = app.maps.known(hold.event) {
                map.acknowledge(reply.version);
            }
            Ok((StatusCode::NO_CONTENT, [(GRID_VERSION, reply.version.to_string())])
                .into_response())
        }
        Outcome::Refused(Refusal::HoldNotFound) => {
            Box::pin(released_before(&app, hold, deadline)).await
        }
        Outcome::Refused(refusal) => Err(refused_without_seats((&refusal, reply.version))),
        other => Err(unexpected(&other)),
    }
}

/// A hold that is gone because it was released is what the caller wants.
async fn released_before(
    app: &Router,
    hold: HoldId,
    deadline: Deadline,
) -> Result<Response, Problem> {
    match app.grid.hold(hold, deadline.0).await {
        Ok(Found::Ended(HoldEnd::Released)) => Ok(StatusCode::NO_CONTENT.into_response()),
        Ok(Found::Ended(HoldEnd::Expired)) => Err(Problem::new(Code::HoldExpired)),
        Ok(Found::Ended(HoldEnd::Sold | HoldEnd::Withdrawn) | Found::Live { .. }) => {
            Err(Problem::new(Code::HoldNotFound))
        }
        Err(error) => Err(missing_hold(error)),
    }
}

/// The hold's id, if the token that is shown is its own, which costs no look-up, or if whoever is
/// signed in took it.
pub(super) async fn own_hold(
    app: &Router,
    (id, account): (&str, Option<Uuid>),
    token: &ShownToken,
    deadline: Deadline,
) -> Result<HoldId, Problem> {
    let hold: HoldId = id.parse().map_err(|_| Problem::new(Code::HoldNotFound))?;
    let Err(refused) = app.tokens.check(hold, token, Code::HoldNotFound) else {
        return Ok(hold);
    };
    let Some(account) = account else { return Err(refused) };
    let own = person_of_account(&app.tokens, hold.event, account);
    match Box::pin(app.grid.hold(hold, deadline.0)).await.map_err(missing_hold)? {
        Found::Live { hold: live, .. } if live.terms.person == Some(own) => Ok(hold),
        Found::Live { .. } | Found::Ended(_) => Err(refused),
    }
}

pub(super) fn missing_hold(error: GridError) -> Problem {
    from_grid(error, Code::HoldNotFound)
}

fn counted(problem: Problem) -> Problem {
    count(problem.code().as_str());
    problem
}

fn count(outcome: &'static str) {
    metrics::counter!("seatgrid_holds_total", "outcome" => outcome).increment(1);
}
