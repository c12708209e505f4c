//! The kit's view of the sandbox: how to wire the YooKassa adapter to it, act as the shopper on its
//! page, and throw its fault switches.

use std::{net::TcpListener, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::{Client, Url};
use serde_json::{Value, json};

use super::{Breakage, CallKind, Gateway, Settle, Step, Wiring};
use crate::{
    http_client,
    provider::{EventKind, GatewayPayment, PaymentProvider},
    secret::Secret,
    yookassa::{YooKassa, YooKassaConfig, YooKassaConfigError},
};

/// Deadline of the adapter under test: silence must be noticed soon.
const CALL_TIMEOUT_MS: u64 = 400;
/// A secret that the gateway does not know.
const WRONG_SECRET: &str = "secret-of-nobody";
/// How long the gateway is silent: well beyond the adapter's deadline.
const SILENCE_MS: u64 = 3_000;

/// A running sandbox.
pub struct SandboxGateway {
    client: Client,
    base_url: String,
    proper: Arc<YooKassa>,
    wrong_secret: Arc<YooKassa>,
    nobody_there: Arc<YooKassa>,
    secrets: Vec<String>,
}

impl SandboxGateway {
    /// The sandbox at `base_url`, run with these credentials.
    ///
    /// # Errors
    /// [`YooKassaConfigError`] if the address or the credentials cannot be used.
    pub fn new(base_url: &str, shop_id: &str, secret: &str) -> Result<Self, YooKassaConfigError> {
        let adapter = |base_url: String, secret: &str| {
            YooKassa::new(YooKassaConfig {
                name: "sandbox".to_owned(),
                base_url,
                shop_id: shop_id.to_owned(),
                secret: Secret::new(secret),
                call_timeout_ms: CALL_TIMEOUT_MS,
                connect_timeout_ms: CALL_TIMEOUT_MS,
                ..YooKassaConfig::default()
            })
            .map(Arc::new)
        };
        let proper = adapter(base_url.to_owned(), secret)?;
        let wrong_secret = adapter(base_url.to_owned(), WRONG_SECRET)?;
        let nobody_there = adapter(deserted_address(), secret)?;
        let client = client(base_url)
            .map_err(|source| YooKassaConfigError::Client { name: "sandbox".to_owned(), source })?;
        let base_url = base_url.to_owned();
        let header = |secret: &str| STANDARD.encode(format!("{shop_id}:{secret}"));
        let secrets = [secret, WRONG_SECRET].into_iter();
        let secrets = secrets.flat_map(|secret| [secret.to_owned(), header(secret)]).collect();
        Ok(Self { client, base_url, proper, wrong_secret, nobody_there, secrets })
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
            let switch = json!({ "mode": mode(breakage), "times": 1, "delay_ms": SILENCE_MS });
            self.post(&format!("{}/faults", self.base_url), &json!({ operation: switch })).await
        })
    }

    fn notification(&self, kind: EventKind, provider_ref: &str) -> Vec<u8> {
        let event = match kind {
            EventKind::PaymentWaitingForCapture => "payment.waiting_for_capture",
            EventKind::PaymentSucceeded => "payment.succeeded",
            EventKind::PaymentCanceled => "payment.canceled",
            EventKind::RefundSucceeded => "refund.succeeded",
        };
        notice(event, provider_ref)
    }

    fn secrets(&self) -> Vec<String> {
        self.secrets.clone()
    }

    fn unknown_notification(&self) -> Vec<u8> {
        notice("deal.closed", "d1")
    }
}

fn notice(event: &str, id: &str) -> Vec<u8> {
    json!({ "type": "notification", "event": event, "object": { "id": id } })
        .to_string()
        .into_bytes()
}

fn mode(breakage: Breakage) -> &'static str {
    match breakage {
        Breakage::Silence => "timeout",
        Breakage::SilenceAfterDoing => "timeout_after_execute",
        Breakage::ServerError => "error_500",
        Breakage::ServerErrorAfterDoing => "error_500_after_execute",
        Breakage::CutAfterDoing => "drop_after_execute",
        Breakage::Refusal => "refuse",
        Breakage::TooMany => "too_many_requests",
        Breakage::Redirect => "redirect",
        Breakage::Malformed => "malformed",
        Breakage::Oversized => "oversized",
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
