//! One shard's chain: each record's hash against its content and its predecessor, numbers without a
//! gap, times that never run back. Knows nothing of what the records mean.

use inventory::FeedPosition;

use super::Record;
use super::fault::{VerifyReport, Wrong};
use crate::attempts::ATTEMPTS_SHARD;
use crate::chain::{GENESIS, Hash, hash_after, write_form};
use crate::resync::GAP_KIND;
use crate::sink::month_of;

/// Where a chain is.
#[derive(Debug, Clone)]
pub(super) struct Chain {
    head: Hash,
    /// After a record that was changed: what its hash should have been. Its successor may name
    /// either, so that one change is one fault.
    or_head: Option<Hash>,
    incarnation: u64,
    position: FeedPosition,
    at_ms: u64,
    form: Vec<u8>,
}

impl Chain {
    /// Before a shard's first record.
    pub(super) fn new() -> Self {
        Self::after(GENESIS, 0)
    }

    /// After records that are not given, which end with `head`.
    pub(super) fn after(head: Hash, at_ms: u64) -> Self {
        let position = FeedPosition::default();
        Self { head, or_head: None, incarnation: 0, position, at_ms, form: Vec::new() }
    }

    pub(super) fn head(&self) -> Hash {
        self.head
    }

    pub(super) fn incarnation(&self) -> u64 {
        self.incarnation
    }

    pub(super) fn position(&self) -> FeedPosition {
        self.position
    }

    /// Checks the next record; whether it may be believed.
    pub(super) fn follow(&mut self, record: &Record<'_>, report: &mut VerifyReport) -> bool {
        let before = report.faults_total;
        self.check_numbers(record, report);
        self.check_hashes(record, report);
        self.incarnation = record.key.incarnation;
        self.position = record.fields.position;
        self.at_ms = self.at_ms.max(record.fields.at_ms);
        report.faults_total == before
    }

    fn check_numbers(&self, record: &Record<'_>, report: &mut VerifyReport) {
        let (last, next) = (self.position, record.fields.position);
        let follows = if record.key.incarnation == self.incarnation {
            if next.log_index == last.log_index {
                next.ordinal == last.ordinal + 1
            } else {
                next.log_index > last.log_index && next.ordinal == 0
            }
        } else {
            // The record of a gap stands in the place of the last one that is lost.
            let gap = record.fields.kind == GAP_KIND;
            record.key.incarnation > self.incarnation && (next.ordinal == 0 || gap)
        };
        if !follows {
            let what = format!("comes after record {}.{}", last.log_index, last.ordinal);
            report.add(Wrong::Order, Some(record.place()), what);
        }
        if is_before(record, self.at_ms) {
            let what = "is older than the record before it".to_owned();
            report.add(Wrong::Order, Some(record.place()), what);
        }
    }

    fn check_hashes(&mut self, record: &Record<'_>, report: &mut VerifyReport) {
        let named = Hash::try_from(record.prev_hash).unwrap_or(GENESIS);
        let known = [Some(self.head), self.or_head];
        let follows = record.prev_hash.len() == 32 && known.contains(&Some(named));
        // A record that names another predecessor is hashed after the one it names.
        let prev = if follows { named } else { self.head };
        self.form.clear();
        write_form(&mut self.form, record.key, &record.fields);
        let computed = hash_after(&prev, &self.form);
        let stored = Hash::try_from(record.hash).ok();
        let whole = stored == Some(computed);
        match (follows, whole) {
            (true, true) => {}
            (true, false) => {
                let what = "is not what was hashed: it was changed".to_owned();
                report.add(Wrong::Hash, Some(record.place()), what);
            }
            // Its own content is right after the true predecessor: only the name was changed.
            (false, true) => {
                let what = "names a predecessor that it did not have".to_owned();
                report.add(Wrong::Hash, Some(record.place()), what);
            }
            (false, false) => {
                let what = "does not follow the record before it: records were changed, left out \
                            or put in";
                report.add(Wrong::Chain, Some(record.place()), what.to_owned());
            }
        }
        self.head = stored.unwrap_or(computed);
        self.or_head = Some(computed).filter(|_| !whole);
    }
}

/// Whether a record's time ran back. Refused attempts come from many routers, some late; of them only
/// months are in order.
fn is_before(record: &Record<'_>, last_ms: u64) -> bool {
    let at_ms = record.fields.at_ms;
    at_ms < last_ms && (record.key.shard != ATTEMPTS_SHARD || month_of(at_ms) < month_of(last_ms))
}
