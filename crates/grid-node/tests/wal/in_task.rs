//! The log with its writer as a task instead of a thread: the same promises on one thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use grid_node::wal::{Sync, Wal};
use tokio::runtime::{Builder, Runtime};

use crate::harness::{AsDisk as _, entry, reopen, small};
use crate::sim_disk::{Faults, SimDisk};

fn one_thread() -> Runtime {
    Builder::new_current_thread().enable_time().build().expect("a runtime")
}

/// Appends one entry and says what its callback was told.
async fn append(wal: &Wal, index: u64) -> bool {
    let (told, answer) = tokio::sync::oneshot::channel();
    let done = Box::new(move |result: Result<(), _>| {
        // The test has given up waiting.
        let _ = told.send(result.is_ok());
    });
    wal.append(1, vec![entry(index, "x")], Sync::Durable, Some(done));
    answer.await.expect("the callback is called")
}

#[test]
fn what_was_acknowledged_survives_the_end_of_the_runtime_and_a_power_cut() {
    let disk = SimDisk::default();
    let runtime = one_thread();
    let opening = async { Wal::open_in_task(small(), disk.as_disk()).expect("opens") };
    let (wal, _) = runtime.block_on(opening);
    for index in 0..20 {
        assert!(runtime.block_on(append(&wal, index)));
    }
    let is_done = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&is_done);
    let done = Box::new(move |_| told.store(true, Ordering::SeqCst));
    wal.append(1, vec![entry(20, "never written")], Sync::Durable, Some(done));
    drop(runtime);
    drop(wal);
    let found = reopen(&small(), &disk.after_power_cut(1)).expect("opens");
    assert_eq!(found.groups[&1].entries.len(), 20);
    assert!(!is_done.load(Ordering::SeqCst), "nobody was told of what was not written");
}

#[test]
fn an_orderly_end_writes_what_waits() {
    let disk = SimDisk::default();
    one_thread().block_on(async {
        let (wal, _) = Wal::open_in_task(small(), disk.as_disk()).expect("opens");
        wal.append(1, vec![entry(0, "waits")], Sync::Lazy, None);
        wal.shutdown().expect("ends in order");
    });
    let found = reopen(&small(), &disk.after_power_cut(1)).expect("opens");
    assert_eq!(found.groups[&1].entries.len(), 1);
}

#[test]
fn a_failed_sync_ends_it_as_it_ends_a_thread() {
    let disk = SimDisk::default();
    one_thread().block_on(async {
        let (wal, _) = Wal::open_in_task(small(), disk.as_disk()).expect("opens");
        assert!(append(&wal, 0).await);
        disk.set_faults(Faults { fail_sync: Some(disk.syncs() + 1), ..Faults::default() });
        assert!(!append(&wal, 1).await);
        assert!(!append(&wal, 2).await, "nothing is tried again");
        assert!(wal.failure().borrow().is_some());
        wal.shutdown().expect_err("it had failed");
    });
}
