//! Every call fails in turn, power goes at every call and point, the disk fills up: whatever was
//! acknowledged is there at the next start, and a failed log says so and never tries again.

use std::collections::BTreeSet;
use std::io::ErrorKind;

use grid_node::wal::{Sync, Wal, WalFailure, WalOptions};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::harness::{History, entry, open, put, reopen, small};
use crate::sim_disk::{Faults, SimDisk};

/// Enough records to roll, free, recycle and rewrite segments.
const RECORDS: usize = 90;

pub fn options() -> WalOptions {
    WalOptions { rewrite_above_segments: 2, spare_segments_max: 1, ..small() }
}

/// What a run on a faulty disk left.
pub struct Outcome {
    pub history: History,
    /// Records whose durability was acknowledged.
    pub acknowledged: usize,
    /// Whether something failed.
    pub failed: bool,
}

/// The same records in the same order each time, one call after the other, up to the first failure.
pub fn run(disk: &SimDisk) -> Outcome {
    let mut outcome = Outcome { history: History::default(), acknowledged: 0, failed: true };
    let Ok((wal, _)) = open(&options(), disk) else { return outcome };
    let mut random = StdRng::seed_from_u64(11);
    for _ in 0..RECORDS {
        let (group, record) = outcome.history.next(&mut random);
        outcome.history.push(group, record.clone());
        let durable = random.random_bool(0.5);
        let sync = if durable { Sync::Durable } else { Sync::Lazy };
        if let Err(failure) = put(&wal, group, vec![record], sync) {
            check_stopped(wal, failure);
            return outcome;
        }
        if durable {
            outcome.acknowledged = outcome.history.len();
        }
    }
    outcome.failed = wal.shutdown().is_err();
    outcome
}

/// A failed log gives everybody the same reason.
fn check_stopped(wal: Wal, failure: WalFailure) {
    assert_eq!(put(&wal, 1, vec![], Sync::Lazy), Err(failure.clone()));
    assert_eq!(wal.shutdown(), Err(failure));
}

pub fn check_after(outcome: &Outcome, disk: &SimDisk, context: &str) {
    for (seed, image) in [disk.after_kill(), disk.after_power_cut(1), disk.after_power_cut(2)]
        .into_iter()
        .enumerate()
    {
        let context = format!("{context}, image {seed}");
        let found = reopen(&options(), &image).unwrap_or_else(|error| panic!("{context}: {error}"));
        outcome.history.clone().keep_found(&found.groups, outcome.acknowledged, &context);
    }
}

fn fail_each_call(kind: ErrorKind, fail_onwards: bool) {
    for call in 1.. {
        let faults = Faults { fail_call: Some((call, kind)), fail_onwards, ..Faults::default() };
        let disk = SimDisk::with_faults(faults);
        let outcome = run(&disk);
        if disk.calls() < call {
            assert!(!outcome.failed, "a run without a failing call passes");
            assert!(call > 200, "only {call} calls: the run does too little");
            return;
        }
        check_after(&outcome, &disk, &format!("call {call} {kind:?}"));
    }
}

#[test]
fn each_call_fails_once() {
    fail_each_call(ErrorKind::Other, false);
}

#[test]
fn each_call_fails_for_want_of_space() {
    fail_each_call(ErrorKind::StorageFull, false);
}

#[test]
fn power_goes_at_each_call() {
    fail_each_call(ErrorKind::Other, true);
}

#[test]
fn each_call_and_all_after_it_fail_for_want_of_space() {
    fail_each_call(ErrorKind::StorageFull, true);
}

#[test]
fn each_call_is_interrupted_once() {
    fail_each_call(ErrorKind::Interrupted, false);
}

#[test]
fn each_call_and_all_after_it_are_interrupted() {
    fail_each_call(ErrorKind::Interrupted, true);
}

#[test]
fn each_write_is_short_once() {
    for call in 1.. {
        let faults = Faults { short_call: Some(call), ..Faults::default() };
        let disk = SimDisk::with_faults(faults);
        let outcome = run(&disk);
        assert!(!outcome.failed, "call {call}: a short write is no failure");
        if disk.calls() < call {
            return;
        }
        check_after(&outcome, &disk, &format!("short call {call}"));
    }
}

#[test]
fn power_goes_at_each_point() {
    let complete = SimDisk::default();
    assert!(!run(&complete).failed);
    let points = complete.points();
    for point in [
        "wal.append.before_write",
        "wal.append.before_sync",
        "wal.append.after_sync",
        "wal.roll.before_header",
        "wal.roll.before_rename",
        "wal.roll.before_sync_dir",
        "wal.roll.before_seal",
        "wal.free.before_rename",
        "wal.free.before_sync_dir",
    ] {
        let times = *points.get(point).unwrap_or(&0);
        assert!(times > 0, "the run never passes {point}");
        for nth in 1..=times {
            let power_off_at = Some((point, nth));
            let disk = SimDisk::with_faults(Faults { power_off_at, ..Faults::default() });
            let outcome = run(&disk);
            assert!(disk.has_no_power(), "{point} {nth} was not reached");
            check_after(&outcome, &disk, &format!("{point} {nth}"));
        }
    }
}

/// When all that was written is synced, nothing can be torn: neither an idle log nor a new segment
/// casts doubt.
#[test]
fn power_that_goes_between_a_sync_and_the_next_write_casts_no_doubt() {
    for point in ["wal.append.before_write", "wal.roll.before_rename", "wal.roll.before_sync_dir"] {
        for nth in 1.. {
            let power_off_at = Some((point, nth));
            let disk = SimDisk::with_faults(Faults { power_off_at, ..Faults::default() });
            let mut stopped = true;
            if let Ok((wal, _)) = open(&options(), &disk) {
                let payload = "x".repeat(1000);
                let mut puts =
                    (0..12).map(|index| put(&wal, 1, vec![entry(index, &payload)], Sync::Durable));
                stopped = puts.any(|answer| answer.is_err());
            }
            if !stopped {
                assert!(nth > 3, "the run passes {point} only {nth} times");
                break;
            }
            for seed in 0..10 {
                let found = reopen(&options(), &disk.after_power_cut(seed)).expect("opens");
                assert_eq!(found.cut, None, "{point} {nth}, seed {seed}");
            }
        }
    }
}

#[test]
fn power_goes_while_a_torn_tail_is_cut() {
    let torn = torn_disk();
    let whole = reopen(&options(), &torn.after_kill()).expect("opens");
    assert!(whole.cut.is_some());
    let mut passed = BTreeSet::new();
    for call in 1.. {
        let disk = torn.after_kill();
        let fail_call = Some((call, ErrorKind::Other));
        disk.set_faults(Faults { fail_call, fail_onwards: true, ..Faults::default() });
        let opened = reopen(&options(), &disk);
        passed.extend(disk.points().into_keys());
        if opened.is_ok() {
            break;
        }
        for seed in 0..8 {
            let found = reopen(&options(), &disk.after_power_cut(seed)).expect("opens");
            assert_eq!(found.groups, whole.groups, "call {call} seed {seed}");
            assert!(found.cut.is_some(), "call {call} seed {seed}: the doubt is forgotten");
        }
    }
    let named = ["wal.cut.before_doubt", "wal.cut.before_truncate", "wal.cut.before_sync"];
    assert!(named.iter().all(|point| passed.contains(point)), "{passed:?}");
}

/// A disk after a power cut that tore the last write.
fn torn_disk() -> SimDisk {
    let disk = SimDisk::default();
    let (wal, _) = open(&options(), &disk).expect("opens");
    put(&wal, 1, vec![entry(0, "kept")], Sync::Durable).expect("written");
    put(&wal, 1, vec![entry(1, &"torn".repeat(800))], Sync::Lazy).expect("written");
    let images = (0..).map(|seed| disk.after_power_cut(seed));
    let mut torn = images.take(1000).filter(|image| {
        let found = reopen(&options(), &image.after_kill());
        found.expect("opens").cut.is_some()
    });
    torn.next().expect("some seed tears the write")
}

#[test]
fn short_writes_are_completed() {
    for write_bytes_max in [1, 7, 500] {
        let faults = Faults { write_bytes_max: Some(write_bytes_max), ..Faults::default() };
        let disk = SimDisk::with_faults(faults);
        let outcome = run(&disk);
        assert!(!outcome.failed);
        check_after(&outcome, &disk, "short writes");
    }
}

#[test]
fn a_full_disk_stops_the_log_and_it_opens_again_while_still_full() {
    for capacity_bytes in [17_000, 25_000, 30_000] {
        let full = Faults { capacity_bytes: Some(capacity_bytes), ..Faults::default() };
        let disk = SimDisk::with_faults(full.clone());
        let (wal, _) = open(&options(), &disk).expect("opens");
        let mut history = History::default();
        let failure = loop {
            let record = entry(history.len() as u64, &"x".repeat(400));
            history.push(1, record.clone());
            if let Err(failure) = put(&wal, 1, vec![record], Sync::Durable) {
                break failure;
            }
        };
        let stored = matches!(&failure, WalFailure::Io { kind: ErrorKind::StorageFull, .. });
        assert!(stored, "{failure}");
        check_stopped(wal, failure);
        let again = disk.after_kill();
        again.set_faults(full);
        let found = reopen(&options(), &again).expect("opens on the full disk");
        let acknowledged = history.len() - 1;
        history.keep_found(&found.groups, acknowledged, "full disk");
    }
}

#[test]
fn a_failed_sync_is_never_tried_again_and_what_it_lost_is_not_believed() {
    let disk = SimDisk::default();
    let (wal, _) = open(&options(), &disk).expect("opens");
    let failure = wal.failure();
    put(&wal, 1, vec![entry(0, "kept")], Sync::Durable).expect("written");
    disk.set_faults(Faults { fail_sync: Some(disk.syncs() + 1), ..Faults::default() });
    let lost = put(&wal, 1, vec![entry(1, "lost")], Sync::Durable).expect_err("the sync fails");
    assert!(matches!(lost, WalFailure::Io { operation: "syncing", .. }), "{lost}");
    let (syncs, calls) = (disk.syncs(), disk.calls());
    check_stopped(wal, lost.clone());
    assert_eq!((disk.syncs(), disk.calls()), (syncs, calls), "nothing touches the disk any more");
    assert_eq!(failure.borrow().clone(), Some(lost), "the owner is told");
    // The cache still shows the lost record; only the platter counts.
    let found = reopen(&options(), &disk.after_kill()).expect("opens");
    assert_eq!(found.groups[&1].entries.len(), 1);
    assert_eq!(found.cut, None);
}
