//! Configuration of a writer: every knob with its unit, default and reason.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use processing_unit::{GridConfig, TlsError};
use serde::{Deserialize, Serialize};

/// Everything a writer needs to know.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WriterConfig {
    /// Where probes and metrics are served.
    pub admin_listen: SocketAddr,
    /// The database's URL. Holds a password: prefer `database_url_file`.
    pub database_url: Option<String>,
    /// A file with the database's URL on its first line.
    pub database_url_file: Option<PathBuf>,
    /// Whether to apply missing migrations at the start. Off where the writer's user may not.
    pub migrate: bool,
    /// The grid.
    pub grid: GridConfig,
    /// Ledger rows of a batch while little happens: small enough to be in the tables at once.
    pub batch_rows_min: u32,
    /// Ledger rows of a batch under load, where every statement's fixed cost is shared.
    pub batch_rows_max: u32,
    /// Least time between the beginnings of two batches of a shard that keeps up: what a crowd does
    /// within it goes in one transaction and is acknowledged at once. 0 to 1,000.
    pub batch_every_ms: u64,
    /// Database connections for shards; shards beyond it take turns.
    pub connections_max: u32,
    /// How long to wait at the grid for a first change.
    pub poll_wait_ms: u64,
    /// How often an idle shard is told that PostgreSQL takes rows, which is logged there, and its
    /// watermark is written. A shard that hears nothing for 30 s opens no new sale.
    pub watermark_every_ms: u64,
    /// A shard whose tables are this far behind is warned of.
    pub lag_warn_ms: u64,
    /// A shard whose tables are this far behind makes the writer unready.
    pub lag_alarm_ms: u64,
    /// How often the active writer says that it lives, and a standby looks.
    pub heartbeat_ms: u64,
    /// A writer silent for this long is replaced.
    pub lease_ttl_ms: u64,
    /// A file with the secret key that signs chain heads (`seatgrid ledger key` makes one). Without it
    /// nothing is signed.
    pub signing_key_file: Option<PathBuf>,
    /// How often the heads of the chains are signed: what was rewritten since the last signature is
    /// not told by signatures.
    pub sign_heads_every_ms: u64,
    /// Where finished months of the ledger go, a file each. Without it the writer archives nothing
    /// and nothing leaves the tables.
    pub archive_dir: Option<PathBuf>,
    /// Months that stay in the tables once they are archived, 12 or more.
    pub archive_keep_months: u32,
    /// How often the writer looks for a month that is over.
    pub archive_every_ms: u64,
    /// First pause after a failure.
    pub retry_min_ms: u64,
    /// Longest pause between attempts; they never end.
    pub retry_max_ms: u64,
}

impl Default for WriterConfig {
    fn default() -> Self {
        Self {
            admin_listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8083)),
            database_url: None,
            database_url_file: None,
            migrate: true,
            grid: GridConfig::default(),
            batch_rows_min: 200,
            batch_rows_max: 5_000,
            batch_every_ms: 100,
            connections_max: 4,
            poll_wait_ms: 1_000,
            watermark_every_ms: 5_000,
            lag_warn_ms: 5_000,
            lag_alarm_ms: 30_000,
            heartbeat_ms: 400,
            lease_ttl_ms: 1_500,
            signing_key_file: None,
            sign_heads_every_ms: 600_000,
            archive_dir: None,
            archive_keep_months: 13,
            archive_every_ms: 3_600_000,
            retry_min_ms: 50,
            retry_max_ms: 5_000,
        }
    }
}

impl WriterConfig {
    /// Checks each knob and the relations between them.
    ///
    /// # Errors
    /// One sentence that names the knob.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let rules = [
            (
                self.database_url.is_some() != self.database_url_file.is_some(),
                "exactly one of database_url and database_url_file must be set",
            ),
            (!self.grid.units.is_empty(), "grid.units must name at least one unit"),
            (self.batch_rows_min >= 1, "batch_rows_min must be 1 or more"),
            (
                (self.batch_rows_min..=50_000).contains(&self.batch_rows_max),
                "batch_rows_max must be from batch_rows_min to 50000",
            ),
            (self.batch_every_ms <= 1_000, "batch_every_ms must be 0 to 1000"),
            ((1..=64).contains(&self.connections_max), "connections_max must be 1 to 64"),
            ((10..=10_000).contains(&self.poll_wait_ms), "poll_wait_ms must be 10 to 10000"),
            (
                (100..=10_000).contains(&self.watermark_every_ms),
                "watermark_every_ms must be 100 to 10000",
            ),
            (
                self.lag_alarm_ms >= self.lag_warn_ms && self.lag_warn_ms > self.poll_wait_ms,
                "poll_wait_ms < lag_warn_ms <= lag_alarm_ms must hold",
            ),
            (
                self.heartbeat_ms >= 10 && self.lease_ttl_ms >= 3 * self.heartbeat_ms,
                "heartbeat_ms must be 10 or more and lease_ttl_ms three times that",
            ),
            (self.sign_heads_every_ms >= 1_000, "sign_heads_every_ms must be 1000 or more"),
            (
                (12..=1_200).contains(&self.archive_keep_months),
                "archive_keep_months must be 12 to 1200",
            ),
            (self.archive_every_ms >= 1_000, "archive_every_ms must be 1000 or more"),
            (
                (1..=self.retry_max_ms).contains(&self.retry_min_ms),
                "retry_min_ms must be from 1 to retry_max_ms",
            ),
        ];
        match rules.iter().find(|(holds, _)| !holds) {
            None => Ok(self.grid.check_tls()?),
            Some((_, rule)) => Err(ConfigError::Rule(rule)),
        }
    }

    /// The database's URL, from whichever knob has it.
    ///
    /// # Errors
    /// When there is none, or its file cannot be read.
    pub fn read_database_url(&self) -> Result<String, ConfigError> {
        if let Some(url) = &self.database_url {
            return Ok(url.clone());
        }
        let path = self.database_url_file.as_ref();
        let path = path.ok_or(ConfigError::Rule("no database URL is set"))?;
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::UrlFile { path: path.clone(), source })?;
        Ok(text.lines().next().unwrap_or_default().trim().to_owned())
    }
}

/// Like the derived one, without the password.
impl fmt::Debug for WriterConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriterConfig")
            .field("admin_listen", &self.admin_listen)
            .field("database_url", &self.database_url.as_ref().map(|_| "***"))
            .field("database_url_file", &self.database_url_file)
            .field("grid", &self.grid)
            .finish_non_exhaustive()
    }
}

/// Why a configuration cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A rule does not hold.
    #[error("{0}")]
    Rule(&'static str),
    /// The certificates.
    #[error("grid: {0}")]
    Tls(#[from] TlsError),
    /// The file with the URL is not readable.
    #[error("cannot read database_url_file {}: {source}", path.display())]
    UrlFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// The knobs of one shard's pump, as durations.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PumpSettings {
    pub(crate) batch_rows_min: u32,
    pub(crate) batch_rows_max: u32,
    pub(crate) batch_every: Duration,
    pub(crate) poll_wait: Duration,
    pub(crate) watermark_every_ms: u64,
    pub(crate) retry_min: Duration,
    pub(crate) retry_max: Duration,
}

impl From<&WriterConfig> for PumpSettings {
    fn from(config: &WriterConfig) -> Self {
        Self {
            batch_rows_min: config.batch_rows_min,
            batch_rows_max: config.batch_rows_max,
            batch_every: Duration::from_millis(config.batch_every_ms),
            poll_wait: Duration::from_millis(config.poll_wait_ms),
            watermark_every_ms: config.watermark_every_ms,
            retry_min: Duration::from_millis(config.retry_min_ms),
            retry_max: Duration::from_millis(config.retry_max_ms),
        }
    }
}
