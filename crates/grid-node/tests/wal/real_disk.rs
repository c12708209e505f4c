//! The log on the real file system: several threads, restarts, the directory lock, and a process
//! that is killed while it writes.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, mpsc};

use grid_node::wal::{RealDisk, Recovered, Sync, Wal, WalError, WalOptions};

use crate::harness::{CLUSTER, NODE, PATIENCE, RealDir, entry, purge, put_durable};

/// Tells the child of the kill test where to write.
const CHILD_DIR: &str = "WAL_TEST_CHILD_DIR";

/// Opens a log on the real file system.
pub fn open_real(dir: &std::path::Path) -> Result<(Wal, Recovered), WalError> {
    let options = WalOptions::new(dir.to_owned(), CLUSTER, NODE);
    let options = WalOptions { segment_bytes: 256 << 10, ..options };
    Wal::open(options, Arc::new(RealDisk))
}

#[test]
fn many_threads_share_syncs_and_everything_is_there_after_restarts() {
    let dir = RealDir::new("threads");
    const GROUPS: u32 = 8;
    for round in 0..3_u64 {
        let (wal, recovered) = open_real(dir.path()).expect("opens");
        let entries = recovered.groups.values().map(|group| group.entries.len());
        assert_eq!(entries.sum::<usize>(), if round == 0 { 0 } else { 10 * GROUPS as usize });
        let before = wal.stats().syncs;
        std::thread::scope(|scope| {
            for group in 0..GROUPS {
                let wal = wal.clone();
                scope.spawn(move || write_group(&wal, group, round));
            }
        });
        let syncs = wal.stats().syncs - before;
        assert!(syncs < u64::from(GROUPS) * 101, "{syncs} syncs for {} calls", GROUPS * 101);
        wal.shutdown().expect("closes");
    }
}

fn write_group(wal: &Wal, group: u32, round: u64) {
    let first = round * 100;
    for index in first..first + 100 {
        put_durable(wal, group, vec![entry(index, &"payload ".repeat(100))]);
    }
    put_durable(wal, group, vec![purge(first + 89)]);
}

#[test]
fn the_directory_is_held_by_one_opener() {
    let dir = RealDir::new("lock");
    let (wal, _) = open_real(dir.path()).expect("opens");
    let error = open_real(dir.path()).map(drop).expect_err("refuses");
    assert!(matches!(error, WalError::Locked { .. }), "{error}");
    wal.shutdown().expect("closes");
    open_real(dir.path()).expect("free again");
}

#[test]
fn a_killed_process_loses_nothing_that_it_acknowledged() {
    let dir = RealDir::new("kill");
    let mut expected = 0;
    for round in 0..10 {
        let acknowledged = run_child_until_killed(dir.path(), 20 + round * 7);
        let (wal, recovered) = open_real(dir.path()).expect("opens");
        assert_eq!(recovered.cut, None, "a kill casts no doubt");
        let group = &recovered.groups[&1];
        let last = group.entries.back().expect("entries").0;
        assert!(last >= acknowledged, "found {last}, acknowledged {acknowledged}");
        assert!(acknowledged > expected, "the child went on where it was");
        expected = acknowledged;
        wal.shutdown().expect("closes");
    }
}

/// Starts this test binary as a child that appends and prints what was acknowledged; kills it after
/// some lines and returns the last.
fn run_child_until_killed(dir: &std::path::Path, lines: usize) -> u64 {
    let mut child = Command::new(std::env::current_exe().expect("this binary"))
        .args(["--exact", "real_disk::child_appends_until_killed", "--nocapture"])
        .env(CHILD_DIR, dir)
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let output = BufReader::new(child.stdout.take().expect("piped"));
    let acknowledged = output
        .lines()
        .map_while(Result::ok)
        .filter_map(|line| line.strip_prefix("durable ")?.parse().ok())
        .take(lines)
        .last();
    child.kill().expect("kills");
    child.wait().expect("ends");
    acknowledged.expect("the child acknowledged something")
}

/// Starts this test binary as a child that appends; gives what it acknowledges, line by line, until
/// it ends.
pub fn start_child(dir: &std::path::Path) -> (Child, mpsc::Receiver<u64>) {
    let mut child = Command::new(std::env::current_exe().expect("this binary"))
        .args(["--exact", "real_disk::child_appends_until_killed", "--nocapture"])
        .env(CHILD_DIR, dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("starts");
    let output = BufReader::new(child.stdout.take().expect("piped"));
    let (line, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for text in output.lines().map_while(Result::ok) {
            let index = text.strip_prefix("durable ").and_then(|index| index.parse().ok());
            if index.is_some_and(|index| line.send(index).is_err()) {
                return;
            }
        }
    });
    (child, lines)
}

/// Does nothing in a normal run; as a child it appends until it is killed or, should its parent be
/// gone, for a while.
#[test]
fn child_appends_until_killed() {
    use std::io::Write as _;
    let Some(dir) = std::env::var_os(CHILD_DIR) else { return };
    let (wal, recovered) = open_real(dir.as_ref()).expect("opens");
    let last = recovered.groups.get(&1).and_then(|group| group.entries.back());
    let first = last.map_or(0, |(index, _)| index + 1);
    let (answer, answers) = mpsc::channel();
    for index in first..first + 100_000 {
        let mut records = vec![entry(index, &"x".repeat((index % 50) as usize * 400))];
        if index % 40 == 39 {
            records.push(purge(index - 20));
        }
        let answer = answer.clone();
        let done = Box::new(move |result: Result<(), _>| {
            answer.send(result.map(|()| index)).expect("the loop waits");
        });
        wal.append(1, records, Sync::Durable, Some(done));
        // Four in flight, so that writes are larger than one record.
        if index >= first + 4 {
            let durable = answers.recv_timeout(PATIENCE).expect("in time");
            // The disk is gone, as in a drill: nothing more is acknowledged.
            let Ok(durable) = durable else { return };
            let mut output = std::io::stdout();
            // The parent closes the pipe right before it kills.
            if writeln!(output, "durable {durable}").and_then(|()| output.flush()).is_err() {
                return;
            }
        }
    }
}

#[test]
fn the_room_of_the_disk_is_known_before_it_runs_out() {
    let dir = RealDir::new("space");
    let (wal, _) = open_real(dir.path()).expect("opens");
    let space = wal.disk_space().expect("a real file system");
    assert!(space.free_bytes <= space.total_bytes, "{space:?}");
    // The log has just preallocated a segment there.
    assert!(space.total_bytes > 256 << 10, "{space:?}");
}
