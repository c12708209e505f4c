//! Finds a remembered key by its id: derived from the log of keys, never written anywhere.
//!
//! Buckets of a few places, chosen by the time inside the id and a fixed mixing of its bits, so
//! that keys made at one time lie together and the processor's caches help. What finds its bucket
//! full goes into an ordered map: ids that somebody made so that they meet in one bucket cost what
//! an ordered map costs, never more. Nothing is ever iterated in the order of places.

use std::collections::BTreeMap;

/// Places of a bucket: two lines of the processor's cache.
const PLACES: usize = 16;
/// Keys for each bucket on average before their number is doubled. Fewer than one in a hundred
/// buckets overflow then.
const KEYS_PER_BUCKET: usize = PLACES / 2;
/// Bytes for one key at worst: just after its number of buckets was doubled, while the smaller index is
/// still there.
pub(super) const BYTES_PER_KEY_MAX: usize = 3 * size_of::<Bucket>() / KEYS_PER_BUCKET;
/// Neighbouring buckets that share the keys of one millisecond.
const BUCKETS_PER_MS: u64 = 128;
/// Bits of a version 7 UUID behind its time.
const BITS_BEHIND_TIME: u32 = 80;
/// An odd number without a pattern; any will do.
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

/// Numbers of keys by id.
#[derive(Debug, Clone, Default)]
pub(super) struct KeyIndex {
    /// A power of two of them, or none.
    buckets: Vec<Bucket>,
    crowded: BTreeMap<u128, u32>,
    len: usize,
}

#[derive(Debug, Clone, Copy, Default)]
struct Bucket {
    /// Bits of the ids; 0 marks an empty place.
    tags: [u32; PLACES],
    numbers: [u32; PLACES],
}

/// Where an id belongs and what marks it there.
#[derive(Clone, Copy)]
struct Spot {
    bucket: usize,
    tag: u32,
}

impl Bucket {
    /// Places with this tag, as bits.
    fn tagged(&self, tag: u32) -> u32 {
        let bit = |(at, known): (usize, &u32)| u32::from(*known == tag) << at;
        self.tags.iter().enumerate().map(bit).fold(0, |all, one| all | one)
    }

    fn place_of(&self, tag: u32, mut is: impl FnMut(u32) -> bool) -> Option<usize> {
        let mut tagged = self.tagged(tag);
        while tagged != 0 {
            let at = tagged.trailing_zeros() as usize;
            if is(self.numbers[at]) {
                return Some(at);
            }
            tagged &= tagged - 1;
        }
        None
    }
}

impl KeyIndex {
    /// How many keys.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Whether the next key should come after [`KeyIndex::grown`].
    pub(super) fn is_full(&self) -> bool {
        self.len >= self.buckets.len() * KEYS_PER_BUCKET
    }

    /// An empty index of twice the size.
    pub(super) fn grown(&self) -> Self {
        let count = (self.buckets.len() * 2).max(1);
        Self { buckets: vec![Bucket::default(); count], ..Self::default() }
    }

    /// The number of a key; `is` tells whether a number is that of the id.
    pub(super) fn find(&self, id: u128, is: impl FnMut(u32) -> bool) -> Option<u32> {
        let spot = self.spot(id)?;
        let bucket = &self.buckets[spot.bucket];
        match bucket.place_of(spot.tag, is) {
            Some(at) => Some(bucket.numbers[at]),
            None if self.crowded.is_empty() => None,
            None => self.crowded.get(&id).copied(),
        }
    }

    /// Adds a key that is not there.
    pub(super) fn insert(&mut self, id: u128, number: u32) {
        let Some(spot) = self.spot(id) else { return };
        let bucket = &mut self.buckets[spot.bucket];
        match bucket.tagged(0).trailing_zeros() as usize {
            at if at < PLACES => {
                (bucket.tags[at], bucket.numbers[at]) = (spot.tag, number);
            }
            _ => {
                self.crowded.insert(id, number);
            }
        }
        self.len += 1;
    }

    /// Takes a key out that is there.
    pub(super) fn remove(&mut self, id: u128, number: u32) {
        let Some(spot) = self.spot(id) else { return };
        let bucket = &mut self.buckets[spot.bucket];
        match bucket.place_of(spot.tag, |known| known == number) {
            Some(at) => bucket.tags[at] = 0,
            None => {
                self.crowded.remove(&id);
            }
        }
        self.len -= 1;
    }

    fn spot(&self, id: u128) -> Option<Spot> {
        let mask = self.buckets.len().checked_sub(1)?;
        let (high, low) = ((id >> 64) as u64, id as u64);
        let mixed = (high.rotate_left(32) ^ low).wrapping_mul(MIX);
        let made_at_ms = (id >> BITS_BEHIND_TIME) as u64;
        let nth = made_at_ms.wrapping_mul(BUCKETS_PER_MS).wrapping_add(mixed >> 57);
        // The upper bits of a product depend on all bits below; 0 means empty.
        Some(Spot { bucket: nth as usize & mask, tag: (mixed >> 24) as u32 | 1 })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An index with the ids that a log would have, by number.
    #[derive(Default)]
    struct Checked {
        index: KeyIndex,
        ids: BTreeMap<u32, u128>,
        next: u32,
    }

    impl Checked {
        fn find(&self, id: u128) -> Option<u32> {
            self.index.find(id, |number| self.ids.get(&number) == Some(&id))
        }

        fn insert(&mut self, id: u128) {
            if self.index.is_full() {
                let mut grown = self.index.grown();
                self.ids.iter().for_each(|(number, id)| grown.insert(*id, *number));
                self.index = grown;
            }
            self.ids.insert(self.next, id);
            self.index.insert(id, self.next);
            self.next = self.next.wrapping_add(1);
        }

        fn forget_oldest(&mut self) {
            if let Some((number, id)) = self.ids.pop_first() {
                self.index.remove(id, number);
            }
        }
    }

    proptest! {
        #[test]
        fn it_finds_what_is_there_and_nothing_else(
            steps in prop::collection::vec((0..4_u128, 0..600_u128, 0..4_u8), 1..1500),
            spread in 0..3_u32,
        ) {
            let mut checked = Checked::default();
            for (made_at, rest, what) in steps {
                // From keys of a few milliseconds to ids without a time.
                let id = made_at << BITS_BEHIND_TIME | rest << (spread * 30);
                match (what, checked.find(id)) {
                    (0, _) => checked.forget_oldest(),
                    (_, None) => checked.insert(id),
                    (_, Some(number)) => assert_eq!(checked.ids[&number], id),
                }
            }
            assert_eq!(checked.index.len(), checked.ids.len());
            for (number, id) in &checked.ids {
                assert_eq!(checked.find(*id), Some(*number));
            }
            while !checked.ids.is_empty() {
                let (_, id) = checked.ids.first_key_value().map(|(no, id)| (*no, *id)).expect("one");
                checked.forget_oldest();
                assert_eq!(checked.find(id), None);
            }
            assert!(checked.index.crowded.is_empty());
        }
    }

    #[test]
    fn few_keys_overflow_whether_they_have_a_time_inside_or_not() {
        for of_a_time in [true, false] {
            let mut checked = Checked::default();
            for n in 0..200_000_u128 {
                let random = n.wrapping_mul(0x2d35_8dcc_aa6c_78a5_8bb8_4b93_962e_acc9);
                let made_at = 1_800_000_000_000 + n / 300;
                let timed = made_at << BITS_BEHIND_TIME | random >> (128 - BITS_BEHIND_TIME);
                checked.insert(if of_a_time { timed } else { random });
            }
            let crowded = checked.index.crowded.len();
            assert!(crowded < 4_000, "{crowded} of 200000 keys, with a time: {of_a_time}");
        }
    }
}
