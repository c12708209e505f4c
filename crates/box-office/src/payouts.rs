//! Refunds that were paid out by hand, as the tables keep them.

use inventory::RefundId;
use sqlx::FromRow;
use uuid::Uuid;

use crate::database::{Database, DatabaseError, Work};

/// A payout to be noted.
pub(crate) struct NewPayout<'a> {
    /// The refund that no gateway carries out.
    pub(crate) refund: RefundId,
    pub(crate) amount_minor: i64,
    /// ISO 4217.
    pub(crate) currency: &'a str,
    /// Of the document that says so.
    pub(crate) reference: &'a str,
    /// Who noted it; nobody for a token from a file.
    pub(crate) subject: Option<Uuid>,
}

/// The note that stays.
#[derive(FromRow)]
pub(crate) struct Payout {
    pub(crate) amount_minor: i64,
    pub(crate) currency: String,
    pub(crate) reference: String,
    pub(crate) at_ms: i64,
}

/// Begins a piece of work that is alone with a refund: it is either paid by hand or tried again, and who
/// does the one waits until the other is done.
pub(crate) async fn alone(database: &Database, refund: RefundId) -> Result<Work, DatabaseError> {
    let mut work = database.begin().await?;
    sqlx::query("select pg_advisory_xact_lock(hashtextextended('office.payout ' || $1, 0))")
        .bind(refund.to_string())
        .execute(work.db())
        .await
        .map_err(DatabaseError::of)?;
    Ok(work)
}

/// The document by which a refund was paid by hand, where it was.
pub(crate) async fn reference(
    work: &mut Work,
    refund: RefundId,
) -> Result<Option<String>, DatabaseError> {
    sqlx::query_scalar("select reference from office.payout where refund_id = $1")
        .bind(refund.to_string())
        .fetch_optional(work.db())
        .await
        .map_err(DatabaseError::of)
}

/// Notes a payout; the first note stays and is what is told.
pub(crate) async fn note(work: &mut Work, new: NewPayout<'_>) -> Result<Payout, DatabaseError> {
    let refund = new.refund.to_string();
    sqlx::query(
        "insert into office.payout (refund_id, amount_minor, currency, reference, subject)
         values ($1, $2, $3, $4, $5) on conflict (refund_id) do nothing",
    )
    .bind(&refund)
    .bind(new.amount_minor)
    .bind(new.currency)
    .bind(new.reference)
    .bind(new.subject)
    .execute(work.db())
    .await
    .map_err(DatabaseError::of)?;
    sqlx::query_as(
        "select amount_minor, currency, reference, (extract(epoch from at) * 1000)::bigint as at_ms
         from office.payout where refund_id = $1",
    )
    .bind(refund)
    .fetch_one(work.db())
    .await
    .map_err(DatabaseError::of)
}
