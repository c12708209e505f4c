//! Recovery itself meets faults: killed at every call, failing at every call, on a disk that lied,
//! on a disk that was full at any byte. Items 8, 9 and 10 of the list in docs/testing.md.

use std::io::ErrorKind;

use grid_node::wal::{Sync, WalFailure, WalOptions};

use crate::faults::{check_after, options, run};
use crate::harness::{Groups, History, entry, open, put, put_durable, reopen, step};
use crate::sim_disk::{Faults, SimDisk};

/// The disk of a complete run with rolled, freed and recycled segments, and its content.
fn written() -> (SimDisk, Groups) {
    let disk = SimDisk::default();
    let outcome = run(&disk);
    assert!(!outcome.failed);
    (disk, outcome.history.groups)
}

/// Opens with this fault at each call in turn; after each failure `after` judges the disk.
fn fault_at_each_call(start: &SimDisk, faults: &Faults, after: impl Fn(&SimDisk, &str)) {
    let kind = faults.fail_call.map_or(ErrorKind::Other, |(_, kind)| kind);
    for call in 1.. {
        let disk = start.after_kill();
        disk.set_faults(Faults { fail_call: Some((call, kind)), ..faults.clone() });
        let opened = reopen(&options(), &disk);
        if disk.calls() < call {
            opened.expect("opens when nothing fails");
            assert!(call > 10, "only {call} calls");
            return;
        }
        after(&disk, &format!("{kind:?} at call {call}"));
    }
}

#[test]
fn recovery_killed_at_each_call_twice_finds_the_same() {
    let (disk, groups) = written();
    let power_off = Faults { fail_onwards: true, ..Faults::default() };
    fault_at_each_call(&disk.after_reboot(), &power_off, |once, context| {
        let second = once.after_power_cut(1);
        fault_at_each_call(&second, &power_off, |twice, again| {
            for image in [twice.after_kill(), twice.after_power_cut(2)] {
                let found = reopen(&options(), &image);
                let found = found.unwrap_or_else(|error| panic!("{context}, {again}: {error}"));
                assert_eq!(found.groups, groups, "{context}, {again}");
                assert_eq!(found.cut, None, "{context}, {again}: nothing was torn");
            }
        });
    });
}

#[test]
fn recovery_with_each_call_failing_loses_nothing() {
    let (disk, groups) = written();
    for kind in [ErrorKind::Other, ErrorKind::StorageFull, ErrorKind::Interrupted] {
        for fail_onwards in [false, true] {
            let faults = Faults { fail_call: Some((1, kind)), fail_onwards, ..Faults::default() };
            fault_at_each_call(&disk.after_reboot(), &faults, |failed, context| {
                for image in [failed.after_kill(), failed.after_power_cut(3)] {
                    let found = reopen(&options(), &image).expect("opens on a healthy disk");
                    assert_eq!(found.groups, groups, "{context}");
                }
            });
        }
    }
}

/// A disk that acknowledges syncs from some moment on and does nothing loses what came after. One
/// log cannot know what it was told; it must come back as it was at some moment, not before the
/// last honest sync. The rest is the work of the quorum, where followers remember.
#[test]
fn a_disk_that_lies_about_its_last_syncs_gives_back_an_earlier_moment() {
    let complete = SimDisk::default();
    run(&complete);
    let syncs = complete.syncs();
    for lies in 1..=syncs.min(12) {
        let disk = SimDisk::default();
        let honest = syncs - lies;
        disk.set_faults(Faults { lie_from_sync: Some(honest + 1), ..Faults::default() });
        let outcome = run(&disk);
        assert!(!outcome.failed, "nobody notices");
        for seed in 0..if step(2) == 1 { 400 } else { 16 } {
            let image = disk.after_power_cut(seed);
            match reopen(&options(), &image) {
                Ok(found) => {
                    let mut history = outcome.history.clone();
                    history.keep_found(&found.groups, 0, &format!("{lies} lies, seed {seed}"));
                }
                // Where writes reached the disk in another order it is plain that some are missing.
                Err(error) => {
                    let text = error.to_string();
                    let named = text.contains("is damaged at") || text.contains("lacks segment");
                    assert!(named, "{lies} lies, seed {seed}: {text}");
                }
            }
        }
    }
}

/// Segments of 8 KiB on a disk that promises no space ahead; the last record needs more than one.
fn fill_up(disk: &SimDisk) -> (History, usize, Option<WalFailure>) {
    let mut history = History::default();
    let opened = open(&sparse(), disk);
    let Ok((wal, _)) = opened else { return (history, 0, None) };
    for index in 0..14 {
        let record = entry(index, &"x".repeat(if index == 13 { 5_000 } else { 300 }));
        history.push(1, record.clone());
        if let Err(failure) = put(&wal, 1, vec![record], Sync::Durable) {
            let acknowledged = history.len() - 1;
            return (history, acknowledged, Some(failure));
        }
    }
    let acknowledged = history.len();
    (history, acknowledged, None)
}

fn sparse() -> WalOptions {
    WalOptions { spare_segments_max: 0, ..options() }
}

#[test]
fn a_disk_full_at_any_byte_stops_the_log_which_goes_on_when_there_is_space_again() {
    let measured = SimDisk::with_faults(Faults { room_bytes: Some(1 << 20), ..Faults::default() });
    assert_eq!(fill_up(&measured).2, None);
    let needed = (1 << 20) - measured.room_left();
    let mut stopped = 0;
    // The sample is a prime below the smallest record, so that each is met in several places.
    for room in (0..needed).step_by(step(37)) {
        let disk = SimDisk::with_faults(Faults { room_bytes: Some(room), ..Faults::default() });
        let (mut history, acknowledged, failure) = fill_up(&disk);
        if let Some(failure) = failure {
            let full = matches!(&failure, WalFailure::Io { kind: ErrorKind::StorageFull, .. });
            assert!(full, "room for {room}: {failure}");
            stopped += 1;
        }
        for image in [disk.after_kill(), disk.after_power_cut(room as u64)] {
            let context = format!("room for {room}");
            let (wal, found) = open(&sparse(), &image).expect("opens when there is space");
            history.clone().keep_found(&found.groups, acknowledged, &context);
            let next = found.groups.get(&1).map_or(0, |group| group.entries.len() as u64);
            put_durable(&wal, 1, vec![entry(next, "goes on")]);
            wal.shutdown().expect("closes");
            let again = reopen(&sparse(), &image.after_power_cut(1)).expect("opens");
            assert_eq!(again.groups[&1].entries.len() as u64, next + 1, "{context}");
        }
        history.records.clear();
    }
    assert!(stopped > 100, "only {stopped} runs were stopped");
}

/// Many more ways that a power cut may mix what was not synced, for each call of a run.
#[test]
fn power_goes_at_each_call_and_leaves_any_mixture() {
    let mixtures = if step(2) == 1 { 100 } else { 6 };
    for call in (1..).step_by(step(3)) {
        let fail_call = Some((call as u64, ErrorKind::Other));
        let disk =
            SimDisk::with_faults(Faults { fail_call, fail_onwards: true, ..Faults::default() });
        let outcome = run(&disk);
        if disk.calls() < call as u64 {
            check_after(&outcome, &disk, "nothing failed");
            return;
        }
        for seed in 10..10 + mixtures {
            let context = format!("call {call}, seed {seed}");
            let found = reopen(&options(), &disk.after_power_cut(seed));
            let found = found.unwrap_or_else(|error| panic!("{context}: {error}"));
            outcome.history.clone().keep_found(&found.groups, outcome.acknowledged, &context);
        }
    }
}
