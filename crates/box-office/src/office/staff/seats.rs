//! Seats of an open sale: kept back, given to the public, taken out for good.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use http_api::{Code, FieldError, Id, IdempotencyKey, Problem, Strict, from_grid};
use inventory::{
    BlockSeats, Command, EventNo, Outcome, RemoveSeats, SeatIx, SeatSet, SectionKind, UnblockSeats,
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::super::Office;
use super::super::answer::{foreign, private, replayed};
use super::super::bodies::staff::SeatsDoneBody;
use super::Staff;
use super::plan::NewSeat;
use crate::plans::EventPlan;

/// Seats of one call, as many as the rules take.
const SEATS_MAX: usize = 1_000;

/// What to do with which seats: exactly one member.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::office) struct SeatsForm {
    /// New seats, as new rows of the plan's last section or as new sections after it.
    #[serde(default)]
    add: Option<Vec<NewSeat>>,
    /// Seats to take out for good, by id. Whoever holds one loses the hold; whoever bought one
    /// gets its money back.
    #[serde(default)]
    remove: Option<Vec<String>>,
    /// Free seats to keep back, by id: all or none.
    #[serde(default)]
    block: Option<Vec<String>>,
    /// Blocked seats to give to the public, by id: all or none.
    #[serde(default)]
    unblock: Option<Vec<String>>,
    /// Free places of a standing area to keep back, the last ones first.
    #[serde(default)]
    block_area: Option<AreaForm>,
    /// Blocked places of a standing area to give to the public.
    #[serde(default)]
    unblock_area: Option<AreaForm>,
}

/// So many places of an area.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::office) struct AreaForm {
    /// The area.
    id: String,
    /// How many, 1 to 1,000.
    quantity: u16,
}

/// Changes seats of an open sale.
#[utoipa::path(post, path = "/api/v1/admin/events/{id}/seats", tag = "staff",
request_body = SeatsForm, params(
    ("id" = String, Path, description = "The event"),
    ("Idempotency-Key" = String, Header, description = "UUID, version 7 preferred"),
), responses(
    (status = 200, description = "What became of them", body = SeatsDoneBody),
    (status = 400, description = "`invalid_request`"),
    (status = 401, description = "`unauthenticated`"),
    (status = 404, description = "`event_not_found`"),
    (status = 409, description = "`seat_taken`: they are not what the call needs; \
        `not_enough_seats`, `idempotency_window_expired`"),
    (status = 412, description = "`version_mismatch`: the plan changed meanwhile, try again"),
    (status = 422, description = "`idempotency_conflict`"),
    (status = 503, description = "`persistence_backlog`, `database_unavailable`"),
))]
pub(in crate::office) async fn change(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    key: IdempotencyKey,
    staff: Staff,
    Strict { body, hash }: Strict<SeatsForm, { super::plan::BODY_BYTES_MAX }>,
) -> Result<Response, Problem> {
    let event = office.event_no(&id, staff.deadline).await?;
    let plan = office.newest_plan(event, &staff).await?;
    let wish = body.only_one()?;
    if let Wish::Add(seats) = wish {
        return office.add_seats((event, plan), (key, hash), &staff, seats).await;
    }
    let (action, command) = wish.command(event, &plan)?;
    let about = (event, Code::EventNotFound);
    let reply = office.staff_command(about, Some(key.of(hash)), &staff, command).await?;
    let (seats, holds, refunds) = match reply.outcome {
        Outcome::SeatsBlocked { seats } | Outcome::SeatsUnblocked { seats } => {
            (seats, Vec::new(), Vec::new())
        }
        Outcome::SeatsRemoved { holds, refunds } => (wish.number(), holds, refunds),
        other => return Err(foreign(&other)),
    };
    let document = SeatsDoneBody {
        event_id: id,
        action,
        seats,
        holds: holds.iter().map(ToString::to_string).collect(),
        refunds: refunds.iter().map(ToString::to_string).collect(),
        plan_version: plan.plan.version,
    };
    Ok(replayed(private(StatusCode::OK, Some(reply.version), document), reply.replayed))
}

enum Wish {
    Add(Vec<NewSeat>),
    Remove(Vec<String>),
    Block(Vec<String>),
    Unblock(Vec<String>),
    BlockArea(AreaForm),
    UnblockArea(AreaForm),
}

impl SeatsForm {
    fn only_one(self) -> Result<Wish, Problem> {
        let wishes = [
            self.add.map(Wish::Add),
            self.remove.map(Wish::Remove),
            self.block.map(Wish::Block),
            self.unblock.map(Wish::Unblock),
            self.block_area.map(Wish::BlockArea),
            self.unblock_area.map(Wish::UnblockArea),
        ];
        let mut wishes = wishes.into_iter().flatten();
        match (wishes.next(), wishes.next()) {
            (Some(wish), None) => Ok(wish),
            (_, _) => Err(Problem::invalid_at("", "exactly one of the members is needed")),
        }
    }
}

impl Wish {
    fn command(
        &self,
        event: EventNo,
        plan: &EventPlan,
    ) -> Result<(&'static str, Command), Problem> {
        Ok(match self {
            Self::Add(_) => return Err(Problem::internal("seats are added by another command")),
            Self::Remove(ids) => {
                let seats = indices(plan, ids, "/remove")?;
                ("removed", Command::RemoveSeats(RemoveSeats { event, seats }))
            }
            Self::Block(ids) => {
                let seats = SeatSet::Seats(indices(plan, ids, "/block")?);
                ("blocked", Command::BlockSeats(BlockSeats { event, seats }))
            }
            Self::Unblock(ids) => {
                let seats = SeatSet::Seats(indices(plan, ids, "/unblock")?);
                ("unblocked", Command::UnblockSeats(UnblockSeats { event, seats }))
            }
            Self::BlockArea(area) => {
                let seats = area.places(plan, "/block_area")?;
                ("blocked", Command::BlockSeats(BlockSeats { event, seats }))
            }
            Self::UnblockArea(area) => {
                let seats = area.places(plan, "/unblock_area")?;
                ("unblocked", Command::UnblockSeats(UnblockSeats { event, seats }))
            }
        })
    }

    fn number(&self) -> u32 {
        let seats = match self {
            Self::Add(seats) => seats.len(),
            Self::Remove(ids) | Self::Block(ids) | Self::Unblock(ids) => ids.len(),
            Self::BlockArea(area) | Self::UnblockArea(area) => usize::from(area.quantity),
        };
        u32::try_from(seats).unwrap_or(u32::MAX)
    }
}

impl AreaForm {
    fn places(&self, plan: &EventPlan, pointer: &str) -> Result<SeatSet, Problem> {
        let is_it = |section: &inventory::Section| {
            section.id == self.id && section.kind == SectionKind::Area
        };
        let section = plan.plan.sections.iter().position(is_it);
        let section = section.and_then(|at| u16::try_from(at).ok());
        let section =
            section.ok_or_else(|| Problem::invalid_at(format!("{pointer}/id"), "no such area"))?;
        if !(1..=SEATS_MAX).contains(&usize::from(self.quantity)) {
            return Err(Problem::invalid_at(format!("{pointer}/quantity"), "must be 1 to 1,000"));
        }
        Ok(SeatSet::Area { section, quantity: self.quantity })
    }
}

/// The indices of seats by their ids; every unknown one is named.
pub(in crate::office) fn indices(
    plan: &EventPlan,
    ids: &[String],
    pointer: &str,
) -> Result<Vec<SeatIx>, Problem> {
    if !(1..=SEATS_MAX).contains(&ids.len()) {
        return Err(Problem::invalid_at(pointer, "must have 1 to 1,000 seats"));
    }
    let known = plan.indices(ids.iter().map(String::as_str));
    let (mut found, mut faults) = (Vec::with_capacity(ids.len()), Vec::new());
    for (at, id) in ids.iter().enumerate() {
        match known.get(id.as_str()) {
            Some(seat) => found.push(*seat),
            None => faults.push(FieldError::at(format!("{pointer}/{at}"), "no such seat")),
        }
    }
    if faults.is_empty() { Ok(found) } else { Err(Problem::invalid(faults)) }
}

/// The same, of a list that may be left out: then all seats are meant, said by none. An empty list is a
/// mistake, not all of them.
pub(in crate::office) fn indices_or_all(
    plan: &EventPlan,
    ids: Option<&[String]>,
    pointer: &str,
) -> Result<Vec<SeatIx>, Problem> {
    match ids {
        None => Ok(Vec::new()),
        Some(ids) => indices(plan, ids, pointer),
    }
}

impl Office {
    /// The plan that is in force at the leader now, not an earlier one from memory.
    pub(super) async fn newest_plan(
        &self,
        event: EventNo,
        staff: &Staff,
    ) -> Result<Arc<EventPlan>, Problem> {
        let failed = |error| from_grid(error, Code::EventNotFound);
        let sale = self.grid.sale(event, staff.deadline).await.map_err(failed)?;
        self.plans.at_least(event, sale.plan_version, staff.deadline).await.map_err(failed)
    }
}
