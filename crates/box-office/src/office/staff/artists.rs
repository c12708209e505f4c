//! Artists, as staff keeps them.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use http_api::{Code, Id, OptionalKey, Params, Problem, Strict};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::super::Office;
use super::Staff;
use super::checks::Faults;
use super::entries::Kind;
use super::shelf::{Form, PageParams};
use crate::catalogue::Work;

/// Works of one artist.
const WORKS_MAX: usize = 500;
/// Years in which a work may have come out.
const YEARS: std::ops::RangeInclusive<i32> = 1000..=2100;

/// An artist. What is left out or null is not told.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::office) struct ArtistForm {
    name: String,
    #[serde(default)]
    occupation: Option<String>,
    #[serde(default)]
    genre: Option<String>,
    /// A short biography.
    #[serde(default)]
    bio: Option<String>,
    /// The discography.
    #[serde(default)]
    works: Vec<Work>,
}

impl Form for ArtistForm {
    const KIND: Kind = Kind {
        table: "artist",
        columns: "name, occupation, genre, bio, works",
        missing: Code::ArtistNotFound,
    };

    fn check(&self, faults: &mut Faults) {
        faults.text("/name", &self.name, 1..=200);
        faults.optional("/occupation", self.occupation.as_ref(), 200);
        faults.optional("/genre", self.genre.as_ref(), 200);
        faults.optional("/bio", self.bio.as_ref(), 4_000);
        if self.works.len() > WORKS_MAX {
            faults.add("/works", "must have 500 works at most");
        }
        for (at, work) in self.works.iter().enumerate() {
            faults.text(&format!("/works/{at}/title"), &work.title, 1..=200);
            if !YEARS.contains(&work.year) {
                faults.add(format!("/works/{at}/year"), "must be 1000 to 2100");
            }
        }
    }

    fn of_row(row: &Value) -> Value {
        let told = |name: &str| row[name].clone();
        json!({"name": told("name"), "occupation": told("occupation"), "genre": told("genre"),
            "bio": told("bio"), "works": told("works")})
    }
}

/// All artists, by id.
#[utoipa::path(get, path = "/api/v1/admin/artists", tag = "staff", params(PageParams), responses(
    (status = 200, description = "A page: `{\"items\":[…],\"next_cursor\":…}`"),
    (status = 401, description = "`unauthenticated`"),
    (status = 503, description = "`database_unavailable`"),
))]
pub(in crate::office) async fn list(
    State(office): State<Arc<Office>>,
    _: Staff,
    Params(params): Params<PageParams>,
) -> Result<Response, Problem> {
    office.shelf_list::<ArtistForm>(&params).await
}

/// One artist with its revision, also the `ETag`.
#[utoipa::path(get, path = "/api/v1/admin/artists/{id}", tag = "staff",
params(("id" = String, Path, description = "The artist")), responses(
    (status = 200, description = "The artist", body = ArtistForm),
    (status = 401, description = "`unauthenticated`"),
    (status = 404, description = "`artist_not_found`"),
))]
pub(in crate::office) async fn read(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    _: Staff,
) -> Result<Response, Problem> {
    office.shelf_read::<ArtistForm>(&id).await
}

/// A new artist.
#[utoipa::path(post, path = "/api/v1/admin/artists", tag = "staff", request_body = ArtistForm,
params(("Idempotency-Key" = Option<String>, Header, description = "UUID, version 7 preferred")),
responses(
    (status = 201, description = "The artist with its id", body = ArtistForm),
    (status = 400, description = "`invalid_request`"),
    (status = 401, description = "`unauthenticated`"),
    (status = 422, description = "`idempotency_conflict`"),
))]
pub(in crate::office) async fn create(
    State(office): State<Arc<Office>>,
    key: OptionalKey,
    staff: Staff,
    Strict { body, hash }: Strict<ArtistForm>,
) -> Result<Response, Problem> {
    office.shelf_add(&staff, key.of(hash), body).await
}

/// Edits an artist: members that are given replace, null clears (RFC 7396).
#[utoipa::path(patch, path = "/api/v1/admin/artists/{id}", tag = "staff",
request_body = ArtistForm, params(
    ("id" = String, Path, description = "The artist"),
    ("If-Match" = String, Header, description = "The `ETag` that the edit is based on"),
), responses(
    (status = 200, description = "The artist as it is now", body = ArtistForm),
    (status = 400, description = "`invalid_request`"),
    (status = 401, description = "`unauthenticated`"),
    (status = 404, description = "`artist_not_found`"),
    (status = 412, description = "`version_mismatch`"),
    (status = 428, description = "`precondition_required`"),
))]
pub(in crate::office) async fn edit(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    staff: Staff,
    Strict { body, .. }: Strict<Value>,
) -> Result<Response, Problem> {
    office.shelf_edit::<ArtistForm>(&staff, &id, body).await
}

/// Removes an artist of no event.
#[utoipa::path(delete, path = "/api/v1/admin/artists/{id}", tag = "staff",
params(("id" = String, Path, description = "The artist")), responses(
    (status = 204, description = "Gone; what was changed stays on record"),
    (status = 401, description = "`unauthenticated`"),
    (status = 404, description = "`artist_not_found`"),
    (status = 409, description = "`refused_unsafe`: an event has it on its bill"),
))]
pub(in crate::office) async fn remove(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    staff: Staff,
) -> Result<StatusCode, Problem> {
    office.shelf_remove::<ArtistForm>(&staff, &id).await
}
