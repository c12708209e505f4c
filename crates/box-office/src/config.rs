//! Configuration of the two processes: every knob with its unit, default and reason. Relations
//! between knobs are checked here, before anything is opened.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use payments::Secret;
use processing_unit::{GridConfig, TlsError};
use serde::{Deserialize, Serialize};

use crate::mail::MailConfig;
use crate::office::return_origins::Origin;
use crate::people::oidc::SocialConfig;
use crate::push::{PushConfig, PushOfferConfig};
use crate::refund_terms::RefundConfig;
use crate::telegram::TelegramConfig;
use crate::ticket_format::WalletConfig;

pub use provider::{ProviderConfig, ProviderKind, ReceiptConfig};

mod provider;

/// Most connections to PostgreSQL that one process may be given.
const DATABASE_CONNECTIONS_LIMIT: u32 = 100;
/// Most providers of one kind of one installation.
const PROVIDERS_MAX: usize = 16;
/// Longest name of a provider, in bytes; the grid stores it with each payment.
const PROVIDER_NAME_BYTES_MAX: usize = 32;

/// How PostgreSQL is reached.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DatabaseUrl(pub Secret);

/// Everything the office needs to know.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OfficeConfig {
    /// Where the router reaches the office. Not for the public: the router stands before it.
    pub listen: SocketAddr,
    /// Where probes and metrics are served.
    pub admin_listen: SocketAddr,
    /// File with the PostgreSQL address; preferred over `database_url`.
    pub database_url_file: Option<PathBuf>,
    /// PostgreSQL address, `postgres://user:password@host:port/database`.
    pub database_url: DatabaseUrl,
    /// File with the address of a read replica of it; preferred over `database_replica_url`.
    pub database_replica_url_file: Option<PathBuf>,
    /// Address of a read replica, from which history is read. Empty by default: there is none.
    pub database_replica_url: DatabaseUrl,
    /// A replica whose tables are further behind is passed over for the primary, milliseconds.
    /// Default 60,000: what is read there is hours old as a rule.
    pub database_replica_lag_ms_max: u64,
    /// Connections to PostgreSQL. Default 10: catalogue reads come from memory, what is left are
    /// short single-row statements.
    pub database_connections_max: u32,
    /// The units.
    pub grid: GridConfig,
    /// Key of hold tokens, the same file as the router's.
    pub hold_token_key_file: PathBuf,
    /// Keys that seal personal data, one a line: the first seals, all open, and the last one makes
    /// the indices by which people are found.
    pub contact_key_file: PathBuf,
    /// Secret half of the key that signs ticket codes.
    pub ticket_key_file: PathBuf,
    /// File with the administrator's first password; without it no account is made.
    pub admin_password_file: Option<PathBuf>,
    /// Keys of access tokens, shared with the routers: the first line signs, all are believed.
    /// Without it nobody can sign in.
    pub access_key_file: Option<PathBuf>,
    /// Whether browsers reach the shop by TLS, as everywhere beyond one's own machine: cookies are
    /// then bound to the host and never sent in the clear. The routers' setting must be the same.
    pub is_https: bool,
    /// Origins to which gateways may send shoppers back, beside the shop's own: `https://app.example`.
    /// None by default. Without TLS (`is_https`) any address may be returned to.
    pub return_origins: Vec<String>,
    /// File with the tokens of staff, one a line; without it nobody is staff by a token.
    pub staff_token_file: Option<PathBuf>,
    /// Payment providers by name.
    pub providers: BTreeMap<String, ProviderConfig>,
    /// Providers of identities by name, by which people may sign in; none by default.
    pub social: BTreeMap<String, SocialConfig>,
    /// What owners get back who give tickets up.
    pub refunds: RefundConfig,
    /// Name of the bot that sends notices, without `@`; without it nobody binds a chat.
    pub telegram_bot: Option<String>,
    /// Push messages to browsers.
    pub push: PushOfferConfig,
    /// Passes for wallets.
    pub wallet: WalletConfig,
    /// Whether to put demonstration artists, venues and events into an empty catalogue.
    pub demo: bool,
    /// How long a hold of the demonstration events lives, seconds, 5 to 1,800. Default 300.
    /// Counts only when they are made.
    pub demo_hold_ttl_s: u32,
    /// How often PostgreSQL is asked whether the catalogue changed, milliseconds. Default 1,000:
    /// one tiny query, and nobody waits longer for a published event.
    pub catalogue_poll_ms: u64,
    /// Time for one creation of a payment with its repeats, milliseconds, when the request names no
    /// deadline. Default 8,000: above a gateway's usual second, below what a browser waits.
    pub payment_create_ms_max: u64,
    /// Notifications that may wait to be processed in memory. Default 4,096; what does not fit is
    /// left to the worker, which finds it in the journal.
    pub notices_queue_max: usize,
    /// Notifications processed at a time. Default 32: each is one read at the gateway.
    pub notices_parallel_max: usize,
}

/// Everything the worker needs to know.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WorkerConfig {
    /// Where probes and metrics are served.
    pub admin_listen: SocketAddr,
    /// File with the PostgreSQL address; preferred over `database_url`.
    pub database_url_file: Option<PathBuf>,
    /// PostgreSQL address.
    pub database_url: DatabaseUrl,
    /// Connections to PostgreSQL. Default 6: a query at a time of each task, one to hear of jobs, and
    /// room.
    pub database_connections_max: u32,
    /// The units.
    pub grid: GridConfig,
    /// Payment providers by name, the same as the office's.
    pub providers: BTreeMap<String, ProviderConfig>,
    /// Pause between two looks at what is open, milliseconds. Default 1,000: the first question to
    /// a gateway is due 5 s after a payment began.
    pub look_every_ms: u64,
    /// Payments, refunds and notifications worked on at a time. Default 16, so that one slow
    /// gateway does not starve another and none is flooded.
    pub parallel_max: usize,
    /// Jobs of the queue worked on at a time. Default 2: they are work for a processor.
    pub jobs_parallel_max: usize,
    /// Payments and refunds looked at per shard and look. Default 5,000.
    pub open_max: u32,
    /// Attempts to carry out a refund before a person is called. Default 24: with the pauses
    /// between them about three days, longer than a gateway remembers an idempotence key.
    pub refund_attempts_max: u32,
    /// How long a payment without an answer of the gateway waits for a repeat of the shopper's
    /// request, milliseconds, before the attempt counts as failed. Default 60,000.
    pub unanswered_payment_ms: u64,
    /// Keys that seal personal data, the same file as the office's; without it nothing is sent.
    pub contact_key_file: Option<PathBuf>,
    /// How long before an event its owners are reminded, seconds, up to 30 days; 0 for not at all.
    /// Default 86,400: the day before.
    pub reminder_lead_s: u64,
    /// How messages leave the shop.
    pub mail: MailConfig,
    /// How Telegram is reached.
    pub telegram: TelegramConfig,
    /// Push messages to browsers.
    pub push: PushConfig,
    /// Days that ended notifications are kept in the journal. Default 400: more than the year of
    /// the ledger that they explain.
    pub journal_kept_days: u32,
}

impl Default for OfficeConfig {
    fn default() -> Self {
        Self {
            listen: loopback(9_301),
            admin_listen: loopback(9_302),
            database_url_file: None,
            database_url: DatabaseUrl::default(),
            database_replica_url_file: None,
            database_replica_url: DatabaseUrl::default(),
            database_replica_lag_ms_max: 60_000,
            database_connections_max: 10,
            grid: GridConfig::default(),
            hold_token_key_file: PathBuf::new(),
            contact_key_file: PathBuf::new(),
            ticket_key_file: PathBuf::new(),
            admin_password_file: None,
            access_key_file: None,
            is_https: false,
            return_origins: Vec::new(),
            staff_token_file: None,
            providers: BTreeMap::new(),
            social: BTreeMap::new(),
            refunds: RefundConfig::default(),
            telegram_bot: None,
            push: PushOfferConfig::default(),
            wallet: WalletConfig::default(),
            demo: false,
            demo_hold_ttl_s: 300,
            catalogue_poll_ms: 1_000,
            payment_create_ms_max: 8_000,
            notices_queue_max: 4_096,
            notices_parallel_max: 32,
        }
    }
}

impl Default for WorkerConfig {
    fn default() -> Self {
        Self {
            admin_listen: loopback(9_303),
            database_url_file: None,
            database_url: DatabaseUrl::default(),
            database_connections_max: 6,
            grid: GridConfig::default(),
            providers: BTreeMap::new(),
            look_every_ms: 1_000,
            parallel_max: 16,
            jobs_parallel_max: 2,
            open_max: 5_000,
            refund_attempts_max: 24,
            unanswered_payment_ms: 60_000,
            contact_key_file: None,
            reminder_lead_s: 86_400,
            mail: MailConfig::default(),
            telegram: TelegramConfig::default(),
            push: PushConfig::default(),
            journal_kept_days: 400,
        }
    }
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// A setting that cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {detail}")]
pub struct ConfigError {
    /// The setting's name.
    pub field: String,
    /// What is wrong and what is expected.
    pub detail: String,
}

impl OfficeConfig {
    /// Checks ranges and relations.
    ///
    /// # Errors
    /// The first setting that cannot work.
    pub fn validate(&self) -> Result<(), ConfigError> {
        check_grid(&self.grid)?;
        check_database(&self.database_url_file, &self.database_url)?;
        provider::check(&self.providers)?;
        for name in self.social.keys() {
            let field = format!("social.{name}");
            ensure(&field, is_provider_name(name), "must be 1 to 32 of a-z 0-9 _")?;
        }
        ensure("social", self.social.len() <= PROVIDERS_MAX, "must be at most 16")?;
        for (field, path) in [
            ("hold_token_key_file", &self.hold_token_key_file),
            ("contact_key_file", &self.contact_key_file),
            ("ticket_key_file", &self.ticket_key_file),
        ] {
            ensure(field, !path.as_os_str().is_empty(), "is missing")?;
        }
        within(
            "database_connections_max",
            self.database_connections_max.into(),
            1..=DATABASE_CONNECTIONS_LIMIT.into(),
        )?;
        within(
            "database_replica_lag_ms_max",
            self.database_replica_lag_ms_max,
            1_000..=86_400_000,
        )?;
        if let Some(detail) = self.refunds.fault() {
            ensure("refunds.steps", false, detail)?;
        }
        within("refunds.moved_days", self.refunds.moved_days.into(), 0..=365)?;
        if let Some(bot) = &self.telegram_bot {
            let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
            let is_name = (1..=64).contains(&bot.len()) && bot.bytes().all(word);
            ensure("telegram_bot", is_name, "must be a bot's name without @")?;
        }
        if let Some((field, detail)) = self.wallet.fault() {
            ensure(field, false, detail)?;
        }
        let is_origin = |text: &String| Origin::read(text).is_some();
        let are_origins = self.return_origins.iter().all(is_origin);
        ensure("return_origins", are_origins, "must be like https://app.example, without a path")?;
        within("return_origins", self.return_origins.len() as u64, 0..=64)?;
        within("push.services", self.push.services.len() as u64, 0..=64)?;
        within("demo_hold_ttl_s", self.demo_hold_ttl_s.into(), 5..=1_800)?;
        within("catalogue_poll_ms", self.catalogue_poll_ms, 50..=60_000)?;
        within("payment_create_ms_max", self.payment_create_ms_max, 500..=30_000)?;
        within("notices_queue_max", self.notices_queue_max as u64, 1..=1_000_000)?;
        within("notices_parallel_max", self.notices_parallel_max as u64, 1..=1_024)?;
        ensure(
            "admin_listen",
            self.admin_listen != self.listen || self.listen.port() == 0,
            "must differ from listen",
        )
    }
}

impl WorkerConfig {
    /// Checks ranges and relations.
    ///
    /// # Errors
    /// The first setting that cannot work.
    pub fn validate(&self) -> Result<(), ConfigError> {
        check_grid(&self.grid)?;
        check_database(&self.database_url_file, &self.database_url)?;
        provider::check(&self.providers)?;
        within(
            "database_connections_max",
            self.database_connections_max.into(),
            1..=DATABASE_CONNECTIONS_LIMIT.into(),
        )?;
        within("look_every_ms", self.look_every_ms, 10..=60_000)?;
        within("parallel_max", self.parallel_max as u64, 1..=1_024)?;
        within("jobs_parallel_max", self.jobs_parallel_max as u64, 1..=64)?;
        within("open_max", self.open_max.into(), 1..=10_000)?;
        within("refund_attempts_max", self.refund_attempts_max.into(), 1..=1_000)?;
        within("unanswered_payment_ms", self.unanswered_payment_ms, 1_000..=3_600_000)?;
        within("telegram.poll_s", self.telegram.poll_s, 0..=50)?;
        within("telegram.call_timeout_ms", self.telegram.call_timeout_ms, 100..=60_000)?;
        within("push.ttl_s", self.push.ttl_s, 0..=28 * 86_400)?;
        within("push.call_timeout_ms", self.push.call_timeout_ms, 100..=60_000)?;
        let subject = &self.push.subject;
        let is_subject = subject.starts_with("mailto:") || subject.starts_with("https:");
        ensure("push.subject", is_subject, "must begin with mailto: or https:")?;
        within("reminder_lead_s", self.reminder_lead_s, 0..=30 * 86_400)?;
        within("journal_kept_days", self.journal_kept_days.into(), 1..=36_500)?;
        match self.mail.fault() {
            None => Ok(()),
            Some((field, detail)) => ensure(field, false, detail),
        }
    }
}

fn check_grid(grid: &GridConfig) -> Result<(), ConfigError> {
    ensure("grid.units", !grid.units.is_empty(), "must name at least one unit")?;
    let refused = |error: TlsError| ConfigError { field: "grid".into(), detail: error.to_string() };
    grid.check_tls().map_err(refused)
}

fn check_database(file: &Option<PathBuf>, url: &DatabaseUrl) -> Result<(), ConfigError> {
    let given = file.is_some() || !url.0.is_empty();
    ensure("database_url_file", given, "is missing, and so is database_url")
}

/// Names stand in addresses and in the grid.
fn is_provider_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    (1..=PROVIDER_NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(plain)
}

fn ensure(field: &str, holds: bool, detail: &str) -> Result<(), ConfigError> {
    if holds {
        return Ok(());
    }
    Err(ConfigError { field: field.to_owned(), detail: detail.to_owned() })
}

fn within(
    field: &str,
    value: u64,
    range: std::ops::RangeInclusive<u64>,
) -> Result<(), ConfigError> {
    let detail = format!("is {value}, must be {} to {}", range.start(), range.end());
    ensure(field, range.contains(&value), &detail)
}
