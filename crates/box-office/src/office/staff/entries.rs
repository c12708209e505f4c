//! Rows of the catalogue that staff keeps: made once per idempotency key, edited as of a revision,
//! deleted while nothing needs them, every change written down beside it in one transaction.
//!
//! In the flow: a form was checked, its record (the row's columns as JSON) comes here; what comes back
//! is the row as JSON. Nothing here knows what the columns mean.

use http_api::{Code, Problem};
use inventory::{RequestKey, Subject};
use serde_json::Value;
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::Staff;
use crate::database::DatabaseError;

/// A table of the catalogue.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    /// In schema `office`; also the word for one of its rows.
    pub(super) table: &'static str,
    /// The columns that forms fill.
    pub(super) columns: &'static str,
    /// What is not there.
    pub(super) missing: Code,
}

/// Why a statement was not done.
#[derive(Debug)]
pub(super) enum Fault {
    /// PostgreSQL did not do it.
    Database(sqlx::Error),
    /// It is not to be done.
    Problem(Problem),
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Database(error) => DatabaseError::of(error).into(),
            Fault::Problem(problem) => problem,
        }
    }
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

/// What was made, and whether an earlier request with the same key made it.
pub(super) struct Made {
    pub(super) id: String,
    pub(super) replayed: bool,
}

/// Digits of the part of an id that makes it unique.
const TAIL_DIGITS: usize = 10;
/// Letters of the part of an id that people read.
const HEAD_LETTERS_MAX: usize = 40;

/// An id that people can read: the name's Latin letters and digits, and a tail of its own.
fn new_id(kind: Kind, name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let words: Vec<String> = words.map(str::to_ascii_lowercase).collect();
    let head: String = words.join("-").chars().take(HEAD_LETTERS_MAX).collect();
    let head = head.trim_end_matches('-');
    let head = if head.is_empty() { kind.table } else { head };
    let tail = Uuid::new_v4().simple().to_string();
    format!("{head}-{}", &tail[..TAIL_DIGITS])
}

/// Makes a row. A repeated key finds the row that it made.
pub(super) async fn insert(
    db: &mut PgConnection,
    kind: Kind,
    key: Option<RequestKey>,
    record: &Value,
) -> Result<Made, Fault> {
    let Kind { table, columns, .. } = kind;
    let id = new_id(kind, record["name"].as_str().unwrap_or_default());
    let text = format!(
        "insert into office.{table} (id, made_by, made_hash, {columns})
         select $1, $2, $3, {columns} from jsonb_populate_record(null::office.{table}, $4)
         on conflict (made_by) do nothing"
    );
    let done = sqlx::query(sqlx::AssertSqlSafe(text))
        .bind(&id)
        .bind(key.map(|key| Uuid::from_u128(key.id)))
        .bind(key.map(|key| key.hash.cast_signed()))
        .bind(Json(record))
        .execute(&mut *db)
        .await?;
    match key {
        Some(key) if done.rows_affected() == 0 => made_before(db, kind, key).await,
        _ => Ok(Made { id, replayed: false }),
    }
}

async fn made_before(
    db: &mut PgConnection,
    Kind { table, .. }: Kind,
    key: RequestKey,
) -> Result<Made, Fault> {
    let text = format!("select id, made_hash from office.{table} where made_by = $1");
    let (id, hash): (String, i64) = sqlx::query_as(sqlx::AssertSqlSafe(text))
        .bind(Uuid::from_u128(key.id))
        .fetch_one(db)
        .await?;
    if hash != key.hash.cast_signed() {
        return Err(Problem::new(Code::IdempotencyConflict).into());
    }
    Ok(Made { id, replayed: true })
}

/// The row as JSON, locked until the transaction ends.
pub(super) async fn take(db: &mut PgConnection, kind: Kind, id: &str) -> Result<Value, Fault> {
    let Kind { table, missing, .. } = kind;
    let text = format!("select to_jsonb(t) from office.{table} t where id = $1 for update");
    let found: Option<Json<Value>> =
        sqlx::query_scalar(sqlx::AssertSqlSafe(text)).bind(id).fetch_optional(db).await?;
    found.map(|Json(row)| row).ok_or_else(|| Problem::new(missing).into())
}

/// The row as JSON.
pub(super) async fn read(db: &mut PgConnection, kind: Kind, id: &str) -> Result<Value, Fault> {
    let Kind { table, missing, .. } = kind;
    let text = format!("select to_jsonb(t) from office.{table} t where id = $1");
    let found: Option<Json<Value>> =
        sqlx::query_scalar(sqlx::AssertSqlSafe(text)).bind(id).fetch_optional(db).await?;
    found.map(|Json(row)| row).ok_or_else(|| Problem::new(missing).into())
}

/// Rows by id, after this one.
pub(super) async fn list(
    db: &mut PgConnection,
    Kind { table, .. }: Kind,
    after: &str,
    limit: i64,
) -> Result<Vec<Value>, Fault> {
    let text = format!(
        // Plans are large, and a list does not tell them.
        "select to_jsonb(t) - 'plan' from office.{table} t where id > $1 order by id limit $2"
    );
    let rows: Vec<Json<Value>> =
        sqlx::query_scalar(sqlx::AssertSqlSafe(text)).bind(after).bind(limit).fetch_all(db).await?;
    Ok(rows.into_iter().map(|Json(row)| row).collect())
}

/// Gives a row that was taken other columns; those that the record leaves out stay.
pub(super) async fn update(
    db: &mut PgConnection,
    Kind { table, columns, .. }: Kind,
    id: &str,
    record: &Value,
) -> Result<(), Fault> {
    let text = format!(
        "update office.{table} t set updated_at = now(), ({columns}) =
             (select {columns} from jsonb_populate_record(t, $2)) where id = $1"
    );
    sqlx::query(sqlx::AssertSqlSafe(text)).bind(id).bind(Json(record)).execute(db).await?;
    Ok(())
}

/// Deletes a row that nothing needs.
pub(super) async fn delete(
    db: &mut PgConnection,
    Kind { table, .. }: Kind,
    id: &str,
) -> Result<(), Fault> {
    let text = format!("delete from office.{table} where id = $1");
    match sqlx::query(sqlx::AssertSqlSafe(text)).bind(id).execute(db).await {
        Ok(_) => Ok(()),
        Err(sqlx::Error::Database(error)) if error.is_foreign_key_violation() => {
            let detail = format!("It is used by others: {}", error.table().unwrap_or_default());
            Err(Problem::new(Code::RefusedUnsafe).detail(detail).into())
        }
        Err(error) => Err(error.into()),
    }
}

/// Writes down who did what.
pub(super) async fn note(
    db: &mut PgConnection,
    (kind, id): (Kind, &str),
    (staff, action): (&Staff, &'static str),
    document: &Value,
) -> Result<(), Fault> {
    let subject = match staff.actor.subject {
        Subject::Person(person) => Some(Uuid::from_u128(person)),
        Subject::Guest | Subject::System => None,
    };
    sqlx::query(
        "insert into office.change (subject, ip, entity, entity_id, action, document)
         values ($1, $2::inet, $3, $4, $5, $6)",
    )
    .bind(subject)
    .bind(super::super::answer::client_address(&staff.headers).map(|ip| ip.to_string()))
    .bind(kind.table)
    .bind(id)
    .bind(action)
    .bind(Json(document))
    .execute(db)
    .await?;
    Ok(())
}

/// The revision of a row.
pub(super) fn revision(row: &Value) -> i64 {
    row["revision"].as_i64().unwrap_or_default()
}

/// RFC 7396: members of the patch replace those of the document, null takes them away.
pub(super) fn merge(document: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *document = patch;
        return;
    };
    if !document.is_object() {
        *document = Value::Object(serde_json::Map::new());
    }
    let Value::Object(document) = document else { return };
    for (name, value) in patch {
        if value.is_null() {
            document.remove(&name);
        } else {
            merge(document.entry(name).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ids_are_readable_and_fit_their_column() {
        let kind = Kind { table: "artist", columns: "name", missing: Code::ArtistNotFound };
        let head = |name: &str| {
            let id = new_id(kind, name);
            assert!(id.len() <= 64 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
            id[..id.len() - TAIL_DIGITS - 1].to_owned()
        };
        assert_eq!(head("The Paper Lanterns!"), "the-paper-lanterns");
        assert_eq!(head("Вера Солнцева · Vera"), "vera");
        assert_eq!(head("Ансамбль"), "artist");
        assert_eq!(head(&"x".repeat(200)).len(), HEAD_LETTERS_MAX);
        assert_ne!(new_id(kind, "a"), new_id(kind, "a"));
    }

    #[test]
    fn a_patch_replaces_clears_and_leaves() {
        let mut document = json!({"a": 1, "b": {"c": 2, "d": 3}, "e": [1, 2]});
        merge(&mut document, json!({"a": null, "b": {"c": 5}, "e": [3], "f": {"g": null}}));
        assert_eq!(document, json!({"b": {"c": 5, "d": 3}, "e": [3], "f": {}}));
    }
}
