//! What every adapter needs alike: settings that are checked before anything is opened, and one
//! HTTP call with the sorting of everything that can go wrong with it.
//!
//! The only place that knows about sockets, status codes and sizes. It follows no redirect (the
//! credentials would travel along), reads no more than the limit, and always ends in time.

use std::time::{Duration, Instant};

use bytes::BytesMut;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url};

use crate::{
    http_client,
    money::Money,
    provider::{Capabilities, CreatePayment, ProviderError},
};

/// Longest deadline that configuration may ask for, milliseconds.
const CALL_TIMEOUT_MS_MAX: u64 = 60_000;
/// Smallest limit on answers that makes sense, bytes.
const ANSWER_BYTES_MIN: usize = 4_096;

/// Why an adapter could not be made from its configuration.
#[derive(Debug, thiserror::Error)]
pub enum AdapterConfigError {
    /// A field has a value that cannot work.
    #[error("payment provider {name}: {field}: {detail}")]
    Field {
        /// The provider's name.
        name: String,
        /// The field.
        field: &'static str,
        /// What is wrong and what is expected.
        detail: &'static str,
    },
    /// The HTTP client could not be built.
    #[error("payment provider {name}: HTTP client: {source}")]
    Client {
        /// The provider's name.
        name: String,
        /// The cause.
        source: reqwest::Error,
    },
}

/// How to reach a gateway.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reach<'a> {
    pub(crate) name: &'a str,
    /// Scheme, host and port.
    pub(crate) base_url: &'a str,
    /// Deadline of one whole call, milliseconds.
    pub(crate) call_timeout_ms: u64,
    /// Deadline of the connection alone, milliseconds.
    pub(crate) connect_timeout_ms: u64,
    /// Largest answer that is read, bytes.
    pub(crate) answer_bytes_max: usize,
}

/// The raw body of a 200.
pub(crate) type Answer = Result<Vec<u8>, ProviderError>;

/// How a gateway explains a refusal: HTTP status and body.
pub(crate) type Explain = fn(u16, &[u8]) -> ProviderError;

/// What is asked of a gateway; the word in metrics.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Operation {
    CreatePayment,
    ReadPayment,
    Cancel,
    Capture,
    CreateRefund,
    ReadRefund,
}

impl Operation {
    pub(crate) fn word(self) -> &'static str {
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

/// A client bound to one gateway.
#[derive(Debug)]
pub(crate) struct Endpoint {
    provider: String,
    client: Client,
    base: Url,
    answer_bytes_max: usize,
    explain: Explain,
}

impl Endpoint {
    /// Checks the settings; opens no connection yet.
    pub(crate) fn new(reach: Reach<'_>, explain: Explain) -> Result<Self, AdapterConfigError> {
        check(&reach)?;
        let base = parse_base(&reach)?;
        let timeout = Duration::from_millis(reach.call_timeout_ms);
        let connect_timeout = Duration::from_millis(reach.connect_timeout_ms);
        let client = http_client::build(&base, timeout, connect_timeout)
            .map_err(|source| AdapterConfigError::Client { name: reach.name.to_owned(), source })?;
        let (provider, answer_bytes_max) = (reach.name.to_owned(), reach.answer_bytes_max);
        Ok(Self { provider, client, base, answer_bytes_max, explain })
    }

    /// A request without credentials.
    pub(crate) fn request(
        &self,
        method: Method,
        path: &str,
    ) -> Result<RequestBuilder, ProviderError> {
        let url = self
            .base
            .join(path)
            .map_err(|error| ProviderError::refused("invalid_path", error.to_string()))?;
        Ok(self.client.request(method, url))
    }

    /// Sends, counts and sorts.
    pub(crate) async fn call(&self, operation: Operation, request: RequestBuilder) -> Answer {
        let started = Instant::now();
        let answer = self.exchange(request).await;
        let result = answer.as_ref().err().map_or("ok", ProviderError::label);
        let labels = [
            ("provider", self.provider.clone()),
            ("operation", operation.word().to_owned()),
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
            Sorted::Refused => Err((self.explain)(status.as_u16(), &body.unwrap_or_default())),
            Sorted::TurnedAway => Err(ProviderError::unavailable(format!("HTTP {status}"))),
            Sorted::Unclear => Err(ProviderError::unknown(format!("HTTP {status}"))),
        }
    }
}

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
        400 | 401 | 402 | 403 | 404 | 405 | 413 | 415 | 422 => Sorted::Refused,
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

fn parse_base(reach: &Reach<'_>) -> Result<Url, AdapterConfigError> {
    let wrong = |detail| field(reach.name, "base_url", detail);
    let url = Url::parse(reach.base_url).map_err(|_| wrong("expected scheme://host[:port]"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(wrong("expected http://host[:port] or https://host[:port]"));
    }
    if url.scheme() == "http" && !is_local(&url) {
        return Err(wrong("plain http is allowed to this machine only; use https"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("must hold no credentials; they belong into files"));
    }
    Ok(url)
}

/// Whether the address can only mean this machine, so that nobody in between reads the secret.
fn is_local(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let ip = host.parse::<std::net::IpAddr>();
    host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
}

fn check(reach: &Reach<'_>) -> Result<(), AdapterConfigError> {
    let wrong = |name, detail| Err(field(reach.name, name, detail));
    if reach.name.is_empty() {
        return wrong("name", "must not be empty");
    }
    if !(1..=CALL_TIMEOUT_MS_MAX).contains(&reach.call_timeout_ms) {
        return wrong("call_timeout_ms", "must be 1 to 60000");
    }
    if !(1..=reach.call_timeout_ms).contains(&reach.connect_timeout_ms) {
        return wrong("connect_timeout_ms", "must be 1 to call_timeout_ms");
    }
    if reach.answer_bytes_max < ANSWER_BYTES_MIN {
        return wrong("answer_bytes_max", "must be at least 4096");
    }
    Ok(())
}

/// A field that cannot work.
pub(crate) fn field(name: &str, field: &'static str, detail: &'static str) -> AdapterConfigError {
    AdapterConfigError::Field { name: name.to_owned(), field, detail }
}

/// What the sheet says no to needs no question to the gateway.
pub(crate) fn check_wish(
    sheet: &Capabilities,
    request: &CreatePayment,
) -> Result<(), ProviderError> {
    if !sheet.supports(request.method) {
        return Err(ProviderError::refused("unsupported_method", "method is not in the sheet"));
    }
    if !request.capture && !sheet.two_stage(request.method) {
        return Err(ProviderError::refused("unsupported_two_stage", "method takes money at once"));
    }
    check_amount(request.amount)?;
    match sheet.amount_min(request.amount.currency) {
        None => Err(ProviderError::refused("unsupported_currency", "currency is not in the sheet")),
        Some(least) if request.amount.minor < least.minor => {
            Err(ProviderError::refused("amount_too_small", format!("the least is {least}")))
        }
        Some(_) => match &request.receipt {
            Some(receipt) => receipt.check(request.amount),
            None => Ok(()),
        },
    }
}

/// Money always moves one way.
pub(crate) fn check_amount(amount: Money) -> Result<(), ProviderError> {
    if amount.minor <= 0 {
        return Err(ProviderError::refused("invalid_amount", "amount must be above zero"));
    }
    Ok(())
}

/// An id becomes a part of an address, so that anything but a plain word is refused here.
pub(crate) fn check_ref(provider_ref: &str) -> Result<(), ProviderError> {
    if is_plain_ref(provider_ref) {
        return Ok(());
    }
    Err(ProviderError::refused("invalid_reference", "id must be 1 to 128 of A-Z a-z 0-9 - _"))
}

/// Longest id of a gateway object that we put into a path, in bytes: what the grid keeps of one.
/// YooKassa's have 36, Stripe's sessions 66.
const REF_LEN_MAX: usize = 128;

/// Whether a text is a plain word that may stand in an address.
pub(crate) fn is_plain_ref(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    !text.is_empty() && text.len() <= REF_LEN_MAX && text.bytes().all(plain)
}

/// The first so many characters.
pub(crate) fn cut(text: &str, chars_max: usize) -> String {
    text.chars().take(chars_max).collect()
}
