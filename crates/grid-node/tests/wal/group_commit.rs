//! Many appends, few syncs, answers in order; and the queue's bound.

use std::sync::{Arc, mpsc};

use grid_node::wal::{Sync, WalFailure, WalOptions};
use parking_lot::Mutex;

use crate::harness::{PATIENCE, entry, open, put, put_durable, reopen, small};
use crate::sim_disk::SimDisk;

#[test]
fn appends_during_a_slow_sync_share_the_next_one_and_complete_in_order() {
    let disk = SimDisk::default();
    let options = WalOptions { segment_bytes: 1 << 20, ..small() };
    let (wal, _) = open(&options, &disk).expect("opens");
    disk.hold_syncs();
    let order = Arc::new(Mutex::new(Vec::new()));
    let (last, finished) = mpsc::channel();
    let append = |at: u64| {
        let (order, last) = (Arc::clone(&order), last.clone());
        let done = Box::new(move |result: Result<(), WalFailure>| {
            result.expect("the disk is healthy");
            order.lock().push(at);
            last.send(()).expect("the test waits");
        });
        let group = (at % 16) as u32;
        wal.append(group, vec![entry(at / 16, "payload")], Sync::Durable, Some(done));
    };
    append(0);
    disk.wait_for_held_sync();
    let syncs = disk.syncs();
    (1..1000).for_each(append);
    assert!(order.lock().is_empty(), "nothing is acknowledged before its sync");
    disk.release_syncs();
    for _ in 0..1000 {
        finished.recv_timeout(PATIENCE).expect("an answer in time");
    }
    assert_eq!(*order.lock(), (0..1000).collect::<Vec<_>>());
    assert_eq!(disk.syncs() - syncs, 2, "one sync for the first, one for all that waited");
    wal.shutdown().expect("closes");
}

#[test]
fn lazy_records_are_answered_without_a_sync() {
    let disk = SimDisk::default();
    let (wal, _) = open(&small(), &disk).expect("opens");
    let syncs = disk.syncs();
    put(&wal, 1, vec![entry(0, "a")], Sync::Lazy).expect("written");
    assert_eq!(disk.syncs(), syncs);
    put_durable(&wal, 2, vec![entry(0, "b")]);
    assert_eq!(disk.syncs(), syncs + 1);
    let found = reopen(&small(), &disk.after_power_cut(0)).expect("opens").groups;
    assert_eq!(found[&1].entries.len(), 1, "a later sync covers lazy records before it");
}

#[test]
fn stats_tell_bytes_syncs_and_live_bytes() {
    let disk = SimDisk::default();
    let (wal, _) = open(&small(), &disk).expect("opens");
    put_durable(&wal, 1, vec![entry(0, "12345"), entry(1, "678")]);
    put_durable(&wal, 1, vec![crate::harness::purge(0)]);
    // The figures of a batch are published after its answers; an empty call waits for that.
    put_durable(&wal, 1, vec![]);
    let stats = wal.stats();
    assert_eq!(stats.live_bytes[&1], 3);
    assert_eq!(stats.appended_records, 4, "the checkpoint, two entries, the purge");
    assert!(stats.appended_bytes > 200 && stats.syncs == 3, "{stats:?}");
    assert_eq!((stats.segments, stats.queue_len, stats.queue_bytes), (1, 0, 0));
    assert!(stats.pinned_by.is_empty());
    wal.shutdown().expect("closes");
    let (wal, _) = open(&small(), &disk).expect("opens");
    assert_eq!(wal.stats().live_bytes[&1], 3, "known from the start");
}

#[test]
fn a_full_queue_stops_the_log_instead_of_dropping_a_record() {
    let options =
        [WalOptions { queue_len_max: 3, ..small() }, WalOptions { queue_bytes_max: 30, ..small() }];
    for options in options {
        let disk = SimDisk::default();
        let (wal, _) = open(&options, &disk).expect("opens");
        disk.hold_syncs();
        put_and_forget(&wal, 0);
        disk.wait_for_held_sync();
        (1..4).for_each(|index| put_and_forget(&wal, index));
        let refused = put(&wal, 1, vec![entry(4, "0123456789")], Sync::Durable);
        assert!(matches!(refused, Err(WalFailure::Backlog { len: 3, bytes: 30 })), "{refused:?}");
        let later = put(&wal, 2, vec![entry(0, "x")], Sync::Lazy);
        assert_eq!(later, refused);
        disk.release_syncs();
        assert_eq!(wal.shutdown(), refused);
        let found = reopen(&options, &disk).expect("opens").groups;
        assert_eq!(found[&1].entries.len(), 1, "nothing is written after a refusal");
    }
}

fn put_and_forget(wal: &grid_node::wal::Wal, index: u64) {
    wal.append(1, vec![entry(index, "0123456789")], Sync::Durable, None);
}

#[test]
fn a_closed_log_answers_that_it_is_closed() {
    let disk = SimDisk::default();
    let (wal, _) = open(&small(), &disk).expect("opens");
    let other = wal.clone();
    wal.shutdown().expect("closes");
    assert_eq!(put(&other, 1, vec![entry(0, "a")], Sync::Durable), Err(WalFailure::Closed));
    assert_eq!(other.failure().borrow().clone(), None, "an orderly end is no failure");
}

#[test]
fn a_panicking_callback_stops_the_log() {
    let disk = SimDisk::default();
    let (wal, _) = open(&small(), &disk).expect("opens");
    wal.append(1, vec![entry(0, "a")], Sync::Durable, Some(Box::new(|_| panic!("a defect"))));
    // If both came into one batch, the second is durable and is told so.
    let same_batch = put(&wal, 1, vec![entry(1, "b")], Sync::Durable);
    assert!(matches!(same_batch, Ok(()) | Err(WalFailure::Panicked)), "{same_batch:?}");
    let after = put(&wal, 1, vec![entry(2, "c")], Sync::Durable);
    assert_eq!(after, Err(WalFailure::Panicked));
    assert_eq!(wal.shutdown(), Err(WalFailure::Panicked));
}
