//! What the writer knows of itself, for probes, metrics and the log. Written by pumps and lease,
//! read by the admin endpoint. The only file that logs trouble, so that a state is logged when it
//! begins and when it ends, never per attempt.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use metrics::{counter, gauge};
use parking_lot::Mutex;
use processing_unit::ShardId;
use serde::Serialize;

use crate::failure::is_away;
use crate::pump::ShardError;
use crate::sink::WriteError;

/// What this writer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Not yet connected, or its schema not ready.
    Starting,
    /// Another writer is at work; this one waits for its end.
    Standby,
    /// It writes.
    Active,
}

/// One shard as the writer sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShardStatus {
    /// The shard.
    pub shard: ShardId,
    /// How far the tables are behind the leader's clock, in milliseconds, at most.
    pub lag_ms: u64,
    /// What is in the way; `None` when nothing is.
    pub trouble: Option<String>,
}

/// The writer as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WriterStatus {
    /// What it does.
    pub role: Role,
    /// Whether PostgreSQL answered last.
    pub database_up: bool,
    /// Its shards; empty unless active.
    pub shards: Vec<ShardStatus>,
    /// Parked records that wait for a person.
    pub quarantine: u64,
    /// Why finished months are not archived; `None` when they are, or nobody asked for it.
    pub archive_trouble: Option<String>,
}

/// Shared by everything that runs in one writer.
#[derive(Debug)]
pub struct Health {
    lag_warn_ms: u64,
    lag_alarm_ms: u64,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    role: Role,
    database_up: bool,
    schema_trouble: Option<String>,
    quarantine: u64,
    archive_trouble: Option<String>,
    partitions_failed: bool,
    shards: BTreeMap<ShardId, ShardState>,
}

#[derive(Debug)]
struct ShardState {
    /// Leader's clock when it was last heard, and when that was here.
    leader_ms: u64,
    heard: Instant,
    /// Everything before this is in the tables, by the leader's clock.
    complete_ms: u64,
    trouble: Option<Trouble>,
    lagging: bool,
}

#[derive(Debug)]
struct Trouble {
    name: &'static str,
    text: String,
    needs_a_person: bool,
}

impl ShardState {
    /// A shard that was never heard of: its lag counts from now.
    fn unknown() -> Self {
        Self { leader_ms: 0, heard: Instant::now(), complete_ms: 0, trouble: None, lagging: false }
    }

    fn lag_ms(&self) -> u64 {
        let now_ms = self.leader_ms + self.heard.elapsed().as_millis() as u64;
        now_ms.saturating_sub(self.complete_ms)
    }
}

impl Health {
    /// A writer that has not begun.
    pub fn new(lag_warn: Duration, lag_alarm: Duration) -> Self {
        let inner = Inner {
            role: Role::Starting,
            database_up: true,
            schema_trouble: None,
            quarantine: 0,
            archive_trouble: None,
            partitions_failed: false,
            shards: BTreeMap::new(),
        };
        Self {
            lag_warn_ms: lag_warn.as_millis() as u64,
            lag_alarm_ms: lag_alarm.as_millis() as u64,
            inner: Mutex::new(inner),
        }
    }

    /// Everything, as of now.
    pub fn status(&self) -> WriterStatus {
        let inner = self.inner.lock();
        let shards = inner.shards.iter().map(|(shard, state)| ShardStatus {
            shard: *shard,
            lag_ms: state.lag_ms(),
            trouble: state.trouble.as_ref().map(|trouble| trouble.text.clone()),
        });
        WriterStatus {
            role: inner.role,
            database_up: inner.database_up,
            shards: shards.collect(),
            quarantine: inner.quarantine,
            archive_trouble: inner.archive_trouble.clone(),
        }
    }

    /// Why this writer does not do its work; a standby does its work by waiting.
    ///
    /// # Errors
    /// One sentence for people.
    pub fn ready(&self) -> Result<(), String> {
        let inner = self.inner.lock();
        if let Some(trouble) = &inner.schema_trouble {
            return Err(trouble.clone());
        }
        if !inner.database_up {
            return Err("PostgreSQL is away".into());
        }
        if inner.role == Role::Starting {
            return Err("starting".into());
        }
        for (shard, state) in &inner.shards {
            // What passes by itself shows as lag when it lasts.
            if let Some(trouble) = state.trouble.as_ref().filter(|t| t.needs_a_person) {
                return Err(format!("shard {shard}: {}", trouble.text));
            }
            let lag_ms = state.lag_ms();
            if lag_ms > self.lag_alarm_ms {
                return Err(format!("shard {shard} is {lag_ms} ms behind"));
            }
        }
        Ok(())
    }

    pub(crate) fn enter(&self, role: Role, epoch: u64) {
        let mut inner = self.inner.lock();
        if inner.role == role {
            return;
        }
        inner.role = role;
        inner.shards.clear();
        gauge!("seatgrid_writer_active").set(f64::from(u8::from(role == Role::Active)));
        match role {
            Role::Active => tracing::info!(epoch, "this writer writes now"),
            Role::Standby => tracing::info!("another writer is at work, standing by"),
            Role::Starting => {}
        }
    }

    pub(crate) fn database_up(&self) {
        let mut inner = self.inner.lock();
        if !inner.database_up {
            inner.database_up = true;
            tracing::info!("PostgreSQL is back");
        }
        if inner.schema_trouble.take().is_some() {
            tracing::info!("the schema is ready");
        }
        gauge!("seatgrid_writer_database_up").set(1.0);
    }

    pub(crate) fn database_down(&self, error: &dyn std::error::Error) {
        let mut inner = self.inner.lock();
        if inner.database_up {
            inner.database_up = false;
            tracing::warn!(%error, "PostgreSQL is away; changes wait in the grid");
        }
        gauge!("seatgrid_writer_database_up").set(0.0);
    }

    /// The schema cannot be used: nothing is written until somebody changes that.
    pub(crate) fn schema_unusable(&self, error: &dyn std::error::Error) {
        let mut inner = self.inner.lock();
        if inner.schema_trouble.is_none() {
            tracing::error!(%error, "the database's schema cannot be used");
        }
        inner.schema_trouble = Some(error.to_string());
    }

    pub(crate) fn quarantine(&self, size: u64) {
        self.inner.lock().quarantine = size;
        gauge!("seatgrid_writer_quarantine").set(size as f64);
    }

    /// Finished months are in files.
    pub(crate) fn archive_works(&self) {
        gauge!("seatgrid_writer_archive_failed").set(0.0);
        if self.inner.lock().archive_trouble.take().is_some() {
            tracing::info!("the ledger is archived again");
        }
    }

    /// A finished month could not be archived; it stays in the tables and is tried again.
    pub(crate) fn archive_failed(&self, error: &dyn std::error::Error) {
        gauge!("seatgrid_writer_archive_failed").set(1.0);
        let before = self.inner.lock().archive_trouble.replace(error.to_string());
        if before.is_none() {
            tracing::error!(%error, "the ledger is not archived; nothing is lost");
        }
    }

    /// Next months' partitions were made, or not: a batch makes the one that it needs itself.
    pub(crate) fn partitions(&self, failure: Option<&WriteError>) {
        let fails = failure.is_some();
        gauge!("seatgrid_writer_partitions_failed").set(f64::from(u8::from(fails)));
        let failed = std::mem::replace(&mut self.inner.lock().partitions_failed, fails);
        match failure {
            Some(error) if !failed => {
                tracing::warn!(%error, "no partitions ahead, batches make their own");
            }
            None if failed => tracing::info!("partitions are made ahead again"),
            _ => {}
        }
    }

    /// One more was parked; the next count says how many there are.
    pub(crate) fn parked(&self) {
        self.inner.lock().quarantine += 1;
    }

    /// The leader answered at `leader_ms`; everything before `complete_ms` is in the tables.
    pub(crate) fn shard_at(&self, shard: ShardId, leader_ms: u64, complete_ms: u64) {
        let mut inner = self.inner.lock();
        let state = inner.shards.entry(shard).or_insert_with(ShardState::unknown);
        (state.leader_ms, state.heard, state.complete_ms) =
            (leader_ms, Instant::now(), complete_ms);
    }

    /// A shard's feed or tables answered.
    pub(crate) fn shard_works(&self, shard: ShardId) {
        let mut inner = self.inner.lock();
        let Some(state) = inner.shards.get_mut(&shard) else {
            return;
        };
        if let Some(trouble) = state.trouble.take() {
            tracing::info!(shard, ended = trouble.text, "the shard is written again");
        }
    }

    /// A shard could not be written; it is tried again.
    pub(crate) fn shard_failed(&self, shard: ShardId, error: &ShardError) {
        counter!("seatgrid_writer_retries_total", "cause" => error.name()).increment(1);
        if let ShardError::Write(WriteError::Database(cause)) = error
            && is_away(cause)
        {
            self.database_down(cause);
        }
        let mut inner = self.inner.lock();
        let known_away = !inner.database_up;
        let state = inner.shards.entry(shard).or_insert_with(ShardState::unknown);
        let name = error.name();
        let new = state.trouble.as_ref().is_none_or(|trouble| trouble.name != name);
        let needs_a_person = error.needs_a_person();
        state.trouble = Some(Trouble { name, text: error.to_string(), needs_a_person });
        if !new || (known_away && error.is_database()) {
            return;
        }
        if needs_a_person {
            tracing::error!(shard, %error, "the shard is not written");
        } else {
            tracing::warn!(shard, %error, "the shard is not written for now");
        }
    }

    /// Sets the gauges and logs shards that begin or cease to lag. Called about once a second.
    pub(crate) fn publish(&self) {
        let mut inner = self.inner.lock();
        for (shard, state) in &mut inner.shards {
            let lag_ms = state.lag_ms();
            gauge!("seatgrid_writer_lag_seconds", "shard" => shard.to_string())
                .set(lag_ms as f64 / 1_000.0);
            let lagging = lag_ms > self.lag_warn_ms;
            if lagging != state.lagging {
                state.lagging = lagging;
                if lagging {
                    tracing::warn!(shard, lag_ms, "the tables are behind the grid");
                } else {
                    tracing::info!(shard, lag_ms, "the tables have caught up");
                }
            }
        }
    }
}
