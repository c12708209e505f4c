//! Administrators are written to when something failed for good: once for each failure, several in one
//! letter. Failures are named by kind and number alone, so that no letter says anything of a buyer.
//!
//! In the flow: the worker looks at [`crate::failures`], notes what is new and puts letters into the queue
//! of messages in one transaction. A letter of this kind that fails itself is told to nobody.

use std::fmt::Write;
use std::sync::Arc;

use sqlx::PgConnection;

use crate::database::{Database, DatabaseError};
use crate::failures::{self, Failure};
use crate::messages::{self, Letter, Outgoing};
use crate::people::store::{AccountRow, COLUMNS, note_access};
use crate::sealing::ContactKey;

/// What these letters are, among messages.
pub(crate) const KIND: &str = "alarm";
/// Administrators written to at most.
const ADMINISTRATORS_MAX: i64 = 20;
/// The newest failures of each source that one look goes through.
const LOOKED_AT_MAX: i64 = 1_000;
/// Failures named in one letter; the rest is counted.
const NAMED_MAX: usize = 30;

/// Writes to administrators.
pub(crate) struct Alarms {
    pub(crate) database: Arc<Database>,
    pub(crate) keys: Arc<ContactKey>,
}

impl Alarms {
    /// One look; how many failures were new.
    pub(crate) async fn look(&self) -> Result<usize, DatabaseError> {
        let failures = failures::list(&self.database, None, LOOKED_AT_MAX).await?;
        let failures =
            failures.into_iter().filter(|one| !(one.kind == "message" && one.about == KIND));
        let failures: Vec<Failure> = failures.collect();
        if failures.is_empty() {
            return Ok(0);
        }
        let mut work = self.database.begin().await?;
        let told = self.tell(work.db(), failures).await.map_err(DatabaseError::of)?;
        work.commit().await?;
        Ok(told)
    }

    async fn tell(
        &self,
        db: &mut PgConnection,
        failures: Vec<Failure>,
    ) -> Result<usize, sqlx::Error> {
        let mut new = Vec::new();
        for failure in failures {
            if note_told(&mut *db, &failure).await? {
                new.push(failure);
            }
        }
        if !new.is_empty() {
            self.write(db, &new).await?;
        }
        Ok(new.len())
    }

    async fn write(&self, db: &mut PgConnection, new: &[Failure]) -> Result<(), sqlx::Error> {
        let text = format!(
            "select {COLUMNS} from office.account a
             where a.role = 'administrator' and a.erased_at is null order by a.id limit $1"
        );
        let administrators: Vec<AccountRow> = sqlx::query_as(sqlx::AssertSqlSafe(text))
            .bind(ADMINISTRATORS_MAX)
            .fetch_all(&mut *db)
            .await?;
        for account in administrators {
            // One who has no address yet reads the list of failures instead.
            let Ok((_, profile)) = account.open(&self.keys) else { continue };
            if !profile.email.contains('@') {
                continue;
            }
            let letter = letter(profile.email, new);
            if let Ok(outgoing) = Outgoing::new(&self.keys, Some(account.id), KIND, &letter) {
                messages::put(&mut *db, &outgoing).await?;
                note_access(&mut *db, account.id, "worker", "alarm").await?;
            }
        }
        Ok(())
    }
}

/// Notes that a failure is told; whether it was not before. What was tried again and failed again is
/// another failure: it is told by its time, which is its own and no clock's here.
async fn note_told(db: &mut PgConnection, failure: &Failure) -> Result<bool, sqlx::Error> {
    sqlx::query(
        "delete from office.failure_told
         where kind = $1 and id = $2 and at < to_timestamp($3::double precision / 1000)",
    )
    .bind(&failure.kind)
    .bind(&failure.id)
    .bind(failure.at_ms)
    .execute(&mut *db)
    .await?;
    let done = sqlx::query(
        "insert into office.failure_told (kind, id, at)
         values ($1, $2, to_timestamp($3::double precision / 1000)) on conflict do nothing",
    )
    .bind(&failure.kind)
    .bind(&failure.id)
    .bind(failure.at_ms)
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

fn letter(to: String, new: &[Failure]) -> Letter {
    let count = new.len();
    let mut text = String::from("Нужен человек / A person is needed:\n\n");
    for failure in new.iter().take(NAMED_MAX) {
        let (kind, id, about) = (&failure.kind, &failure.id, &failure.about);
        // Writing to a string does not fail.
        let _ = writeln!(text, "{kind} {id} ({about})");
    }
    if count > NAMED_MAX {
        let _ = writeln!(text, "+ {}", count - NAMED_MAX);
    }
    text.push_str("\nСписок и повтор / The list, with another try: /api/v1/admin/errors\n");
    Letter { to, subject: format!("seatgrid: сбоев / failures: {count}"), text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_names_failures_and_bounds_them() {
        let failure = |n: usize| Failure {
            kind: "refund".into(),
            id: format!("r1-{n}"),
            about: "o1-5".into(),
            error: Some("secret".into()),
            at_ms: 0,
        };
        let many: Vec<Failure> = (0..40).map(failure).collect();
        let letter = letter("admin@example.org".into(), &many);
        assert!(letter.text.contains("refund r1-0 (o1-5)") && letter.text.contains("+ 10"));
        assert!(!letter.text.contains("secret"), "what a gateway said may name a person");
    }
}
