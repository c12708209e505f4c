//! Guesses at passwords. Counted in PostgreSQL by digests, for every identifier alike, whether
//! somebody has it or not: so the count says nothing about who is here, and no restart forgets it.

use sqlx::PgPool;

use crate::database::{Database, DatabaseError};

/// Wrong passwords in a row for one identifier from one network before it rests.
const NEAR_MAX: i32 = 5;
/// The same from everywhere: above it somebody guesses from many addresses.
const FAR_MAX: i32 = 50;
/// Guesses this old are forgotten.
const FORGET: &str = "15 minutes";
/// The first rest, seconds; it doubles with each further guess, up to [`REST_MAX_S`].
const REST_S: f64 = 60.0;
/// The longest rest, seconds.
const REST_MAX_S: f64 = 900.0;

/// Who is guessed at: from one network, and from everywhere.
#[derive(Debug, Clone)]
pub(crate) struct Guessed {
    pub(crate) near: Vec<u8>,
    pub(crate) far: Vec<u8>,
}

/// For how many more seconds nobody may try; nothing when they may.
pub(crate) async fn rest_s(
    database: &Database,
    who: &Guessed,
) -> Result<Option<u64>, DatabaseError> {
    let keys = vec![who.near.clone(), who.far.clone()];
    let rest: Option<f64> = database
        .run(|pool| async move {
            sqlx::query_scalar(
                "select max(extract(epoch from locked_until - now())::double precision)
                 from office.guess where key = any($1) and locked_until > now()",
            )
            .bind(keys)
            .fetch_one(&pool)
            .await
        })
        .await?;
    Ok(rest.map(|rest| rest.ceil().max(1.0) as u64))
}

/// Counts a wrong password.
pub(crate) async fn note(database: &Database, who: &Guessed) -> Result<(), DatabaseError> {
    let keys = [(who.near.clone(), NEAR_MAX), (who.far.clone(), FAR_MAX)];
    database
        .run(|pool| async move {
            for (key, max) in keys {
                note_one(&pool, key, max).await?;
            }
            Ok(())
        })
        .await
}

async fn note_one(pool: &PgPool, key: Vec<u8>, max: i32) -> Result<(), sqlx::Error> {
    let text = format!(
        "insert into office.guess as g (key, failures) values ($1, 1)
         on conflict (key) do update set last_at = now(),
             failures = case when g.last_at < now() - interval '{FORGET}'
                 then 1 else g.failures + 1 end,
             locked_until = case when g.last_at >= now() - interval '{FORGET}'
                     and g.failures + 1 >= $2
                 then now() + make_interval(secs =>
                     least($3 * power(2, least(g.failures + 1 - $2, 10)), $4))
                 end"
    );
    sqlx::query(sqlx::AssertSqlSafe(text))
        .bind(key)
        .bind(max)
        .bind(REST_S)
        .bind(REST_MAX_S)
        .execute(pool)
        .await
        .map(drop)
}

/// Forgets the guesses from where the right password came.
pub(crate) async fn forgive(database: &Database, who: &Guessed) -> Result<(), DatabaseError> {
    let key = who.near.clone();
    database
        .run(|pool| async move {
            sqlx::query("delete from office.guess where key = $1").bind(key).execute(&pool).await
        })
        .await
        .map(drop)
}
