//! Payments of an order: starting one at a gateway, and reading it.
//!
//! A start is three steps, each safe to repeat with the same key: the attempt in the grid, the
//! payment at the gateway under a key made from the attempt's id, and the gateway's answer in the
//! grid. A retry goes on where the last try stopped.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use http_api::{Code, FieldError, Id, IdempotencyKey, Problem, Strict, after_write, from_grid};
use inventory::{
    Command, HoldId, OrderId, Outcome, PaymentId, PaymentStarted, PaymentStatus, StartPayment,
};
use payments::{
    CreatePayment, Currency, GatewayPayment, Method, Money, PaymentProvider, ProviderError, Receipt,
};
use processing_unit::PaymentAnswer;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Office;
use super::answer::{Shopper, foreign, private, replayed};
use super::bodies::{self, PaymentBody};
use crate::plans::EventPlan;
use crate::settlement::{FollowError, within};

/// Pause before the first repeat of a call to a gateway; doubled with each.
const REPEAT_PAUSE: Duration = Duration::from_millis(100);
/// The least time that one call to a gateway gets.
const CALL_MIN: Duration = Duration::from_secs(1);

/// A payment to start.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PaymentForm {
    /// The payment provider's name, such as `sandbox` or `yookassa`.
    provider: String,
    /// `bank_card` or `sbp`.
    method: String,
    /// Where the gateway sends the shopper afterwards: an absolute `http` or `https` address of this
    /// shop, or of an origin that its configuration names.
    return_url: String,
}

/// A checked form.
struct Wanted {
    provider: Arc<dyn PaymentProvider>,
    method: Method,
    return_url: String,
}

/// Starts a payment and answers with the gateway's page.
#[utoipa::path(post, path = "/api/v1/orders/{id}/payments", tag = "orders",
    request_body = PaymentForm, params(
    ("id" = String, Path, description = "The order"),
    ("Idempotency-Key" = String, Header, description = "UUID; a retry uses the same one"),
    ("X-Hold-Token" = String, Header, description = "The token of its hold"),
), responses(
    (status = 201, description = "The shopper pays at the confirmation URL", body = PaymentBody),
    (status = 400, description = "`invalid_request`, `idempotency_key_required`"),
    (status = 404, description = "`order_not_found`"),
    (status = 409, description = "`order_state`, `payment_pending`, `payment_refused`"),
    (status = 410, description = "`hold_expired`"),
    (status = 422, description = "`idempotency_conflict`"),
    (status = 503, description = "`outcome_unknown`: retry with the same key"),
))]
pub(super) async fn start(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    key: IdempotencyKey,
    mut shopper: Shopper,
    Strict { body, hash }: Strict<PaymentForm>,
) -> Result<Response, Problem> {
    if !shopper.deadline_given {
        // Gateways are slower than the grid.
        shopper.deadline = Instant::now() + office.payment_create_max;
    }
    let wanted = office.check(&body, &shopper)?;
    let (order, answer) = office.own_order(&id, &shopper).await?;
    let receipts = office.receipts.get(&body.provider);
    let command = Command::StartPayment(StartPayment {
        order,
        provider: body.provider,
        method: wanted.method.as_str().to_owned(),
    });
    let reply = office.command(order.event, key.of(hash), &shopper, command).await?;
    let Outcome::PaymentStarted(started) = &reply.outcome else {
        return Err(foreign(&reply.outcome));
    };
    let plan = office.plans.naming(order.event, &answer.order.seats, shopper.deadline).await;
    let plan = plan.map_err(|error| after_write(error.into()))?;
    let receipt = match receipts {
        Some(terms) => {
            let hold = HoldId { event: order.event, no: answer.order.hold };
            let amount = Money::new(started.amount_minor, currency_of(&plan)?);
            Some(office.receipt((hold, &answer), &shopper, &plan, (amount, terms)))
        }
        None => None,
    };
    let deadline = shopper.deadline;
    let attempt =
        Attempt { office: &office, order, started, wanted, plan: &plan, receipt, deadline };
    let document = attempt.create().await.map_err(after_write)?;
    Ok(replayed(private(StatusCode::CREATED, Some(reply.version), document), reply.replayed))
}

/// A payment.
#[utoipa::path(get, path = "/api/v1/payments/{id}", tag = "orders", params(
    ("id" = String, Path, description = "The payment"),
    ("X-Hold-Token" = String, Header, description = "The token of its order's hold"),
), responses(
    (status = 200, description = "The payment", body = PaymentBody),
    (status = 404, description = "`payment_not_found`, also for what belongs to somebody else"),
))]
pub(super) async fn read(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    shopper: Shopper,
) -> Result<Response, Problem> {
    let id: PaymentId = id.parse().map_err(|_| Problem::new(Code::PaymentNotFound))?;
    let answer = office.payment(id, shopper.deadline).await?;
    let order = OrderId { event: id.event, no: answer.payment.order };
    office.check_order(order, answer.hold, &shopper, Code::PaymentNotFound).await?;
    let plan = office.plans.get(id.event, shopper.deadline).await?;
    let document = bodies::payment(id.event, &answer, &plan);
    Ok(private(StatusCode::OK, Some(answer.version), document))
}

impl Office {
    fn check(&self, form: &PaymentForm, shopper: &Shopper) -> Result<Wanted, Problem> {
        let mut faults = Vec::new();
        let provider = self.providers.get(&form.provider);
        if provider.is_none() {
            faults.push(FieldError::at("/provider", "no such payment provider"));
        }
        let method = Method::from_word(&form.method);
        let supported = |method: &Method| {
            provider.is_none_or(|provider| provider.capabilities().supports(*method))
        };
        if method.filter(supported).is_none() {
            faults.push(FieldError::at("/method", "not a method of this payment provider"));
        }
        if !self.return_origins.allow(&form.return_url, shopper.host.as_ref()) {
            let ours = "must be an absolute address of this shop or of an origin that it allows";
            faults.push(FieldError::at("/return_url", ours));
        }
        match (provider, method) {
            (Some(provider), Some(method)) if faults.is_empty() => Ok(Wanted {
                provider: provider.clone(),
                method,
                return_url: form.return_url.clone(),
            }),
            _ => Err(Problem::invalid(faults)),
        }
    }

    pub(super) async fn payment(
        &self,
        id: PaymentId,
        deadline: Instant,
    ) -> Result<PaymentAnswer, Problem> {
        let answer = self.grid.payment(id, deadline).await;
        answer.map_err(|error| from_grid(error, Code::PaymentNotFound))
    }
}

/// One attempt to pay, on its way from the grid to the gateway and back.
struct Attempt<'a> {
    office: &'a Office,
    order: OrderId,
    started: &'a PaymentStarted,
    wanted: Wanted,
    plan: &'a EventPlan,
    receipt: Option<Receipt>,
    deadline: Instant,
}

fn currency_of(plan: &EventPlan) -> Result<Currency, Problem> {
    plan.currency().parse().map_err(Problem::internal)
}

impl Attempt<'_> {
    /// Brings the attempt to the gateway, unless an earlier try did.
    async fn create(&self) -> Result<PaymentBody, Problem> {
        let id = self.started.payment;
        let known = self.office.payment(id, self.deadline).await?;
        if known.payment.provider_ref.is_some() {
            return Ok(bodies::payment(id.event, &known, self.plan));
        }
        if known.payment.status == PaymentStatus::Canceled {
            return Err(payment_refused(known.payment.cancel_reason.as_deref()));
        }
        let object = self.ask(self.request()?).await?;
        self.note(&object).await?;
        let now = self.office.payment(id, self.deadline).await?;
        Ok(bodies::payment(id.event, &now, self.plan))
    }

    fn request(&self) -> Result<CreatePayment, Problem> {
        let currency = currency_of(self.plan)?;
        let (order, payment) = (self.order, self.started.payment);
        Ok(CreatePayment {
            idempotence_key: format!("{payment}.{}", self.office.installation),
            payment_id: payment.to_string(),
            order_id: order.to_string(),
            amount: Money::new(self.started.amount_minor, currency),
            method: self.wanted.method,
            return_url: self.wanted.return_url.clone(),
            description: format!("{} · {order}", self.plan.sale.name),
            capture: true,
            pay_until_ms: i64::try_from(self.started.pay_until_ms).unwrap_or(i64::MAX),
            receipt: self.receipt.clone(),
        })
    }

    /// Asks the gateway, again and again with the same key while it is not known what happened.
    async fn ask(&self, request: CreatePayment) -> Result<GatewayPayment, Problem> {
        let mut pause = REPEAT_PAUSE;
        loop {
            let call = self.wanted.provider.create_payment(request.clone());
            match within(call_deadline(self.deadline), call).await {
                Ok(object) => return Ok(object),
                Err(ProviderError::Refused { code, detail }) => {
                    return Err(self.refused(&code, &detail).await);
                }
                Err(_) if Instant::now() + pause >= self.deadline => {
                    metrics::counter!("seatgrid_payment_creations_unknown_total").increment(1);
                    return Err(Problem::new(Code::OutcomeUnknown));
                }
                Err(_) => tokio::time::sleep(pause).await,
            }
            pause *= 2;
        }
    }

    /// A definite no ends the attempt, so that the shopper may start another.
    async fn refused(&self, code: &str, detail: &str) -> Problem {
        let id = self.started.payment;
        tracing::warn!(payment = %id, code, detail, "the gateway refused a payment");
        match self.office.settlement.give_up(id, code, self.deadline).await {
            Ok(_) => payment_refused(Some(code)),
            Err(error) => not_followed(error),
        }
    }

    /// Tells the grid what the gateway made. A repeat may find the payment already over.
    async fn note(&self, object: &GatewayPayment) -> Result<(), Problem> {
        let (id, settlement) = (self.started.payment, &self.office.settlement);
        if object.status.is_final() {
            let name = self.wanted.provider.name();
            let followed = settlement.settle_as(name, id, object, self.deadline).await;
            return followed.map(drop).map_err(not_followed);
        }
        settlement.record(id, object, self.deadline).await.map_err(not_followed)
    }
}

/// Half of what is left, so that one silent call leaves time for a repeat.
fn call_deadline(deadline: Instant) -> Instant {
    let now = Instant::now();
    let left = deadline.saturating_duration_since(now);
    deadline.min(now + (left / 2).max(CALL_MIN))
}

fn payment_refused(reason: Option<&str>) -> Problem {
    Problem::new(Code::PaymentRefused)
        .detail("Nothing was taken; start another payment with a new key")
        .fact("reason", reason.unwrap_or("refused"))
}

fn not_followed(error: FollowError) -> Problem {
    match error {
        FollowError::Grid(error) => from_grid(error, Code::PaymentNotFound),
        FollowError::Gateway(_) => Problem::new(Code::OutcomeUnknown),
        FollowError::Refused(_) | FollowError::NoProvider { .. } => Problem::internal(error),
    }
}
