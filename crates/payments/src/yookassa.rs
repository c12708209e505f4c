//! The adapter for gateways that speak YooKassa's API v3: YooKassa itself and our sandbox.
//!
//! Turns provider calls into requests and answers into our types. It keeps nothing between calls
//! except the connection pool, repeats nothing by itself, and compares nothing with orders.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    adapter::{AdapterConfigError, Operation, check_amount, check_ref, check_wish, cut},
    money::{Currency, Money},
    provider::{
        Call, Capabilities, CreatePayment, CreateRefund, GatewayPayment, GatewayRefund, Method,
        MethodCapabilities, Notification, NotificationError, PaymentProvider, ProviderError,
        Receipt, ReceiptContact,
    },
    secret::Secret,
};
use transport::Transport;

mod notice;
mod transport;
mod wire;

/// Where YooKassa's API lives.
pub const YOOKASSA_BASE_URL: &str = "https://api.yookassa.ru";
/// YooKassa keeps an unconfirmed payment for one hour and offers no knob.
const PENDING_TTL_MS: u64 = 60 * 60 * 1_000;
/// Longest description that YooKassa takes, in characters.
const DESCRIPTION_CHARS_MAX: usize = 128;
/// Longest description of a refund, in characters.
const REFUND_DESCRIPTION_CHARS_MAX: usize = 250;
/// Longest idempotence key that YooKassa takes, in bytes; exactly the length of a SHA-256 in hex.
const KEY_LEN_MAX: usize = 64;
/// Longest description of a receipt's position, in characters.
const ITEM_DESCRIPTION_CHARS_MAX: usize = 128;
/// A ticket is a service that is paid for before it is given.
const PAYMENT_SUBJECT: &str = "service";
const PAYMENT_MODE: &str = "full_prepayment";

/// YooKassa's sheet: SBP moves the money at once and can only be refunded.
const CAPABILITIES: Capabilities = Capabilities {
    methods: &[
        MethodCapabilities { method: Method::BankCard, two_stage: true },
        MethodCapabilities { method: Method::Sbp, two_stage: false },
    ],
    pending_ttl_ms_min: PENDING_TTL_MS,
    pending_ttl_ms_max: PENDING_TTL_MS,
    cancel_pending: false,
    partial_refund: true,
    amounts_min: &[Money::new(100, Currency::RUB)],
    receipts: true,
};

/// How to reach one shop at one gateway.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct YooKassaConfig {
    /// The provider's name in routes and records; `sandbox` for the gateway in the box.
    pub name: String,
    /// Scheme, host and port, without `/v3`.
    pub base_url: String,
    /// The shop's id: user name of Basic authentication.
    pub shop_id: String,
    /// The shop's secret key: password of Basic authentication.
    pub secret: Secret,
    /// Deadline of one whole call, milliseconds, 1 to 60,000. Default 10,000: YooKassa usually
    /// answers within one second, and the hold of five minutes leaves room for several repeats.
    pub call_timeout_ms: u64,
    /// Deadline of the connection alone, milliseconds. Default 3,000; at most the call's.
    pub connect_timeout_ms: u64,
    /// Largest answer that is read, bytes. Default 65,536; real answers have below 4,096.
    pub answer_bytes_max: usize,
}

impl Default for YooKassaConfig {
    fn default() -> Self {
        Self {
            name: "yookassa".to_owned(),
            base_url: YOOKASSA_BASE_URL.to_owned(),
            shop_id: String::new(),
            secret: Secret::default(),
            call_timeout_ms: 10_000,
            connect_timeout_ms: 3_000,
            answer_bytes_max: 64 * 1_024,
        }
    }
}

/// A gateway that speaks YooKassa's API.
#[derive(Debug)]
pub struct YooKassa {
    name: String,
    transport: Transport,
}

impl YooKassa {
    /// Makes the adapter; opens no connection yet.
    ///
    /// # Errors
    /// [`AdapterConfigError`] names the field that cannot work.
    pub fn new(config: YooKassaConfig) -> Result<Self, AdapterConfigError> {
        let name = config.name.clone();
        Ok(Self { name, transport: Transport::new(config)? })
    }

    async fn create(&self, request: CreatePayment) -> Result<GatewayPayment, ProviderError> {
        check_wish(&CAPABILITIES, &request)?;
        let key = wire_key(&request.idempotence_key)?;
        let body = payment_body(&request);
        let answer = self.transport.post(Operation::CreatePayment, "/v3/payments", &key, &body);
        wire::payment(&answer.await?)
    }

    async fn change(
        &self,
        operation: Operation,
        key: &str,
        provider_ref: &str,
        body: &Value,
    ) -> Result<GatewayPayment, ProviderError> {
        let key = wire_key(key)?;
        check_ref(provider_ref)?;
        let path = format!("/v3/payments/{provider_ref}/{}", operation.word());
        wire::payment(&self.transport.post(operation, &path, &key, body).await?)
    }

    async fn refund(&self, request: CreateRefund) -> Result<GatewayRefund, ProviderError> {
        check_amount(request.amount)?;
        let key = wire_key(&request.idempotence_key)?;
        let mut body = json!({
            "payment_id": request.payment_ref,
            "amount": wire::amount(request.amount),
        });
        if !request.description.is_empty() {
            body["description"] = cut(&request.description, REFUND_DESCRIPTION_CHARS_MAX).into();
        }
        if let Some(receipt) = &request.receipt {
            receipt.check(request.amount)?;
            body["receipt"] = receipt_body(receipt);
        }
        let answer = self.transport.post(Operation::CreateRefund, "/v3/refunds", &key, &body);
        wire::refund(&answer.await?)
    }
}

impl PaymentProvider for YooKassa {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> &Capabilities {
        &CAPABILITIES
    }

    fn create_payment(&self, request: CreatePayment) -> Call<'_, GatewayPayment> {
        Box::pin(self.create(request))
    }

    fn read_payment<'a>(&'a self, provider_ref: &'a str) -> Call<'a, GatewayPayment> {
        Box::pin(async move {
            check_ref(provider_ref)?;
            let path = format!("/v3/payments/{provider_ref}");
            wire::payment(&self.transport.get(Operation::ReadPayment, &path).await?)
        })
    }

    fn cancel<'a>(&'a self, key: &'a str, provider_ref: &'a str) -> Call<'a, GatewayPayment> {
        Box::pin(async move {
            let nothing = json!({});
            self.change(Operation::Cancel, key, provider_ref, &nothing).await
        })
    }

    fn capture<'a>(
        &'a self,
        key: &'a str,
        provider_ref: &'a str,
        amount: Money,
    ) -> Call<'a, GatewayPayment> {
        Box::pin(async move {
            check_amount(amount)?;
            let body = json!({ "amount": wire::amount(amount) });
            self.change(Operation::Capture, key, provider_ref, &body).await
        })
    }

    fn create_refund(&self, request: CreateRefund) -> Call<'_, GatewayRefund> {
        Box::pin(self.refund(request))
    }

    fn read_refund<'a>(&'a self, provider_ref: &'a str) -> Call<'a, GatewayRefund> {
        Box::pin(async move {
            check_ref(provider_ref)?;
            let path = format!("/v3/refunds/{provider_ref}");
            wire::refund(&self.transport.get(Operation::ReadRefund, &path).await?)
        })
    }

    fn parse_notification(&self, body: &[u8]) -> Result<Notification, NotificationError> {
        notice::parse(body)
    }
}

fn payment_body(request: &CreatePayment) -> Value {
    let mut body = json!({
        "amount": wire::amount(request.amount),
        "payment_method_data": { "type": request.method.as_str() },
        "confirmation": { "type": "redirect", "return_url": request.return_url },
        "capture": request.capture,
        "description": cut(&request.description, DESCRIPTION_CHARS_MAX),
        "metadata": { "payment_id": request.payment_id, "order_id": request.order_id },
    });
    if let Some(receipt) = &request.receipt {
        body["receipt"] = receipt_body(receipt);
    }
    body
}

fn receipt_body(receipt: &Receipt) -> Value {
    let customer = match &receipt.contact {
        ReceiptContact::Email(email) => json!({ "email": email }),
        ReceiptContact::Phone(phone) => json!({ "phone": phone }),
    };
    let items: Vec<Value> = receipt
        .items
        .iter()
        .map(|item| {
            json!({
                "description": cut(&item.description, ITEM_DESCRIPTION_CHARS_MAX),
                "quantity": "1.00",
                "amount": wire::amount(item.amount),
                "vat_code": item.vat_code,
                "payment_subject": PAYMENT_SUBJECT,
                "payment_mode": PAYMENT_MODE,
            })
        })
        .collect();
    let mut body = json!({ "customer": customer, "items": items });
    if let Some(code) = receipt.tax_system_code {
        body["tax_system_code"] = code.into();
    }
    body
}

/// The key as the gateway takes it. Ours name the event and may be longer than the gateway allows;
/// a longer one travels as its hash, which is as unique and the same at every repeat.
fn wire_key(key: &str) -> Result<Cow<'_, str>, ProviderError> {
    if key.is_empty() {
        return Err(ProviderError::refused("invalid_key", "key must not be empty"));
    }
    if key.len() <= KEY_LEN_MAX && key.bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(Cow::Borrowed(key));
    }
    Ok(Cow::Owned(format!("{:x}", Sha256::digest(key))))
}
