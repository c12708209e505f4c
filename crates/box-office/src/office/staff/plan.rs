//! The plan of an open sale: corrected, or extended by seats. A seat's index never changes its
//! meaning, so known seats stay where they are and new ones come after them; the rules refuse
//! anything else. The grid is told first: it alone knows whether a plan may be replaced.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use http_api::{Code, FieldError, Id, IdempotencyKey, Money, Problem, Strict};
use inventory::{
    Command, EventNo, Outcome, Plan, ReplacePlan, Row, Seat, Section, SectionKind, Tier,
};
use serde::Deserialize;
use serde_json::{Number, Value, json};
use utoipa::ToSchema;

use super::super::Office;
use super::super::answer::{foreign, private, replayed};
use super::super::bodies::staff::SeatsDoneBody;
use super::{Staff, catalogue};
use crate::catalogue::{StoredPlan, TierRecord};
use crate::plan_file::{Format, PlanFile, hundredths};
use crate::plans::EventPlan;

/// Largest body with a plan in it: 20,000 seats as JSON are 2 MB.
pub(in crate::office) const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Seats of one call that adds some.
const ADDED_MAX: usize = 10_000;

/// A seat to add.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::office) struct NewSeat {
    section: String,
    /// Name of a new section; its id when left out.
    #[serde(default)]
    section_name: Option<String>,
    row: String,
    number: String,
    tier: String,
    /// Place on the drawing.
    #[schema(value_type = f64)]
    x: Number,
    /// Place on the drawing.
    #[schema(value_type = f64)]
    y: Number,
    #[serde(default)]
    accessible: bool,
    #[serde(default)]
    companion: bool,
}

/// Another plan for an open sale.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::office) struct PlanForm {
    /// All sections, as in the call that makes plans: known ones first and in their order.
    #[schema(value_type = Vec<Object>)]
    sections: Value,
    /// `{"x","y"}` where best available looks from.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    focal: Option<Value>,
    /// All tiers: known ones first and in their order; the present ones when left out.
    #[serde(default)]
    tiers: Option<Vec<TierForm>>,
}

/// A price tier.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::office) struct TierForm {
    id: String,
    name: String,
    price: Money,
}

/// Replaces the plan of an open sale. Prices that are held or paid stay as they were.
#[utoipa::path(put, path = "/api/v1/admin/events/{id}/plan", tag = "staff",
request_body = PlanForm, params(
    ("id" = String, Path, description = "The event"),
    ("If-Match" = String, Header, description = "The version of the plan it is based on, quoted"),
    ("Idempotency-Key" = String, Header, description = "UUID, version 7 preferred"),
), responses(
    (status = 200, description = "The plan is in force", body = SeatsDoneBody),
    (status = 400, description = "`invalid_request`"),
    (status = 401, description = "`unauthenticated`"),
    (status = 404, description = "`event_not_found`"),
    (status = 409, description = "`idempotency_window_expired`"),
    (status = 412, description = "`version_mismatch`: another plan is in force, or this one loses \
        a seat, which is named"),
    (status = 428, description = "`precondition_required`"),
    (status = 503, description = "`persistence_backlog`, `overloaded`: the shard has no room for \
        so many seats, `database_unavailable`"),
))]
pub(in crate::office) async fn replace(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    key: IdempotencyKey,
    staff: Staff,
    Strict { body, hash }: Strict<PlanForm, BODY_BYTES_MAX>,
) -> Result<Response, Problem> {
    let based_on = staff.if_match()?;
    let event = office.event_no(&id, staff.deadline).await?;
    let known = office.newest_plan(event, &staff).await?;
    let version = known.plan.version;
    let (stored, tiers) = body.read(&known)?;
    let plan = |version: u32| {
        let plan = StoredPlan { version, ..stored.clone() }.to_plan(&tiers);
        plan.map_err(|fault| Problem::invalid_at("/sections", fault.to_string()))
    };
    // A retry whose answer was lost: its plan is in force already.
    let is_there = plan(version)? == *known.plan;
    if !is_there && i64::from(version) != based_on {
        return Err(Problem::new(Code::VersionMismatch).fact("plan_version", version));
    }
    let next = if is_there { plan(version)? } else { plan(version + 1)? };
    office.put_plan((event, &known), (key, hash), &staff, next).await
}

impl PlanForm {
    /// The sections and tiers, checked apart from what is in force.
    fn read(self, known: &EventPlan) -> Result<(StoredPlan, Vec<TierRecord>), Problem> {
        let mut document = json!({ "sections": self.sections });
        if let Some(focal) = self.focal {
            document["focal"] = focal;
        }
        let read = PlanFile::read(Format::Json, &document.to_string());
        let file = read.map_err(|faults| {
            let fault = |fault: crate::plan_file::Fault| FieldError::at("/sections", fault.reason);
            Problem::invalid(faults.into_iter().map(fault).collect())
        })?;
        let tiers = match self.tiers {
            Some(tiers) => tiers.into_iter().map(|tier| tier.record(known)).collect(),
            None => Ok(tiers_of(&known.plan)),
        };
        Ok((file.stored().clone(), tiers?))
    }
}

impl TierForm {
    fn record(self, known: &EventPlan) -> Result<TierRecord, Problem> {
        let fits = self.price.currency == known.currency();
        match self.price.minor() {
            Ok(price_minor) if fits => Ok(TierRecord { id: self.id, name: self.name, price_minor }),
            Ok(_) | Err(_) => {
                let detail = "prices must be amounts in the event's currency";
                Err(Problem::invalid_at("/tiers", detail))
            }
        }
    }
}

fn tiers_of(plan: &Plan) -> Vec<TierRecord> {
    let record = |tier: &Tier| TierRecord {
        id: tier.id.clone(),
        name: tier.name.clone(),
        price_minor: tier.price_minor,
    };
    plan.tiers.iter().map(record).collect()
}

impl Office {
    /// Adds seats at the end of the plan. Seats that are all there already were added by an earlier
    /// try of the same call.
    pub(super) async fn add_seats(
        &self,
        (event, known): (EventNo, Arc<EventPlan>),
        key: (IdempotencyKey, u64),
        staff: &Staff,
        seats: Vec<NewSeat>,
    ) -> Result<Response, Problem> {
        if !(1..=ADDED_MAX).contains(&seats.len()) {
            return Err(Problem::invalid_at("/add", "must have 1 to 10,000 seats"));
        }
        let ids: Vec<String> = seats.iter().map(NewSeat::id).collect();
        let there = known.indices(ids.iter().map(String::as_str)).len();
        if there == ids.len() {
            return self.put_plan((event, &known), key, staff, Plan::clone(&known.plan)).await;
        }
        let mut plan = Plan::clone(&known.plan);
        plan.version += 1;
        for (at, seat) in seats.iter().enumerate() {
            let fault = |detail| Problem::invalid_at(format!("/add/{at}"), detail);
            seat.append(&mut plan).map_err(fault)?;
        }
        plan.check().map_err(|fault| Problem::invalid_at("/add", fault.to_string()))?;
        self.put_plan((event, &known), key, staff, plan).await
    }

    /// Tells the grid a plan, then the catalogue.
    async fn put_plan(
        &self,
        (event, known): (EventNo, &EventPlan),
        (key, hash): (IdempotencyKey, u64),
        staff: &Staff,
        plan: Plan,
    ) -> Result<Response, Problem> {
        let added = plan.seat_count().saturating_sub(known.plan.seat_count());
        let (stored, tiers) = (StoredPlan::of(&plan), tiers_of(&plan));
        let version = plan.version;
        let command = Command::ReplacePlan(ReplacePlan { event, plan });
        let about = (event, Code::EventNotFound);
        let reply = self.staff_command(about, Some(key.of(hash)), staff, command).await?;
        if reply.outcome != Outcome::PlanReplaced {
            return Err(foreign(&reply.outcome));
        }
        let event_id = known.sale.event_id.clone();
        catalogue::keep_plan(&self.database, &event_id, &stored, &tiers).await?;
        let document = SeatsDoneBody {
            event_id,
            action: "added",
            seats: u32::try_from(added).unwrap_or(u32::MAX),
            holds: Vec::new(),
            refunds: Vec::new(),
            plan_version: version,
        };
        Ok(replayed(private(StatusCode::OK, Some(reply.version), document), reply.replayed))
    }
}

impl NewSeat {
    fn id(&self) -> String {
        format!("{}-{}-{}", self.section, self.row, self.number)
    }

    /// Puts the seat at the plan's end: into its last row, a new row or a new section.
    fn append(&self, plan: &mut Plan) -> Result<(), &'static str> {
        let tier = plan.tiers.iter().position(|tier| tier.id == self.tier);
        let tier = tier.and_then(|at| u16::try_from(at).ok()).ok_or("no such tier")?;
        let place = |number: &Number| hundredths(&number.to_string());
        let (Some(x), Some(y)) = (place(&self.x), place(&self.y)) else {
            return Err("x and y must be plain decimal numbers on the drawing");
        };
        let seat = Seat {
            number: self.number.as_str().into(),
            tier,
            x,
            y,
            accessible: self.accessible,
            companion: self.companion,
        };
        let known = plan.sections.iter().position(|section| section.id == self.section);
        let section = match known {
            Some(at) if at + 1 == plan.sections.len() => &mut plan.sections[at],
            Some(_) => return Err("seats are added to the plan's last section or to new ones"),
            None => {
                plan.sections.push(self.new_section());
                plan.sections.last_mut().expect("pushed above")
            }
        };
        if section.kind == SectionKind::Area {
            return Err("places of an area have no names: add another area by another plan");
        }
        match section.rows.last_mut() {
            Some(row) if row.label == self.row => row.seats.push(seat),
            Some(_) | None => {
                section.rows.push(Row { label: self.row.clone(), seats: vec![seat] });
            }
        }
        Ok(())
    }

    fn new_section(&self) -> Section {
        Section {
            id: self.section.clone(),
            name: self.section_name.clone().unwrap_or_else(|| self.section.clone()),
            rows: Vec::new(),
            kind: SectionKind::Seated,
        }
    }
}
