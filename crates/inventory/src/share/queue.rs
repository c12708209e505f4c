//! A queue in shared chunks: grows at the back, is trimmed at the front, read anywhere.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Entries in one chunk. Only the last chunk is ever written, so that a write after a clone copies
/// one of them at most.
const CHUNK_LEN: usize = 512;

/// A queue with positions from 0 at the front.
#[derive(Debug, Clone)]
pub(crate) struct SharedQueue<T> {
    /// All but the last are full.
    chunks: VecDeque<Arc<Vec<T>>>,
    /// Entries of the first chunk that are gone.
    skipped: usize,
    len: usize,
}

impl<T> Default for SharedQueue<T> {
    fn default() -> Self {
        Self { chunks: VecDeque::new(), skipped: 0, len: 0 }
    }
}

impl<T: Clone> SharedQueue<T> {
    /// How many entries.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// How many chunks, which is what a clone costs.
    pub(crate) fn chunk_count(&self) -> usize {
        self.chunks.len()
    }

    pub(crate) fn push_back(&mut self, entry: T) {
        match self.chunks.back_mut().filter(|last| last.len() < CHUNK_LEN) {
            Some(last) => Arc::make_mut(last).push(entry),
            None => self.push_chunk(entry),
        }
        self.len += 1;
    }

    fn push_chunk(&mut self, first: T) {
        // A queue that has filled a chunk fills the next one too: growing that step by step would
        // copy it as often.
        let capacity = if self.chunks.is_empty() { 1 } else { CHUNK_LEN };
        let mut chunk = Vec::with_capacity(capacity);
        chunk.push(first);
        self.chunks.push_back(Arc::new(chunk));
    }

    /// Drops the first entry. It is freed with its chunk.
    pub(crate) fn drop_front(&mut self) {
        if self.len == 0 {
            return;
        }
        self.len -= 1;
        self.skipped += 1;
        let first = self.chunks.front().map_or(0, |chunk| chunk.len());
        if self.skipped == CHUNK_LEN || self.skipped == first && self.chunks.len() == 1 {
            self.chunks.pop_front();
            self.skipped = 0;
        }
    }

    pub(crate) fn front(&self) -> Option<&T> {
        self.get(0)
    }

    pub(crate) fn back(&self) -> Option<&T> {
        self.get(self.len.checked_sub(1)?)
    }

    /// The entry at a position.
    pub(crate) fn get(&self, at: usize) -> Option<&T> {
        if at >= self.len {
            return None;
        }
        let at = at + self.skipped;
        self.chunks.get(at / CHUNK_LEN)?.get(at % CHUNK_LEN)
    }

    /// The first position whose entry does not match; entries that match come before all others.
    pub(crate) fn partition_point(&self, matches: impl Fn(&T) -> bool) -> usize {
        let (mut low, mut high) = (0, self.len);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.get(middle).is_some_and(&matches) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Entries from a position on, oldest first.
    pub(crate) fn iter_from(&self, at: usize) -> impl ExactSizeIterator<Item = &T> + Clone {
        let positions = at.min(self.len)..self.len;
        positions.map(|at| self.get(at).expect("positions below the length have an entry"))
    }

    /// All entries, oldest first.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &T> + Clone {
        self.iter_from(0)
    }
}

/// Equal when the entries are; where chunks begin does not count.
impl<T: Clone + PartialEq> PartialEq for SharedQueue<T> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().eq(other.iter())
    }
}

impl<T: Clone + Eq> Eq for SharedQueue<T> {}

impl<T: Clone> FromIterator<T> for SharedQueue<T> {
    fn from_iter<I: IntoIterator<Item = T>>(entries: I) -> Self {
        let mut queue = Self::default();
        for entry in entries {
            queue.push_back(entry);
        }
        queue
    }
}

/// Written as a plain sequence.
impl<T: Clone + Serialize> Serialize for SharedQueue<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de, T: Clone + Deserialize<'de>> Deserialize<'de> for SharedQueue<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::from_iter)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    fn check(queue: &SharedQueue<u32>, model: &VecDeque<u32>) {
        assert!(queue.iter().eq(model.iter()));
        assert_eq!((queue.front(), queue.back()), (model.front(), model.back()));
        assert_eq!(queue.len(), model.len());
        let rest = queue.chunks.iter().map(|chunk| chunk.len()).sum::<usize>() - queue.skipped;
        assert_eq!(rest, queue.len(), "every emptied chunk is gone");
    }

    proptest! {
        #[test]
        fn it_behaves_like_a_deque_and_copies_never_change(
            steps in prop::collection::vec((0..1500_u32, 0..1500_u32, any::<bool>()), 1..12),
        ) {
            let (mut queue, mut model) = (SharedQueue::default(), VecDeque::new());
            let mut copies = Vec::new();
            let mut next = 0;
            for (pushed, dropped, share) in steps {
                for _ in 0..pushed {
                    queue.push_back(next);
                    model.push_back(next);
                    next += 1;
                }
                if share {
                    copies.push((queue.clone(), model.clone()));
                }
                for _ in 0..dropped {
                    queue.drop_front();
                    model.pop_front();
                }
                check(&queue, &model);
                let below = next / 2;
                let point = queue.partition_point(|n| *n < below);
                assert_eq!(point, model.partition_point(|n| *n < below));
            }
            for (copy, as_it_was) in copies {
                check(&copy, &as_it_was);
                assert!(copy == as_it_was.into_iter().collect(), "chunks do not count");
            }
        }
    }

    #[test]
    fn a_million_entries_are_shared_by_some_two_thousand_counts() {
        let queue: SharedQueue<u32> = (0..1_000_000).collect();
        assert!(queue.chunk_count() <= 1_000_000 / CHUNK_LEN + 1);
        let copy = queue.clone();
        let shared = queue.chunks.iter().zip(&copy.chunks).all(|(a, b)| Arc::ptr_eq(a, b));
        assert!(shared, "no entry was copied");
    }
}
