//! What a gateway's payment object means for our payment. Pure: compared, decided, nothing done.

use inventory::{GatewayResult, OrderId, PaymentId};
use payments::{GatewayPayment, Money, PaymentStatus};

/// What the grid knows of the payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// The payment.
    pub payment: PaymentId,
    /// Its order.
    pub order: OrderId,
    /// The gateway's id for it, once recorded.
    pub provider_ref: Option<String>,
    /// What was asked for.
    pub amount: Money,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing yet.
    Wait,
    /// End the payment so.
    Settle(GatewayResult),
    /// Money was taken under our payment's own reference, yet the object contradicts our record: it
    /// buys nothing and goes back, and a person is told.
    GiveBack {
        /// What contradicts.
        mismatch: Mismatch,
        /// How much was taken, in minor units of the object's currency.
        amount_minor: i64,
    },
    /// Touch nothing and call a person.
    Quarantine(Mismatch),
}

/// A contradiction between the gateway's object and our record. Another amount is none of these:
/// it can be given back, so it is settled and refunded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mismatch {
    /// Our payment was created under another id of the gateway.
    Reference,
    /// The object names another payment of ours, or none.
    Payment,
    /// The object names another order, or none.
    Order,
    /// The money is of another currency.
    Currency,
}

impl Mismatch {
    /// The word in logs, metrics and the journal.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reference => "reference",
            Self::Payment => "payment",
            Self::Order => "order",
            Self::Currency => "currency",
        }
    }
}

/// Compares identity first, then money, and only then looks at the status.
pub fn judge(expected: &Expected, object: &GatewayPayment) -> Verdict {
    if let Some(mismatch) = mismatch(expected, object) {
        return contradicted(mismatch, expected, object);
    }
    match &object.status {
        // Payments are made in one stage; a reserve that appears all the same is not money yet.
        PaymentStatus::Pending | PaymentStatus::WaitingForCapture => Verdict::Wait,
        PaymentStatus::Canceled { reason } => {
            Verdict::Settle(GatewayResult::Canceled { reason: reason.clone() })
        }
        PaymentStatus::Succeeded => {
            Verdict::Settle(GatewayResult::Captured { amount_minor: object.captured.minor })
        }
    }
}

/// Money goes back only where the object is certainly our payment's: under the reference that we
/// recorded, or naming our payment and order. Anything else may be somebody else's money.
fn contradicted(mismatch: Mismatch, expected: &Expected, object: &GatewayPayment) -> Verdict {
    let is_ours = match mismatch {
        Mismatch::Reference => false,
        Mismatch::Payment | Mismatch::Order => expected.provider_ref.is_some(),
        Mismatch::Currency => true,
    };
    let amount_minor = object.captured.minor;
    if is_ours && object.status == PaymentStatus::Succeeded && amount_minor > 0 {
        Verdict::GiveBack { mismatch, amount_minor }
    } else {
        Verdict::Quarantine(mismatch)
    }
}

fn mismatch(expected: &Expected, object: &GatewayPayment) -> Option<Mismatch> {
    let known = expected.provider_ref.as_deref();
    if known.is_some_and(|known| known != object.provider_ref) {
        return Some(Mismatch::Reference);
    }
    if object.payment_id.as_deref() != Some(expected.payment.to_string().as_str()) {
        return Some(Mismatch::Payment);
    }
    if object.order_id.as_deref() != Some(expected.order.to_string().as_str()) {
        return Some(Mismatch::Order);
    }
    let same = object.captured.currency == expected.amount.currency
        && object.amount.currency == expected.amount.currency;
    (!same).then_some(Mismatch::Currency)
}
