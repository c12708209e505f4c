//! Whether the grid has lost what its tables have: an emptied grid would sell all seats anew. Only read,
//! and only where a data writer keeps its tables in the same database.

use std::collections::BTreeSet;

use sqlx::PgPool;

/// Public ids of the events that the data writer has written; none where it never wrote.
pub(super) async fn written(pool: &PgPool) -> Result<BTreeSet<String>, sqlx::Error> {
    let there: bool =
        sqlx::query_scalar("select to_regclass('grid.event') is not null").fetch_one(pool).await?;
    if !there {
        return Ok(BTreeSet::new());
    }
    let ids: Vec<String> =
        sqlx::query_scalar("select event_id from grid.event").fetch_all(pool).await?;
    Ok(ids.into_iter().collect())
}
