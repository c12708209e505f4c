//! What a gateway's notification leads to: the object it names is followed, never the notification
//! itself. Shared by the office, which processes what just came, and the worker, which finds in the
//! journal what was left over.

use std::time::Instant;

use inventory::{OrderId, PaymentId};
use payments::{Notification, NotificationError};
use processing_unit::GridError;

use crate::database::Database;
use crate::refunding::{self, due_of};
use crate::settlement::{FollowError, Followed, PaymentEnd, Settlement, within};
use crate::webhook_journal::{self, End, Ended, Waiting};

/// What came of a notification, with a note for the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) end: End,
    pub(crate) note: String,
}

/// Reads a body in the provider's language.
pub(crate) fn parse(
    settlement: &Settlement,
    provider: &str,
    body: &[u8],
) -> Result<Result<Notification, NotificationError>, FollowError> {
    Ok(settlement.provider(provider)?.parse_notification(body))
}

/// Follows the object that a notification names.
pub(crate) async fn process(
    settlement: &Settlement,
    provider: &str,
    notification: &Notification,
    refund_attempts_max: u32,
    deadline: Instant,
) -> Result<Outcome, FollowError> {
    if notification.kind.is_refund() {
        let refund_ref = &notification.provider_ref;
        return follow_refund(settlement, provider, refund_ref, refund_attempts_max, deadline)
            .await;
    }
    let followed =
        settlement.follow_reference(provider, &notification.provider_ref, deadline).await?;
    Ok(outcome_of(&followed))
}

/// Processes a journaled body.
pub(crate) async fn process_stored(
    settlement: &Settlement,
    waiting: &Waiting,
    refund_attempts_max: u32,
    deadline: Instant,
) -> Result<Ended, FollowError> {
    let provider = &waiting.provider;
    let outcome = match parse(settlement, provider, &waiting.body)? {
        Ok(notification) => {
            process(settlement, provider, &notification, refund_attempts_max, deadline).await?
        }
        Err(error) => Outcome { end: End::Ignored, note: error.to_string() },
    };
    count(provider, outcome.end.as_str());
    Ok(Ended { id: waiting.id, end: outcome.end, note: outcome.note })
}

/// Puts off what could not be processed now.
pub(crate) async fn put_off(database: &Database, waiting: &Waiting, error: &FollowError) {
    count(&waiting.provider, "put_off");
    if let Err(error) = webhook_journal::put_off(database, waiting.id, &error.to_string()).await {
        tracing::debug!(%error, "a notification was not put off, it is looked at again anyway");
    }
}

pub(crate) fn count(provider: &str, end: &'static str) {
    let provider = provider.to_owned();
    metrics::counter!("seatgrid_notices_total", "provider" => provider, "end" => end).increment(1);
}

fn outcome_of(followed: &Followed) -> Outcome {
    let (end, note) = match followed {
        Followed::Ended(PaymentEnd::Now(settled)) => {
            let to = settled.settled_as.map_or("canceled", |end| end.as_str());
            (End::Done, format!("{} {to}", settled.payment))
        }
        Followed::Ended(PaymentEnd::Before) => (End::Done, "was settled before".to_owned()),
        Followed::Open => (End::Ignored, "the payment is still open at the gateway".to_owned()),
        Followed::Quarantined(mismatch) => {
            (End::Ignored, format!("contradicts our record: {}", mismatch.as_str()))
        }
        Followed::NoSuchObject => (End::Ignored, "the gateway has no such object".to_owned()),
        Followed::NotOurs { captured: true } => {
            (End::Ignored, "money was taken for a payment that is not ours".to_owned())
        }
        Followed::NotOurs { captured: false } => (End::Ignored, "not ours".to_owned()),
    };
    Outcome { end, note }
}

/// A refund's news: the refunds of its payment that are still open are asked about again.
async fn follow_refund(
    settlement: &Settlement,
    provider: &str,
    refund_ref: &str,
    attempts_max: u32,
    deadline: Instant,
) -> Result<Outcome, FollowError> {
    let ignored = |note: &str| Outcome { end: End::Ignored, note: note.to_owned() };
    let gateway = settlement.provider(provider)?;
    let refund = match within(deadline, gateway.read_refund(refund_ref)).await {
        Ok(refund) => refund,
        Err(error) if error.is_not_found() => return Ok(ignored("the gateway has no such refund")),
        Err(error) => return Err(FollowError::Gateway(error)),
    };
    let payment = within(deadline, gateway.read_payment(&refund.payment_ref)).await;
    let payment = payment.map_err(FollowError::Gateway)?;
    let Some(Ok(id)) = payment.payment_id.as_deref().map(str::parse::<PaymentId>) else {
        return Ok(ignored("not ours"));
    };
    let due = match open_refunds(settlement, id, deadline).await {
        Ok(due) => due,
        Err(GridError::NotFound) => return Ok(ignored("not ours")),
        Err(error) => return Err(error.into()),
    };
    let matching = due.iter().filter(|d| d.payment_ref.as_deref() == Some(&refund.payment_ref));
    for refund in matching {
        refunding::carry_out(settlement, refund, attempts_max, deadline).await?;
    }
    Ok(Outcome { end: End::Done, note: format!("refunds of {id}") })
}

async fn open_refunds(
    settlement: &Settlement,
    id: PaymentId,
    deadline: Instant,
) -> Result<Vec<refunding::DueRefund>, GridError> {
    let payment = settlement.grid().payment(id, deadline).await?.payment;
    let order_id = OrderId { event: id.event, no: payment.order };
    let order = settlement.grid().order(order_id, deadline).await?;
    let currency = settlement.plan(id.event, deadline).await?.sale.currency;
    Ok(due_of(&order, order_id, payment.no, currency))
}
