//! Segment files deleted, renamed, doubled, exchanged, brought from elsewhere, of impossible size:
//! items 4, 5, 11 and 13 of the list in docs/testing.md.
//!
//! A log whose files are not as it left them is refused with a reason; nothing of it is changed.

use std::path::PathBuf;

use bytes::Bytes;
use grid_node::wal::{Disk as _, Record, Sync, WalError, WalFailure, WalOptions};

use crate::harness::{dir, entry, open, put, put_durable, record_offsets, reopen, segment, small};
use crate::sim_disk::SimDisk;

const LAST: u64 = 4;

/// Four segments, entries of one group in all of them.
fn four_segments(options: &WalOptions, letter: &str) -> SimDisk {
    let disk = SimDisk::default();
    let (wal, _) = open(options, &disk).expect("opens");
    let payload = letter.repeat(700);
    (0..18).for_each(|index| put_durable(&wal, 1, vec![entry(index, &payload)]));
    assert_eq!(wal.stats().segments as u64, LAST);
    wal.shutdown().expect("closes");
    disk
}

/// Opens after a kill and after a new start of the system; both are refused and change nothing.
fn refused(disk: &SimDisk, context: &str) -> WalError {
    let errors = [disk.after_kill(), disk.after_reboot()].map(|image| {
        let before = image.files();
        let error = reopen(&small(), &image).expect_err(context);
        // The lock file may be new.
        let after: Vec<_> = image.files().into_iter().filter(|f| f.0 != "lock").collect();
        let before: Vec<_> = before.into_iter().filter(|f| f.0 != "lock").collect();
        assert_eq!(after, before, "{context}: a refused log is left as it is");
        error
    });
    let [error, _] = errors;
    error
}

#[test]
fn any_deleted_segment_is_missed() {
    let disk = four_segments(&small(), "a");
    for number in 1..=LAST {
        let image = disk.after_kill();
        image.remove(&segment(number)).expect("exists");
        let error = refused(&image, &format!("without {number}"));
        let missing = matches!(&error, WalError::MissingSegment { number: n, .. } if *n == number);
        assert!(missing, "without {number}: {error}");
    }
    // Several at once, up to all of them: the log was there before and must not begin anew.
    for from in 1..=LAST {
        let image = disk.after_kill();
        (from..=LAST).for_each(|number| image.remove(&segment(number)).expect("exists"));
        let error = refused(&image, &format!("without {from} and later"));
        let missing = matches!(&error, WalError::MissingSegment { number: n, .. } if *n == from);
        assert!(missing, "without {from} and later: {error}");
    }
}

#[test]
fn any_renamed_doubled_or_exchanged_segment_is_noticed() {
    let disk = four_segments(&small(), "a");
    for from in 1..=LAST {
        for to in (1..=LAST + 2).filter(|to| *to != from) {
            let image = disk.after_kill();
            image.rename(&segment(from), &segment(to)).expect("exists");
            refused(&image, &format!("{from} renamed to {to}"));

            let image = disk.after_kill();
            let content = disk.bytes(&segment(from));
            write(&image, segment(to), &content);
            refused(&image, &format!("{from} doubled as {to}"));

            if to <= LAST {
                let other = disk.bytes(&segment(to));
                write(&image, segment(from), &other);
                refused(&image, &format!("{from} exchanged with {to}"));
            }
        }
    }
}

fn write(disk: &SimDisk, path: PathBuf, content: &[u8]) {
    disk.create(&path).expect("creates").write_at(0, content).expect("writes");
}

#[test]
fn a_segment_of_another_node_cluster_or_older_log_is_refused_in_any_place() {
    let ours = four_segments(&small(), "a");
    let others = [
        four_segments(&WalOptions { node_id: 8, ..small() }, "a"),
        four_segments(&WalOptions { cluster_id: 1, ..small() }, "a"),
        // The same ids in an earlier life, with as many records of the same sizes.
        four_segments(&small(), "b"),
    ];
    for (which, other) in others.iter().enumerate() {
        for number in 1..=LAST {
            let image = ours.after_kill();
            image.tamper(&segment(number), |b| *b = other.bytes(&segment(number)));
            let error = refused(&image, &format!("segment {number} of log {which}"));
            if which < 2 {
                assert!(matches!(error, WalError::Foreign { .. }), "{error}");
            }
            // One more than there are, as if the log went on.
            let image = ours.after_kill();
            write(&image, segment(LAST + 1), &other.bytes(&segment(number)));
            refused(&image, &format!("segment {number} of log {which} as the next"));
        }
    }
}

#[test]
fn a_newer_format_in_any_segment_is_refused() {
    let disk = four_segments(&small(), "a");
    for number in 1..=LAST {
        let image = disk.after_kill();
        image.tamper(&segment(number), |bytes| bytes[8] += 1);
        let error = refused(&image, &format!("newer segment {number}"));
        assert!(matches!(error, WalError::NewerFormat { found: 3, supported: 2, .. }), "{error}");
    }
}

#[test]
fn empty_files_and_bare_headers_are_refused_unless_they_are_the_torn_end() {
    let disk = four_segments(&small(), "a");
    for number in 1..=LAST {
        for len in [0, 1, 4095] {
            let image = disk.after_kill();
            image.tamper(&segment(number), |bytes| bytes.truncate(len));
            let error = refused(&image, &format!("{len} bytes of segment {number}"));
            assert!(matches!(error, WalError::Corrupt { .. }), "{error}");
        }
        let bare = disk.after_reboot();
        bare.tamper(&segment(number), |bytes| bytes.truncate(4096));
        if number < LAST {
            refused(&bare, &format!("bare header of segment {number}"));
        } else {
            let found = reopen(&small(), &bare).expect("opens");
            assert!(found.cut.is_some(), "what was behind the header is in doubt");
        }
    }
}

#[test]
fn impossible_lengths_are_damage_and_nothing_is_reserved_for_them() {
    let disk = four_segments(&small(), "a");
    let offsets = record_offsets(&disk.bytes(&segment(LAST)));
    let (last, end) = (offsets[offsets.len() - 2], offsets[offsets.len() - 1]);
    for len in [1 << 31, u32::MAX, u32::MAX - 7, (256 << 20) + 1, 4096] {
        let put = |image: &SimDisk, at: usize| {
            image.tamper(&segment(LAST), |b| b[at..at + 4].copy_from_slice(&len.to_le_bytes()));
        };
        // Amid the log it is damage, since what follows says that it was durable.
        let image = disk.after_reboot();
        put(&image, offsets[1]);
        refused(&image, &format!("length {len} amid the log"));
        // At its very end nothing is lost but the certainty.
        let image = disk.after_reboot();
        put(&image, end);
        let found = reopen(&small(), &image).expect("opens");
        assert!(found.cut.is_some() && found.groups[&1].entries.len() == 18, "length {len}");
        // The last record, when the mark of its sync was lost.
        let image = disk.after_reboot();
        image.tamper(&segment(LAST), |b| b[end + 48..].fill(0));
        put(&image, last);
        let found = reopen(&small(), &image).expect("opens");
        assert!(found.cut.is_some() && found.groups[&1].entries.len() == 17, "length {len}");
    }
}

#[test]
fn a_record_beyond_the_format_stops_the_log_and_leaves_it_whole() {
    let disk = SimDisk::default();
    // Pages that are never touched cost nothing.
    for bytes in [(256 << 20) - 7, (4 << 30) + 1] {
        let (wal, found) = open(&small(), &disk).expect("opens");
        let next = found.groups.get(&1).map_or(0, |group| group.entries.len() as u64);
        put_durable(&wal, 1, vec![entry(next, "kept")]);
        let huge = Record::Entry { index: next + 1, payload: Bytes::from(vec![0; bytes]) };
        let failure = put(&wal, 1, vec![huge], Sync::Durable).expect_err("refuses");
        let sized = matches!(failure, WalFailure::TooLarge { group: 1, bytes: b } if b > bytes);
        assert!(sized, "{failure}");
        let found = reopen(&small(), &disk.after_kill()).expect("opens");
        assert_eq!(found.groups[&1].entries.len() as u64, next + 1);
        assert!(disk.files().iter().all(|(name, _)| dir().join(name) != segment(2)));
    }
}
