//! The catalogue's rows as staff edits them: an event's window, codes, tiers and plan, each edit in
//! one transaction. Times travel as milliseconds since 1970.

use http_api::{Code, Problem};
use sqlx::types::Json;
use sqlx::{Connection, FromRow, PgConnection, PgPool};

use super::entries::Fault;
use crate::catalogue::{CodeRecord, StoredPlan, TierRecord};
use crate::database::Database;
use crate::database::own_connection;

/// Codes of one event in the catalogue, as many as the grid takes.
const CODES_MAX: usize = 10_000;

/// The window of an event.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub(super) struct WindowRow {
    pub(super) opens_at_ms: i64,
    pub(super) closes_at_ms: i64,
}

const COLUMNS: &str = "(extract(epoch from sale_opens_at) * 1000)::bigint as opens_at_ms,
    (extract(epoch from sale_closes_at) * 1000)::bigint as closes_at_ms";

/// The window of an event, drafts too.
async fn window(database: &Database, id: &str) -> Result<WindowRow, Problem> {
    let text = format!("select {COLUMNS} from office.event where id = $1");
    let find = |pool: PgPool| async move {
        sqlx::query_as(sqlx::AssertSqlSafe(text)).bind(id).fetch_optional(&pool).await
    };
    let found = database.run(find).await?;
    found.ok_or_else(|| Problem::new(Code::EventNotFound))
}

/// Ends the window at this moment, unless it ends before.
pub(super) async fn close(database: &Database, id: &str, at_ms: u64) -> Result<(), Problem> {
    let close = |pool: PgPool| async move {
        let at_ms = i64::try_from(at_ms).unwrap_or(i64::MAX);
        let text = "update office.event set updated_at = now(), sale_closes_at =
                 least(sale_closes_at, to_timestamp($2::double precision / 1000))
             where id = $1 and sale_opens_at < to_timestamp($2::double precision / 1000)";
        sqlx::query(text).bind(id).bind(at_ms).execute(&pool).await
    };
    if database.run(close).await?.rows_affected() == 1 {
        return Ok(());
    }
    let known = window(database, id).await?;
    let opens_at = crate::clock::text_signed(known.opens_at_ms);
    Err(Problem::new(Code::SaleNotOpen).fact("opens_at", opens_at))
}

/// The window of an event whose row stays so until the transaction ends.
pub(super) async fn kept_window(db: &mut PgConnection, id: &str) -> Result<WindowRow, Fault> {
    let text = format!("select {COLUMNS} from office.event where id = $1 for share");
    let found = sqlx::query_as(sqlx::AssertSqlSafe(text)).bind(id).fetch_optional(db).await?;
    found.ok_or_else(|| Problem::new(Code::EventNotFound).into())
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
