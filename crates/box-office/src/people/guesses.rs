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

/// Counts a try before it is looked at; for how many more seconds nobody may try, when so, and then it
/// does not count. One statement, so that of tries which arrive together only as many pass as may.
pub(crate) async fn begin(
    database: &Database,
    who: &Guessed,
) -> Result<Option<u64>, DatabaseError> {
    let (near, far) = (who.near.clone(), who.far.clone());
    let counted = database
        .run(|pool| async move {
            // One after the other in one order, and the dearer one only where the nearer let it pass.
            if let Some(rest) = count(&pool, &near, NEAR_MAX).await? {
                return Ok(Some(rest));
            }
            let rest = count(&pool, &far, FAR_MAX).await?;
            if rest.is_some() {
                uncount(&pool, near).await?;
            }
            Ok(rest)
        })
        .await?;
    Ok(counted.map(|rest| rest.ceil().max(1.0) as u64))
}

/// Counts one try unless that key rests; the seconds that it rests for.
async fn count(pool: &PgPool, key: &[u8], max: i32) -> Result<Option<f64>, sqlx::Error> {
    let text = format!(
        "insert into office.guess as g (key, failures) values ($1, 1)
         on conflict (key) do update set last_at = now(),
             failures = case when g.last_at < now() - interval '{FORGET}'
                 then 1 else g.failures + 1 end,
             locked_until = case when g.last_at >= now() - interval '{FORGET}'
                     and g.failures + 1 >= $2
                 then now() + make_interval(secs =>
                     least($3 * power(2, least(g.failures + 1 - $2, 10)), $4))
                 end
         where g.locked_until is null or g.locked_until <= now()"
    );
    let done = sqlx::query(sqlx::AssertSqlSafe(text))
        .bind(key)
        .bind(max)
        .bind(REST_S)
        .bind(REST_MAX_S)
        .execute(pool)
        .await?;
    if done.rows_affected() == 1 {
        return Ok(None);
    }
    let rest: Option<f64> = sqlx::query_scalar(
        "select extract(epoch from locked_until - now())::double precision
         from office.guess where key = $1",
    )
    .bind(key)
    .fetch_optional(pool)
    .await?
    .flatten();
    Ok(Some(rest.unwrap_or(REST_S)))
}

/// Takes one try back that was no wrong guess.
pub(crate) async fn undo(database: &Database, who: &Guessed) -> Result<(), DatabaseError> {
    let (near, far) = (who.near.clone(), who.far.clone());
    database
        .run(|pool| async move {
            uncount(&pool, near).await?;
            uncount(&pool, far).await
        })
        .await
}

/// Takes one try back with the rest that it caused. Where there is a rest, this try caused it: from the
/// limit on tries pass one at a time, each when the rest before it is over.
async fn uncount(pool: &PgPool, key: Vec<u8>) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update office.guess set failures = greatest(failures - 1, 0), locked_until = null
         where key = $1",
    )
    .bind(key)
    .execute(pool)
    .await
    .map(drop)
}

/// Forgets the guesses from where the right password came, and this try everywhere.
pub(crate) async fn forgive(database: &Database, who: &Guessed) -> Result<(), DatabaseError> {
    let (near, far) = (who.near.clone(), who.far.clone());
    database
        .run(|pool| async move {
            sqlx::query("delete from office.guess where key = $1")
                .bind(near)
                .execute(&pool)
                .await?;
            uncount(&pool, far).await
        })
        .await
}
