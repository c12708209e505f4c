//! One HTTP call to the gateway and the sorting of everything that can go wrong with it.
//!
//! The only place that knows about sockets, status codes and sizes. It follows no redirect (the
//! credentials would travel along), reads no more than the limit, and always ends in time.

use std::time::{Duration, Instant};

use bytes::BytesMut;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url};
use serde_json::Value;

use super::{YooKassaConfig, YooKassaConfigError, wire};
use crate::{http_client, provider::ProviderError, secret::Secret};

/// Longest deadline that configuration may ask for, milliseconds.
const CALL_TIMEOUT_MS_MAX: u64 = 60_000;

/// What is asked of the gateway; the word in metrics and, for changes, in the path.
#[derive(Debug, Clone, Copy)]
pub(super) enum Operation {
    CreatePayment,
    ReadPayment,
    Cancel,
    Capture,
    CreateRefund,
    ReadRefund,
}

impl Operation {
    pub(super) fn verb(self) -> &'static str {
        match self {
            Self::CreatePayment => "create_payment",
            Self::ReadPayment => "read_payment",
            Self::Cancel => "cancel",
            Self::Capture => "capture",
            Self::CreateRefund => "create_refund",
            Self::ReadRefund => "read_refund",
        }
    }
}

/// A client bound to one shop at one gateway.
#[derive(Debug)]
pub(super) struct Transport {
    provider: String,
    client: Client,
    base: Url,
    shop_id: String,
    secret: Secret,
    answer_bytes_max: usize,
}

impl Transport {
    pub(super) fn new(config: YooKassaConfig) -> Result<Self, YooKassaConfigError> {
        check(&config)?;
        let base = parse_base(&config)?;
        let client = build_client(&config, &base)
            .map_err(|source| YooKassaConfigError::Client { name: config.name.clone(), source })?;
        Ok(Self {
            provider: config.name,
            client,
            base,
            shop_id: config.shop_id,
            secret: config.secret,
            answer_bytes_max: config.answer_bytes_max,
        })
    }

    pub(super) async fn get(&self, operation: Operation, path: &str) -> Answer {
        self.call(operation, self.request(Method::GET, path)?).await
    }

    pub(super) async fn post(
        &self,
        operation: Operation,
        path: &str,
        key: &str,
        body: &Value,
    ) -> Answer {
        let request = self.request(Method::POST, path)?.json(body);
        self.call(operation, request.header("Idempotence-Key", key)).await
    }

    fn request(&self, method: Method, path: &str) -> Result<RequestBuilder, ProviderError> {
        let url = self
            .base
            .join(path)
            .map_err(|error| ProviderError::refused("invalid_path", error.to_string()))?;
        let request = self.client.request(method, url);
        Ok(request.basic_auth(&self.shop_id, Some(self.secret.reveal())))
    }

    async fn call(&self, operation: Operation, request: RequestBuilder) -> Answer {
        let started = Instant::now();
        let answer = self.exchange(request).await;
        let result = answer.as_ref().err().map_or("ok", ProviderError::label);
        let labels = [
            ("provider", self.provider.clone()),
            ("operation", operation.verb().to_owned()),
            ("result", result.to_owned()),
        ];
        metrics::counter!("seatgrid_payment_calls_total", &labels).increment(1);
        metrics::histogram!("seatgrid_payment_call_seconds", &labels).record(started.elapsed());
        answer
    }

    async fn exchange(&self, request: RequestBuilder) -> Answer {
        let mut response = request.send().await.map_err(not_sent_or_not_answered)?;
        let status = response.status();
        let body = read_limited(&mut response, self.answer_bytes_max).await;
        match sort(status) {
            Sorted::Answered => body,
            Sorted::Refused => Err(wire::refusal(status.as_u16(), &body.unwrap_or_default())),
            Sorted::TurnedAway => Err(ProviderError::unavailable(format!("HTTP {status}"))),
            Sorted::Unclear => Err(ProviderError::unknown(format!("HTTP {status}"))),
        }
    }
}

/// The raw body of a 200.
type Answer = Result<Vec<u8>, ProviderError>;

/// What a status code proves.
enum Sorted {
    Answered,
    Refused,
    TurnedAway,
    Unclear,
}

/// Only codes with which the API itself says no prove that nothing happened. Others, such as 408
/// or 409, may come from something in between after the request was passed on.
fn sort(status: StatusCode) -> Sorted {
    match status.as_u16() {
        200 => Sorted::Answered,
        400 | 401 | 403 | 404 | 405 | 413 | 415 | 422 => Sorted::Refused,
        429 => Sorted::TurnedAway,
        _ => Sorted::Unclear,
    }
}

/// A failed connection proves that no request was sent; anything later proves nothing.
fn not_sent_or_not_answered(error: reqwest::Error) -> ProviderError {
    let error = error.without_url();
    if error.is_builder() {
        return ProviderError::refused("invalid_request", error.to_string());
    }
    if error.is_connect() {
        return ProviderError::unavailable(chain(&error));
    }
    ProviderError::unknown(chain(&error))
}

/// The error with its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

async fn read_limited(response: &mut Response, bytes_max: usize) -> Answer {
    let mut body = BytesMut::new();
    loop {
        let chunk = response.chunk().await;
        let chunk = chunk.map_err(|error| ProviderError::unknown(chain(&error.without_url())))?;
        let Some(chunk) = chunk else { return Ok(body.to_vec()) };
        if body.len() + chunk.len() > bytes_max {
            return Err(ProviderError::unknown(format!("answer is larger than {bytes_max} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
}

fn build_client(config: &YooKassaConfig, base: &Url) -> Result<Client, reqwest::Error> {
    let timeout = Duration::from_millis(config.call_timeout_ms);
    let connect_timeout = Duration::from_millis(config.connect_timeout_ms);
    http_client::build(base, timeout, connect_timeout)
}

fn parse_base(config: &YooKassaConfig) -> Result<Url, YooKassaConfigError> {
    let wrong = |detail| field(config, "base_url", detail);
    let url = Url::parse(&config.base_url).map_err(|_| wrong("expected scheme://host[:port]"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(wrong("expected http://host[:port] or https://host[:port]"));
    }
    if url.scheme() == "http" && !is_local(&url) {
        return Err(wrong("plain http is allowed to this machine only; use https"));
    }
    Ok(url)
}

/// Whether the address can only mean this machine, so that nobody in between reads the secret.
fn is_local(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let ip = host.parse::<std::net::IpAddr>();
    host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
}

fn check(config: &YooKassaConfig) -> Result<(), YooKassaConfigError> {
    let wrong = |name, detail| Err(field(config, name, detail));
    if config.name.is_empty() {
        return wrong("name", "must not be empty");
    }
    if config.shop_id.is_empty() || config.shop_id.contains(':') {
        return wrong("shop_id", "must not be empty and must not contain a colon");
    }
    if config.secret.is_empty() {
        return wrong("secret", "must not be empty");
    }
    if !(1..=CALL_TIMEOUT_MS_MAX).contains(&config.call_timeout_ms) {
        return wrong("call_timeout_ms", "must be 1 to 60000");
    }
    if !(1..=config.call_timeout_ms).contains(&config.connect_timeout_ms) {
        return wrong("connect_timeout_ms", "must be 1 to call_timeout_ms");
    }
    if config.answer_bytes_max < 4_096 {
        return wrong("answer_bytes_max", "must be at least 4096");
    }
    Ok(())
}

fn field(
    config: &YooKassaConfig,
    field: &'static str,
    detail: &'static str,
) -> YooKassaConfigError {
    YooKassaConfigError::Field { name: config.name.clone(), field, detail }
}
