//! Check points: fingerprints of a replica's state at moments that are the same for all replicas, so
//! that they can be compared (invariant I3).
//!
//! The moment follows from the stamps of the log: the first entry behind a multiple of the period,
//! shifted by shard so that the groups of a node do not come all at once. No entry of its own is
//! needed. The state is frozen where the entry is applied, which shares its chunks; the fingerprint
//! is taken from there on a thread that may block, while commands go on. A check point that is not
//! begun when the next one comes is left out.

use std::collections::VecDeque;
use std::io::{self, Write};

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

use crate::ShardId;
use crate::machine::Encode;

/// Fingerprints kept: others may ask for one that is not the newest.
const KEPT_MAX: usize = 32;
/// Spreads the shards' moments over the period.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// A frozen state that waits for its fingerprint.
pub(crate) struct CheckPoint {
    /// The last entry applied.
    pub index: u64,
    encode: Encode,
}

impl CheckPoint {
    /// Takes the fingerprint: FNV-1a over the state as it is encoded. Costs as much as a snapshot.
    pub fn digest(self) -> u64 {
        let mut sum = Fnv(0xcbf2_9ce4_8422_2325);
        (self.encode)(&mut sum).expect("a sum refuses no bytes");
        sum.0
    }
}

/// The check points of one replica.
pub(crate) struct Checks {
    /// Milliseconds of the log's time between two; 0 for none.
    period_ms: u64,
    shift_ms: u64,
    waiting: Mutex<Option<CheckPoint>>,
    news: Notify,
    /// (index, fingerprint), the newest last.
    known: Mutex<VecDeque<(u64, u64)>>,
    newest: watch::Sender<Option<(u64, u64)>>,
    /// The newest that a majority of the voters, this replica among them, was heard to have alike.
    confirmed: Mutex<Option<(u64, u64)>>,
}

impl Checks {
    pub fn new(shard: ShardId, period_ms: u64) -> Self {
        let shift_ms = u64::from(shard).wrapping_mul(SPREAD).checked_rem(period_ms).unwrap_or(0);
        Self {
            period_ms,
            shift_ms,
            waiting: Mutex::default(),
            news: Notify::new(),
            known: Mutex::default(),
            newest: watch::Sender::new(None),
            confirmed: Mutex::default(),
        }
    }

    /// Whether a check point lies between two stamps of the log, of which the first is older.
    pub fn is_due(&self, before_ms: u64, at_ms: u64) -> bool {
        let number = |ms: u64| ms.saturating_add(self.shift_ms).checked_div(self.period_ms);
        before_ms > 0 && number(before_ms) < number(at_ms)
    }

    /// Hands over the state as it is behind an entry.
    pub fn offer(&self, index: u64, encode: Encode) {
        let left_out = self.waiting.lock().replace(CheckPoint { index, encode });
        drop(left_out);
        self.news.notify_one();
    }

    /// Waits for the next check point.
    pub async fn next(&self) -> CheckPoint {
        loop {
            let waiting = self.waiting.lock().take();
            match waiting {
                Some(point) => return point,
                None => self.news.notified().await,
            }
        }
    }

    /// Keeps a fingerprint for those who ask.
    pub fn remember(&self, index: u64, digest: u64) {
        let mut known = self.known.lock();
        known.push_back((index, digest));
        while known.len() > KEPT_MAX {
            known.pop_front();
        }
        drop(known);
        self.newest.send_replace(Some((index, digest)));
    }

    /// The fingerprint behind an entry, if it was taken and is kept.
    pub fn digest_at(&self, index: u64) -> Option<u64> {
        self.known.lock().iter().find(|(at, _)| *at == index).map(|(_, digest)| *digest)
    }

    /// A majority of the voters has the same fingerprint behind this entry.
    pub fn confirm(&self, index: u64, digest: u64) {
        *self.confirmed.lock() = Some((index, digest));
    }

    /// The newest entry behind which a majority of the voters was heard to be as this replica is.
    pub fn confirmed(&self) -> Option<(u64, u64)> {
        *self.confirmed.lock()
    }

    /// The newest fingerprint and its entry.
    pub fn newest(&self) -> Option<(u64, u64)> {
        *self.newest.borrow()
    }

    /// The same as it changes.
    pub fn watch(&self) -> watch::Receiver<Option<(u64, u64)>> {
        self.newest.subscribe()
    }
}

/// FNV-1a, 64 bits.
struct Fnv(u64);

impl Write for Fnv {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let fold = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        self.0 = bytes.iter().fold(self.0, fold);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(bytes: &'static [u8]) -> Encode {
        Box::new(move |out| out.write_all(bytes))
    }

    #[test]
    fn a_check_point_lies_between_stamps_on_both_sides_of_a_multiple() {
        let checks = Checks::new(0, 1000);
        assert!(checks.is_due(1999, 2000) && checks.is_due(1500, 9000));
        assert!(!checks.is_due(2000, 2999) && !checks.is_due(2000, 2000));
        assert!(!checks.is_due(0, 5000), "nothing was applied before");
        assert!(!Checks::new(0, 0).is_due(1, u64::MAX), "a period of 0 means never");
        let due: Vec<u64> = (1..=4)
            .map(|shard| {
                (1..=1000).find(|ms| Checks::new(shard, 1000).is_due(1999 + ms, 2000 + ms))
            })
            .map(|ms| ms.expect("once in a period"))
            .collect();
        assert!(due.windows(2).all(|two| two[0] != two[1]), "shards take turns: {due:?}");
    }

    #[tokio::test]
    async fn the_newest_check_point_is_taken_and_few_fingerprints_are_kept() {
        let checks = Checks::new(0, 1000);
        checks.offer(5, point(b"five"));
        checks.offer(6, point(b"six"));
        let next = checks.next().await;
        assert_eq!(next.index, 6);
        let digest = next.digest();
        assert_ne!(digest, CheckPoint { index: 6, encode: point(b"sIx") }.digest());
        for index in 1..=KEPT_MAX as u64 + 2 {
            checks.remember(index, index * 10);
        }
        assert_eq!(checks.digest_at(2), None);
        assert_eq!(checks.digest_at(3), Some(30));
        assert_eq!(checks.newest(), Some((34, 340)));
    }
}
