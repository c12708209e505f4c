//! The ordinary services of the ticket shop: catalogue, checkout, tickets, refunds and the worker
//! that keeps asking gateways. Two processes live here: [`office`] answers requests that the router
//! passes on, [`worker`] works off what the grid says is still open.
//!
//! In the flow: a shopper's hold becomes an order and a payment by commands to the grid; a
//! gateway's word becomes a settled payment by one shared path, [`settlement`]. PostgreSQL holds
//! the catalogue and the journal of notifications; checkout must go on while it is away. This crate
//! never decides about a seat, and never sees a card number.

pub mod config;
pub mod contact;
pub mod language;
pub mod office;
pub mod plan_file;
pub mod push;
pub mod refund_receipts;
pub mod refund_terms;
mod refunding;
pub mod sealing;
pub mod settlement;
pub mod staff_token;
pub mod telegram;
pub mod ticket_code;
pub mod ticket_format;
pub mod worker;

mod accounts;
mod alarms;
mod backoff;
mod catalogue;
mod checkins;
mod clock;
mod database;
mod demo;
mod dispatch;
mod documents;
mod failures;
mod gateways;
mod heralds;
mod jobs;
mod mail;
mod messages;
mod notices;
mod outbox;
mod payouts;
mod people;
mod plans;
mod publisher;
mod tasks;
mod ticket_qr;
mod ticket_standing;
mod upkeep;
mod webhook_journal;

pub use config::{
    ConfigError, OfficeConfig, ProviderConfig, ProviderKind, ReceiptConfig, WorkerConfig,
};
pub use database::{DatabaseError, migrate};
pub use mail::MailConfig;
pub use office::RunError as OfficeError;
pub use people::oidc::SocialConfig;
pub use tasks::TaskDied;
pub use worker::RunError as WorkerError;
