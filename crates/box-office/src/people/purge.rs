//! What has ended and says nothing any more is deleted: sessions with their tokens, codes and their
//! counts, guesses at passwords, messages, jobs, documents, what was reminded of.

use crate::database::{Database, DatabaseError};

/// Rows of one kind that go at once; the next look takes more.
const ROWS_MAX: i64 = 10_000;

/// What goes, and when: sessions stay a month, so that a stolen token is still known as one.
const ENDED: [&str; 9] = [
    "delete from office.session where id in (select id from office.session
         where least(expires_at, revoked_at) < now() - interval '30 days' limit $1)",
    "delete from office.contact_change where id in (select id from office.contact_change
         where expires_at < now() - interval '1 day' limit $1)",
    "delete from office.telegram_code where code_hash in (select code_hash
         from office.telegram_code where expires_at < now() limit $1)",
    "delete from office.guess where key in (select key from office.guess
         where last_at < now() - interval '1 day' limit $1)",
    "delete from office.code_count where key in (select key from office.code_count
         where since < now() - interval '1 day' limit $1)",
    "delete from office.message where id in (select id from office.message
         where ended_at < now() - interval '90 days' limit $1)",
    "delete from office.job where id in (select id from office.job
         where ended_at < now() - case status when 'done' then interval '7 days'
             else interval '90 days' end limit $1)",
    "delete from office.document where digest in (select digest from office.document
         where made_at < now() - interval '1 day' limit $1)",
    "delete from office.reminder where (event_id, starts_at) in (select event_id, starts_at
         from office.reminder where starts_at < now() - interval '1 day' limit $1)",
];

/// Deletes a part of what has ended; how many rows.
pub(crate) async fn purge(database: &Database) -> Result<u64, DatabaseError> {
    let mut gone = 0;
    for text in ENDED {
        let delete = |pool: sqlx::PgPool| async move {
            sqlx::query(text).bind(ROWS_MAX).execute(&pool).await
        };
        gone += database.run(delete).await?.rows_affected();
    }
    Ok(gone)
}
