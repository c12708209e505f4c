//! Takes records in chain order, shard by shard, and gathers what is wrong. The same for every
//! source; several sources one after another continue each other.

use http_api::to_hex;
use std::collections::BTreeMap;

use inventory::FeedPosition;

use super::Record;
use super::chained::Chain;
use super::fault::{Place, VerifyReport, Wrong};
use super::story::Story;
use crate::attempts::ATTEMPTS_SHARD;
use crate::chain::{GENESIS, Hash};
use crate::resync::GAP_KIND;

/// How far a verification is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Rows read.
    pub records: u64,
    /// Rows to read in all, an estimate; 0 when unknown.
    pub of_about: u64,
}

/// Verification under way.
#[derive(Debug, Default)]
pub struct Verifier {
    chains: BTreeMap<u32, Chain>,
    /// Signed heads that no record has led to yet.
    signed: BTreeMap<Place, Hash>,
    /// Each shard's last record whose signature fits.
    signed_to: BTreeMap<u32, Place>,
    /// Records that tell of lost ones.
    gaps: Vec<Place>,
    /// Each shard's first record here: earlier signed heads are of archived months.
    first: BTreeMap<u32, Place>,
    pub(super) story: Story,
    pub(crate) report: VerifyReport,
}

impl Verifier {
    /// Before the first record.
    pub fn new() -> Self {
        Self::default()
    }

    /// The records of a shard that were archived and dropped end with this hash.
    pub(crate) fn begins_after(&mut self, shard: u32, head: Hash, at_ms: u64) {
        self.chains.entry(shard).or_insert_with(|| Chain::after(head, at_ms));
    }

    /// The next record of its shard.
    pub(crate) fn take(&mut self, record: &Record<'_>) {
        self.report.records += 1;
        let chain = self.chains.entry(record.key.shard).or_insert_with(Chain::new);
        let whole = chain.follow(record, &mut self.report);
        let place = record.place();
        self.first.entry(place.shard).or_insert(place);
        match self.signed.remove(&place) {
            Some(head) if head.as_slice() == record.hash => {
                self.report.signatures += 1;
                self.signed_to.insert(place.shard, place);
            }
            Some(_) => {
                let what = "is not the record whose hash was signed".to_owned();
                self.report.add(Wrong::Signature, Some(place), what);
            }
            None => {}
        }
        if record.fields.kind == GAP_KIND {
            self.gaps.push(place);
        }
        if record.key.shard == ATTEMPTS_SHARD {
            self.report.attempts += 1;
        } else if whole {
            self.story.take(record, &mut self.report);
        } else {
            self.story.distrust(record.key.shard);
        }
    }

    /// A head whose signature fits: its record must come, and with this hash.
    pub(crate) fn expect_signed(&mut self, place: Place, head: Hash) {
        self.signed.insert(place, head);
    }

    /// A row that is there and cannot be read.
    pub(crate) fn unreadable(&mut self, place: Place, why: String) {
        self.report.records += 1;
        self.report.add(Wrong::Unreadable, Some(place), why);
        self.story.distrust(place.shard);
    }

    /// Follows the chain only: for a piece of the ledger whose stories begin elsewhere.
    pub(crate) fn follow(&mut self, record: &Record<'_>) {
        let chain = self.chains.entry(record.key.shard).or_insert_with(Chain::new);
        chain.follow(record, &mut self.report);
    }

    /// The head of a shard's chain as somebody else remembers it.
    pub(crate) fn expect_head(&mut self, shard: u32, head: &Hash, who: &str) {
        let known = self.chains.get(&shard).map_or(GENESIS, Chain::head);
        if known != *head {
            let what = format!(
                "shard {shard}: the records end with {}, {who} says {}",
                to_hex(&known),
                to_hex(head)
            );
            self.report.add(Wrong::End, None, what);
        }
    }

    /// The end of a shard's records as the writer's checkpoint remembers it.
    pub(crate) fn expect_end(&mut self, shard: u32, incarnation: u64, end: FeedPosition) {
        let Some(chain) = self.chains.get(&shard) else { return };
        let (position, rebuilt) = (chain.position(), FeedPosition::default());
        // Archived and dropped records leave only their hash; a rebuilt shard begins anew.
        let same = position == FeedPosition::default()
            || (chain.incarnation() == incarnation && position == end)
            || (chain.incarnation() < incarnation && end == rebuilt);
        if !same {
            let what = format!(
                "shard {shard}: the records end at {}.{} of incarnation {}, the checkpoint says \
                 {}.{} of {incarnation}",
                position.log_index,
                position.ordinal,
                chain.incarnation(),
                end.log_index,
                end.ordinal
            );
            self.report.add(Wrong::End, None, what);
        }
    }

    /// The head of a shard's chain now.
    pub(crate) fn head(&self, shard: u32) -> Option<Hash> {
        self.chains.get(&shard).map(Chain::head)
    }

    /// Shards whose records were seen or announced.
    pub(crate) fn shards(&self) -> Vec<u32> {
        self.chains.keys().copied().collect()
    }

    /// After the last record of all sources.
    pub fn finish(mut self) -> VerifyReport {
        self.story.finish(&mut self.report);
        for place in self.signed.keys() {
            if self.first.get(&place.shard).is_none_or(|first| first <= place) {
                let what = "was signed and is missing".to_owned();
                self.report.add(Wrong::Signature, Some(*place), what);
            }
        }
        let open = |gap: &&Place| self.signed_to.get(&gap.shard).is_none_or(|to| to < *gap);
        self.report.gaps_unsigned = self.gaps.iter().filter(open).count() as u64;
        self.report.shards = self.chains.len() as u64;
        let heads = self.chains.iter().map(|(shard, chain)| (*shard, to_hex(&chain.head())));
        self.report.heads = heads.collect();
        self.report
    }
}
