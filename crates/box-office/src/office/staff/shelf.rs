//! The calls that artists, venues and plans have alike: a list, one, a new one, an edit, a removal.
//! What differs is a form; what a form says about its row is in its own file.

use axum::http::header::ETAG;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use http_api::{Code, Problem, read_document};
use inventory::RequestKey;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::super::Office;
use super::super::answer::{private, replayed};
use super::super::paging::Page;
pub(in crate::office) use super::super::paging::PageParams;
use super::Staff;
use super::checks::Faults;
use super::entries::{self, Fault, Kind};

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

/// `{"items":[…],"next_cursor":…}` of documents that have an id.
pub(super) fn listed(page: &Page, items: Vec<Value>) -> Response {
    let (items, next) = page.cut(items, |item| item["id"].as_str().unwrap_or_default());
    private(StatusCode::OK, None, json!({"items": items, "next_cursor": next}))
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
        let page = params.checked()?;
        let mut work = self.database.begin().await?;
        let rows = entries::list(work.db(), F::KIND, page.after(), page.wanted() as i64).await?;
        Ok(listed(&page, rows.iter().map(|row| document(row, F::brief(row))).collect()))
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
