//! The adapter for Stripe Checkout: a payment is a Checkout Session with its payment intent.
//!
//! Turns provider calls into requests and answers into our types. The session's id is the
//! payment's id everywhere outside; the intent behind it is looked up where Stripe asks for it. It
//! keeps nothing between calls except the connection pool and repeats nothing by itself.

use std::time::Duration;

use http::HeaderMap;
use serde::{Deserialize, Serialize};

use crate::{
    adapter::{AdapterConfigError, Operation, check_amount, check_ref, check_wish},
    money::{Currency, Money},
    provider::{
        Call, Capabilities, CreatePayment, CreateRefund, Forged, GatewayPayment, GatewayRefund,
        Method, MethodCapabilities, Notification, NotificationError, PaymentProvider,
        ProviderError,
    },
    secret::Secret,
};
use transport::Transport;
use wire::Session;

mod form;
mod notice;
mod transport;
mod wire;

pub use notice::signature;

/// Where Stripe's API lives.
pub const STRIPE_BASE_URL: &str = "https://api.stripe.com";
/// The shortest time for which Stripe keeps a session open: half an hour.
const SESSION_TTL_MS_MIN: u64 = 30 * 60 * 1_000;
/// The longest: a day.
const SESSION_TTL_MS_MAX: u64 = 24 * 60 * 60 * 1_000;

/// Stripe's sheet. The least amounts are Stripe's own for dollar and euro; that of the rouble is
/// above what the dollar's comes to.
const CAPABILITIES: Capabilities = Capabilities {
    methods: &[MethodCapabilities { method: Method::BankCard, two_stage: true }],
    pending_ttl_ms_min: SESSION_TTL_MS_MIN,
    pending_ttl_ms_max: SESSION_TTL_MS_MAX,
    cancel_pending: true,
    partial_refund: true,
    amounts_min: &[
        Money::new(10_000, Currency::RUB),
        Money::new(50, Currency::USD),
        Money::new(50, Currency::EUR),
    ],
    receipts: false,
};

/// How to reach one account at Stripe.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StripeConfig {
    /// The provider's name in routes and records.
    pub name: String,
    /// Scheme, host and port, without `/v1`.
    pub base_url: String,
    /// The account's secret key (`sk_...`) or, better, one restricted to sessions, payment intents
    /// and refunds (`rk_...`).
    pub secret: Secret,
    /// The signing secret of the webhook endpoint (`whsec_...`); several, separated by blanks,
    /// while one is being replaced.
    pub webhook_secret: Secret,
    /// Deadline of one whole call, milliseconds, 1 to 60,000. Default 10,000.
    pub call_timeout_ms: u64,
    /// Deadline of the connection alone, milliseconds. Default 3,000; at most the call's.
    pub connect_timeout_ms: u64,
    /// Largest answer that is read, bytes. Default 262,144: a session with its intent and charge
    /// has below 20,000.
    pub answer_bytes_max: usize,
}

impl Default for StripeConfig {
    fn default() -> Self {
        Self {
            name: "stripe".to_owned(),
            base_url: STRIPE_BASE_URL.to_owned(),
            secret: Secret::default(),
            webhook_secret: Secret::default(),
            call_timeout_ms: 10_000,
            connect_timeout_ms: 3_000,
            answer_bytes_max: 256 * 1_024,
        }
    }
}

/// Stripe Checkout.
#[derive(Debug)]
pub struct Stripe {
    name: String,
    transport: Transport,
    webhook_secret: Secret,
    deadline: Duration,
}

impl Stripe {
    /// Makes the adapter; opens no connection yet.
    ///
    /// # Errors
    /// [`AdapterConfigError`] names the field that cannot work.
    pub fn new(config: StripeConfig) -> Result<Self, AdapterConfigError> {
        let transport = Transport::new(&config)?;
        let deadline = Duration::from_millis(config.call_timeout_ms);
        Ok(Self { name: config.name, transport, webhook_secret: config.webhook_secret, deadline })
    }

    async fn session(&self, operation: Operation, id: &str) -> Result<Session, ProviderError> {
        check_ref(id)?;
        let path = format!("/v1/checkout/sessions/{id}?{}", form::EXPAND_QUERY);
        wire::session(&self.transport.get(operation, &path).await?)
    }

    async fn create(&self, request: CreatePayment) -> Result<GatewayPayment, ProviderError> {
        check_wish(&CAPABILITIES, &request)?;
        check_key(&request.idempotence_key)?;
        let (key, body) = (&request.idempotence_key, form::session(&request));
        let answer =
            self.transport.post(Operation::CreatePayment, "/v1/checkout/sessions", key, body);
        wire::session(&answer.await?)?.payment()
    }

    /// Ends an open session, also after a card was declined, or lets go of what was reserved; Stripe
    /// refuses anything else. The two are calls of their own, so each has a key of its own.
    async fn end(&self, key: &str, id: &str) -> Result<GatewayPayment, ProviderError> {
        check_key(key)?;
        let before = self.session(Operation::ReadPayment, id).await?;
        let (path, key) = match before.intent_id() {
            Some(intent) if !before.is_open() => {
                (format!("/v1/payment_intents/{intent}/cancel"), format!("{key}-intent"))
            }
            Some(_) | None => (format!("/v1/checkout/sessions/{id}/expire"), key.to_owned()),
        };
        self.transport.post(Operation::Cancel, &path, &key, String::new()).await?;
        self.session(Operation::ReadPayment, id).await?.payment()
    }

    async fn take(
        &self,
        key: &str,
        id: &str,
        amount: Money,
    ) -> Result<GatewayPayment, ProviderError> {
        check_key(key)?;
        check_amount(amount)?;
        let before = self.session(Operation::ReadPayment, id).await?;
        let intent = before.intent_in(amount.currency)?;
        let path = format!("/v1/payment_intents/{intent}/capture");
        let body = form::capture(amount);
        self.transport.post(Operation::Capture, &path, key, body).await?;
        self.session(Operation::ReadPayment, id).await?.payment()
    }

    async fn give_back(&self, request: CreateRefund) -> Result<GatewayRefund, ProviderError> {
        check_key(&request.idempotence_key)?;
        check_amount(request.amount)?;
        let paid = self.session(Operation::ReadPayment, &request.payment_ref).await?;
        let intent = paid.intent_in(request.amount.currency)?;
        let body = form::refund(&request, intent);
        let key = &request.idempotence_key;
        let answer = self.transport.post(Operation::CreateRefund, "/v1/refunds", key, body).await?;
        wire::refund(&answer, Some(&request.payment_ref))
    }

    /// A refund that we made names its session; one made by hand at Stripe is looked up.
    async fn refund(&self, id: &str) -> Result<GatewayRefund, ProviderError> {
        check_ref(id)?;
        let path = format!("/v1/refunds/{id}");
        let answer = self.transport.get(Operation::ReadRefund, &path).await?;
        if let Some(intent) = wire::intent_of_foreign_refund(&answer)? {
            let path = format!("/v1/checkout/sessions?limit=1&payment_intent={intent}");
            let list = self.transport.get(Operation::ReadRefund, &path).await?;
            return wire::refund(&answer, Some(&wire::only_session_id(&list)?));
        }
        wire::refund(&answer, None)
    }

    /// Some calls are several requests; together they have one deadline.
    async fn in_time<T>(
        &self,
        call: impl Future<Output = Result<T, ProviderError>>,
    ) -> Result<T, ProviderError> {
        match tokio::time::timeout(self.deadline, call).await {
            Ok(answer) => answer,
            Err(_) => Err(ProviderError::unknown("no answer within the call's deadline")),
        }
    }
}

impl PaymentProvider for Stripe {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> &Capabilities {
        &CAPABILITIES
    }

    fn create_payment(&self, request: CreatePayment) -> Call<'_, GatewayPayment> {
        Box::pin(self.in_time(self.create(request)))
    }

    fn read_payment<'a>(&'a self, provider_ref: &'a str) -> Call<'a, GatewayPayment> {
        Box::pin(self.in_time(async move {
            self.session(Operation::ReadPayment, provider_ref).await?.payment()
        }))
    }

    fn cancel<'a>(&'a self, key: &'a str, provider_ref: &'a str) -> Call<'a, GatewayPayment> {
        Box::pin(self.in_time(self.end(key, provider_ref)))
    }

    fn capture<'a>(
        &'a self,
        key: &'a str,
        provider_ref: &'a str,
        amount: Money,
    ) -> Call<'a, GatewayPayment> {
        Box::pin(self.in_time(self.take(key, provider_ref, amount)))
    }

    fn create_refund(&self, request: CreateRefund) -> Call<'_, GatewayRefund> {
        Box::pin(self.in_time(self.give_back(request)))
    }

    fn read_refund<'a>(&'a self, provider_ref: &'a str) -> Call<'a, GatewayRefund> {
        Box::pin(self.in_time(self.refund(provider_ref)))
    }

    fn parse_notification(&self, body: &[u8]) -> Result<Notification, NotificationError> {
        notice::parse(body)
    }

    fn check_signature(&self, headers: &HeaderMap, body: &[u8], now_ms: i64) -> Result<(), Forged> {
        notice::check(self.webhook_secret.reveal(), headers, body, now_ms)
    }
}

/// Stripe takes keys of up to 255 bytes; longer ones travel as their hash. No key, no call.
fn check_key(key: &str) -> Result<(), ProviderError> {
    if key.is_empty() {
        return Err(ProviderError::refused("invalid_key", "key must not be empty"));
    }
    Ok(())
}
