//! A shopper's command on its way to the shard and back: the room that it takes on the way, the words of
//! a refusal, the mark of a repetition.

use axum::response::Response;
use http_api::{Deadline, IDEMPOTENT_REPLAYED, Problem, from_refusal};
use inventory::{Envelope, EventNo, Outcome, Refusal, Reply};
use processing_unit::GridError;

use crate::seatmap::EventMap;
use crate::state::Router;

/// Commits a command if there is room for it on the way to its shard.
pub(super) async fn command(
    app: &Router,
    event: EventNo,
    envelope: &Envelope,
    deadline: Deadline,
) -> Result<Result<Reply, GridError>, Problem> {
    let shard = match app.grid.shard_of(event, deadline.0).await {
        Ok(shard) => shard,
        Err(error) => return Ok(Err(error)),
    };
    let credit = app.credits.enter(shard, deadline)?;
    let answer = app.grid.shard_command(shard, envelope, deadline.0).await;
    // Silence and refusals on the way say nothing about how long the shard takes.
    if answer.is_ok() {
        credit.answered();
    }
    Ok(answer)
}

/// How often a request is made from the plan as known here: once, and once more when the plan was
/// replaced meanwhile.
pub(super) const PLAN_TRIES: u32 = 2;

/// Whether the shard has another plan than the one that the command was made from.
pub(super) fn is_stale(reply: &Reply) -> bool {
    matches!(reply.outcome, Outcome::Refused(Refusal::PlanChanged { .. }))
}

/// A refusal at a version, in the event's own names.
pub(super) fn refused(map: &EventMap, (refusal, version): (&Refusal, u64)) -> Problem {
    if let Refusal::SeatTaken { seats } = refusal {
        map.doubt(seats);
    }
    let problem = from_refusal(refusal, |seat| map.plan.id(seat).to_owned()).version(version);
    if *refusal == Refusal::QueueRequired {
        let queue = format!("/api/v1/events/{}/queue", map.plan.sale.event_id);
        return problem.fact("queue", queue);
    }
    problem
}

/// Marks an answer that repeats an earlier one.
pub(super) fn replayed(mut response: Response, is_replayed: bool) -> Response {
    if is_replayed {
        let yes = http::HeaderValue::from_static("true");
        response.headers_mut().insert(IDEMPOTENT_REPLAYED, yes);
    }
    response
}

/// A refusal at a version that names no seats.
pub(super) fn refused_without_seats((refusal, version): (&Refusal, u64)) -> Problem {
    from_refusal(refusal, |_| String::new()).version(version)
}

/// A unit answered one command with another's outcome.
pub(super) fn unexpected(outcome: &Outcome) -> Problem {
    let name: String = format!("{outcome:?}").chars().take_while(|c| c.is_alphanumeric()).collect();
    Problem::internal(format!("a unit answered {name}"))
}
