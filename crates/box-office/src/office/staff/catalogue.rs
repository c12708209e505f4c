//! The catalogue's rows as staff edits them: an event's window, codes, tiers and plan, each edit in
//! one transaction. Times travel as milliseconds since 1970.

use http_api::{Code, Problem};
use sqlx::types::Json;
use sqlx::{Connection, FromRow, PgPool};

use crate::catalogue::store::own_connection;
use crate::catalogue::{CodeRecord, StoredPlan, TierRecord};
use crate::database::Database;

/// Codes of one event in the catalogue, as many as the grid takes.
const CODES_MAX: usize = 10_000;

/// An event as staff reads it.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub(super) struct EventRow {
    pub(super) id: String,
    pub(super) name: String,
    /// `draft` or `published`.
    pub(super) status: String,
    pub(super) starts_at_ms: i64,
    pub(super) opens_at_ms: i64,
    pub(super) closes_at_ms: i64,
    pub(super) short_notice_reason: Option<String>,
    pub(super) revision: i64,
}

/// Another window.
#[derive(Debug, Clone)]
pub(super) struct WindowEdit {
    pub(super) opens_at_ms: i64,
    pub(super) closes_at_ms: i64,
    pub(super) short_notice_reason: Option<String>,
}

const COLUMNS: &str = "id, name, status, short_notice_reason, revision,
    (extract(epoch from starts_at) * 1000)::bigint as starts_at_ms,
    (extract(epoch from sale_opens_at) * 1000)::bigint as opens_at_ms,
    (extract(epoch from sale_closes_at) * 1000)::bigint as closes_at_ms";

/// One event, drafts too.
pub(super) async fn event(database: &Database, id: &str) -> Result<EventRow, Problem> {
    let text = format!("select {COLUMNS} from office.event where id = $1");
    let find = |pool: PgPool| async move {
        sqlx::query_as(sqlx::AssertSqlSafe(text)).bind(id).fetch_optional(&pool).await
    };
    let found = database.run(find).await?;
    found.ok_or_else(|| Problem::new(Code::EventNotFound))
}

/// Moves the window of an event that still has this revision.
pub(super) async fn move_window(
    database: &Database,
    id: &str,
    revision: i64,
    edit: WindowEdit,
) -> Result<EventRow, Problem> {
    let text = format!(
        "update office.event set sale_opens_at = to_timestamp($3::double precision / 1000),
             sale_closes_at = to_timestamp($4::double precision / 1000),
             short_notice_reason = $5, updated_at = now()
         where id = $1 and revision = $2 returning {COLUMNS}"
    );
    let edit = |pool: PgPool| async move {
        sqlx::query_as(sqlx::AssertSqlSafe(text))
            .bind(id)
            .bind(revision)
            .bind(edit.opens_at_ms)
            .bind(edit.closes_at_ms)
            .bind(edit.short_notice_reason)
            .fetch_optional(&pool)
            .await
    };
    let edited = database.run(edit).await?;
    edited.ok_or_else(|| Problem::new(Code::VersionMismatch))
}

/// Ends the window at this moment, unless it ends before.
pub(super) async fn close(database: &Database, id: &str, at_ms: u64) -> Result<EventRow, Problem> {
    let text = format!(
        "update office.event set updated_at = now(), sale_closes_at =
             least(sale_closes_at, to_timestamp($2::double precision / 1000))
         where id = $1 and sale_opens_at < to_timestamp($2::double precision / 1000)
         returning {COLUMNS}"
    );
    let close = |pool: PgPool| async move {
        let at_ms = i64::try_from(at_ms).unwrap_or(i64::MAX);
        sqlx::query_as(sqlx::AssertSqlSafe(text)).bind(id).bind(at_ms).fetch_optional(&pool).await
    };
    match database.run(close).await? {
        Some(closed) => Ok(closed),
        None => {
            let known = event(database, id).await?;
            let opens_at = crate::clock::text_signed(known.opens_at_ms);
            Err(Problem::new(Code::SaleNotOpen).fact("opens_at", opens_at))
        }
    }
}

/// The codes and tiers of an event.
pub(super) async fn codes(
    database: &Database,
    id: &str,
) -> Result<(Vec<CodeRecord>, Vec<TierRecord>), Problem> {
    type Row = (Json<Vec<CodeRecord>>, Json<Vec<TierRecord>>);
    let find = |pool: PgPool| async move {
        sqlx::query_as::<_, Row>("select codes, tiers from office.event where id = $1")
            .bind(id)
            .fetch_optional(&pool)
            .await
    };
    let found = database.run(find).await?;
    let (codes, tiers) = found.ok_or_else(|| Problem::new(Code::EventNotFound))?;
    Ok((codes.0, tiers.0))
}

/// Why codes were not changed.
enum CodesFault {
    NoEvent,
    TooMany,
}

/// Changes an event's codes; whoever comes at the same time waits.
pub(super) async fn change_codes(
    database: &Database,
    id: &str,
    change: impl FnOnce(&mut Vec<CodeRecord>),
) -> Result<(), Problem> {
    let edit = |pool: PgPool| async move {
        let mut own = own_connection(&pool).await?;
        let mut all = own.begin().await?;
        let found: Option<Json<Vec<CodeRecord>>> =
            sqlx::query_scalar("select codes from office.event where id = $1 for update")
                .bind(id)
                .fetch_optional(&mut *all)
                .await?;
        let Some(Json(mut codes)) = found else { return Ok(Err(CodesFault::NoEvent)) };
        let before = codes.clone();
        change(&mut codes);
        if codes.len() > CODES_MAX {
            return Ok(Err(CodesFault::TooMany));
        }
        if codes != before {
            sqlx::query("update office.event set codes = $2, updated_at = now() where id = $1")
                .bind(id)
                .bind(Json(codes))
                .execute(&mut *all)
                .await?;
            all.commit().await?;
        }
        Ok(Ok(()))
    };
    match database.run(edit).await? {
        Ok(()) => Ok(()),
        Err(CodesFault::NoEvent) => Err(Problem::new(Code::EventNotFound)),
        Err(CodesFault::TooMany) => {
            Err(Problem::invalid_at("/codes", "an event has 10,000 codes at most"))
        }
    }
}

/// Keeps the plan that the grid has now, with its tiers.
pub(super) async fn keep_plan(
    database: &Database,
    id: &str,
    plan: &StoredPlan,
    tiers: &[TierRecord],
) -> Result<(), Problem> {
    let keep = |pool: PgPool| async move {
        sqlx::query(
            "update office.event set plan = $2, tiers = $3, updated_at = now() where id = $1
             and (plan <> $2 or tiers <> $3)",
        )
        .bind(id)
        .bind(Json(plan))
        .bind(Json(tiers))
        .execute(&pool)
        .await
    };
    database.run(keep).await?;
    Ok(())
}
