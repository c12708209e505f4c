//! Segments roll, are freed by purges, come back as spares, and cold groups do not keep them for
//! ever.

use bytes::Bytes;
use grid_node::wal::{GroupId, Record, Sync, Wal, WalOptions};

use crate::harness::{entry, open, purge, put, put_durable, reopen, small};
use crate::sim_disk::SimDisk;

const PAYLOAD_BYTES: usize = 1000;

/// Appends entries `from..to` of a group, each about an eighth of a segment.
fn fill(wal: &Wal, group: GroupId, from: u64, to: u64) {
    let payload = "x".repeat(PAYLOAD_BYTES);
    for index in from..to {
        put_durable(wal, group, vec![entry(index, &payload)]);
    }
}

/// An empty call: when it is answered, all work behind the calls before it is done.
fn settle(wal: &Wal) {
    put(wal, 0, vec![], Sync::Lazy).expect("the disk is healthy");
}

fn names(disk: &SimDisk, prefix: &str) -> Vec<String> {
    let names = disk.files().into_iter().map(|(name, _)| name);
    names.filter(|name| name.starts_with(prefix)).collect()
}

#[test]
fn segments_roll_and_are_freed_and_recycled() {
    let disk = SimDisk::default();
    let (wal, _) = open(&small(), &disk).expect("opens");
    let vote = Record::Vote(Bytes::from_static(b"early vote"));
    put_durable(&wal, 2, vec![vote, Record::Committed(Bytes::from_static(b"early commit"))]);
    fill(&wal, 1, 0, 12);
    assert_eq!(wal.stats().segments, 4);
    for round in 1..20 {
        put_durable(&wal, 1, vec![purge(round * 12 - 1)]);
        fill(&wal, 1, round * 12, (round + 1) * 12);
    }
    settle(&wal);
    let stats = wal.stats();
    assert!(stats.segments <= 5 && stats.spare_segments <= 2, "{stats:?}");
    assert!(disk.files().len() <= 10, "{:?}", disk.files());
    assert_eq!(names(&disk, "segment-").len(), stats.segments);
    wal.shutdown().expect("closes");

    let found = reopen(&small(), &disk).expect("opens").groups;
    let indexes: Vec<u64> = found[&1].entries.iter().map(|e| e.0).collect();
    assert_eq!(indexes, (228..240).collect::<Vec<_>>());
    assert_eq!(found[&2].vote.as_deref(), Some(&b"early vote"[..]), "checkpoints carry it on");
    assert_eq!(found[&2].committed.as_deref(), Some(&b"early commit"[..]));
}

#[test]
fn stale_bytes_of_a_recycled_segment_never_come_back() {
    let disk = SimDisk::default();
    let options = WalOptions { spare_segments_max: 1, ..small() };
    let (wal, _) = open(&options, &disk).expect("opens");
    // Each segment is freed right after the next one began, so that soon all are recycled files; on
    // until one has just begun.
    let (mut index, mut before) = (0, Vec::new());
    while index < 30 || names(&disk, "segment-") == before {
        before = names(&disk, "segment-");
        fill(&wal, 1, index, index + 1);
        put_durable(&wal, 1, vec![purge(index)]);
        settle(&wal);
        index += 1;
    }
    put_durable(&wal, 1, vec![entry(index, "the only one")]);
    let active = names(&disk, "segment-").pop().expect("one at least");
    let path = crate::harness::dir().join(&active);
    wal.shutdown().expect("closes");
    let bytes = disk.bytes(&path);
    let stale = bytes[bytes.len() - PAYLOAD_BYTES..].contains(&b'x');
    assert!(stale, "the file has bytes from its earlier life");

    // Also when the end marker is lost and everything behind is looked at.
    let marker = bytes.windows(12).position(|w| w == b"the only one").expect("it is there") + 16;
    for (damaged, cut) in [(false, false), (true, true)] {
        let disk = disk.after_reboot();
        if damaged {
            disk.tamper(&path, |bytes| bytes[marker / 8 * 8] ^= 0xff);
        }
        let recovered = reopen(&options, &disk).expect("opens");
        assert_eq!(recovered.groups[&1].entries.len(), 1);
        assert_eq!(recovered.groups[&1].entries[0].0, index);
        assert_eq!(recovered.cut.is_some(), cut);
    }
}

#[test]
fn a_cold_group_is_rewritten_when_it_pins_old_segments() {
    let disk = SimDisk::default();
    let options = WalOptions { rewrite_above_segments: 3, ..small() };
    let (wal, _) = open(&options, &disk).expect("opens");
    put_durable(&wal, 9, vec![entry(40, "cold"), entry(41, "colder")]);
    for round in 0..20 {
        fill(&wal, 1, round * 5, (round + 1) * 5);
        put_durable(&wal, 1, vec![purge(round * 5 + 4)]);
    }
    put_durable(&wal, 9, vec![entry(42, "awake")]);
    settle(&wal);
    assert!(wal.stats().segments <= 4, "{:?}", wal.stats());
    wal.shutdown().expect("closes");
    let found = reopen(&options, &disk).expect("opens").groups;
    let cold: Vec<_> = found[&9].entries.iter().map(|e| (e.0, e.1.as_ref())).collect();
    assert_eq!(cold, [(40, &b"cold"[..]), (41, b"colder"), (42, b"awake")]);
}

#[test]
fn a_large_log_that_pins_is_named_and_freed_by_its_purge() {
    let disk = SimDisk::default();
    let options = WalOptions { rewrite_above_segments: 2, rewrite_bytes_max: 100, ..small() };
    let (wal, _) = open(&options, &disk).expect("opens");
    put_durable(&wal, 9, vec![entry(0, &"large".repeat(100))]);
    fill(&wal, 1, 0, 30);
    put_durable(&wal, 1, vec![purge(29)]);
    settle(&wal);
    let stats = wal.stats();
    assert!(stats.segments > 5 && stats.pinned_by == [9], "{stats:?}");
    put_durable(&wal, 9, vec![purge(0)]);
    settle(&wal);
    let stats = wal.stats();
    assert!(stats.segments == 1 && stats.pinned_by.is_empty(), "{stats:?}");
    wal.shutdown().expect("closes");
    let found = reopen(&options, &disk).expect("opens").groups;
    assert!(found.values().all(|group| group.entries.is_empty()));
}

#[test]
fn spares_of_another_size_are_not_reused() {
    let disk = SimDisk::default();
    let (wal, _) = open(&small(), &disk).expect("opens");
    fill(&wal, 1, 0, 12);
    put_durable(&wal, 1, vec![purge(11)]);
    settle(&wal);
    assert_eq!(names(&disk, "spare-").len(), 2);
    wal.shutdown().expect("closes");
    let larger = WalOptions { segment_bytes: 16_384, ..small() };
    let (wal, _) = open(&larger, &disk).expect("opens");
    let spares = disk.files().into_iter().filter(|(name, _)| name.starts_with("spare-"));
    assert_eq!(spares.map(|(_, len)| len).collect::<Vec<_>>(), [16_384]);
    fill(&wal, 1, 12, 40);
    wal.shutdown().expect("closes");
    let found = reopen(&small(), &disk).expect("opens with the small size again").groups;
    assert_eq!(found[&1].entries.len(), 28);
}

#[test]
fn without_spares_freed_segments_are_removed() {
    let disk = SimDisk::default();
    let options = WalOptions { spare_segments_max: 0, ..small() };
    let (wal, _) = open(&options, &disk).expect("opens");
    fill(&wal, 1, 0, 12);
    put_durable(&wal, 1, vec![purge(11)]);
    settle(&wal);
    assert!(names(&disk, "spare-").is_empty());
    assert_eq!(names(&disk, "segment-").len(), 1);
}

#[test]
fn a_lost_checkpoint_is_refused_when_nothing_older_is_left() {
    let disk = SimDisk::default();
    let (wal, _) = open(&small(), &disk).expect("opens");
    fill(&wal, 1, 0, 7);
    put_durable(&wal, 1, vec![purge(6)]);
    settle(&wal);
    wal.shutdown().expect("closes");
    let left = names(&disk, "segment-");
    assert_eq!(left.len(), 1);
    let disk = disk.after_reboot();
    disk.tamper(&crate::harness::dir().join(&left[0]), |bytes| bytes[4096..].fill(0));
    let error = reopen(&small(), &disk).expect_err("refuses");
    assert!(error.to_string().contains("offset 4096"), "{error}");
}
