//! The kit's view of the sandbox in each of its languages: how to wire the adapter to it, act as
//! the shopper on its page, and throw its fault switches.

use std::{net::TcpListener, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue};
use reqwest::{Client, Url};
use serde_json::{Value, json};

use super::{Breakage, CallKind, Gateway, Settle, Signer, Step, Wiring};
use crate::{
    adapter::AdapterConfigError,
    http_client,
    provider::{EventKind, GatewayPayment, PaymentProvider},
    secret::Secret,
    stripe::{Stripe, StripeConfig, signature},
    yookassa::{YooKassa, YooKassaConfig},
};

/// Deadline of the adapter under test: silence must be noticed soon.
const CALL_TIMEOUT_MS: u64 = 1_500;
/// A secret that the gateway does not know.
const WRONG_SECRET: &str = "secret-of-nobody";
/// How long the gateway is silent: well beyond the adapter's deadline.
const SILENCE_MS: u64 = 6_000;
/// How long it takes when it is only slow: well within.
const SLOW_MS: u64 = 100;

/// Which adapter is tested against the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tongue {
    /// YooKassa's API.
    Yookassa,
    /// Stripe's.
    Stripe,
}

/// The credentials of the sandbox's shop.
#[derive(Debug, Clone)]
struct Shop {
    tongue: Tongue,
    name: String,
    id: String,
    secret: String,
    needs_receipt: bool,
}

/// A running sandbox.
pub struct SandboxGateway {
    client: Client,
    base_url: String,
    shop: Shop,
    proper: Arc<dyn PaymentProvider>,
    wrong_secret: Arc<dyn PaymentProvider>,
    nobody_there: Arc<dyn PaymentProvider>,
    shown: String,
}

impl SandboxGateway {
    /// The sandbox at `base_url`, run with these credentials, with an adapter of that name.
    ///
    /// # Errors
    /// [`AdapterConfigError`] if the address or the credentials cannot be used.
    pub fn new(
        tongue: Tongue,
        name: &str,
        base_url: &str,
        (shop_id, secret): (&str, &str),
    ) -> Result<Self, AdapterConfigError> {
        let (name, id, secret) = (name.to_owned(), shop_id.to_owned(), secret.to_owned());
        let shop = Shop { tongue, name, id, secret, needs_receipt: false };
        let client = client(base_url)
            .map_err(|source| AdapterConfigError::Client { name: shop.name.clone(), source })?;
        let (proper, shown) = adapter(&shop, base_url, &shop.secret)?;
        Ok(Self {
            client,
            base_url: base_url.to_owned(),
            proper,
            wrong_secret: adapter(&shop, base_url, WRONG_SECRET)?.0,
            nobody_there: adapter(&shop, &deserted_address(), &shop.secret)?.0,
            shown,
            shop,
        })
    }

    /// The sandbox was told to refuse payments without the positions of a receipt.
    pub fn with_receipts(mut self) -> Self {
        self.shop.needs_receipt = true;
        self
    }

    async fn post(&self, url: &str, body: &Value) -> Result<(), String> {
        let answer = self.client.post(url).json(body).send().await;
        let answer = answer.map_err(|error| error.to_string())?;
        if answer.status().is_success() {
            return Ok(());
        }
        Err(format!("{url}: HTTP {}", answer.status()))
    }
}

impl Gateway for SandboxGateway {
    fn adapter(&self, wiring: Wiring) -> Arc<dyn PaymentProvider> {
        match wiring {
            Wiring::Proper => self.proper.clone(),
            Wiring::WrongSecret => self.wrong_secret.clone(),
            Wiring::NobodyThere => self.nobody_there.clone(),
        }
    }

    fn settle<'a>(&'a self, payment: &'a GatewayPayment, how: Settle) -> Step<'a> {
        Box::pin(async move {
            let page = payment.confirmation_url.as_deref().ok_or("there is no payment page")?;
            let outcome = match how {
                Settle::Pay => "succeed",
                Settle::Decline => "fail",
                Settle::Expire => "expire",
                Settle::PayOtherAmount => "amount_mismatch",
                Settle::PayOtherCurrency => "currency_mismatch",
                Settle::PayOtherOrder => "metadata_mismatch",
                Settle::Forge => "forged_notification",
            };
            self.post(page, &json!({ "outcome": outcome })).await
        })
    }

    fn break_next(&self, call: CallKind, breakage: Breakage) -> Step<'_> {
        Box::pin(async move {
            let operation = match call {
                CallKind::Create => "create",
                CallKind::Read => "read",
                CallKind::Cancel => "cancel",
                CallKind::Capture => "capture",
                CallKind::Refund => "refund",
            };
            let (mode, delay_ms) = mode(breakage);
            let switch = json!({ "mode": mode, "times": 1, "delay_ms": delay_ms });
            self.post(&format!("{}/faults", self.base_url), &json!({ operation: switch })).await
        })
    }

    fn notification(&self, kind: EventKind, provider_ref: &str) -> Vec<u8> {
        match self.shop.tongue {
            Tongue::Yookassa => notice(yookassa_event(kind), provider_ref),
            Tongue::Stripe => stripe_notice(kind, provider_ref),
        }
    }

    fn secrets(&self) -> Vec<String> {
        let header = |secret: &str| STANDARD.encode(format!("{}:{secret}", self.shop.id));
        let secrets = [self.shop.secret.as_str(), WRONG_SECRET].into_iter();
        secrets.flat_map(|secret| [secret.to_owned(), header(secret)]).collect()
    }

    fn unknown_notification(&self) -> Vec<u8> {
        match self.shop.tongue {
            Tongue::Yookassa => notice("deal.closed", "d1"),
            Tongue::Stripe => stripe_event("customer.created", json!({ "id": "cus_1" })),
        }
    }

    fn signed(&self, signer: Signer, body: &[u8], now_ms: i64) -> Option<HeaderMap> {
        if self.shop.tongue == Tongue::Yookassa {
            return None;
        }
        let key = match signer {
            Signer::Gateway => &self.shop.secret,
            Signer::Stranger => WRONG_SECRET,
        };
        let at_s = now_ms / 1_000;
        let value = format!("t={at_s},v1={}", signature(key, at_s, body));
        let value = HeaderValue::from_str(&value).ok()?;
        Some(HeaderMap::from_iter([(http::HeaderName::from_static("stripe-signature"), value)]))
    }

    fn needs_receipt(&self) -> bool {
        self.shop.needs_receipt
    }

    fn made_for(&self, base_url: &str) -> Result<Arc<dyn PaymentProvider>, AdapterConfigError> {
        adapter(&self.shop, base_url, &self.shop.secret).map(|(adapter, _)| adapter)
    }

    fn base_url(&self) -> &str {
        &self.base_url
    }

    fn shown(&self) -> String {
        self.shown.clone()
    }
}

/// The adapter, and its debug forms.
fn adapter(
    shop: &Shop,
    base_url: &str,
    secret: &str,
) -> Result<(Arc<dyn PaymentProvider>, String), AdapterConfigError> {
    let (name, base_url) = (shop.name.clone(), base_url.to_owned());
    let (call_timeout_ms, connect_timeout_ms) = (CALL_TIMEOUT_MS, CALL_TIMEOUT_MS);
    if shop.tongue == Tongue::Stripe {
        let (secret, webhook_secret) = (Secret::new(secret), Secret::new(&shop.secret));
        let config = StripeConfig {
            name,
            base_url,
            secret,
            webhook_secret,
            call_timeout_ms,
            connect_timeout_ms,
            ..StripeConfig::default()
        };
        let adapter = Stripe::new(config.clone())?;
        let shown = format!("{config:?} {adapter:?}");
        return Ok((Arc::new(adapter), shown));
    }
    let config = YooKassaConfig {
        name,
        base_url,
        shop_id: shop.id.clone(),
        secret: Secret::new(secret),
        call_timeout_ms,
        connect_timeout_ms,
        ..YooKassaConfig::default()
    };
    let adapter = YooKassa::new(config.clone())?;
    let shown = format!("{config:?} {adapter:?}");
    Ok((Arc::new(adapter), shown))
}

fn yookassa_event(kind: EventKind) -> &'static str {
    match kind {
        EventKind::PaymentWaitingForCapture => "payment.waiting_for_capture",
        EventKind::PaymentSucceeded => "payment.succeeded",
        EventKind::PaymentCanceled => "payment.canceled",
        EventKind::RefundSucceeded => "refund.succeeded",
    }
}

fn notice(event: &str, id: &str) -> Vec<u8> {
    json!({ "type": "notification", "event": event, "object": { "id": id } })
        .to_string()
        .into_bytes()
}

fn stripe_notice(kind: EventKind, id: &str) -> Vec<u8> {
    let (event, payment_status) = match kind {
        EventKind::PaymentWaitingForCapture => ("checkout.session.completed", "unpaid"),
        EventKind::PaymentSucceeded => ("checkout.session.completed", "paid"),
        EventKind::PaymentCanceled => ("checkout.session.expired", "unpaid"),
        EventKind::RefundSucceeded => ("refund.updated", ""),
    };
    stripe_event(event, json!({ "id": id, "payment_status": payment_status }))
}

fn stripe_event(event: &str, object: Value) -> Vec<u8> {
    json!({ "id": "evt_1", "object": "event", "type": event, "data": { "object": object } })
        .to_string()
        .into_bytes()
}

fn mode(breakage: Breakage) -> (&'static str, u64) {
    match breakage {
        Breakage::Silence => ("timeout", SILENCE_MS),
        Breakage::SilenceAfterDoing => ("timeout_after_execute", SILENCE_MS),
        Breakage::ServerError => ("error_500", 0),
        Breakage::ServerErrorAfterDoing => ("error_500_after_execute", 0),
        Breakage::CutAfterDoing => ("drop_after_execute", 0),
        Breakage::Refusal => ("refuse", 0),
        Breakage::TooMany => ("too_many_requests", 0),
        Breakage::Redirect => ("redirect", 0),
        Breakage::Malformed => ("malformed", 0),
        Breakage::Oversized => ("oversized", 0),
        Breakage::Slow => ("slow", SLOW_MS),
        Breakage::BankWaits => ("pending", SLOW_MS),
        Breakage::BankRefuses => ("reject", 0),
    }
}

/// An address of this machine that was free a moment ago, so that connections are refused.
fn deserted_address() -> String {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    format!("http://127.0.0.1:{}", port.map_or(1, |address| address.port()))
}

fn client(base_url: &str) -> Result<Client, reqwest::Error> {
    let fallback = || Url::parse("http://127.0.0.1/").expect("a fixed address parses");
    let target = Url::parse(base_url).unwrap_or_else(|_| fallback());
    let timeout = Duration::from_secs(10);
    http_client::build(&target, timeout, timeout)
}
