//! The bytes of the log: segment header and record frame, little-endian, hand-written.
//!
//! A segment is one 4,096-byte header block, records one after the other at 8-byte steps, and an
//! end marker. Once the records are synced, a second marker that says so stands in the next block
//! of the disk; the next batches overwrite both. When the log goes on in another segment, a seal
//! directly behind the end marker says that too.
//!
//! A record is `len u32 | crc32c u32 | chain u32 | group u32 | segment u64 | sequence u64 |
//! durable u64 | kind u8 | 7 zero bytes | body | zeros to the next 8`.
//! - `crc32c` covers everything else of the record, padding included.
//! - `chain` is the checksum of the record before it, so no record can be left out or moved.
//! - `segment` is the number of the segment, never used twice, so that bytes left from an earlier
//!   life of a recycled file are never taken for records.
//! - `durable` is the highest sequence known durable at the time of writing: a bad record at or
//!   below it had been acknowledged, hence is damage and no torn tail.
//!
//! Nothing here touches a file. Bytes that do not verify are never interpreted.

mod body;

pub(super) use body::{Body, HardState};

use super::GroupId;

/// The header has a block of its own, so that no append ever rewrites the sector it lies in.
pub(super) const HEADER_BYTES: usize = 4096;
/// Bytes of a record before its body.
pub(super) const RECORD_HEADER_BYTES: usize = 48;
/// Records start at multiples of this, which makes the search behind a bad one eight times shorter.
pub(super) const ALIGN: usize = 8;
/// 256 MiB: sixteen times the largest command, and small enough for any length arithmetic.
pub(super) const RECORD_BODY_BYTES_MAX: usize = 256 << 20;
/// Bytes of the end marker, a record without body, and of the seal behind it.
pub(super) const END_BYTES: usize = RECORD_HEADER_BYTES;
/// Unit in which a disk loses or misplaces a write. The mark that records are synced lies in
/// another one than their end, so that one lost block does not take both.
pub(super) const BLOCK_BYTES: u64 = 4096;
/// Format written by this release, and the newest it reads. Format 2 has records of presence.
pub(super) const FORMAT_VERSION: u32 = 2;

const MAGIC: [u8; 8] = *b"SGWALSEG";

/// Identity and place of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    pub cluster_id: u128,
    pub node_id: u64,
    /// 1, 2, 3 ... over the life of the log.
    pub number: u64,
    /// Sequence of the first record in it.
    pub first_sequence: u64,
    /// Checksum of the last record before it.
    pub chain: u32,
    /// Bytes preallocated; the file is never shorter.
    pub segment_bytes: u64,
}

/// What a header block turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum HeaderRead {
    Good(SegmentHeader),
    /// Written by a release with this newer format.
    Newer(u32),
    Bad(&'static str),
}

impl SegmentHeader {
    /// The header block; its last four bytes are the checksum of all before.
    pub fn encode(&self) -> Vec<u8> {
        let mut block = Vec::with_capacity(HEADER_BYTES);
        block.extend_from_slice(&MAGIC);
        block.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        block.extend_from_slice(&self.chain.to_le_bytes());
        block.extend_from_slice(&self.cluster_id.to_le_bytes());
        block.extend_from_slice(&self.node_id.to_le_bytes());
        block.extend_from_slice(&self.number.to_le_bytes());
        block.extend_from_slice(&self.first_sequence.to_le_bytes());
        block.extend_from_slice(&self.segment_bytes.to_le_bytes());
        block.resize(HEADER_BYTES - 4, 0);
        let crc = crc32c::crc32c(&block);
        block.extend_from_slice(&crc.to_le_bytes());
        block
    }

    /// Reads the header block at the start of a segment's bytes.
    pub fn decode(bytes: &[u8]) -> HeaderRead {
        let Some(block) = bytes.get(..HEADER_BYTES) else {
            return HeaderRead::Bad("the file is shorter than a segment header");
        };
        if block[..8] != MAGIC {
            return HeaderRead::Bad("no segment header");
        }
        let version = u32_at(block, 8);
        if version > FORMAT_VERSION {
            return HeaderRead::Newer(version);
        }
        if crc32c::crc32c(&block[..HEADER_BYTES - 4]) != u32_at(block, HEADER_BYTES - 4) {
            return HeaderRead::Bad("the segment header's checksum does not match");
        }
        let cluster_id = u128::from(u64_at(block, 16)) | u128::from(u64_at(block, 24)) << 64;
        HeaderRead::Good(Self {
            cluster_id,
            node_id: u64_at(block, 32),
            number: u64_at(block, 40),
            first_sequence: u64_at(block, 48),
            chain: u32_at(block, 12),
            segment_bytes: u64_at(block, 56),
        })
    }
}

/// The part of a record that places it in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    pub segment: u64,
    pub sequence: u64,
    pub durable: u64,
    pub chain: u32,
}

/// Place of the next record in the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    pub sequence: u64,
    /// Checksum of the record before.
    pub chain: u32,
}

impl Position {
    /// The stamp of a record here, written when all up to `durable` was on disk.
    pub fn stamp(self, segment: u64, durable: u64) -> Stamp {
        Stamp { segment, sequence: self.sequence, durable, chain: self.chain }
    }

    /// An end marker here, when all before is on disk.
    pub fn end_marker(self, segment: u64) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(END_BYTES);
        encode(&mut bytes, &self.stamp(segment, self.sequence - 1), 0, &Body::End);
        bytes
    }

    /// A seal here: all before is on disk and the next segment is there.
    pub fn seal(self, segment: u64) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(END_BYTES);
        encode(&mut bytes, &self.stamp(segment, self.sequence - 1), 0, &Body::Seal);
        bytes
    }

    /// The place after a record with this checksum.
    pub fn after(self, crc: u32) -> Self {
        Self { sequence: self.sequence + 1, chain: crc }
    }
}

/// A record whose checksum matched; its body is not interpreted yet.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    pub stamp: Stamp,
    pub group: GroupId,
    pub kind: u8,
    pub body: &'a [u8],
    pub crc: u32,
    /// Bytes from this record to the next.
    pub bytes: usize,
}

/// Bytes that a record with such a body takes.
pub(super) fn record_bytes(body: &Body) -> usize {
    RECORD_HEADER_BYTES + padded(body.encoded_bytes())
}

/// Appends one record to `out` and returns its checksum, the chain value of the next.
pub(super) fn encode(out: &mut Vec<u8>, stamp: &Stamp, group: GroupId, body: &Body) -> u32 {
    let start = out.len();
    let body_bytes = body.encoded_bytes();
    out.reserve(RECORD_HEADER_BYTES + padded(body_bytes));
    // A body is bounded by RECORD_BODY_BYTES_MAX before it gets here, so the cast keeps the value.
    out.extend_from_slice(&(body_bytes as u32).to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&stamp.chain.to_le_bytes());
    out.extend_from_slice(&group.to_le_bytes());
    out.extend_from_slice(&stamp.segment.to_le_bytes());
    out.extend_from_slice(&stamp.sequence.to_le_bytes());
    out.extend_from_slice(&stamp.durable.to_le_bytes());
    out.extend_from_slice(&[body.kind(), 0, 0, 0, 0, 0, 0, 0]);
    body.encode(out);
    debug_assert_eq!(out.len() - start, RECORD_HEADER_BYTES + body_bytes);
    out.resize(start + RECORD_HEADER_BYTES + padded(body_bytes), 0);
    let crc = checksum(&out[start..]);
    out[start + 4..start + 8].copy_from_slice(&crc.to_le_bytes());
    crc
}

/// Reads the record at the start of `bytes` and verifies its checksum.
pub(super) fn decode(bytes: &[u8]) -> Result<Frame<'_>, &'static str> {
    if bytes.len() < RECORD_HEADER_BYTES {
        return Err("the file ends within a record header");
    }
    let body_bytes = u32_at(bytes, 0) as usize;
    let total = RECORD_HEADER_BYTES + padded(body_bytes);
    let Some(record) = bytes.get(..total) else {
        return Err("a record reaches past the end of the file");
    };
    let crc = u32_at(record, 4);
    if checksum(record) != crc {
        return Err("a record's checksum does not match");
    }
    Ok(Frame {
        stamp: Stamp {
            chain: u32_at(record, 8),
            segment: u64_at(record, 16),
            sequence: u64_at(record, 24),
            durable: u64_at(record, 32),
        },
        group: u32_at(record, 12),
        kind: record[40],
        body: &record[RECORD_HEADER_BYTES..RECORD_HEADER_BYTES + body_bytes],
        crc,
        bytes: total,
    })
}

/// What the bytes behind a place say about the record that belongs there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Behind {
    /// No later record of the segment.
    Nothing,
    /// Later records, none of which says whether it had been durable.
    Unknown,
    /// A record that was written when it was known to be on disk.
    Durable,
}

/// Looks behind the place of the record with this `sequence` for whole records of the same segment.
pub(super) fn behind(bytes: &[u8], segment: u64, sequence: u64) -> Behind {
    let mut found = Behind::Nothing;
    for at in (0..bytes.len().saturating_sub(RECORD_HEADER_BYTES - 1)).step_by(ALIGN) {
        // The cheap comparison first: the checksum is taken only of what looks like our record.
        if u64_at(bytes, at + 16) != segment {
            continue;
        }
        let (later, durable) =
            (u64_at(bytes, at + 24) > sequence, u64_at(bytes, at + 32) >= sequence);
        if (later || durable) && decode(&bytes[at..]).is_ok() {
            if durable {
                return Behind::Durable;
            }
            found = Behind::Unknown;
        }
    }
    found
}

fn checksum(record: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&record[..4]), &record[8..])
}

const fn padded(bytes: usize) -> usize {
    bytes.next_multiple_of(ALIGN)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut raw = [0; 4];
    raw.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(raw)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut raw = [0; 8];
    raw.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(raw)
}

#[cfg(test)]
mod tests;
