//! Parked records and what people do with them: list, show, retry once the cause is gone, discard with
//! a reason. Each decision is a row of the ledger.
//!
//! A record that is retried is old by then: its things may have changed since, and those changes found
//! no row to change. So the record is written together with what the grid says of its things now, which
//! makes the tables right whatever was missed.

use std::sync::Arc;
use std::time::Duration;

use inventory::{Change, FeedPosition, LedgerRecord, SeatIx, codec};
use processing_unit::{GridError, ShardId};
use serde::Serialize;

use crate::attempts::{Decision, Verdict};
use crate::batch::{Batch, MapError};
use crate::now::Now;
use crate::sink::{Checkpoint, Parked, Sink, WriteError};
use crate::terms::TermsByEvent;
use crate::{EventTerms, FeedSource};

/// How long the shard's rows may take to reach the moment at which the grid was asked. Refused attempts
/// wait behind a retry, so it is short.
const REACH_MAX: Duration = Duration::from_secs(3);
/// Between looks at the shard's checkpoint.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A parked record as an operator sees it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct QuarantineEntry {
    pub(crate) id: i64,
    pub(crate) shard: u32,
    pub(crate) log_index: u64,
    pub(crate) ordinal: u32,
    pub(crate) sqlstate: String,
    pub(crate) error: String,
    pub(crate) parked_at_ms: u64,
    /// `retried` or `discarded`, when a person has decided.
    pub(crate) resolution: Option<String>,
    pub(crate) resolved_by: Option<String>,
    pub(crate) reason: Option<String>,
    /// The record; only when one is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) record: Option<serde_json::Value>,
}

/// Why a decision was not carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CarryError {
    #[error("there is no open record {0} in quarantine")]
    NotFound(i64),
    #[error("the parked record cannot be read")]
    Unreadable,
    #[error("the grid does not tell what has become of it: {0}")]
    Grid(#[from] GridError),
    #[error("the tables are behind the grid; try again once the writer has caught up")]
    Behind,
    #[error("it still is no row: {0}")]
    Map(#[from] MapError),
    #[error("the database still does not take it: {0}")]
    Write(#[from] WriteError),
}

/// Carries out a decision in one transaction that extends the chain of attempts from `at`.
pub(crate) async fn carry_out<S: FeedSource>(
    source: &S,
    sink: &Sink,
    at: &Checkpoint,
    decision: &Decision,
) -> Result<Checkpoint, CarryError> {
    let parked = sink.parked(decision.id).await?.ok_or(CarryError::NotFound(decision.id))?;
    let batch = match decision.verdict {
        Verdict::Retry => {
            let (batch, asked_at) = as_of_now(source, &parked).await?;
            reached(sink, parked.shard, asked_at).await?;
            batch
        }
        Verdict::Discard(_) => Batch::default(),
    };
    Ok(sink.resolve(at, decision, &parked, &batch).await?)
}

/// Waits until the shard's rows are as far as the grid was when it was asked: no row of a retried
/// record may be newer than the checkpoint says that rows are.
async fn reached(sink: &Sink, shard: ShardId, asked_at: FeedPosition) -> Result<(), CarryError> {
    let looks = async {
        loop {
            let at = sink.checkpoint(shard).await?;
            if at.is_some_and(|at| at.position >= asked_at) {
                return Ok(());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    tokio::time::timeout(REACH_MAX, looks).await.unwrap_or(Err(CarryError::Behind))
}

/// The parked record's rows, its things as they are in the grid now, and the position of that moment.
async fn as_of_now<S: FeedSource>(
    source: &S,
    parked: &Parked,
) -> Result<(Batch, FeedPosition), CarryError> {
    let record: LedgerRecord =
        codec::decode(&parked.encoded).map_err(|_| CarryError::Unreadable)?;
    let terms = Arc::new(EventTerms::new(&source.plan(record.event).await?));
    let known = TermsByEvent::from([(record.event, Arc::clone(&terms))]);
    let mut batch = Batch::of(std::slice::from_ref(&record), &known)?;
    batch.ledger.clear();
    let now = source.check(record.event).await?;
    put(&Now { checked: &now, terms, held_until_ms: 0 }, &record.change, &mut batch);
    Ok((batch, now.position))
}

/// Everything that the change names.
fn put(now: &Now<'_>, change: &Change, batch: &mut Batch) {
    let seats: Vec<SeatIx> = batch.seats.keys().map(|(_, seat)| *seat).collect();
    for seat in seats {
        now.put_seat(seat, batch);
    }
    let (order, payment, refund) = named(change);
    if let Some(order) = now.checked.orders.iter().find(|o| Some(o.no) == order) {
        now.put_order(order, batch);
    }
    if let Some(payment) = now.checked.payments.iter().find(|p| Some(p.no) == payment) {
        now.put_payment(payment, batch);
    }
    if let Some(refund) = now.checked.refunds.iter().find(|r| Some(r.no) == refund) {
        now.put_refund(refund, batch);
    }
}

/// The order, payment and refund that a change names.
fn named(change: &Change) -> (Option<u64>, Option<u64>, Option<u64>) {
    match change {
        Change::OrderPlaced { order, .. }
        | Change::OrderChanged { order, .. }
        | Change::SeatsReturned { order, .. }
        | Change::HoldExtended { order: Some(order), .. }
        | Change::SeatsSold { order, .. } => (Some(*order), None, None),
        Change::PaymentStarted { payment, order, .. }
        | Change::PaymentRecorded { payment, order, .. }
        | Change::PaymentSettled { payment, order, .. } => (Some(*order), Some(*payment), None),
        Change::RefundChanged { refund, payment, order, .. } => {
            (Some(*order), Some(*payment), Some(*refund))
        }
        Change::SaleOpened { .. }
        | Change::HoldGranted { .. }
        | Change::HoldReleased { .. }
        | Change::HoldExpired { .. }
        | Change::HoldExtended { order: None, .. }
        | Change::HoldWithdrawn { .. }
        | Change::SaleChanged(_)
        | Change::SeatsBlocked { .. }
        | Change::SeatsUnblocked { .. }
        | Change::SeatsRemoved { .. }
        | Change::SeatsAdded { .. }
        | Change::PlanReplaced { .. }
        | Change::WaitlistChanged { .. } => (None, None, None),
    }
}
