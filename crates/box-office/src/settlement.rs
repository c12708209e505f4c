//! From a gateway's word to a settled payment: the one path for notifications, the poller and a
//! shopper's own retry. The object is read from the gateway with our credentials, compared with
//! what the grid knows, and only then settled. What does not match never confirms anything.
//!
//! Everything here may run any number of times, in any number of processes: the grid settles a
//! payment once.

use std::sync::Arc;
use std::time::Instant;

use inventory::{
    Actor, Command, Envelope, EventNo, GatewayResult, OrderId, Outcome, PaymentId, PaymentStatus,
    RecordPayment, Refusal, Settle, Settled,
};
use payments::{GatewayPayment, Money, PaymentProvider, ProviderError, Providers};
use processing_unit::{Grid, GridError, PaymentAnswer};

use crate::plans::{EventPlan, Plans};
use crate::refund_receipts::RefundReceipts;

pub use verdict::{Expected, Mismatch, Verdict, judge};

mod verdict;

/// Longest address of a payment page that the grid takes, in bytes. A longer one is of no use.
const CONFIRMATION_URL_BYTES_MAX: usize = 1_024;

/// Follows payments at gateways and settles them in the grid. Cheap to clone.
#[derive(Clone)]
pub struct Settlement {
    grid: Grid,
    providers: Providers,
    plans: Arc<Plans>,
    receipts: RefundReceipts,
}

/// What came of following a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Followed {
    /// The grid has settled it, now or earlier.
    Ended(PaymentEnd),
    /// The gateway has no final word yet.
    Open,
    /// The gateway's object contradicts our record; nothing was settled and a person must look.
    Quarantined(Mismatch),
    /// The gateway knows no such payment.
    NoSuchObject,
    /// The gateway's payment is none of ours, or one that the grid has forgotten.
    NotOurs {
        /// Whether it took money.
        captured: bool,
    },
}

/// How a payment ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaymentEnd {
    /// By the command just sent.
    Now(Settled),
    /// It had ended before.
    Before,
}

/// Why following led nowhere; the same call may be repeated later.
#[derive(Debug, Clone, thiserror::Error)]
pub enum FollowError {
    /// No provider of that name is configured.
    #[error("payment provider {name} is not configured")]
    NoProvider {
        /// The name.
        name: String,
    },
    /// The gateway gave no answer.
    #[error(transparent)]
    Gateway(ProviderError),
    /// The grid gave no answer, or not in time.
    #[error(transparent)]
    Grid(#[from] GridError),
    /// The grid refused what it must never refuse.
    #[error("the grid refused to settle: {0:?}")]
    Refused(Refusal),
}

impl Settlement {
    /// Over these providers and this grid.
    pub fn new(grid: Grid, providers: Providers) -> Self {
        let plans = Arc::new(Plans::new(grid.clone()));
        Self::with_plans(grid, providers, plans)
    }

    pub(crate) fn with_plans(grid: Grid, providers: Providers, plans: Arc<Plans>) -> Self {
        Self { grid, providers, plans, receipts: RefundReceipts::default() }
    }

    /// The same with what partial refunds say on receipts.
    pub(crate) fn with_receipts(self, receipts: RefundReceipts) -> Self {
        Self { receipts, ..self }
    }

    /// What partial refunds say on receipts.
    pub(crate) fn receipts(&self) -> &RefundReceipts {
        &self.receipts
    }

    /// The grid that payments are settled in.
    pub(crate) fn grid(&self) -> &Grid {
        &self.grid
    }

    /// An event's terms and plan.
    pub(crate) async fn plan(
        &self,
        event: EventNo,
        deadline: Instant,
    ) -> Result<Arc<EventPlan>, GridError> {
        self.plans.get(event, deadline).await
    }

    /// The provider of that name.
    pub(crate) fn provider(&self, name: &str) -> Result<&Arc<dyn PaymentProvider>, FollowError> {
        self.providers.get(name).ok_or_else(|| FollowError::NoProvider { name: name.to_owned() })
    }

    /// Follows what a notification points at: our payment is found by the object's metadata.
    ///
    /// # Errors
    /// [`FollowError`] when gateway or grid gave no answer; nothing is lost, it can be repeated.
    pub async fn follow_reference(
        &self,
        provider: &str,
        provider_ref: &str,
        deadline: Instant,
    ) -> Result<Followed, FollowError> {
        let Some(object) = self.read(provider, provider_ref, deadline).await? else {
            return Ok(Followed::NoSuchObject);
        };
        match object.payment_id.as_deref().map(str::parse::<PaymentId>) {
            Some(Ok(id)) => self.settle_as(provider, id, &object, deadline).await,
            Some(Err(_)) | None => Ok(not_ours(&object)),
        }
    }

    /// Follows one of our payments by the gateway's id for it.
    ///
    /// # Errors
    /// As [`Self::follow_reference`].
    pub async fn follow_payment(
        &self,
        provider: &str,
        id: PaymentId,
        provider_ref: &str,
        deadline: Instant,
    ) -> Result<Followed, FollowError> {
        match self.read(provider, provider_ref, deadline).await? {
            Some(object) => self.settle_as(provider, id, &object, deadline).await,
            None => Ok(Followed::NoSuchObject),
        }
    }

    /// Ends an attempt that the gateway never accepted.
    ///
    /// # Errors
    /// [`FollowError::Grid`] or [`FollowError::Refused`].
    pub async fn give_up(
        &self,
        id: PaymentId,
        reason: &str,
        deadline: Instant,
    ) -> Result<Settled, FollowError> {
        let result = GatewayResult::Canceled { reason: reason.to_owned() };
        self.command_settle(id, result, deadline).await
    }

    /// Notes the gateway's id and page of a payment; repeating it is harmless.
    ///
    /// # Errors
    /// As [`Self::give_up`].
    pub async fn record(
        &self,
        id: PaymentId,
        object: &GatewayPayment,
        deadline: Instant,
    ) -> Result<(), FollowError> {
        let url = object.confirmation_url.as_deref().unwrap_or_default();
        let fits = url.len() <= CONFIRMATION_URL_BYTES_MAX;
        let command = Command::RecordPayment(RecordPayment {
            payment: id,
            provider_ref: object.provider_ref.clone(),
            confirmation_url: if fits { url.to_owned() } else { String::new() },
        });
        match self.command(id, command, deadline).await? {
            Outcome::PaymentRecorded => Ok(()),
            other => Err(unexpected(other)),
        }
    }

    /// Compares the object with our record and settles the payment if the gateway's word is final.
    ///
    /// # Errors
    /// As [`Self::follow_reference`].
    pub async fn settle_as(
        &self,
        provider: &str,
        id: PaymentId,
        object: &GatewayPayment,
        deadline: Instant,
    ) -> Result<Followed, FollowError> {
        let known = match self.grid.payment(id, deadline).await {
            Ok(known) if known.payment.provider == provider => known,
            Ok(_) | Err(GridError::NotFound) => return Ok(not_ours(object)),
            Err(error) => return Err(error.into()),
        };
        let expected = self.expected(id, &known, deadline).await?;
        match judge(&expected, object) {
            Verdict::Quarantine(mismatch) => Ok(quarantine(id, object, mismatch)),
            Verdict::GiveBack { .. } if known.payment.status == PaymentStatus::Succeeded => {
                Ok(Followed::Ended(PaymentEnd::Before))
            }
            Verdict::GiveBack { mismatch, amount_minor } => {
                self.record_if_new(id, &known, object, deadline).await?;
                warn_of(id, object, mismatch, "it buys nothing and goes back");
                let result = GatewayResult::Mismatched { amount_minor };
                let settled = self.command_settle(id, result, deadline).await?;
                Ok(Followed::Ended(PaymentEnd::Now(settled)))
            }
            Verdict::Wait => {
                self.record_if_new(id, &known, object, deadline).await?;
                Ok(Followed::Open)
            }
            Verdict::Settle(result) if is_settled(&known, &result) => {
                Ok(Followed::Ended(PaymentEnd::Before))
            }
            Verdict::Settle(result) => {
                // A refund needs the gateway's id, so it is known before the money is decided on.
                self.record_if_new(id, &known, object, deadline).await?;
                warn_of_other_amount(id, &expected, &result);
                let settled = self.command_settle(id, result, deadline).await?;
                Ok(Followed::Ended(PaymentEnd::Now(settled)))
            }
        }
    }

    async fn expected(
        &self,
        id: PaymentId,
        known: &PaymentAnswer,
        deadline: Instant,
    ) -> Result<Expected, FollowError> {
        let plan = self.plans.get(id.event, deadline).await?;
        let currency = plan.currency().parse().map_err(|_| {
            FollowError::Grid(GridError::Protocol("an event's currency has no letters".to_owned()))
        })?;
        Ok(Expected {
            payment: id,
            order: OrderId { event: id.event, no: known.payment.order },
            provider_ref: known.payment.provider_ref.clone(),
            amount: Money::new(known.payment.amount_minor, currency),
        })
    }

    async fn read(
        &self,
        provider: &str,
        provider_ref: &str,
        deadline: Instant,
    ) -> Result<Option<GatewayPayment>, FollowError> {
        let call = self.provider(provider)?.read_payment(provider_ref);
        match within(deadline, call).await {
            Ok(object) => Ok(Some(object)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(FollowError::Gateway(error)),
        }
    }

    async fn record_if_new(
        &self,
        id: PaymentId,
        known: &PaymentAnswer,
        object: &GatewayPayment,
        deadline: Instant,
    ) -> Result<(), FollowError> {
        if known.payment.provider_ref.is_some() {
            return Ok(());
        }
        self.record(id, object, deadline).await
    }

    async fn command_settle(
        &self,
        id: PaymentId,
        result: GatewayResult,
        deadline: Instant,
    ) -> Result<Settled, FollowError> {
        let command = Command::Settle(Settle { payment: id, result });
        match self.command(id, command, deadline).await? {
            Outcome::Settled(settled) => {
                count(&settled);
                Ok(settled)
            }
            other => Err(unexpected(other)),
        }
    }

    async fn command(
        &self,
        id: PaymentId,
        command: Command,
        deadline: Instant,
    ) -> Result<Outcome, FollowError> {
        // No key: these commands are idempotent by themselves.
        let envelope = Envelope { key: None, actor: Actor::SYSTEM, command };
        Ok(self.grid.command(id.event, &envelope, deadline).await?.outcome)
    }
}

/// A gateway's answer within the caller's deadline; what takes longer is unknown.
pub(crate) async fn within<T>(
    deadline: Instant,
    call: impl Future<Output = Result<T, ProviderError>>,
) -> Result<T, ProviderError> {
    match tokio::time::timeout_at(deadline.into(), call).await {
        Ok(answer) => answer,
        Err(_) => Err(ProviderError::Unknown { detail: "no answer within the deadline".into() }),
    }
}

fn is_settled(known: &PaymentAnswer, result: &GatewayResult) -> bool {
    match (known.payment.status, result) {
        (PaymentStatus::Succeeded, _) => true,
        (PaymentStatus::Canceled, GatewayResult::Canceled { .. }) => true,
        (
            PaymentStatus::Canceled,
            GatewayResult::Captured { .. } | GatewayResult::Mismatched { .. },
        )
        | (PaymentStatus::Pending, _) => false,
    }
}

fn not_ours(object: &GatewayPayment) -> Followed {
    let captured = object.captured.minor > 0;
    if captured {
        metrics::counter!("seatgrid_payments_foreign_total").increment(1);
        tracing::warn!(
            provider_ref = %object.provider_ref,
            "the gateway took money for a payment that is not ours or was forgotten"
        );
    }
    Followed::NotOurs { captured }
}

fn quarantine(id: PaymentId, object: &GatewayPayment, mismatch: Mismatch) -> Followed {
    warn_of(id, object, mismatch, "nothing is confirmed");
    Followed::Quarantined(mismatch)
}

fn warn_of(id: PaymentId, object: &GatewayPayment, mismatch: Mismatch, what_is_done: &str) {
    metrics::counter!("seatgrid_payments_mismatch_total", "what" => mismatch.as_str()).increment(1);
    tracing::warn!(
        payment = %id,
        provider_ref = %object.provider_ref,
        what = mismatch.as_str(),
        what_is_done,
        "the gateway's payment contradicts our record; look it up there"
    );
}

fn warn_of_other_amount(id: PaymentId, expected: &Expected, result: &GatewayResult) {
    if let GatewayResult::Captured { amount_minor } = result
        && *amount_minor != expected.amount.minor
    {
        metrics::counter!("seatgrid_payments_mismatch_total", "what" => "amount").increment(1);
        tracing::warn!(
            payment = %id,
            asked_minor = expected.amount.minor,
            captured_minor = amount_minor,
            "the gateway took another amount than asked; it is given back"
        );
    }
}

fn count(settled: &Settled) {
    let label = settled.settled_as.map_or("canceled", |end| end.as_str());
    metrics::counter!("seatgrid_payments_settled_total", "as" => label).increment(1);
}

fn unexpected(outcome: Outcome) -> FollowError {
    match outcome {
        Outcome::Refused(refusal) => FollowError::Refused(refusal),
        other => FollowError::Grid(GridError::Protocol(format!("not this command's: {other:?}"))),
    }
}
