//! The plug-in interface to a payment system: what the box office may ask of any gateway.
//!
//! An adapter turns these calls into a gateway's own language and its answers back into these
//! types. It keeps no state between calls, retries nothing by itself, and trusts nothing that a
//! notification says: a notification is only a hint to read the object.

use std::{future::Future, pin::Pin};

use http::HeaderMap;

use crate::health::GatewayHealth;
use crate::money::Money;

pub use capabilities::{Capabilities, Method, MethodCapabilities};
pub use error::ProviderError;
pub use notification::{EventKind, Forged, Notification, NotificationError};
pub use receipt::{RECEIPT_ITEMS_MAX, Receipt, ReceiptContact, ReceiptItem};
pub use registry::{Providers, RegistryError};

mod capabilities;
mod error;
mod notification;
mod receipt;
mod registry;

/// The answer of a provider call, to be awaited. Boxed so that adapters stay behind `dyn`.
pub type Call<'a, T> = Pin<Box<dyn Future<Output = Result<T, ProviderError>> + Send + 'a>>;

/// A payment system behind one adapter.
///
/// Every call ends within the adapter's own deadline. A call that changes money carries an
/// idempotence key; after [`ProviderError::Unknown`] the same call is repeated with the same key
/// until the answer is definite.
pub trait PaymentProvider: Send + Sync {
    /// The name in routes and records, such as `yookassa` or `sandbox`.
    fn name(&self) -> &str;

    /// What this gateway can do.
    fn capabilities(&self) -> &Capabilities;

    /// Creates a payment and the address to which the shopper is sent.
    fn create_payment(&self, request: CreatePayment) -> Call<'_, GatewayPayment>;

    /// Reads a payment as it is now. This is the only source of truth about money.
    fn read_payment<'a>(&'a self, provider_ref: &'a str) -> Call<'a, GatewayPayment>;

    /// Gives back money that was reserved by a two-stage payment. A gateway without
    /// `cancel_pending` refuses to cancel a payment that still waits for the shopper.
    fn cancel<'a>(&'a self, key: &'a str, provider_ref: &'a str) -> Call<'a, GatewayPayment>;

    /// Takes the reserved money of a two-stage payment, all of it or `amount`.
    fn capture<'a>(
        &'a self,
        key: &'a str,
        provider_ref: &'a str,
        amount: Money,
    ) -> Call<'a, GatewayPayment>;

    /// Returns captured money, all of it or a part.
    fn create_refund(&self, request: CreateRefund) -> Call<'_, GatewayRefund>;

    /// Reads a refund as it is now.
    fn read_refund<'a>(&'a self, provider_ref: &'a str) -> Call<'a, GatewayRefund>;

    /// Reads which object a notification speaks of. Nothing else in the body may be believed.
    ///
    /// # Errors
    /// [`NotificationError`] when the body names no object that this adapter knows; the sender is
    /// still answered 200, since a repeat would be no better.
    fn parse_notification(&self, body: &[u8]) -> Result<Notification, NotificationError>;

    /// Whether the gateway itself sent a notification, where it signs them; a gateway that signs
    /// nothing has nothing to say here, and its hints are as good as their objects.
    ///
    /// # Errors
    /// [`Forged`] when there is no signature, or one that does not fit body and time (`now_ms`,
    /// milliseconds since 1970 UTC).
    fn check_signature(&self, headers: &HeaderMap, body: &[u8], now_ms: i64) -> Result<(), Forged> {
        let _ = (headers, body, now_ms);
        Ok(())
    }

    /// How it did lately, where somebody keeps count; an adapter by itself does not.
    fn health(&self) -> Option<GatewayHealth> {
        None
    }
}

/// A wish for a payment.
#[derive(Debug, Clone)]
pub struct CreatePayment {
    /// Our payment id; the same attempt is always repeated with the same key.
    pub idempotence_key: String,
    /// Our payment id again, as metadata for matching.
    pub payment_id: String,
    /// Our order id, as metadata for matching.
    pub order_id: String,
    /// What the shopper pays; above zero.
    pub amount: Money,
    /// How the shopper pays.
    pub method: Method,
    /// Where the gateway sends the shopper afterwards: absolute `http` or `https` address.
    pub return_url: String,
    /// What the shopper sees; cut to what the gateway allows.
    pub description: String,
    /// `true` takes the money at once, `false` only reserves it (two-stage).
    pub capture: bool,
    /// Until when the payment should wait for the shopper, milliseconds since 1970 UTC; the same at
    /// every repeat. A gateway whose sheet does not allow it uses its nearest; the seller must live
    /// with late money either way.
    pub pay_until_ms: i64,
    /// What goes on the fiscal receipt, where the shop has one made.
    pub receipt: Option<Receipt>,
}

/// A wish for a refund.
#[derive(Debug, Clone)]
pub struct CreateRefund {
    /// Our refund id; the same refund is always repeated with the same key.
    pub idempotence_key: String,
    /// The gateway's id of the payment.
    pub payment_ref: String,
    /// How much goes back; above zero, at most what was captured and not yet refunded.
    pub amount: Money,
    /// What the shopper sees on the statement; may be empty.
    pub description: String,
    /// What goes on the receipt of the refund. Without one a gateway that made a receipt of the
    /// payment makes the same again, which is right when all of it goes back.
    pub receipt: Option<Receipt>,
}

/// A payment as the gateway tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayPayment {
    /// The gateway's id.
    pub provider_ref: String,
    /// Where the payment stands.
    pub status: PaymentStatus,
    /// What was asked for or paid. The caller compares it with the order.
    pub amount: Money,
    /// What was taken so far; zero until the payment succeeded.
    pub captured: Money,
    /// What was given back so far, pending refunds included where the gateway counts them.
    pub refunded: Money,
    /// Where the shopper pays; present only while the payment waits for the shopper.
    pub confirmation_url: Option<String>,
    /// Our payment id from the metadata. The caller compares it.
    pub payment_id: Option<String>,
    /// Our order id from the metadata. The caller compares it.
    pub order_id: Option<String>,
    /// When the gateway created it, milliseconds since 1970 UTC.
    pub created_at_ms: i64,
    /// Whether no real money moved.
    pub test: bool,
}

/// Where a payment stands. The order is the order of life; the last two are final.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaymentStatus {
    /// Waits for the shopper or the bank.
    Pending,
    /// Reserved; waits for capture or cancel.
    WaitingForCapture,
    /// Money was taken.
    Succeeded,
    /// No money was taken, or the reserve was given back.
    Canceled {
        /// The gateway's word, such as `insufficient_funds` or `expired_on_confirmation`.
        reason: String,
    },
}

impl PaymentStatus {
    /// Whether the gateway will never change this status.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Pending | Self::WaitingForCapture => false,
            Self::Succeeded | Self::Canceled { .. } => true,
        }
    }
}

/// A refund as the gateway tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayRefund {
    /// The gateway's id of the refund.
    pub provider_ref: String,
    /// The gateway's id of the payment.
    pub payment_ref: String,
    /// Where the refund stands.
    pub status: RefundStatus,
    /// How much goes back.
    pub amount: Money,
    /// When the gateway created it, milliseconds since 1970 UTC.
    pub created_at_ms: i64,
}

/// Where a refund stands; the last two are final.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefundStatus {
    /// The bank has not answered yet.
    Pending,
    /// The money is on its way back.
    Succeeded,
    /// The bank refused.
    Canceled {
        /// The gateway's word, such as `insufficient_funds`.
        reason: String,
    },
}
