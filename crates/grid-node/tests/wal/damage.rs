//! Files cut and flipped at every byte: the log comes back whole up to a reported cut, or refuses.
//!
//! A power cut may tear the end of what was not synced; everything else is damage. Wrong content
//! must never come back.

use bytes::Bytes;
use grid_node::wal::{Record, Sync, WalError};

use crate::harness::{History, entry, open, purge, put, put_durable, reopen, segment, small};
use crate::sim_disk::SimDisk;

/// A log over two segments with each kind of record in it, and the state after each record.
fn two_segments() -> (SimDisk, History) {
    let disk = SimDisk::default();
    let (wal, _) = open(&small(), &disk).expect("opens");
    let mut history = History::default();
    let text = "0123456789".repeat(20);
    let mut records = vec![
        (1, Record::Vote(Bytes::from_static(b"vote"))),
        (2, Record::Committed(Bytes::from_static(b"committed"))),
    ];
    records.extend((0..18).map(|index| (1 + (index % 2) as u32, entry(index / 2, &text))));
    records.push((1, Record::TruncateAfter { index: Some(7) }));
    records.extend((8..12).map(|index| (1, entry(index, "tail"))));
    records.push((2, purge(3)));
    for (group, record) in records {
        history.push(group, record.clone());
        put_durable(&wal, group, vec![record]);
    }
    assert_eq!(wal.stats().segments, 2, "the second segment has some of the records");
    wal.shutdown().expect("closes");
    (disk, history)
}

/// Size of the end marker, a record without a body.
const END_BYTES: usize = 48;

/// Where the end marker of a segment ends. Behind it lies the mark that all is durable; the last
/// byte of that which is not zero is its kind, at 40.
fn used_bytes(disk: &SimDisk, number: u64) -> usize {
    let bytes = disk.bytes(&segment(number));
    let kind = bytes.iter().rposition(|&byte| byte != 0).expect("a header at least");
    kind - 40
}

#[test]
fn a_file_cut_at_any_byte_keeps_the_longest_whole_prefix() {
    let (disk, history) = two_segments();
    let used = used_bytes(&disk, 2);
    let mut found_before = None;
    for len in (4096..=used + 1).rev() {
        let torn = disk.after_kill();
        torn.tamper(&segment(2), |bytes| bytes.truncate(len));
        let recovered = reopen(&small(), &torn).unwrap_or_else(|error| panic!("{len}: {error}"));
        let prefix = history.prefix_of(&recovered.groups).unwrap_or_else(|| panic!("at {len}"));
        // Behind the end marker there is nothing to lose.
        assert_eq!(recovered.cut.is_none(), len >= used, "at {len}");
        assert!(prefix == history.len() || recovered.cut.is_some(), "at {len}");
        if let Some(before) = found_before.replace(prefix) {
            assert!(before - prefix <= 1, "at {len}: one byte less loses one record at most");
        }
        // The cut is durable and stays known until somebody clears it.
        let again = reopen(&small(), &torn.after_power_cut(len as u64)).expect("opens again");
        assert_eq!((again.groups, again.cut), (recovered.groups, recovered.cut), "at {len}");
    }
    assert!(found_before.expect("some lengths") < history.len());
}

#[test]
fn a_file_cut_within_its_header_or_before_the_last_segment_is_refused() {
    let (disk, _) = two_segments();
    for (number, len) in [(2, 0), (2, 1), (2, 4095), (1, 4095), (1, 4096), (1, 6000)] {
        let torn = disk.after_kill();
        torn.tamper(&segment(number), |bytes| bytes.truncate(len));
        let error = reopen(&small(), &torn).expect_err("refuses");
        let WalError::Corrupt { file, .. } = &error else { panic!("{number} at {len}: {error}") };
        assert_eq!(*file, segment(number));
    }
}

#[test]
fn a_flipped_byte_is_cut_with_a_report_or_refused() {
    let (disk, history) = two_segments();
    let (mut cuts, mut refusals) = (0, 0);
    for number in [1, 2] {
        for at in 0..used_bytes(&disk, number) {
            let flipped = disk.after_reboot();
            flipped.tamper(&segment(number), |bytes| bytes[at] ^= 1 << (at % 8));
            match reopen(&small(), &flipped) {
                Ok(recovered) => {
                    let prefix = history.prefix_of(&recovered.groups);
                    assert_eq!(prefix, Some(history.len()), "byte {at} of {number}");
                    assert!(recovered.cut.is_some(), "byte {at} of {number}: nothing noticed");
                    assert_eq!(number, 2, "byte {at}: only the last segment may be cut");
                    cuts += 1;
                }
                Err(WalError::Corrupt { file, .. } | WalError::NewerFormat { file, .. }) => {
                    assert_eq!(file, segment(number), "byte {at}");
                    refusals += 1;
                }
                Err(error) => panic!("byte {at} of {number}: {error}"),
            }
        }
    }
    // Only the end marker passes for torn: of each record it was known that it was durable.
    assert_eq!(cuts, END_BYTES);
    assert!(refusals > 10_000, "{refusals} refusals");
}

#[test]
fn a_flipped_byte_in_the_last_record_is_cut_with_a_report_when_its_mark_was_lost() {
    let (disk, history) = two_segments();
    let used = used_bytes(&disk, 2);
    // What a power cut leaves when nothing was written back after the last sync.
    let record = 48 + 16;
    for at in used - END_BYTES - record..used {
        let flipped = disk.after_reboot();
        flipped.tamper(&segment(2), |bytes| {
            bytes[used..used + END_BYTES].fill(0);
            bytes[at] ^= 1 << (at % 8);
        });
        let recovered = reopen(&small(), &flipped).unwrap_or_else(|e| panic!("{at}: {e}"));
        let lost = usize::from(at < used - END_BYTES);
        let prefix = history.prefix_of(&recovered.groups);
        assert_eq!(prefix, Some(history.len() - lost), "at {at}");
        assert!(recovered.cut.is_some(), "at {at}: nothing noticed");
    }
}

#[test]
fn damage_below_a_later_record_names_file_and_offset() {
    let (disk, _) = two_segments();
    let first_record = 4096;
    disk.tamper(&segment(2), |bytes| bytes[first_record + 60] ^= 1);
    let before = disk.files();
    let error = reopen(&small(), &disk).expect_err("refuses");
    let text = error.to_string();
    assert!(text.contains("segment-0000000000000002.wal"), "{text}");
    assert!(text.contains("offset 4096"), "{text}");
    assert_eq!(disk.files(), before, "a refused log is left as it is");
}

/// A log whose last batch lost its first sector while the later ones are whole, as when they
/// reached the platter in another order; and the offset of that batch.
fn lost_sector(synced: bool) -> (SimDisk, u64) {
    let disk = SimDisk::default();
    let (wal, _) = open(&small(), &disk).expect("opens");
    put_durable(&wal, 1, vec![entry(0, "kept")]);
    let first = used_bytes(&disk, 1) - END_BYTES;
    let large = "x".repeat(1000);
    let sync = if synced { Sync::Durable } else { Sync::Lazy };
    put(&wal, 1, vec![entry(1, &large), entry(2, &large)], sync).expect("written");
    let image = disk.after_kill();
    image.tamper(&segment(1), |bytes| bytes[first..first + 512].fill(0));
    (image, first as u64)
}

#[test]
fn a_torn_batch_is_cut_with_doubt_after_a_new_start_and_without_after_a_kill() {
    let (disk, first) = lost_sector(false);
    let recovered = reopen(&small(), &disk.after_reboot()).expect("opens");
    assert_eq!(recovered.groups[&1].entries.len(), 1);
    assert_eq!(recovered.cut.expect("reported").offset_bytes, first);
    assert_eq!(recovered.unfinished, None);

    let recovered = reopen(&small(), &disk).expect("opens");
    assert_eq!(recovered.groups[&1].entries.len(), 1);
    assert_eq!(recovered.unfinished.expect("reported").offset_bytes, first);
    assert_eq!(recovered.cut, None, "what a killed process left unfinished was never acknowledged");
    assert_eq!(reopen(&small(), &disk).expect("opens").unfinished, None, "it is gone");
}

#[test]
fn a_batch_that_was_acknowledged_and_then_damaged_is_refused_after_a_kill() {
    let (disk, first) = lost_sector(true);
    let error = reopen(&small(), &disk).expect_err("refuses");
    assert!(matches!(error, WalError::Corrupt { offset_bytes, .. } if offset_bytes == first));
}

#[test]
fn doubt_lasts_until_it_is_cleared_and_new_records_go_on_behind_the_cut() {
    let (disk, mut history) = two_segments();
    let used = used_bytes(&disk, 2);
    disk.tamper(&segment(2), |bytes| bytes.truncate(used - 60));
    let (wal, recovered) = open(&small(), &disk).expect("opens");
    let cut = recovered.cut.expect("reported");
    history.keep_found(&recovered.groups, 0, "after the cut");
    put_durable(&wal, 3, vec![entry(0, "after the cut")]);
    history.push(3, entry(0, "after the cut"));

    let again = reopen(&small(), &disk.after_power_cut(5)).expect("opens");
    assert_eq!(again.cut, Some(cut), "a restart before it is cleared still knows");
    assert_eq!(again.groups, history.groups);

    wal.append(3, vec![entry(1, "covered by the clearing")], Sync::Lazy, None);
    history.push(3, entry(1, "covered by the clearing"));
    wal.clear_doubt();
    put(&wal, 3, vec![], Sync::Lazy).expect("the disk is healthy");
    let cleared = reopen(&small(), &disk.after_power_cut(6)).expect("opens");
    assert_eq!(cleared.cut, None);
    assert_eq!(cleared.groups, history.groups);
}

#[test]
fn an_unreadable_doubt_file_is_a_doubt() {
    let (disk, _) = two_segments();
    let used = used_bytes(&disk, 2);
    disk.tamper(&segment(2), |bytes| bytes.truncate(used - 60));
    reopen(&small(), &disk).expect("opens");
    disk.tamper(&crate::harness::dir().join("doubt"), |bytes| bytes[0] = 0xff);
    assert!(reopen(&small(), &disk).expect("opens").cut.is_some());
}

/// Writes a log whose entries are all `letter`; two such logs differ in nothing else.
fn log_of(letter: &str) -> SimDisk {
    let disk = SimDisk::default();
    let (wal, _) = open(&small(), &disk).expect("opens");
    let payload = letter.repeat(400);
    (0..12).for_each(|index| put_durable(&wal, 1, vec![entry(index, &payload)]));
    wal.shutdown().expect("closes");
    disk
}

#[test]
fn records_and_segments_of_another_log_are_not_taken_even_when_they_fit() {
    let (ours, theirs) = (log_of("a"), log_of("b"));
    let record_bytes = 48 + 8 + 400;
    for number in [1, 2] {
        let at = used_bytes(&ours, number) - END_BYTES - record_bytes;
        let grafted = ours.after_reboot();
        let record = theirs.bytes(&segment(number))[at..at + record_bytes].to_vec();
        grafted.tamper(&segment(number), |bytes| {
            bytes[at..][..record_bytes].clone_from_slice(&record)
        });
        let error = reopen(&small(), &grafted).expect_err("refuses");
        assert!(error.to_string().contains("does not follow the one before it"), "{error}");
    }
    let grafted = ours.after_reboot();
    grafted.tamper(&segment(2), |bytes| *bytes = theirs.bytes(&segment(2)));
    let error = reopen(&small(), &grafted).expect_err("refuses");
    assert!(error.to_string().contains("does not follow the segment before it"), "{error}");
}

#[test]
fn what_lay_behind_a_cut_never_comes_back_behind_the_same_record_again() {
    // The first record fills a sector with the header of the second in the next one.
    let first = |at: usize| entry(1, &"a".repeat(3 * 512 - at % 512 - 48 - 8));
    for seed in 0..200 {
        let disk = SimDisk::default();
        let (wal, _) = open(&small(), &disk).expect("opens");
        put_durable(&wal, 1, vec![entry(0, "kept")]);
        let at = used_bytes(&disk, 1) - END_BYTES;
        put(&wal, 1, vec![first(at), entry(1, "withdrawn")], Sync::Lazy).expect("written");
        let torn = disk.after_reboot();
        torn.tamper(&segment(1), |bytes| bytes[at + 512..at + 600].fill(0));
        let (wal, recovered) = open(&small(), &torn).expect("opens");
        assert!(recovered.cut.is_some() && recovered.groups[&1].entries.len() == 1);
        put(&wal, 1, vec![first(at)], Sync::Lazy).expect("written");
        let found = reopen(&small(), &torn.after_power_cut(seed)).expect("opens").groups;
        let last = &found[&1].entries.back().expect("the first at least").1;
        assert_ne!(last.as_ref(), b"withdrawn", "seed {seed}");
    }
}

#[test]
fn a_missing_segment_is_refused() {
    use grid_node::wal::Disk as _;
    let (disk, _) = two_segments();
    disk.remove(&segment(1)).expect("exists");
    let error = reopen(&small(), &disk).expect_err("refuses");
    assert!(matches!(error, WalError::MissingSegment { number: 1, .. }), "{error}");
}
