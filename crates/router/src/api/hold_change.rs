//! `PATCH /holds/{id}`: other seats in one step, or more time. The token proves whose hold it is;
//! a key makes a repeated request one, and may be left out where repeating does no harm.

use axum::extract::State;
use axum::response::Response;
use http_api::{Id, OptionalKey, Problem, Strict, Timed, after_write};
use inventory::{
    Choice, Command, Envelope, ExtendHold, HoldId, Outcome, Reply, RequestKey, SwapSeats,
};

use crate::api::caller::Caller;
use crate::api::commit::{
    PLAN_TRIES, is_stale, refused, refused_without_seats, replayed, unexpected,
};
use crate::api::hold_answer::HoldAnswer;
use crate::api::hold_request::{Asked, HoldChange};
use crate::api::holds::{live, live_answer, missing_hold, own_hold, told};
use crate::state::{App, Router};

/// Exchanges a hold's seats, or gives it more time.
#[utoipa::path(patch, path = "/api/v1/holds/{id}", tag = "shopping",
    params(("id" = String, Path, description = "The hold's id"),
        ("X-Hold-Token" = String, Header, description = "The hold's token"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeated request one; \
            without it a repeated extension counts again")),
    request_body = HoldChange,
    responses(
        (status = 200, body = HoldAnswer, description = "The hold as it is now"),
        (status = 400, description = "`invalid_request`"),
        (status = 404, description = "`hold_not_found`"),
        (status = 409, description = "`seat_taken`, `not_enough_seats`, `not_enough_adjacent`, \
            `limit_per_person`, `extension_not_allowed`, `code_invalid`, `code_used_up`, \
            `companion_alone`, `order_state`, `sale_closed`, `sale_paused`"),
        (status = 410, description = "`hold_expired`"),
        (status = 422, description = "`idempotency_conflict`"),
        (status = 503, description = "`overloaded`, `persistence_backlog`, `no_leader`, \
            `outcome_unknown`")))]
pub(crate) async fn change(
    State(app): State<App>,
    Id(id): Id,
    mut caller: Caller,
    key: OptionalKey,
    Timed { read: Strict { body, hash }, waited }: Timed<Strict<HoldChange>>,
) -> Result<Response, Problem> {
    caller.deadline = caller.deadline.put_off(waited);
    let asker = (id.as_str(), caller.account);
    let hold = own_hold(&app, asker, &caller.token, caller.deadline).await?;
    let order = (hold, key.of(hash));
    let mut last = None;
    for _ in 0..PLAN_TRIES {
        let map = app.maps.by_no(hold.event, caller.deadline.0).await.map_err(missing_hold)?;
        let reply = match body.asked(&map.plan)? {
            Asked::MoreTime => return extend(&app, &caller, order).await,
            Asked::Seats(choice) => {
                swap(&app, &caller, order, (map.plan.plan.version, choice)).await?
            }
        };
        map.acknowledge(reply.version);
        let (is_replayed, is_last) = (reply.replayed, !is_stale(&reply));
        last = Some(match reply.outcome {
            // Told as it was, whatever became of the hold since.
            Outcome::Swapped(held) if is_replayed => {
                let answer = HoldAnswer::swapped(&map.plan, &held, reply.version);
                return Ok(replayed(told(reply.version, answer), true));
            }
            Outcome::Swapped(_) => return now(&app, &caller, hold).await,
            Outcome::Refused(refusal) => refused(&map, (&refusal, reply.version)),
            other => unexpected(&other),
        });
        if is_last {
            break;
        }
        app.maps.forget(&map);
    }
    Err(last.unwrap_or_else(|| Problem::internal("no try of a swap")))
}

async fn swap(
    app: &Router,
    caller: &Caller,
    (hold, key): (HoldId, Option<RequestKey>),
    (plan_version, choice): (u32, Choice),
) -> Result<Reply, Problem> {
    let command = Command::SwapSeats(SwapSeats { hold, plan_version, choice });
    let envelope = Envelope { key, actor: caller.actor, command };
    app.grid.command(hold.event, &envelope, caller.deadline.0).await.map_err(missing_hold)
}

async fn extend(
    app: &Router,
    caller: &Caller,
    (hold, key): (HoldId, Option<RequestKey>),
) -> Result<Response, Problem> {
    let command = Command::ExtendHold(ExtendHold { hold });
    let envelope = Envelope { key, actor: caller.actor, command };
    let reply = app.grid.command(hold.event, &envelope, caller.deadline.0).await;
    let reply = reply.map_err(missing_hold)?;
    match reply.outcome {
        Outcome::Extended { expires_at_ms, at_ms, left } if reply.replayed => {
            let (_, answer) = live_answer(app, hold, caller.deadline).await?;
            let answer = answer.extended((expires_at_ms, at_ms), (left, reply.version));
            Ok(replayed(told(reply.version, answer), true))
        }
        Outcome::Extended { .. } => now(app, caller, hold).await,
        Outcome::Refused(refusal) => Err(refused_without_seats((&refusal, reply.version))),
        other => Err(unexpected(&other)),
    }
}

/// The changed hold. What was done is done, so a failure to read it back leaves it unknown.
async fn now(app: &Router, caller: &Caller, hold: HoldId) -> Result<Response, Problem> {
    live(app, hold, caller.deadline).await.map_err(after_write)
}
