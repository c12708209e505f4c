//! Ticket documents on their way: asked for by the office as a job, made by a worker, kept sealed for a
//! day, so that a second look costs nothing.
//!
//! A document is named by a digest of all that it says and its form: another seat, time or price is
//! another document, and nobody is shown an old one.

use http_api::{from_hex, to_hex};
use std::sync::Arc;

use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;

use crate::database::{Database, DatabaseError, own_connection};
use crate::jobs::{self, Ended, NewJob, TakenJob};
use crate::sealing::ContactKey;
use crate::ticket_format::{TicketFormats, TicketSheet};

/// The kind of the jobs.
pub(crate) const KIND: &str = "ticket_document";
/// Somebody waits for it on a page.
const PRIORITY: i16 = 1;
/// Attempts: the work is pure, only PostgreSQL can be away.
const ATTEMPTS_MAX: i32 = 5;

/// A document's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DocumentName([u8; 32]);

/// What a worker is to make.
#[derive(Serialize, Deserialize)]
struct Wish {
    extension: String,
    sheet: TicketSheet,
}

impl DocumentName {
    pub(crate) fn of(extension: &str, sheet: &TicketSheet) -> Self {
        let said = serde_json::to_vec(&(extension, sheet)).expect("a sheet is plain strings");
        let digest = digest(&SHA256, &said);
        Self(digest.as_ref().try_into().expect("SHA-256 has 32 bytes"))
    }

    fn hex(&self) -> String {
        to_hex(&self.0)
    }

    fn parse(hex: &str) -> Option<Self> {
        from_hex(hex).map(Self)
    }

    fn about(&self) -> String {
        format!("seatgrid document {}", self.hex())
    }
}

/// The document, if it is there.
pub(crate) async fn find(
    database: &Database,
    keys: &ContactKey,
    name: DocumentName,
) -> Result<Option<Vec<u8>>, DatabaseError> {
    let find = |pool: PgPool| async move {
        sqlx::query_scalar::<_, Vec<u8>>("select sealed from office.document where digest = $1")
            .bind(name.0.as_slice())
            .fetch_optional(&pool)
            .await
    };
    let sealed = database.run(find).await?;
    // One of another key's time is made anew.
    Ok(sealed.and_then(|sealed| keys.open_about(&name.about(), &sealed).ok()))
}

/// Asks workers for the document.
pub(crate) async fn ask(
    database: &Database,
    keys: &ContactKey,
    (extension, sheet): (&str, &TicketSheet),
) -> Result<(), DatabaseError> {
    let name = DocumentName::of(extension, sheet);
    let wish = Wish { extension: extension.to_owned(), sheet: sheet.clone() };
    let plain = serde_json::to_vec(&wish).expect("a sheet is plain strings");
    let payload = keys.seal_about(&name.about(), &plain);
    let payload = payload.map_err(|error| DatabaseError::Away(error.to_string()))?;
    let (once, attempts_max) = (name.hex(), ATTEMPTS_MAX);
    let job = NewJob { kind: KIND, once, priority: PRIORITY, attempts_max, payload };
    let put = |pool: PgPool| async move {
        let mut own = own_connection(&pool).await?;
        jobs::put(&mut own, &job).await
    };
    database.run(put).await
}

/// Makes the document of a job.
pub(crate) async fn make(database: &Database, keys: &Arc<ContactKey>, job: &TakenJob) -> Ended {
    let Some(name) = DocumentName::parse(&job.once) else {
        return Ended::Hopeless("the job's name is none of a document".to_owned());
    };
    let (keys, payload) = (keys.clone(), job.payload.clone());
    let made = tokio::task::spawn_blocking(move || sealed(&keys, name, &payload)).await;
    let sealed = match made {
        Ok(Ok(sealed)) => sealed,
        Ok(Err(error)) => return Ended::Hopeless(error),
        Err(_) => return Ended::Hopeless("the form panicked".to_owned()),
    };
    let keep = |pool: PgPool| async move {
        sqlx::query(
            "insert into office.document (digest, sealed) values ($1, $2)
             on conflict (digest) do update set sealed = excluded.sealed, made_at = now()",
        )
        .bind(name.0.as_slice())
        .bind(sealed)
        .execute(&pool)
        .await
    };
    match database.run(keep).await {
        Ok(_) => Ended::Done,
        Err(error) => Ended::Failed(error.to_string()),
    }
}

fn sealed(keys: &ContactKey, name: DocumentName, payload: &[u8]) -> Result<Vec<u8>, String> {
    let plain = keys.open_about(&name.about(), payload).map_err(|error| error.to_string())?;
    let wish: Wish = serde_json::from_slice(&plain).map_err(|_| "the wish cannot be read")?;
    let formats = TicketFormats::standard();
    let format = formats.by_extension(&wish.extension).ok_or("there is no such form")?;
    let document = format.make(&wish.sheet).map_err(|error| error.to_string())?;
    keys.seal_about(&name.about(), &document).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_back_and_nothing_else_is_one() {
        let name = DocumentName([7; 32]);
        assert_eq!(DocumentName::parse(&name.hex()), Some(name));
        for wrong in ["", "07", &"x".repeat(64), &"é".repeat(32)] {
            assert_eq!(DocumentName::parse(wrong), None, "{wrong}");
        }
    }
}
