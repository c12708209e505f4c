//! For tests of binary forms: golden files and random damage.
//!
//! A golden file holds the bytes of one value as an earlier build wrote them. `SEATGRID_BLESS=1`
//! writes files that are missing; an existing one is never replaced: a changed form needs a new
//! format and a new file.

use std::path::PathBuf;

use bytes::{Bytes, BytesMut};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::wire::{Take as _, put_blob};

/// Damaged copies of each value.
const CASES: u64 = 3000;
/// Lengths and counts that lead astray.
const EXTREMES: [u32; 6] = [u32::MAX, u32::MAX - 1, 1 << 31, 1 << 24, 1 << 16, 0];

/// Checks that a value is written as it always was, and returns the bytes on file.
pub(crate) fn golden(name: &str, bytes: &[u8]) -> Bytes {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if !path.exists() && std::env::var_os("SEATGRID_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().expect("it has one")).expect("a directory");
        std::fs::write(&path, bytes).expect("written");
    }
    let kept = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    assert!(kept == bytes, "the form of {name} changed");
    kept.into()
}

/// As [`golden`], for several values in one file, each behind its length.
pub(crate) fn golden_all(name: &str, values: &[Bytes]) -> Vec<Bytes> {
    let mut out = BytesMut::new();
    for value in values {
        put_blob(&mut out, value);
    }
    let mut kept = golden(name, &out);
    values.iter().map(|_| kept.take_blob().expect("a whole value")).collect()
}

/// Damages sound bytes in thousands of ways and hands each to a decoder, which must neither panic
/// nor believe a count: one that reserves what four bytes of damage ask for ends the test.
pub(crate) fn damaged<T>(name: &str, sound: &[u8], decode: impl Fn(Bytes) -> T) {
    for case in 0..CASES {
        let mut random = StdRng::seed_from_u64(case);
        let mut bytes = sound.to_vec();
        for _ in 0..random.random_range(1..4) {
            damage(&mut bytes, &mut random);
        }
        let bytes = Bytes::from(bytes);
        let decoded = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            decode(bytes);
        }));
        assert!(decoded.is_ok(), "{name}: damage {case} leads to a panic");
    }
}

fn damage(bytes: &mut Vec<u8>, random: &mut StdRng) {
    let at = random.random_range(0..=bytes.len());
    match random.random_range(0..6) {
        0 => bytes.truncate(at),
        1 => bytes.insert(at, random.random()),
        2 if at < bytes.len() => bytes[at] = random.random(),
        3 if at < bytes.len() => bytes[at] ^= 1 << random.random_range(0..8),
        4 if at + 4 <= bytes.len() => {
            let extreme = EXTREMES[random.random_range(0..EXTREMES.len())];
            bytes[at..at + 4].copy_from_slice(&extreme.to_le_bytes());
        }
        _ => {
            let again: Vec<u8> = bytes[at..].iter().copied().take(32).collect();
            bytes.extend(again);
        }
    }
}
