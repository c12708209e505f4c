//! The calls that artists, venues and plans have alike: a list, one, a new one, an edit, a removal.
//! What differs is a form; what a form says about its row is in its own file.

use axum::http::header::ETAG;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use http_api::{Code, Problem, read_document};
use inventory::RequestKey;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::IntoParams;

use super::super::Office;
use super::super::answer::{private, replayed};
use super::Staff;
use super::checks::Faults;
use super::entries::{self, Fault, Kind};

/// Rows of a page when the request names no limit.
const LIMIT_DEFAULT: u32 = 50;
/// Most rows of a page.
const LIMIT_MAX: u32 = 100;

/// A form and the table that it fills.
pub(super) trait Form: Serialize + DeserializeOwned {
    /// The table.
    const KIND: Kind;

    /// What is wrong with it.
    fn check(&self, faults: &mut Faults);

    /// The row's columns.
    fn record(&self) -> Value {
        json!(self)
    }

    /// The form as a row has it.
    fn of_row(row: &Value) -> Value;

    /// What a list tells of a row.
    fn brief(row: &Value) -> Value {
        Self::of_row(row)
    }
}

/// Which page.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(in crate::office) struct PageParams {
    /// Where the last page ended.
    cursor: Option<String>,
    /// Rows of a page, 1 to 100; 50 when absent.
    limit: Option<u32>,
}

impl PageParams {
    /// The id after which the page begins, and how many rows it has.
    pub(super) fn checked(&self) -> Result<(&str, i64), Problem> {
        let limit = self.limit.unwrap_or(LIMIT_DEFAULT);
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(Problem::invalid_parameter("limit", "must be 1 to 100"));
        }
        Ok((self.cursor.as_deref().unwrap_or_default(), i64::from(limit)))
    }
}

/// `{"items":[…],"next_cursor":…}` of documents that have an id.
pub(super) fn page(items: Vec<Value>, limit: i64) -> Response {
    let last = items.last().filter(|_| items.len() as i64 == limit);
    let next_cursor = last.map(|last| last["id"].clone());
    private(StatusCode::OK, None, json!({"items": items, "next_cursor": next_cursor}))
}

/// An answer with the revision as its `ETag`.
pub(super) fn tagged(mut answer: Response, revision: i64) -> Response {
    let tag = HeaderValue::from_str(&format!("\"{revision}\"")).expect("digits are visible");
    answer.headers_mut().insert(ETAG, tag);
    answer
}

fn document(row: &Value, mut document: Value) -> Value {
    document["id"] = row["id"].clone();
    document["revision"] = row["revision"].clone();
    document
}

fn answer<F: Form>(status: StatusCode, row: &Value) -> Response {
    tagged(private(status, None, document(row, F::of_row(row))), entries::revision(row))
}

fn checked<F: Form>(form: &F) -> Result<(), Problem> {
    let mut faults = Faults::default();
    form.check(&mut faults);
    faults.end()
}

impl Office {
    pub(super) async fn shelf_list<F: Form>(
        &self,
        params: &PageParams,
    ) -> Result<Response, Problem> {
        let (after, limit) = params.checked()?;
        let mut work = self.database.begin().await?;
        let rows = entries::list(work.db(), F::KIND, after, limit).await?;
        Ok(page(rows.iter().map(|row| document(row, F::brief(row))).collect(), limit))
    }

    pub(super) async fn shelf_read<F: Form>(&self, id: &str) -> Result<Response, Problem> {
        let mut work = self.database.begin().await?;
        let row = entries::read(work.db(), F::KIND, id).await?;
        Ok(answer::<F>(StatusCode::OK, &row))
    }

    pub(super) async fn shelf_add<F: Form>(
        &self,
        staff: &Staff,
        key: Option<RequestKey>,
        form: F,
    ) -> Result<Response, Problem> {
        checked(&form)?;
        let mut work = self.database.begin().await?;
        let made = entries::insert(work.db(), F::KIND, key, &form.record()).await;
        let made = made.map_err(named::<F>)?;
        let row = entries::read(work.db(), F::KIND, &made.id).await?;
        if !made.replayed {
            entries::note(work.db(), (F::KIND, &made.id), (staff, "created"), &row).await?;
        }
        work.commit().await?;
        Ok(replayed(answer::<F>(StatusCode::CREATED, &row), made.replayed))
    }

    pub(super) async fn shelf_edit<F: Form>(
        &self,
        staff: &Staff,
        id: &str,
        patch: Value,
    ) -> Result<Response, Problem> {
        let revision = staff.if_match()?;
        let mut work = self.database.begin().await?;
        let row = entries::take(work.db(), F::KIND, id).await?;
        if entries::revision(&row) != revision {
            return Err(Problem::new(Code::VersionMismatch));
        }
        let mut edited = F::of_row(&row);
        entries::merge(&mut edited, patch);
        let form: F = read_document(edited)?;
        checked(&form)?;
        let update = entries::update(work.db(), F::KIND, id, &form.record()).await;
        update.map_err(named::<F>)?;
        let row = entries::read(work.db(), F::KIND, id).await?;
        entries::note(work.db(), (F::KIND, id), (staff, "edited"), &row).await?;
        work.commit().await?;
        Ok(answer::<F>(StatusCode::OK, &row))
    }

    pub(super) async fn shelf_remove<F: Form>(
        &self,
        staff: &Staff,
        id: &str,
    ) -> Result<StatusCode, Problem> {
        let mut work = self.database.begin().await?;
        let row = entries::take(work.db(), F::KIND, id).await?;
        entries::delete(work.db(), F::KIND, id).await?;
        entries::note(work.db(), (F::KIND, id), (staff, "deleted"), &row).await?;
        work.commit().await?;
        Ok(StatusCode::NO_CONTENT)
    }
}

/// A reference that leads nowhere is the form's fault.
fn named<F: Form>(fault: Fault) -> Problem {
    match fault {
        Fault::Database(sqlx::Error::Database(error)) if error.is_foreign_key_violation() => {
            Problem::invalid_at("/venue_id", "there is no such venue")
        }
        other => other.into(),
    }
}
