//! Snapshot files through kills and power cuts at every step, and damage at every byte.

mod crashes;

use std::fs;
use std::io::Read as _;

use super::*;
use crate::raft::snapshot_file::tests::{encode, header};
use crate::wal::RealDisk;

const OLD: &[u8] = b"the state at ten";
const NEW: &[u8] = b"the state at twenty, a little longer";

fn open(root: &Path) -> SnapshotDir {
    SnapshotDir::open(Arc::new(RealDisk), root, 5, 4).expect("opens")
}

fn state(file: &SnapshotFile) -> Vec<u8> {
    let mut state = Vec::new();
    file.state().read_to_end(&mut state).expect("readable");
    state
}

/// Index and state of the newest.
fn newest(dir: &SnapshotDir) -> Option<(u64, Vec<u8>)> {
    let file = dir.newest()?;
    Some((file.header().last_log_id?.index, state(&file)))
}

#[test]
fn the_newest_two_are_kept_and_the_older_bounds_the_log() {
    let root = tempfile::tempdir().expect("a directory");
    let dir = open(root.path());
    assert_eq!(dir.oldest_index().expect("readable"), None);
    for index in [10, 20, 30] {
        dir.write(header(index), encode(OLD)).expect("written");
    }
    assert_eq!(dir.names(SUFFIX).expect("readable").len(), 2);
    assert_eq!(dir.oldest_index().expect("readable"), Some(20));
    assert_eq!(newest(&dir), Some((30, OLD.to_vec())));
}

#[test]
fn damage_at_any_byte_of_the_newest_leaves_the_older_one() {
    let root = tempfile::tempdir().expect("a directory");
    let dir = open(root.path());
    dir.write(header(10), encode(OLD)).expect("written");
    let path = dir.write(header(20), encode(NEW)).expect("written").path().to_owned();
    let sound = fs::read(&path).expect("readable");
    for at in 0..sound.len() {
        let mut damaged = sound.clone();
        damaged[at] ^= 1 << (at % 8);
        fs::write(&path, &damaged).expect("writable");
        assert_eq!(newest(&open(root.path())), Some((10, OLD.to_vec())), "byte {at}");
        fs::write(&path, &sound[..at]).expect("writable");
        assert_eq!(newest(&open(root.path())), Some((10, OLD.to_vec())), "cut at {at}");
    }
    fs::write(&path, &sound).expect("writable");
    assert_eq!(newest(&open(root.path())), Some((20, NEW.to_vec())));
}

#[test]
fn a_file_of_another_shard_or_cluster_is_not_taken() {
    let root = tempfile::tempdir().expect("a directory");
    open(root.path()).write(header(10), encode(OLD)).expect("written");
    let moved = SnapshotDir::open(Arc::new(RealDisk), root.path(), 6, 4).expect("opens");
    assert!(moved.newest().is_none(), "another cluster");
    fs::rename(root.path().join("00004"), root.path().join("00007")).expect("renamed");
    let moved = SnapshotDir::open(Arc::new(RealDisk), root.path(), 5, 7).expect("opens");
    assert!(moved.newest().is_none(), "another shard");
}
