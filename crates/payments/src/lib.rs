//! Payment systems as plug-ins: the trait that a seller calls, the adapters that implement it, the
//! sandbox gateway that stands in for a real one, and the kit that every adapter must pass.
//!
//! In the flow: the box office asks a [`provider::PaymentProvider`] for a payment, sends the
//! shopper to its confirmation address, and reads the payment back when a notification or the
//! poller says so. This crate decides nothing about seats or orders, knows no database, and never
//! sees card data: the shopper types a card number on the gateway's own page only.

pub mod http_client;
pub mod money;
pub mod provider;
pub mod secret;
pub mod stripe;
pub mod yookassa;

pub mod conformance;
pub mod sandbox;

mod adapter;
mod breaker;
mod health;

pub use adapter::AdapterConfigError;
pub use breaker::{Breaker, BreakerTerms};
pub use health::GatewayHealth;
pub use money::{Currency, Money, MoneyError};
pub use provider::{
    Capabilities, CreatePayment, CreateRefund, EventKind, Forged, GatewayPayment, GatewayRefund,
    Method, Notification, NotificationError, PaymentProvider, PaymentStatus, ProviderError,
    Providers, RECEIPT_ITEMS_MAX, Receipt, ReceiptContact, ReceiptItem, RefundStatus,
};
pub use secret::Secret;
pub use stripe::{Stripe, StripeConfig};
pub use yookassa::{YooKassa, YooKassaConfig};
