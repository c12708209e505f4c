//! Carrying out a refund that the grid has decided: asked at the gateway with one key for ever, so
//! that however often and by however many processes it is tried, the money goes back once.
//!
//! Decides nothing about who gets money back; that is the grid's.

use std::time::Instant;

use inventory::{
    Actor, Command, Envelope, OrderId, Outcome, RecordRefund, RefundId, RefundResult, RefundStatus,
};
use payments::{CreateRefund, GatewayRefund, Money, PaymentProvider, ProviderError, Receipt};
use processing_unit::{GridError, OpenRefund, OrderAnswer};

use crate::settlement::{FollowError, Settlement, within};

/// What the shopper sees on the statement.
const DESCRIPTION: &str = "Возврат · Refund";

/// Why a refund waits that the gateway was not asked for.
const UNKNOWN_ORDER: &str = "the grid does not say what is given back";

/// A refund to carry out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueRefund {
    /// Its id.
    pub id: RefundId,
    /// The order whose money goes back.
    pub order: OrderId,
    /// How much, in minor units.
    pub amount_minor: i64,
    /// ISO 4217 letters.
    pub currency: [u8; 3],
    /// The provider's name.
    pub provider: String,
    /// The gateway's id of the payment.
    pub payment_ref: Option<String>,
    /// Attempts that failed so far.
    pub attempts: u32,
    /// How often the gateway ended it for good under its key; each time it gets a new one.
    pub key_no: u32,
}

/// How one attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    /// The money is on its way back; the grid knows.
    Succeeded,
    /// The gateway has it but is not done; ask again later.
    Waiting,
    /// It failed; the grid counts the attempt.
    Failed {
        /// Why.
        error: String,
    },
    /// The gateway canceled it for good under its key; the grid counts the attempt and gives a new
    /// key.
    Canceled {
        /// Why.
        error: String,
    },
    /// It failed for good; a person must look.
    Dead {
        /// Why.
        error: String,
    },
}

impl From<OpenRefund> for DueRefund {
    fn from(open: OpenRefund) -> Self {
        Self {
            id: open.id,
            order: OrderId { event: open.id.event, no: open.refund.order },
            amount_minor: open.refund.amount_minor,
            currency: open.currency,
            provider: open.provider,
            payment_ref: open.provider_ref,
            attempts: open.refund.attempts,
            key_no: open.refund.key_no,
        }
    }
}

/// Tries once and tells the grid what came of it.
///
/// # Errors
/// [`FollowError`] when the provider is not configured or the grid could not be told; the next
/// attempt repeats the same.
pub async fn carry_out(
    settlement: &Settlement,
    refund: &DueRefund,
    attempts_max: u32,
    deadline: Instant,
) -> Result<Attempt, FollowError> {
    let provider = settlement.provider(&refund.provider)?;
    let attempt = match request(refund) {
        Ok(request) => {
            let answer = ask((settlement, refund), &**provider, request, deadline).await;
            judge(answer, refund.attempts, attempts_max)
        }
        Err(hopeless) => Attempt::Dead { error: hopeless.to_owned() },
    };
    let result = match &attempt {
        Attempt::Waiting => return Ok(attempt),
        Attempt::Succeeded => RefundResult::Succeeded,
        Attempt::Failed { error } => RefundResult::Failed { error: error.clone() },
        Attempt::Canceled { error } => RefundResult::Canceled { error: error.clone() },
        Attempt::Dead { error } => RefundResult::Dead { error: error.clone() },
    };
    record(settlement, refund, result, deadline).await?;
    metrics::counter!("seatgrid_refund_attempts_total", "result" => label(&attempt)).increment(1);
    if let Attempt::Dead { error } = &attempt {
        tracing::error!(refund = %refund.id, error, "a refund failed for good, pay it by hand");
    }
    Ok(attempt)
}

/// The refunds of a payment that are still to be carried out.
pub(crate) fn due_of(
    order: &OrderAnswer,
    id: OrderId,
    payment: u64,
    currency: [u8; 3],
) -> Vec<DueRefund> {
    let paid = order.payments.iter().find(|p| p.no == payment);
    let open = order
        .refunds
        .iter()
        .filter(|refund| refund.payment == payment && refund.status == RefundStatus::Pending);
    open.map(|refund| DueRefund {
        id: RefundId { event: id.event, no: refund.no },
        order: id,
        amount_minor: refund.amount_minor,
        currency,
        provider: paid.map_or_else(String::new, |p| p.provider.clone()),
        payment_ref: paid.and_then(|p| p.provider_ref.clone()),
        attempts: refund.attempts,
        key_no: refund.key_no,
    })
    .collect()
}

/// What the gateway is asked for; `Err` says why there is nothing to ask, now or ever.
fn request(refund: &DueRefund) -> Result<CreateRefund, &'static str> {
    let payment_ref = refund.payment_ref.clone().ok_or("the gateway's payment id is not known")?;
    let letters = std::str::from_utf8(&refund.currency).ok().and_then(|c| c.parse().ok());
    let currency = letters.ok_or("the event's currency has no letters")?;
    Ok(CreateRefund {
        // The gateway's own id makes the key unique even between two installations of one shop.
        idempotence_key: match refund.key_no {
            0 => format!("{}.{payment_ref}", refund.id),
            again => format!("{}-{again}.{payment_ref}", refund.id),
        },
        payment_ref,
        amount: Money::new(refund.amount_minor, currency),
        description: DESCRIPTION.to_owned(),
        receipt: None,
    })
}

/// Asks for the refund and, if the gateway is not done with it, reads it as it is now: a repeat
/// tells the first answer again. Money goes back in the currency in which it was taken, which need
/// not be the event's when the gateway's payment contradicts our record.
async fn ask(
    about: (&Settlement, &DueRefund),
    provider: &dyn PaymentProvider,
    mut request: CreateRefund,
    deadline: Instant,
) -> Result<GatewayRefund, ProviderError> {
    let paid = within(deadline, provider.read_payment(&request.payment_ref)).await?;
    request.amount.currency = paid.captured.currency;
    if request.amount.minor < paid.captured.minor {
        request.receipt = receipt(about, request.amount, deadline).await?;
    }
    let bare = request.receipt.is_some().then(|| CreateRefund { receipt: None, ..request.clone() });
    let object = match (within(deadline, provider.create_refund(request)).await, bare) {
        // A receipt never keeps money from going back. The key is the same: what was begun without a
        // receipt, or before its terms changed, is told again and not done twice.
        (Err(ProviderError::Refused { code, detail }), Some(bare)) => {
            tracing::warn!(refund = %about.1.id, code, detail, "a refund's receipt is left out");
            within(deadline, provider.create_refund(bare)).await?
        }
        (answer, _) => answer?,
    };
    if object.status != payments::RefundStatus::Pending {
        return Ok(object);
    }
    within(deadline, provider.read_refund(&object.provider_ref)).await
}

/// The receipt of a part, where the gateway makes receipts. Asked again later while the grid does not say
/// what was given back: the same key must always come with the same receipt.
async fn receipt(
    (settlement, refund): (&Settlement, &DueRefund),
    amount: Money,
    deadline: Instant,
) -> Result<Option<Receipt>, ProviderError> {
    let receipts = settlement.receipts();
    if !receipts.are_made_by(&refund.provider) {
        return Ok(None);
    }
    let unknown = |_| ProviderError::Unavailable { detail: UNKNOWN_ORDER.to_owned() };
    let order = match settlement.grid().order(refund.order, deadline).await {
        Err(GridError::NotFound) => return Ok(None),
        answer => answer.map_err(unknown)?,
    };
    Ok(receipts.of(&refund.provider, (refund.id.event, amount), &order))
}

/// What an answer means. No answer counts as an attempt too, or a dead gateway would be asked for
/// ever; the key stays the same, so nothing can happen twice.
fn judge(
    answer: Result<GatewayRefund, ProviderError>,
    attempts: u32,
    attempts_max: u32,
) -> Attempt {
    let (error, canceled) = match answer {
        Ok(refund) => match refund.status {
            payments::RefundStatus::Succeeded => return Attempt::Succeeded,
            payments::RefundStatus::Pending => return Attempt::Waiting,
            payments::RefundStatus::Canceled { reason } => (format!("canceled: {reason}"), true),
        },
        Err(error) => (error.to_string(), false),
    };
    match (attempts + 1 >= attempts_max, canceled) {
        (true, _) => Attempt::Dead { error },
        (false, true) => Attempt::Canceled { error },
        (false, false) => Attempt::Failed { error },
    }
}

async fn record(
    settlement: &Settlement,
    refund: &DueRefund,
    result: RefundResult,
    deadline: Instant,
) -> Result<(), FollowError> {
    // With the number of attempts that this one saw, so that a repeated report counts once.
    let attempt = Some(refund.attempts);
    let refund = refund.id;
    let command = Command::RecordRefund(RecordRefund { refund, result, attempt });
    let envelope = Envelope { key: None, actor: Actor::SYSTEM, command };
    let reply = settlement.grid().command(refund.event, &envelope, deadline).await?;
    match reply.outcome {
        Outcome::RefundRecorded => Ok(()),
        Outcome::Refused(refusal) => Err(FollowError::Refused(refusal)),
        other => Err(FollowError::Grid(processing_unit::GridError::Protocol(format!(
            "not this command's: {other:?}"
        )))),
    }
}

fn label(attempt: &Attempt) -> &'static str {
    match attempt {
        Attempt::Succeeded => "succeeded",
        Attempt::Waiting => "waiting",
        Attempt::Failed { .. } => "failed",
        Attempt::Canceled { .. } => "canceled",
        Attempt::Dead { .. } => "dead",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: payments::RefundStatus) -> Result<GatewayRefund, ProviderError> {
        Ok(GatewayRefund {
            provider_ref: "r".into(),
            payment_ref: "p".into(),
            status,
            amount: Money::new(100, payments::Currency::RUB),
            created_at_ms: 0,
        })
    }

    #[test]
    fn only_success_ends_a_refund_well_and_attempts_are_bounded() {
        use payments::RefundStatus::{Canceled, Pending, Succeeded};
        let canceled = || answered(Canceled { reason: "insufficient_funds".into() });
        let unknown = || Err(ProviderError::Unknown { detail: "timeout".into() });
        assert_eq!(judge(answered(Succeeded), 23, 24), Attempt::Succeeded);
        assert_eq!(judge(answered(Pending), 99, 24), Attempt::Waiting);
        let no_more = Attempt::Canceled { error: "canceled: insufficient_funds".into() };
        assert_eq!(judge(canceled(), 0, 24), no_more);
        assert!(matches!(judge(canceled(), 23, 24), Attempt::Dead { .. }));
        assert!(matches!(judge(unknown(), 22, 24), Attempt::Failed { .. }));
        assert!(matches!(judge(unknown(), 23, 24), Attempt::Dead { .. }));
    }
}
