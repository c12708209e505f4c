//! A log of a few hundred records over two segments, cut at every byte, every bit of it flipped,
//! every block of it zeroed, doubled, exchanged and set back: items 1, 2 and 3 of the list in
//! docs/testing.md.
//!
//! A sample in a normal run, every case in the long form. Wrong content must never come back, and
//! what was acknowledged may be missing only with a reported doubt.

use std::ops::Range;

use bytes::Bytes;
use grid_node::wal::{Record, Recovered, WalError, WalOptions};

use crate::harness::{
    History, entry, open, put_durable, record_offsets, reopen, segment, small, step,
};
use crate::sim_disk::SimDisk;

const SEGMENT_BYTES: usize = 20 << 10;
const SEGMENTS: [u64; 2] = [1, 2];
/// End marker, seal and the mark that all is durable are as large as a record without body.
const END_BYTES: usize = 48;

fn options() -> WalOptions {
    WalOptions { segment_bytes: SEGMENT_BYTES as u64, ..small() }
}

/// A log, all of it acknowledged, and how it came to be.
struct LongLog {
    disk: SimDisk,
    history: History,
    /// What the segments were at some moments before.
    earlier: Vec<[Vec<u8>; 2]>,
    /// Per segment, where its records begin; the end marker last.
    offsets: [Vec<usize>; 2],
}

impl LongLog {
    /// Three groups take turns; a record of each kind now and then. No record is longer than a
    /// block.
    fn write() -> Self {
        let disk = SimDisk::default();
        let (wal, _) = open(&options(), &disk).expect("opens");
        let mut history = History::default();
        let mut earlier = Vec::new();
        let mut next = [0_u64; 3];
        while record_count(&disk) < 340 && wal.stats().segments <= 2 {
            let at = history.len();
            let group = at % 3;
            let record = match at % 29 {
                7 => Record::Vote(Bytes::from(format!("vote {at}"))),
                13 => Record::Committed(Bytes::from(format!("committed {at}"))),
                19 if next[group] > 4 => {
                    next[group] -= 2;
                    Record::TruncateAfter { index: Some(next[group] - 1) }
                }
                _ => {
                    next[group] += 1;
                    entry(next[group] - 1, &"payload ".repeat(at % 5))
                }
            };
            history.push(group as u32, record.clone());
            put_durable(&wal, group as u32, vec![record]);
            if at % 40 == 39 {
                earlier.push(images(&disk));
            }
        }
        assert_eq!(wal.stats().segments, 2);
        wal.shutdown().expect("closes");
        assert!(history.len() > 250, "{} records are few", history.len());
        let offsets = SEGMENTS.map(|number| record_offsets(&disk.bytes(&segment(number))));
        Self { disk, history, earlier, offsets }
    }

    /// Where the end marker of a segment ends.
    fn used(&self, number: u64) -> usize {
        let offsets = &self.offsets[number as usize - 1];
        offsets[offsets.len() - 1] + END_BYTES
    }

    /// Records of the first segment, its checkpoint not counted.
    fn sealed_records(&self) -> usize {
        self.offsets[0].len() - 2
    }

    /// The log comes back whole, or short of its end with a doubt, or not at all with the name of
    /// the file.
    fn judge(&self, disk: &SimDisk, context: &str) -> Verdict {
        match reopen(&options(), disk) {
            Ok(recovered) if recovered.groups == self.history.groups => Verdict::Whole(recovered),
            Ok(recovered) => {
                let prefix = self.history.prefix_of(&recovered.groups);
                let prefix = prefix.unwrap_or_else(|| panic!("{context}: content never written"));
                assert!(prefix >= self.sealed_records(), "{context}: only {prefix} records");
                assert!(recovered.cut.is_some(), "{context}: {prefix} records without a doubt");
                Verdict::Short
            }
            Err(WalError::Corrupt { file, .. } | WalError::NewerFormat { file, .. }) => {
                assert!(SEGMENTS.iter().any(|&number| file == segment(number)), "{context}");
                Verdict::Refused
            }
            Err(error) => panic!("{context}: {error}"),
        }
    }
}

enum Verdict {
    Whole(Recovered),
    Short,
    Refused,
}

/// Records in both segments.
fn record_count(disk: &SimDisk) -> usize {
    let names = disk.files();
    let there = |number: &&u64| {
        let path = segment(**number);
        let name = path.file_name().expect("a name").to_string_lossy();
        names.iter().any(|(other, _)| *other == name)
    };
    let count = |&number: &u64| record_offsets(&disk.bytes(&segment(number))).len() - 2;
    SEGMENTS.iter().filter(there).map(count).sum()
}

fn images(disk: &SimDisk) -> [Vec<u8>; 2] {
    let names = disk.files();
    SEGMENTS.map(|number| {
        let path = segment(number);
        let name = path.file_name().expect("a name").to_string_lossy();
        let exists = names.iter().any(|(other, _)| *other == name);
        if exists { disk.bytes(&path) } else { Vec::new() }
    })
}

#[test]
fn a_long_log_cut_at_any_byte_keeps_exactly_the_whole_records_before_it() {
    let log = LongLog::write();
    let offsets = &log.offsets[1];
    // All of the last segment, and where the cut meets each end of a record in any case.
    let mut lengths: Vec<usize> = (4096..log.used(2) + 100).step_by(step(7)).collect();
    lengths.extend(offsets.iter().flat_map(|&at| [at, at + 1, at + END_BYTES - 1]));
    for len in lengths {
        let torn = log.disk.after_reboot();
        torn.tamper(&segment(2), |bytes| bytes.truncate(len));
        let recovered = reopen(&options(), &torn).unwrap_or_else(|error| panic!("{len}: {error}"));
        // The checkpoint is a record too; a record is whole when the next one's place is there.
        let whole = offsets.iter().filter(|&&at| at <= len).count().saturating_sub(2);
        let expected = log.sealed_records() + whole;
        let mut kept = History::default();
        let records = log.history.records[..expected].iter().cloned();
        records.for_each(|(group, record)| kept.push(group, record));
        assert_eq!(recovered.groups, kept.groups, "at {len}");
        assert_eq!(recovered.cut.is_none(), len >= log.used(2), "at {len}");
    }
    for len in (0..log.used(1)).step_by(step(101)) {
        let torn = log.disk.after_reboot();
        torn.tamper(&segment(1), |bytes| bytes.truncate(len));
        let error = reopen(&options(), &torn).expect_err("refuses");
        assert!(matches!(&error, WalError::Corrupt { file, .. } if *file == segment(1)), "{error}");
    }
}

#[test]
fn any_flipped_bit_of_a_long_log_is_refused_or_cut_with_a_doubt() {
    let log = LongLog::write();
    let mut counts = [0; 3];
    for number in SEGMENTS {
        let used = log.used(number);
        // A little of the free space behind, where marks and seals lie, too.
        for bit in (0..8 * (used + 4 * END_BYTES).min(SEGMENT_BYTES)).step_by(step(61)) {
            let flipped = log.disk.after_reboot();
            flipped.tamper(&segment(number), |bytes| bytes[bit / 8] ^= 1 << (bit % 8));
            let context = format!("bit {bit} of segment {number}");
            match log.judge(&flipped, &context) {
                Verdict::Whole(recovered) => {
                    let noticed = recovered.cut.is_some();
                    assert!(noticed || bit / 8 >= used, "{context}: not noticed");
                    counts[0] += 1;
                }
                Verdict::Short => panic!("{context}: the mark behind says that it was durable"),
                Verdict::Refused => {
                    assert!(bit / 8 < used, "{context}: nothing of the log lies there");
                    counts[1] += 1;
                }
            }
        }
    }
    assert!(counts[0] > 5 && counts[1] > 1000, "{counts:?}");
}

/// A log on which one thing is done to one block.
struct BlockCase {
    disk: SimDisk,
    what: String,
}

fn blocks(bytes: usize) -> impl Iterator<Item = Range<usize>> {
    (0..SEGMENT_BYTES).step_by(bytes).map(move |at| at..at + bytes)
}

/// Zeroed, filled with ones, and as it was at earlier moments: a lost write.
fn set_back(log: &LongLog, size: usize, cases: &mut Vec<BlockCase>) {
    for number in SEGMENTS {
        for block in blocks(size) {
            let mut put = |what: String, content: &[u8]| {
                let disk = log.disk.after_kill();
                disk.tamper(&segment(number), |b| b[block.clone()].copy_from_slice(content));
                cases.push(BlockCase { disk, what: format!("{what} {block:?} of {number}") });
            };
            put("zeroed".to_owned(), &vec![0; size]);
            put("ones in".to_owned(), &vec![0xff; size]);
            for (age, images) in log.earlier.iter().enumerate() {
                if let Some(content) = images[number as usize - 1].get(block.clone()) {
                    put(format!("as at moment {age}:"), content);
                }
            }
        }
    }
}

/// One block written where another belongs, and two that changed places: misdirected writes.
fn misplaced(log: &LongLog, size: usize, cases: &mut Vec<BlockCase>) {
    let all: Vec<(u64, Range<usize>)> =
        SEGMENTS.iter().flat_map(|&n| blocks(size).map(move |block| (n, block))).collect();
    let pairs = all.iter().flat_map(|from| all.iter().map(move |to| (from, to)));
    for ((from, source), (to, target)) in pairs.step_by(step(if size == 512 { 17 } else { 1 })) {
        let moved = log.disk.bytes(&segment(*from))[source.clone()].to_vec();
        let other = log.disk.bytes(&segment(*to))[target.clone()].to_vec();
        let disk = log.disk.after_kill();
        disk.tamper(&segment(*to), |b| b[target.clone()].copy_from_slice(&moved));
        let what = format!("{source:?} of {from} in the place of {target:?} of {to}");
        cases.push(BlockCase { disk, what: format!("doubled {what}") });
        let disk = log.disk.after_kill();
        disk.tamper(&segment(*to), |b| b[target.clone()].copy_from_slice(&moved));
        disk.tamper(&segment(*from), |b| b[source.clone()].copy_from_slice(&other));
        cases.push(BlockCase { disk, what: format!("exchanged {what}") });
    }
}

fn judge_blocks(make: fn(&LongLog, usize, &mut Vec<BlockCase>), size: usize) {
    let log = LongLog::write();
    let mut cases = Vec::new();
    make(&log, size, &mut cases);
    let (mut whole, mut refused) = (0, 0);
    for BlockCase { disk, what } in cases {
        // Both in the same start of the system and after a power cut: a disk loses writes either
        // way.
        for image in [disk.after_kill(), disk.after_reboot()] {
            match log.judge(&image, &what) {
                Verdict::Whole(_) => whole += 1,
                Verdict::Short => {}
                Verdict::Refused => refused += 1,
            }
        }
    }
    assert!(whole > 0 && refused > 20, "{whole} whole, {refused} refused");
}

#[test]
fn blocks_of_512_bytes_zeroed_or_set_back() {
    judge_blocks(set_back, 512);
}

#[test]
fn blocks_of_4096_bytes_zeroed_or_set_back() {
    judge_blocks(set_back, 4096);
}

#[test]
fn blocks_of_512_bytes_doubled_or_exchanged() {
    judge_blocks(misplaced, 512);
}

#[test]
fn blocks_of_4096_bytes_doubled_or_exchanged() {
    judge_blocks(misplaced, 4096);
}
