//! Files round-trip, earlier ones are still read, and damage anywhere is noticed.

use std::collections::BTreeSet;
use std::fs;

use super::*;
use crate::raft::types::{LeaderId, LogId, Membership, StoredMembership};
use crate::wal::RealDisk;

/// A header of group 4 in cluster 5 that covers entries up to `index`.
pub(crate) fn header(index: u64) -> SnapshotHeader {
    let last_log_id = LogId { leader_id: LeaderId { term: 7, node_id: 2 }, index };
    let members = Membership::new_with_defaults(vec![BTreeSet::from([1, 2, 3])], []);
    SnapshotHeader {
        cluster_id: 5,
        group: 4,
        last_log_id: Some(last_log_id),
        membership: StoredMembership::new(Some(last_log_id), members),
        at_ms: 123,
        version: 1,
    }
}

/// Encodes to these bytes.
pub(crate) fn encode(state: &[u8]) -> Encode {
    let state = state.to_vec();
    Box::new(move |out| out.write_all(&state))
}

fn written(path: &Path, state: &[u8]) {
    let file = RealDisk.create(path).expect("creatable");
    write(&*file, &header(99), encode(state)).expect("written");
}

fn state_of(file: &SnapshotFile) -> Vec<u8> {
    let mut state = Vec::new();
    file.state().read_to_end(&mut state).expect("readable");
    state
}

#[test]
fn a_file_round_trips_whatever_its_size() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("file");
    for len in [0, 1, 1000, BUFFER_BYTES, 3 * BUFFER_BYTES + 17] {
        let state: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
        written(&path, &state);
        let file = open(&path).expect("sound");
        assert_eq!(file.header(), &header(99));
        assert!(state_of(&file) == state, "{len} bytes");
        let (mut travelled, mut at) = (Vec::new(), 0);
        while at < file.len() {
            let piece = file.piece(at, 100_000).expect("readable");
            at += piece.len() as u64;
            travelled.extend_from_slice(&piece);
        }
        assert!(travelled == fs::read(&path).expect("readable"), "pieces give the file");
        assert!(file.is_sound());
    }
}

#[test]
fn a_change_or_cut_at_any_byte_is_noticed() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("file");
    written(&path, b"the state of a small shard");
    let sound = fs::read(&path).expect("readable");
    let kept = open(&path).expect("sound");
    for at in 0..sound.len() {
        let mut damaged = sound.clone();
        damaged[at] ^= 0x10;
        fs::write(&path, &damaged).expect("writable");
        assert!(open(&path).is_err(), "byte {at}");
        assert!(!kept.is_sound(), "byte {at}");
        fs::write(&path, &sound[..at]).expect("writable");
        assert!(open(&path).is_err(), "cut at {at}");
    }
}

/// Format 1 as earlier releases wrote it. Golden: does not change.
const FORMAT_1_FILE: &str = "\
    5347534e41500d0a0100000005000000000000000000000000000000040000000107000000000000\
    00020000000000000063000000000000000107000000000000000200000000000000630000000000\
    00000100000003000000010000000000000002000000000000000300000000000000030000000100\
    000000000000020000000000000003000000000000007b0000000000000009000000746865207374\
    617465";

#[test]
fn a_file_of_the_first_format_is_still_read() {
    let hex: String = FORMAT_1_FILE.split_whitespace().collect();
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal");
    let mut bytes: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
    bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("file");
    fs::write(&path, bytes).expect("writable");
    let file = open(&path).expect("sound");
    assert_eq!(file.header(), &header(99));
    assert_eq!(state_of(&file), b"the state");
}

#[test]
fn what_the_state_refuses_to_say_is_not_written() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = RealDisk.create(&dir.path().join("file")).expect("creatable");
    let fails: Encode = Box::new(|_| Err(io::Error::other("no")));
    assert!(write(&*file, &header(1), fails).is_err());
}

/// A file of this machine.
fn open(path: &Path) -> Result<SnapshotFile, FileProblem> {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    SnapshotFile::open(&disk, path)
}
