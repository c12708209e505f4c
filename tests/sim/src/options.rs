//! What a run is made of; all of it follows from the seed.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

/// A run's sizes.
#[derive(Debug, Clone)]
pub struct Options {
    pub seed: u64,
    pub units: u8,
    pub shards: u32,
    pub shoppers: usize,
    pub trouble: Duration,
    pub segment_bytes: u64,
    pub snapshot_after_log_bytes: u64,
}

impl Options {
    /// As the seed says.
    pub fn of(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        Self {
            seed,
            shards: random.random_range(1..=2),
            shoppers: random.random_range(3..=12),
            trouble: Duration::from_secs(random.random_range(4..=10)),
            segment_bytes: 1 << random.random_range(15..=18),
            snapshot_after_log_bytes: 1 << random.random_range(13..=17),
            // With more units than replicas of a shard, replicas move.
            units: if random.random_bool(0.25) { 5 } else { 3 },
        }
    }
}
