//! Logs that are not ours to open: another node's (invariant I5), a newer release's, one in use,
//! impossible knobs.
//!
//! Each is refused with one line that says what and what to do, and nothing is changed.

use std::path::Path;

use grid_node::wal::{WalError, WalOptions};

use crate::harness::{dir, entry, open, put_durable, reopen, segment, small};
use crate::sim_disk::SimDisk;

fn written() -> SimDisk {
    let disk = SimDisk::default();
    let (wal, _) = open(&small(), &disk).expect("opens");
    put_durable(&wal, 1, vec![entry(0, "a")]);
    wal.shutdown().expect("closes");
    disk
}

#[test]
fn another_nodes_log_is_refused() {
    let disk = written();
    for options in [WalOptions { node_id: 8, ..small() }, WalOptions { cluster_id: 1, ..small() }] {
        let before = disk.bytes(&segment(1));
        let error = reopen(&options, &disk).expect_err("refuses");
        assert!(matches!(error, WalError::Foreign { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains("belongs to node 7") && text.contains("check data_dir"), "{text}");
        assert_eq!(disk.bytes(&segment(1)), before);
    }
    reopen(&small(), &disk).expect("its own node opens it");
}

#[test]
fn a_newer_format_is_refused() {
    let disk = written();
    disk.tamper(&segment(1), |bytes| bytes[8] = 3);
    let error = reopen(&small(), &disk).expect_err("refuses");
    assert!(matches!(error, WalError::NewerFormat { found: 3, supported: 2, .. }), "{error}");
}

#[test]
fn a_second_opener_is_refused_until_the_first_ends() {
    let disk = SimDisk::default();
    let (wal, _) = open(&small(), &disk).expect("opens");
    let error = open(&small(), &disk).map(drop).expect_err("refuses");
    assert!(matches!(&error, WalError::Locked { dir: locked } if *locked == dir()), "{error}");
    assert!(!error.to_string().contains('\n'));
    wal.shutdown().expect("closes");
    reopen(&small(), &disk).expect("free again");
}

#[test]
fn impossible_knobs_are_named() {
    let broken = [
        (WalOptions { segment_bytes: 4096, ..small() }, "segment_bytes"),
        (WalOptions { batch_bytes_max: 0, ..small() }, "batch_bytes_max"),
        (WalOptions { queue_len_max: 0, ..small() }, "queue_len_max"),
        (WalOptions { rewrite_above_segments: 1, ..small() }, "rewrite_above_segments"),
    ];
    for (options, name) in broken {
        let error = open(&options, &SimDisk::default()).map(drop).expect_err("refuses");
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn files_that_are_not_ours_are_left_alone() {
    use grid_node::wal::Disk as _;
    let disk = written();
    let foreign = [dir().join("segment-1.wal"), dir().join("notes.txt")];
    for path in &foreign {
        disk.create(path).expect("creates");
    }
    reopen(&small(), &disk).expect("opens");
    let names: Vec<String> = disk.files().into_iter().map(|(name, _)| name).collect();
    for path in &foreign {
        let name = path.file_name().map(Path::new).expect("a name").display().to_string();
        assert!(names.contains(&name), "{name} is gone");
    }
}
