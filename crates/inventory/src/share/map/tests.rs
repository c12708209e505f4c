//! The shared map against `BTreeMap`, and what clones and writes after a clone really copy.

use std::cell::Cell;
use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    Insert(u16, u32),
    Change(u16, u32),
    Remove(u16),
    PopFirst,
    Share,
}

fn step() -> impl Strategy<Value = Step> {
    let key = 0..600_u16;
    prop_oneof![
        6 => (key.clone(), any::<u32>()).prop_map(|(k, v)| Step::Insert(k, v)),
        2 => (key.clone(), any::<u32>()).prop_map(|(k, v)| Step::Change(k, v)),
        4 => key.prop_map(Step::Remove),
        1 => Just(Step::PopFirst),
        1 => Just(Step::Share),
    ]
}

fn check(map: &SharedMap<u16, u32>, model: &BTreeMap<u16, u32>) {
    assert!(map.iter().eq(model.iter()));
    assert_eq!(map.len(), model.len());
    assert_eq!(map.first_key_value(), model.first_key_value());
    let sound = map.chunks.iter().zip(&map.firsts).all(|(chunk, first)| {
        chunk.first().is_some_and(|(key, _)| key == first) && chunk.len() <= CHUNK_LEN_MAX
    });
    assert!(sound && map.chunks.len() == map.firsts.len(), "{map:?}");
}

proptest! {
    #[test]
    fn it_behaves_like_a_btree_map_and_copies_never_change(
        steps in prop::collection::vec(step(), 1..1500),
    ) {
        let (mut map, mut model) = (SharedMap::default(), BTreeMap::new());
        let mut copies = Vec::new();
        for step in steps {
            match step {
                Step::Insert(k, v) => assert_eq!(map.insert(k, v), model.insert(k, v)),
                Step::Change(k, v) => {
                    let (mine, theirs) = (map.get_mut(&k), model.get_mut(&k));
                    assert_eq!(mine, theirs);
                    if let (Some(mine), Some(theirs)) = (mine, theirs) {
                        (*mine, *theirs) = (v, v);
                    }
                }
                Step::Remove(k) => assert_eq!(map.remove(&k), model.remove(&k)),
                Step::PopFirst => assert_eq!(map.pop_first(), model.pop_first()),
                Step::Share => copies.push((map.clone(), model.clone())),
            }
            assert_eq!(map.get(&300), model.get(&300));
        }
        check(&map, &model);
        for (copy, as_it_was) in copies {
            check(&copy, &as_it_was);
            assert!(copy == as_it_was.into_iter().collect(), "chunks do not count");
        }
    }
}

thread_local! {
    static COPIES: Cell<usize> = const { Cell::new(0) };
}

/// Counts its copies.
struct Counted;

impl Clone for Counted {
    fn clone(&self) -> Self {
        COPIES.set(COPIES.get() + 1);
        Self
    }
}

#[test]
fn a_clone_copies_no_entry_and_a_write_after_it_copies_one_chunk_once() {
    let mut map: SharedMap<u32, Counted> = (0..100_000).map(|key| (key, Counted)).collect();
    assert_eq!(COPIES.get(), 0);
    assert!(map.chunk_count() <= 100_000 / CHUNK_LEN_MAX + 1, "{} chunks", map.chunk_count());
    let frozen = map.clone();
    assert_eq!(COPIES.get(), 0);
    assert!(map.get_mut(&50_000).is_some());
    let once = COPIES.get();
    assert!((1..=CHUNK_LEN_MAX).contains(&once), "{once}");
    assert!(map.get_mut(&50_000).is_some());
    map.insert(100_000, Counted);
    assert!(COPIES.get() <= 2 * CHUNK_LEN_MAX, "{}", COPIES.get());
    assert_eq!((frozen.len(), map.len()), (100_000, 100_001));
}

#[test]
fn emptied_stretches_leave_no_small_chunks_behind() {
    let mut map: SharedMap<u32, ()> = (0..10_000).map(|key| (key, ())).collect();
    for key in (0..10_000).filter(|key| key % 100 != 0) {
        map.remove(&key);
    }
    assert_eq!(map.len(), 100);
    assert!(map.chunk_count() <= 100 / CHUNK_LEN_MIN + 2, "{} chunks", map.chunk_count());
}

#[test]
fn maps_are_equal_when_their_entries_are() {
    let map = |of: &[(u64, u64)]| of.iter().copied().collect::<SharedMap<u64, u64>>();
    assert_eq!(map(&[(1, 2), (3, 4)]), map(&[(3, 4), (1, 2)]));
    assert_ne!(map(&[(1, 2)]), map(&[(1, 3)]));
    assert_ne!(map(&[(1, 2)]), map(&[(1, 2), (3, 4)]));
    assert_ne!(map(&[]), map(&[(1, 2)]));
}
