//! Plans of halls, as staff keeps them. An event takes a copy when it is made; a later edit here
//! changes no event.

use std::sync::Arc;

use axum::extract::{FromRequest, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use http_api::{
    Code, FieldError, Id, OptionalKey, Params, Problem, Strict, read_body, request_hash,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::super::Office;
use super::Staff;
use super::checks::Faults;
use super::entries::Kind;
use super::plan::BODY_BYTES_MAX;
use super::shelf::{Form, PageParams};
use crate::catalogue::{StoredPlan, StoredRow, StoredSeat, StoredSection};
use crate::plan_file::{Fault, Format, PlanFile};

/// Hundredths of a unit on the drawing, as plans store places.
const PLACES_PER_UNIT: f64 = 100.0;

/// A hall's plan.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::office) struct HallForm {
    venue_id: String,
    name: String,
    /// `{"id","name","kind":"seated","rows":[{"label","seats":[{"number","tier","x","y","accessible",
    /// "companion"}]}]}` or `{"id","name","kind":"area","capacity","tier"}`, in selling order.
    #[schema(value_type = Vec<Object>)]
    sections: Value,
    /// `{"x","y"}` where best available looks from.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    focal: Option<Value>,
}

impl HallForm {
    fn read(&self) -> Result<PlanFile, Vec<Fault>> {
        let mut document = json!({ "sections": self.sections });
        if let Some(focal) = &self.focal {
            document["focal"] = focal.clone();
        }
        PlanFile::read(Format::Json, &document.to_string())
    }
}

impl Form for HallForm {
    const KIND: Kind =
        Kind { table: "plan", columns: "venue_id, name, plan", missing: Code::PlanNotFound };

    fn check(&self, faults: &mut Faults) {
        faults.text("/name", &self.name, 1..=200);
        if let Err(found) = self.read() {
            faults
                .add_all(found.into_iter().map(|fault| FieldError::at("/sections", fault.reason)));
        }
    }

    fn record(&self) -> Value {
        let plan = self.read().ok().map(|file| file.stored().clone());
        json!({"venue_id": self.venue_id, "name": self.name, "plan": plan})
    }

    fn of_row(row: &Value) -> Value {
        let mut told = Self::brief(row);
        if let Ok(plan) = serde_json::from_value::<StoredPlan>(row["plan"].clone()) {
            told["sections"] = plan.sections.iter().map(section).collect();
            if let Some((x, y)) = plan.focal {
                told["focal"] = json!({"x": units(x), "y": units(y)});
            }
        }
        told
    }

    fn brief(row: &Value) -> Value {
        json!({"venue_id": row["venue_id"], "name": row["name"]})
    }
}

fn section(section: &StoredSection) -> Value {
    let (id, name) = (&section.id, &section.name);
    match &section.area {
        Some(area) => json!({"id": id, "name": name, "kind": "area", "capacity": area.capacity,
            "tier": area.tier}),
        None => {
            let rows: Vec<Value> = section.rows.iter().map(row).collect();
            json!({"id": id, "name": name, "kind": "seated", "rows": rows})
        }
    }
}

fn row(row: &StoredRow) -> Value {
    json!({"label": row.label, "seats": row.seats.iter().map(seat).collect::<Vec<_>>()})
}

fn seat(seat: &StoredSeat) -> Value {
    json!({"number": seat.number, "tier": seat.tier, "x": units(seat.x), "y": units(seat.y),
        "accessible": seat.accessible, "companion": seat.companion})
}

fn units(hundredths: i32) -> f64 {
    f64::from(hundredths) / PLACES_PER_UNIT
}

/// What a file of seats does not say.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(in crate::office) struct FileParams {
    /// With `text/csv`: the venue.
    venue_id: Option<String>,
    /// With `text/csv`: the plan's name.
    name: Option<String>,
}

/// All plans, by id, without their seats.
#[utoipa::path(get, path = "/api/v1/admin/plans", tag = "staff", params(PageParams), responses(
    (status = 200, description = "A page: `{\"items\":[…],\"next_cursor\":…}`"),
    (status = 401, description = "`unauthenticated`"),
    (status = 503, description = "`database_unavailable`"),
))]
pub(in crate::office) async fn list(
    State(office): State<Arc<Office>>,
    _: Staff,
    Params(params): Params<PageParams>,
) -> Result<Response, Problem> {
    office.shelf_list::<HallForm>(&params).await
}

/// One plan with its revision, also the `ETag`.
#[utoipa::path(get, path = "/api/v1/admin/plans/{id}", tag = "staff",
params(("id" = String, Path, description = "The plan")), responses(
    (status = 200, description = "The plan", body = HallForm),
    (status = 401, description = "`unauthenticated`"),
    (status = 404, description = "`plan_not_found`"),
))]
pub(in crate::office) async fn read(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    _: Staff,
) -> Result<Response, Problem> {
    office.shelf_read::<HallForm>(&id).await
}

/// A new plan: JSON, or `text/csv` with the columns `section,row,number,tier,x,y,flags`. Every fault
/// of a file names its line.
#[utoipa::path(post, path = "/api/v1/admin/plans", tag = "staff", request_body = HallForm,
params(FileParams,
    ("Idempotency-Key" = Option<String>, Header, description = "UUID, version 7 preferred"),
), responses(
    (status = 201, description = "The plan with its id", body = HallForm),
    (status = 400, description = "`invalid_request`"),
    (status = 401, description = "`unauthenticated`"),
    (status = 413, description = "`too_large`"),
    (status = 415, description = "`unsupported_media_type`"),
    (status = 422, description = "`idempotency_conflict`"),
))]
pub(in crate::office) async fn create(
    State(office): State<Arc<Office>>,
    key: OptionalKey,
    staff: Staff,
    Params(params): Params<FileParams>,
    request: Request,
) -> Result<Response, Problem> {
    let (form, hash) = if is_csv(request.headers()) {
        from_file(params, request).await?
    } else {
        let Strict { body, hash } =
            Strict::<HallForm, BODY_BYTES_MAX>::from_request(request, &office).await?;
        (body, hash)
    };
    office.shelf_add(&staff, key.of(hash), form).await
}

/// Edits a plan: members that are given replace (RFC 7396). Events keep the copy that they took.
#[utoipa::path(patch, path = "/api/v1/admin/plans/{id}", tag = "staff", request_body = HallForm,
params(
    ("id" = String, Path, description = "The plan"),
    ("If-Match" = String, Header, description = "The `ETag` that the edit is based on"),
), responses(
    (status = 200, description = "The plan as it is now", body = HallForm),
    (status = 400, description = "`invalid_request`"),
    (status = 401, description = "`unauthenticated`"),
    (status = 404, description = "`plan_not_found`"),
    (status = 412, description = "`version_mismatch`"),
    (status = 428, description = "`precondition_required`"),
))]
pub(in crate::office) async fn edit(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    staff: Staff,
    Strict { body, .. }: Strict<Value, BODY_BYTES_MAX>,
) -> Result<Response, Problem> {
    office.shelf_edit::<HallForm>(&staff, &id, body).await
}

/// Removes a plan of no event.
#[utoipa::path(delete, path = "/api/v1/admin/plans/{id}", tag = "staff",
params(("id" = String, Path, description = "The plan")), responses(
    (status = 204, description = "Gone; what was changed stays on record"),
    (status = 401, description = "`unauthenticated`"),
    (status = 404, description = "`plan_not_found`"),
    (status = 409, description = "`refused_unsafe`: an event has it"),
))]
pub(in crate::office) async fn remove(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    staff: Staff,
) -> Result<StatusCode, Problem> {
    office.shelf_remove::<HallForm>(&staff, &id).await
}

fn is_csv(headers: &HeaderMap) -> bool {
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = given.and_then(|text| text.split(';').next());
    kind.is_some_and(|kind| kind.trim().eq_ignore_ascii_case("text/csv"))
}

/// The form that a file of seats makes with what the address says.
async fn from_file(params: FileParams, request: Request) -> Result<(HallForm, u64), Problem> {
    let (parts, body) = request.into_parts();
    let bytes = read_body(&parts.headers, body, BODY_BYTES_MAX).await?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| Problem::invalid_at("", "the file must be UTF-8"))?;
    let missing =
        |name: &'static str| Problem::invalid_parameter(name, "is required with text/csv");
    let venue_id = params.venue_id.ok_or_else(|| missing("venue_id"))?;
    let name = params.name.ok_or_else(|| missing("name"))?;
    let read = PlanFile::read(Format::Csv, text);
    let file = read.map_err(|faults| {
        let fault = |fault: Fault| FieldError::at("", fault.to_string());
        Problem::invalid(faults.into_iter().map(fault).collect())
    })?;
    let sections = file.stored().sections.iter().map(section).collect();
    let asked = json!([venue_id, name, text]);
    let hash = request_hash(&parts.method, parts.uri.path(), &asked);
    Ok((HallForm { venue_id, name, sections, focal: None }, hash))
}
