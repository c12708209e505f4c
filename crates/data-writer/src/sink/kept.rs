//! `grid.recovery`.

use sqlx::PgConnection;

use super::int8;
use crate::batch::Batch;

/// Things of one statement.
const ROWS_MAX: usize = 5_000;

pub(super) async fn upsert(
    transaction: &mut PgConnection,
    batch: &Batch,
) -> Result<(), sqlx::Error> {
    let rows: Vec<_> = batch.kept.iter().collect();
    for rows in rows.chunks(ROWS_MAX) {
        let detail = |row: &&crate::kept::Kept| row.detail.clone();
        sqlx::query(
            "INSERT INTO grid.recovery AS k (event_id, kind, key, detail, version)
             SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::bigint[])
             ON CONFLICT (event_id, kind, key) DO UPDATE SET
                 detail = EXCLUDED.detail, version = EXCLUDED.version
             WHERE k.version <= EXCLUDED.version",
        )
        .bind(rows.iter().map(|(_, row)| row.terms.sale.event_id.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|((_, kind, _), _)| kind.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|((_, _, key), _)| key.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, row)| detail(row)).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, row)| int8(row.version)).collect::<Vec<_>>())
        .execute(&mut *transaction)
        .await?;
    }
    Ok(())
}
