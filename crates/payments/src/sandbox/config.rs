//! The sandbox's knobs: names, units, defaults, reasons, and the relations between them.
//!
//! Only data and checks; sockets and files are opened elsewhere.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::SandboxError;
use crate::secret::Secret;

/// Where compaction of the journal begins, bytes.
const JOURNAL_COMPACT_BYTES: u64 = 16 * 1_024 * 1_024;

/// How to run the sandbox gateway.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SandboxConfig {
    /// Address of the API, the payment page, the switches and the mailbox. The sandbox has no
    /// defences of a public service: keep it on this machine.
    pub listen: String,
    /// Address of the SMTP sink; empty for none.
    pub smtp_listen: String,
    /// Scheme, host and port under which shoppers reach the payment page; empty derives it from
    /// the address that was bound.
    pub public_url: String,
    /// Where notifications go, such as `http://127.0.0.1:8080/api/v1/webhooks/sandbox`; empty
    /// sends none.
    pub notify_url: String,
    /// Where notifications of payments that were made by Stripe's API go, such as
    /// `http://127.0.0.1:8080/api/v1/webhooks/stripe`; empty sends none. They are signed with the
    /// shop's secret.
    pub stripe_notify_url: String,
    /// Whether payments without the positions of a receipt are refused, as a gateway does for shops
    /// that have their receipts made by it. Default false.
    pub receipts_required: bool,
    /// The shop's id: user name of Basic authentication.
    pub shop_id: String,
    /// The shop's secret key: password of Basic authentication.
    pub secret: Secret,
    /// A text file with the secret instead; blanks around it are ignored.
    pub secret_file: Option<PathBuf>,
    /// Directory of the journal, created if missing.
    pub data_dir: PathBuf,
    /// The journal is not compacted below this size, bytes. Default 16 MiB: it is replayed in well
    /// under a second.
    pub journal_compact_bytes: u64,
    /// How long a payment waits for the shopper, milliseconds. Default one hour, as the real
    /// gateway: longer than any hold, which is the point.
    pub pending_ttl_ms: u64,
    /// How long reserved money waits for the capture, milliseconds. Default seven days, as cards.
    pub capture_ttl_ms: u64,
    /// Most payments kept. Default 200,000: some 200 MB at most, and ten full arenas.
    pub payments_max: usize,
    /// First wait before a notification is repeated, milliseconds; doubles up to an hour, and the
    /// seller has 24 hours in all. Default 1,000.
    pub notify_retry_ms: u64,
    /// Deadline of one notification, milliseconds. Default 10,000.
    pub notify_timeout_ms: u64,
    /// Most notifications under way at once. Default 64: enough for a whole hall in seconds,
    /// few enough for a small router.
    pub notify_in_flight_max: usize,
    /// Most HTTP connections at once. Default 4,096; more wait in the listener's queue.
    pub connections_max: usize,
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:0".to_owned(),
            smtp_listen: "127.0.0.1:0".to_owned(),
            public_url: String::new(),
            notify_url: String::new(),
            stripe_notify_url: String::new(),
            receipts_required: false,
            shop_id: "100500".to_owned(),
            secret: Secret::default(),
            secret_file: None,
            data_dir: PathBuf::from("sandbox"),
            journal_compact_bytes: JOURNAL_COMPACT_BYTES,
            pending_ttl_ms: 60 * 60 * 1_000,
            capture_ttl_ms: 7 * 24 * 60 * 60 * 1_000,
            payments_max: 200_000,
            notify_retry_ms: 1_000,
            notify_timeout_ms: 10_000,
            notify_in_flight_max: 64,
            connections_max: 4_096,
        }
    }
}

impl SandboxConfig {
    /// Checks every field and relation.
    ///
    /// # Errors
    /// [`SandboxError::Config`] names the field and what is expected.
    pub fn check(&self) -> Result<(), SandboxError> {
        let rules = [
            (!self.shop_id.is_empty() && !self.shop_id.contains(':'), "shop_id", "must be a word"),
            (
                self.secret.is_empty() != self.secret_file.is_none(),
                "secret",
                "exactly one of secret and secret_file must be set",
            ),
            (is_base(&self.public_url), "public_url", "must be empty or scheme://host[:port]"),
            (is_http(&self.notify_url), "notify_url", "must be empty or an http(s) address"),
            (is_http(&self.stripe_notify_url), "stripe_notify_url", "must be as notify_url"),
            (is_day_or_less(self.pending_ttl_ms), "pending_ttl_ms", "must be 1 to 86400000"),
            (self.capture_ttl_ms > 0, "capture_ttl_ms", "must be above zero"),
            (self.payments_max > 0, "payments_max", "must be above zero"),
            (is_day_or_less(self.notify_retry_ms), "notify_retry_ms", "must be 1 to 86400000"),
            (is_day_or_less(self.notify_timeout_ms), "notify_timeout_ms", "must be 1 to 86400000"),
            (self.notify_in_flight_max > 0, "notify_in_flight_max", "must be above zero"),
            (self.connections_max > 0, "connections_max", "must be above zero"),
        ];
        match rules.into_iter().find(|(holds, _, _)| !holds) {
            None => Ok(()),
            Some((_, field, detail)) => Err(SandboxError::Config { field, detail }),
        }
    }

    /// The secret, from wherever it is configured.
    ///
    /// # Errors
    /// [`SandboxError::SecretFile`], or [`SandboxError::Config`] if the file is empty.
    pub fn read_secret(&self) -> Result<Secret, SandboxError> {
        let Some(path) = &self.secret_file else { return Ok(self.secret.clone()) };
        let text = std::fs::read_to_string(path)
            .map_err(|source| SandboxError::SecretFile { path: path.clone(), source })?;
        if text.trim().is_empty() {
            let detail = "the file holds no text";
            return Err(SandboxError::Config { field: "secret_file", detail });
        }
        Ok(Secret::new(text.trim()))
    }
}

/// Longest of the waits above, milliseconds: a day.
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

fn is_day_or_less(ms: u64) -> bool {
    (1..=DAY_MS).contains(&ms)
}

fn is_http(url: &str) -> bool {
    let http = |url: reqwest::Url| matches!(url.scheme(), "http" | "https");
    url.is_empty() || reqwest::Url::parse(url).is_ok_and(http)
}

fn is_base(url: &str) -> bool {
    is_http(url) && !url.ends_with('/')
}
