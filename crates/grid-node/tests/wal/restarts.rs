//! What was appended is there after restarts: by hand, and with random records against the model.

use bytes::Bytes;
use grid_node::wal::{Presence, Record, RecoveredGroup, Sync, WalFailure, WalOptions};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::harness::{History, dir, entry, open, purge, put, put_durable, reopen, small};
use crate::sim_disk::SimDisk;

#[test]
fn an_empty_log_is_empty_again() {
    let disk = SimDisk::default();
    for _ in 0..3 {
        let recovered = reopen(&small(), &disk).expect("opens");
        assert!(recovered.groups.is_empty());
        assert_eq!(recovered.cut, None);
    }
}

#[test]
fn several_groups_survive_restarts() {
    let disk = SimDisk::default();
    let (wal, _) = open(&small(), &disk).expect("opens");
    put_durable(
        &wal,
        0,
        vec![Record::Vote(Bytes::from_static(b"v1")), entry(0, "a"), entry(1, "b")],
    );
    put_durable(&wal, 9, vec![entry(5, "x"), entry(6, "y"), entry(7, "z")]);
    put_durable(&wal, 0, vec![Record::Vote(Bytes::from_static(b"v2")), entry(2, "c")]);
    put_durable(&wal, 9, vec![Record::TruncateAfter { index: Some(6) }, entry(7, "Z"), purge(5)]);
    put_durable(&wal, 4, vec![Record::Committed(Bytes::from_static(b"c"))]);
    wal.shutdown().expect("closes");

    for _ in 0..2 {
        let found = reopen(&small(), &disk).expect("opens").groups;
        assert_eq!(found.keys().copied().collect::<Vec<_>>(), [0, 4, 9]);
        assert_eq!(found[&0].vote.as_deref(), Some(&b"v2"[..]));
        assert_eq!(payloads(&found[&0]), [(0, "a"), (1, "b"), (2, "c")]);
        assert_eq!(payloads(&found[&9]), [(6, "y"), (7, "Z")]);
        assert_eq!(found[&9].purged, Some((5, Bytes::from_static(b"purged 5"))));
        assert_eq!(found[&4].committed.as_deref(), Some(&b"c"[..]));
    }
}

#[test]
fn a_dropped_group_leaves_its_vote_and_may_come_back_empty() {
    let disk = SimDisk::default();
    let (wal, _) = open(&small(), &disk).expect("opens");
    let vote = || Bytes::from_static(b"vote");
    let committed = Record::Committed(Bytes::from_static(b"c"));
    put_durable(&wal, 1, vec![Record::Vote(vote()), entry(7, "a"), purge(6), committed]);
    put_durable(&wal, 2, vec![entry(0, "other")]);
    put_durable(&wal, 1, vec![Record::Presence(Presence::Dropped)]);
    wal.shutdown().expect("closes");
    for _ in 0..2 {
        let found = reopen(&small(), &disk).expect("opens").groups;
        let left = RecoveredGroup {
            vote: Some(vote()),
            presence: Presence::Dropped,
            ..RecoveredGroup::default()
        };
        assert_eq!(found[&1], left);
        assert_eq!(payloads(&found[&2]), [(0, "other")]);
    }
    let (wal, _) = open(&small(), &disk).expect("opens");
    put_durable(&wal, 1, vec![Record::Presence(Presence::Joining)]);
    put_durable(&wal, 1, vec![entry(0, "again")]);
    wal.shutdown().expect("closes");
    let (wal, recovered) = open(&small(), &disk).expect("opens");
    assert_eq!(recovered.groups[&1].presence, Presence::Joining);
    assert_eq!(recovered.groups[&1].vote, Some(vote()));
    put_durable(&wal, 1, vec![Record::Presence(Presence::Here)]);
    wal.shutdown().expect("closes");
    let found = reopen(&small(), &disk).expect("opens").groups;
    assert_eq!(found[&1].presence, Presence::Here);
    assert_eq!(payloads(&found[&1]), [(0, "again")]);
}

#[test]
fn a_dropped_group_lets_go_of_its_segments() {
    let disk = SimDisk::default();
    let (wal, _) = open(&small(), &disk).expect("opens");
    let big = "x".repeat(1000);
    for index in 0..60 {
        put_durable(&wal, 1, vec![entry(index, &big)]);
    }
    let before = wal.stats().segments;
    assert!(before > 3, "{before} segments");
    put_durable(&wal, 1, vec![Record::Presence(Presence::Dropped)]);
    // The figures of a batch are those after it; another one shows that it was done.
    put_durable(&wal, 2, vec![entry(0, "other")]);
    assert!(wal.stats().segments < before, "{:?}", wal.stats());
    assert_eq!(wal.stats().live_bytes[&1], 0);
    wal.shutdown().expect("closes");
}

#[test]
fn a_log_goes_on_after_a_purge_beyond_its_end() {
    let disk = SimDisk::default();
    let (wal, _) = open(&small(), &disk).expect("opens");
    put_durable(&wal, 1, vec![entry(0, "a"), purge(100), entry(101, "b")]);
    wal.shutdown().expect("closes");
    let (wal, recovered) = open(&small(), &disk).expect("opens");
    assert_eq!(payloads(&recovered.groups[&1]), [(101, "b")]);
    put_durable(&wal, 1, vec![entry(102, "c")]);
    wal.shutdown().expect("closes");
    let found = reopen(&small(), &disk).expect("opens").groups;
    assert_eq!(payloads(&found[&1]), [(101, "b"), (102, "c")]);
}

#[test]
fn a_purge_below_an_earlier_one_is_ignored() {
    let disk = SimDisk::default();
    let (wal, _) = open(&small(), &disk).expect("opens");
    let records = vec![entry(0, "a"), entry(1, "b"), entry(2, "c"), purge(1), purge(0)];
    put_durable(&wal, 1, records);
    put_durable(&wal, 1, vec![entry(3, "d")]);
    wal.shutdown().expect("closes");
    let found = reopen(&small(), &disk).expect("opens").groups;
    assert_eq!(found[&1].purged, Some((1, Bytes::from_static(b"purged 1"))));
    assert_eq!(payloads(&found[&1]), [(2, "c"), (3, "d")]);
}

#[test]
fn an_entry_that_leaves_a_hole_stops_the_log() {
    let disk = SimDisk::default();
    let (wal, _) = open(&small(), &disk).expect("opens");
    put_durable(&wal, 1, vec![entry(3, "a")]);
    let refused = put(&wal, 1, vec![entry(5, "c")], Sync::Durable);
    assert!(matches!(refused, Err(WalFailure::Gap(gap)) if gap.expected == 4));
    let after = put(&wal, 2, vec![entry(0, "x")], Sync::Durable);
    assert_eq!(after, refused, "a stopped log takes nothing");
    assert_eq!(wal.failure().borrow().clone(), refused.clone().err());
    assert_eq!(wal.shutdown(), refused);
    let found = reopen(&small(), &disk).expect("opens").groups;
    assert_eq!(payloads(&found[&1]), [(3, "a")]);
}

#[test]
fn a_record_larger_than_a_segment_is_taken() {
    let disk = SimDisk::default();
    let (wal, _) = open(&small(), &disk).expect("opens");
    let large = "x".repeat(50_000);
    put_durable(&wal, 1, vec![entry(0, "a"), entry(1, &large), entry(2, "c")]);
    wal.shutdown().expect("closes");
    let found = reopen(&small(), &disk).expect("opens").groups;
    assert_eq!(payloads(&found[&1]), [(0, "a"), (1, large.as_str()), (2, "c")]);
}

#[test]
fn dropping_the_last_handle_writes_what_waits() {
    let disk = SimDisk::default();
    let (wal, _) = open(&small(), &disk).expect("opens");
    let failure = wal.failure();
    wal.append(1, vec![entry(0, "a")], Sync::Lazy, None);
    drop(wal);
    // The writer's end of the watch goes away with its thread.
    let deadline = std::time::Instant::now() + crate::harness::PATIENCE;
    while failure.has_changed().is_ok() {
        assert!(std::time::Instant::now() < deadline, "the writer did not end");
        std::thread::yield_now();
    }
    let found = reopen(&small(), &disk.after_power_cut(1)).expect("opens").groups;
    assert_eq!(payloads(&found[&1]), [(0, "a")]);
}

/// Random records, knobs and ways to end, against the model.
#[test]
fn random_records_and_restarts_match_the_model() {
    for seed in 0..60 {
        random_life(seed);
    }
}

fn random_life(seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let mut disk = SimDisk::default();
    let mut history = History::default();
    for round in 0..12 {
        let context = format!("seed {seed} round {round}");
        let options = WalOptions {
            segment_bytes: [8192, 16_384, 40_000][random.random_range(0..3)],
            batch_bytes_max: [1, 1000, 100_000][random.random_range(0..3)],
            spare_segments_max: random.random_range(0..3),
            rewrite_above_segments: random.random_range(2..6),
            ..WalOptions::new(dir(), crate::harness::CLUSTER, crate::harness::NODE)
        };
        let (wal, recovered) =
            open(&options, &disk).unwrap_or_else(|error| panic!("{context}: {error}"));
        // What the last round acknowledged was checked by its own reopening.
        assert_eq!(history.prefix_of(&recovered.groups), Some(history.len()), "{context}");
        let mut acknowledged = history.len();
        for _ in 0..random.random_range(0..60) {
            let (group, record) = history.next(&mut random);
            history.push(group, record.clone());
            if random.random_bool(0.2) {
                put_durable(&wal, group, vec![record]);
                acknowledged = history.len();
            } else {
                wal.append(group, vec![record], Sync::Lazy, None);
            }
        }
        disk = match random.random_range(0..3) {
            0 => {
                wal.shutdown().expect("closes");
                acknowledged = history.len();
                disk.after_power_cut(seed)
            }
            1 => disk.after_kill(),
            _ => disk.after_power_cut(random.random()),
        };
        let found = reopen(&options, &disk).unwrap_or_else(|error| panic!("{context}: {error}"));
        history.keep_found(&found.groups, acknowledged, &context);
    }
}

fn payloads(group: &grid_node::wal::RecoveredGroup) -> Vec<(u64, &str)> {
    let text = |bytes| std::str::from_utf8(bytes).expect("the tests write text");
    group.entries.iter().map(|(index, payload)| (*index, text(payload))).collect()
}
