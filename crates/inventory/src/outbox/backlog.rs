//! How far PostgreSQL is behind a shard, as the shard itself can tell: by the oldest record that it
//! has not acknowledged, by the last acknowledgement that came at all, which a writer repeats while
//! nothing happens, and by the room that is left. From here the outage ladder takes its steps; it never
//! stops a confirm.

use super::Outbox;

/// A shard whose oldest record waits longer, or that has not heard of PostgreSQL for longer, opens no
/// new sale, in milliseconds: what a loss of all its replicas would take with it must not grow by a
/// crowd.
pub const BACKLOG_AGE_MAX_MS: u64 = 30_000;
/// A shard whose outbox is filled or promised to this part, in per cent, opens no new sale: the rest
/// is for the sales that run.
pub const BACKLOG_FULL_PERCENT: u64 = 70;
/// Room that one more hold needs at least: its grant and what it may still write.
const HOLD_NEEDS_RECORDS: u64 = 5;

/// The step of the outage ladder that a shard stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Backlog {
    /// PostgreSQL keeps up.
    #[default]
    Fine,
    /// No new sale opens; sales that run go on.
    SalesWait,
    /// No new hold is granted either; what is held is still ordered and paid.
    HoldsWait,
}

impl Backlog {
    /// The step at an outbox of `taken` of `max` records whose oldest is `age_ms` old.
    pub fn at(taken: u64, max: u64, age_ms: u64) -> Self {
        if taken + HOLD_NEEDS_RECORDS > max {
            Self::HoldsWait
        } else if age_ms > BACKLOG_AGE_MAX_MS
            || taken.saturating_mul(100) >= max.saturating_mul(BACKLOG_FULL_PERCENT)
        {
            Self::SalesWait
        } else {
            Self::Fine
        }
    }

    /// A stable word, as in metrics and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::SalesWait => "sales_wait",
            Self::HoldsWait => "holds_wait",
        }
    }
}

impl Outbox {
    /// The step at a moment.
    pub(crate) fn backlog(&self, at_ms: u64, max: u64) -> Backlog {
        Backlog::at(self.taken(), max, self.behind_ms(at_ms))
    }

    /// For how long PostgreSQL may have been missing something, in milliseconds. A shard that no writer
    /// has ever spoken to knows of its records alone.
    pub(crate) fn behind_ms(&self, at_ms: u64) -> u64 {
        let oldest_ms = self.records.front().map(|record| record.at_ms);
        let since_ms = oldest_ms.into_iter().chain(self.heard_ms()).min();
        since_ms.map_or(0, |since_ms| at_ms.saturating_sub(since_ms))
    }
}
