//! Refused attempts: what was asked for and not done, kept beside what was done.

/// The chain of refused attempts and of operators' decisions: a shard number that no grid gives out.
pub const ATTEMPTS_SHARD: u32 = 2_000_000_000;
