//! An ordered map and set in shared chunks, with the calls of `BTreeMap` that the rules use.

use std::ops::Index;
use std::sync::Arc;

/// Entries in one chunk at most: small enough that copying one is a matter of microseconds, large
/// enough that a million entries are some ten thousand chunks.
const CHUNK_LEN_MAX: usize = 96;
/// A chunk that shrinks below this joins its neighbour if both fit.
const CHUNK_LEN_MIN: usize = 16;

/// An ordered map.
#[derive(Debug, Clone)]
pub(crate) struct SharedMap<K, V> {
    /// The first key of each chunk: the search stays in one stretch of memory.
    firsts: Vec<K>,
    /// Sorted, none of them empty.
    chunks: Vec<Arc<Vec<(K, V)>>>,
    len: usize,
}

impl<K, V> Default for SharedMap<K, V> {
    fn default() -> Self {
        Self { firsts: Vec::new(), chunks: Vec::new(), len: 0 }
    }
}

impl<K: Ord + Copy, V: Clone> SharedMap<K, V> {
    /// How many entries.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// How many chunks, which is what a clone costs.
    pub(crate) fn chunk_count(&self) -> usize {
        self.chunks.len()
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        let chunk = &self.chunks[self.chunk_of(key)?];
        find(chunk, key).ok().map(|at| &chunk[at].1)
    }

    /// The value, to change; copies its chunk if it is shared.
    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let chunk = self.chunk_of(key)?;
        let at = find(&self.chunks[chunk], key).ok()?;
        Some(&mut Arc::make_mut(&mut self.chunks[chunk])[at].1)
    }

    /// Puts a value in; the one that was there before, if any.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        let Some(chunk) = self.chunk_of(&key) else {
            self.push_front(key, value);
            return None;
        };
        match find(&self.chunks[chunk], &key) {
            Ok(at) => {
                let entries = Arc::make_mut(&mut self.chunks[chunk]);
                Some(std::mem::replace(&mut entries[at].1, value))
            }
            Err(at) => {
                self.put(chunk, at, (key, value));
                self.len += 1;
                None
            }
        }
    }

    /// Takes a value out.
    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        let chunk = self.chunk_of(key)?;
        let at = find(&self.chunks[chunk], key).ok()?;
        Some(self.take(chunk, at).1)
    }

    /// Takes the entry with the least key out.
    pub(crate) fn pop_first(&mut self) -> Option<(K, V)> {
        if self.len == 0 { None } else { Some(self.take(0, 0)) }
    }

    /// The entry with the least key.
    pub(crate) fn first_key_value(&self) -> Option<(&K, &V)> {
        self.iter().next()
    }

    /// All entries by key.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> + Clone {
        self.chunks.iter().flat_map(|chunk| chunk.iter()).map(|(key, value)| (key, value))
    }

    /// Entries with greater keys, by key.
    pub(crate) fn after(&self, key: &K) -> impl Iterator<Item = (&K, &V)> + Clone {
        let chunk = self.chunk_of(key).unwrap_or(0);
        let entries = self.chunks.iter().skip(chunk).flat_map(|chunk| chunk.iter());
        let known = self.chunks.get(chunk).map_or(0, |c| c.partition_point(|(k, _)| k <= key));
        entries.skip(known).map(|(key, value)| (key, value))
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> + Clone {
        self.iter().map(|(_, value)| value)
    }

    /// The chunk whose stretch of keys has `key`; `None` when it comes before all of them.
    fn chunk_of(&self, key: &K) -> Option<usize> {
        // Numbers grow, so most of what is asked for lies near the end.
        match self.firsts.last() {
            Some(last) if last <= key => Some(self.firsts.len() - 1),
            _ => self.firsts.partition_point(|first| first <= key).checked_sub(1),
        }
    }

    /// Adds an entry before all others.
    fn push_front(&mut self, key: K, value: V) {
        if self.chunks.is_empty() {
            self.firsts.push(key);
            self.chunks.push(Arc::new(vec![(key, value)]));
        } else {
            self.put(0, 0, (key, value));
        }
        self.len += 1;
    }

    /// Puts an entry at its place in a chunk, which is split if it is full.
    fn put(&mut self, chunk: usize, at: usize, entry: (K, V)) {
        let last = chunk + 1 == self.chunks.len();
        let entries = Arc::make_mut(&mut self.chunks[chunk]);
        if entries.len() < CHUNK_LEN_MAX {
            entries.insert(at, entry);
            self.firsts[chunk] = entries[0].0;
            return;
        }
        if last && at == entries.len() {
            // Growing at the end leaves full chunks behind.
            self.firsts.push(entry.0);
            self.chunks.push(Arc::new(vec![entry]));
            return;
        }
        let mut upper = entries.split_off(CHUNK_LEN_MAX / 2);
        if at <= entries.len() {
            entries.insert(at, entry);
        } else {
            upper.insert(at - entries.len(), entry);
        }
        self.firsts[chunk] = entries[0].0;
        self.firsts.insert(chunk + 1, upper[0].0);
        self.chunks.insert(chunk + 1, Arc::new(upper));
    }

    fn take(&mut self, chunk: usize, at: usize) -> (K, V) {
        self.len -= 1;
        let entries = Arc::make_mut(&mut self.chunks[chunk]);
        let entry = entries.remove(at);
        match entries.first() {
            None => {
                self.firsts.remove(chunk);
                self.chunks.remove(chunk);
            }
            Some(first) => {
                self.firsts[chunk] = first.0;
                if entries.len() < CHUNK_LEN_MIN && !self.join_next(chunk) && chunk > 0 {
                    self.join_next(chunk - 1);
                }
            }
        }
        entry
    }

    /// Joins a chunk with the one after it when both fit into three quarters of a chunk, so that
    /// the next insertion does not split it again; whether they did.
    fn join_next(&mut self, chunk: usize) -> bool {
        let Some(next) = self.chunks.get(chunk + 1) else { return false };
        if self.chunks[chunk].len() + next.len() > CHUNK_LEN_MAX * 3 / 4 {
            return false;
        }
        let next = self.chunks.remove(chunk + 1);
        self.firsts.remove(chunk + 1);
        let next = Arc::try_unwrap(next).unwrap_or_else(|shared| (*shared).clone());
        Arc::make_mut(&mut self.chunks[chunk]).extend(next);
        true
    }
}

fn find<K: Ord, V>(entries: &[(K, V)], key: &K) -> Result<usize, usize> {
    entries.binary_search_by(|(known, _)| known.cmp(key))
}

impl<K: Ord + Copy, V: Clone> Index<&K> for SharedMap<K, V> {
    type Output = V;

    fn index(&self, key: &K) -> &V {
        self.get(key).expect("the caller knows that the key is there")
    }
}

/// Equal when the entries are; where chunks begin does not count.
impl<K: Ord + Copy, V: Clone + PartialEq> PartialEq for SharedMap<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().eq(other.iter())
    }
}

impl<K: Ord + Copy, V: Clone + Eq> Eq for SharedMap<K, V> {}

impl<K: Ord + Copy, V: Clone> FromIterator<(K, V)> for SharedMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self::default();
        for (key, value) in entries {
            map.insert(key, value);
        }
        map
    }
}

/// An ordered set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SharedSet<K: Ord + Copy>(SharedMap<K, ()>);

impl<K: Ord + Copy> Default for SharedSet<K> {
    fn default() -> Self {
        Self(SharedMap::default())
    }
}

impl<K: Ord + Copy> SharedSet<K> {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn chunk_count(&self) -> usize {
        self.0.chunk_count()
    }

    /// Whether it was not there before.
    pub(crate) fn insert(&mut self, key: K) -> bool {
        self.0.insert(key, ()).is_none()
    }

    /// Whether it was there.
    pub(crate) fn remove(&mut self, key: &K) -> bool {
        self.0.remove(key).is_some()
    }

    pub(crate) fn contains(&self, key: &K) -> bool {
        self.0.get(key).is_some()
    }

    pub(crate) fn first(&self) -> Option<&K> {
        self.0.first_key_value().map(|(key, ())| key)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &K> + Clone {
        self.0.iter().map(|(key, ())| key)
    }
}

impl<K: Ord + Copy> FromIterator<K> for SharedSet<K> {
    fn from_iter<I: IntoIterator<Item = K>>(keys: I) -> Self {
        Self(keys.into_iter().map(|key| (key, ())).collect())
    }
}

#[cfg(test)]
mod tests;
