//! The draw as arithmetic on hashes, so that anybody can make it again from what is published:
//!
//! 1. the commitment is SHA-256(seed), told before anybody comes;
//! 2. the crowd begins as 32 zero bytes; each who comes makes it SHA-256(crowd, number, salt), the
//!    number as 8 bytes and the salt as 16, most significant first;
//! 3. the draw is SHA-256(seed, crowd); the rank of a number is SHA-256(draw, number);
//! 4. turns come in the order of ranks as numbers, most significant byte first.
//!
//! Who knows the seed cannot choose their rank, since they do not know who comes after them; who comes
//! last cannot, since they do not know the seed.

use sha2::{Digest, Sha256};

/// The crowd before anybody came.
pub(super) const NOBODY: [u8; 32] = [0; 32];

/// What is told about a seed before it is.
pub(crate) fn commitment(seed: &[u8; 32]) -> [u8; 32] {
    Sha256::digest(seed).into()
}

/// The crowd with one more.
pub(super) fn joined(crowd: &[u8; 32], no: u64, salt: u128) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(crowd);
    hash.update(no.to_be_bytes());
    hash.update(salt.to_be_bytes());
    hash.finalize().into()
}

/// The numbers 1 to `places` in the order of their ranks.
pub(super) fn order(seed: &[u8; 32], crowd: &[u8; 32], places: u64) -> Vec<u64> {
    let draw: [u8; 32] = Sha256::new().chain_update(seed).chain_update(crowd).finalize().into();
    let rank = |no: u64| -> ([u8; 32], u64) {
        let hash = Sha256::new().chain_update(draw).chain_update(no.to_be_bytes());
        (hash.finalize().into(), no)
    };
    let mut ranks: Vec<_> = (1..=places).map(rank).collect();
    ranks.sort_unstable();
    ranks.into_iter().map(|(_, no)| no).collect()
}
