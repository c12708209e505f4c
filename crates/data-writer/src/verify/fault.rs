//! What verification found, for people and for machines.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

/// Faults listed; all are counted.
const LISTED_MAX: usize = 100;

/// Which ledger row; the primary key of `grid.ledger`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// The shard.
    pub shard: u32,
    /// Raised when the shard was rebuilt from the database.
    pub incarnation: u64,
    /// Index of the log entry.
    pub log_index: u64,
    /// Row within the entry.
    pub ordinal: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shard, incarnation, log_index, ordinal } = self;
        write!(f, "shard {shard} incarnation {incarnation} record {log_index}.{ordinal}")
    }
}

/// What kind of fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Wrong {
    /// The record or file cannot be read as one.
    Unreadable,
    /// The record is not what was hashed.
    Hash,
    /// Records are missing or were put in before this one.
    Chain,
    /// Times or numbers run backwards or leave a gap.
    Order,
    /// Records at the end are missing, or there are more than the checkpoint knows.
    End,
    /// A seat has two owners or changed hands without a reason.
    Seat,
    /// Money and seats contradict each other.
    Money,
    /// An order, hold, payment or refund did what it cannot.
    Story,
    /// A table says something else than the ledger.
    Table,
    /// A signature does not fit.
    Signature,
}

impl Wrong {
    /// The word used in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Hash => "hash",
            Self::Chain => "chain",
            Self::Order => "order",
            Self::End => "end",
            Self::Seat => "seat",
            Self::Money => "money",
            Self::Story => "story",
            Self::Table => "table",
            Self::Signature => "signature",
        }
    }
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// What kind.
    pub wrong: Wrong,
    /// The ledger row; `null` for a fault of a table or a file.
    pub place: Option<Place>,
    /// One sentence.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some(place) => write!(f, "{place}: {}: {}", self.wrong.as_str(), self.what),
            None => write!(f, "{}: {}", self.wrong.as_str(), self.what),
        }
    }
}

/// What was verified, and what was wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct VerifyReport {
    /// The faults found, the first 100, in the order of reading.
    pub faults: Vec<Fault>,
    /// How many there are.
    pub faults_total: u64,
    /// Ledger rows read.
    pub records: u64,
    /// Chains followed, one a shard.
    pub shards: u64,
    /// Events whose whole story was judged.
    pub events: u64,
    /// Events that begin before the records, or whose records are damaged or parked: their chain is
    /// checked, their story is not.
    pub events_not_judged: u64,
    /// Seats that have an owner at the end.
    pub seats_sold: u64,
    /// Orders seen.
    pub orders: u64,
    /// Payments seen.
    pub payments: u64,
    /// Payments and refunds whose end has not come yet.
    pub open_money: u64,
    /// Refused attempts seen.
    pub attempts: u64,
    /// Records of kinds that this binary does not know, by kind.
    pub unknown_kinds: BTreeMap<String, u64>,
    /// Where a record says that those before it were lost with the database. No fault: who reads
    /// this must know why.
    pub gaps: Vec<String>,
    /// Those of them that no checked signature stands behind: somebody with write access may have put
    /// them there to hide what was before.
    pub gaps_unsigned: u64,
    /// Table rows compared with the ledger; 0 for exports.
    pub table_rows: u64,
    /// The last hash of each shard, hexadecimal: what to write down or sign.
    pub heads: BTreeMap<u32, String>,
    /// Signatures of chain heads that were checked and fit.
    pub signatures: u64,
}

impl VerifyReport {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.faults_total == 0
    }

    pub(crate) fn add(&mut self, wrong: Wrong, place: Option<Place>, what: String) {
        self.faults_total += 1;
        if self.faults.len() < LISTED_MAX {
            self.faults.push(Fault { wrong, place, what });
        }
    }
}

impl fmt::Display for VerifyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for fault in &self.faults {
            writeln!(f, "{fault}")?;
        }
        let listed = self.faults.len() as u64;
        if listed < self.faults_total {
            writeln!(f, "and {} more", self.faults_total - listed)?;
        }
        for (kind, count) in &self.unknown_kinds {
            writeln!(f, "{count} records of kind {kind} are not known to this binary")?;
        }
        for gap in &self.gaps {
            writeln!(f, "{gap}")?;
        }
        if self.gaps_unsigned > 0 {
            writeln!(
                f,
                "{} gaps are not signed: nothing before them is proven",
                self.gaps_unsigned
            )?;
        }
        for (shard, head) in &self.heads {
            writeln!(f, "head of shard {shard}: {head}")?;
        }
        writeln!(
            f,
            "verified {} records of {} chains; {} events judged, {} not; {} seats sold, {} orders, \
             {} payments, {} open; {} refused attempts; {} table rows compared; {} signatures fit",
            self.records,
            self.shards,
            self.events,
            self.events_not_judged,
            self.seats_sold,
            self.orders,
            self.payments,
            self.open_money,
            self.attempts,
            self.table_rows,
            self.signatures,
        )?;
        match self.faults_total {
            0 => f.write_str("nothing is wrong"),
            n => write!(f, "{n} faults"),
        }
    }
}
