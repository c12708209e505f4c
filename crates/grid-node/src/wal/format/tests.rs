//! A segment with a record of every kind keeps its form: what an earlier build wrote is read, and
//! today's build writes the same bytes.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::*;
use crate::forms::{damaged, golden};
use crate::wal::{Presence, Record};

const SEGMENT: u64 = 3;

fn header() -> SegmentHeader {
    SegmentHeader {
        cluster_id: 0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10,
        node_id: 7,
        number: SEGMENT,
        first_sequence: 41,
        chain: 0xdead_beef,
        segment_bytes: 64 << 20,
    }
}

/// One of each kind, with each field in use.
fn bodies() -> Vec<(GroupId, Body)> {
    let bytes = |text: &'static str| Bytes::from_static(text.as_bytes());
    let lived_in = HardState {
        vote: Some(bytes("vote")),
        committed: Some(bytes("committed")),
        purged: Some((4, bytes("purged"))),
        range: Some((5, 9)),
        presence: Presence::Here,
    };
    let joining = HardState { presence: Presence::Joining, ..HardState::default() };
    let dropped = HardState { presence: Presence::Dropped, ..HardState::default() };
    let caller = Body::Caller;
    vec![
        (0, Body::Checkpoint(BTreeMap::from([(0, lived_in), (4, joining), (1 << 20, dropped)]))),
        (0, caller(Record::Vote(bytes("another vote")))),
        (0, caller(Record::Entry { index: 10, payload: bytes("ten") })),
        (1 << 20, caller(Record::Entry { index: 1 << 40, payload: Bytes::new() })),
        (0, caller(Record::Committed(bytes("more")))),
        (0, caller(Record::TruncateAfter { index: Some(9) })),
        (3, caller(Record::TruncateAfter { index: None })),
        (0, caller(Record::Purge { index: 8, state: bytes("state") })),
        (5, caller(Record::Presence(Presence::Here))),
        (5, caller(Record::Presence(Presence::Joining))),
        (5, caller(Record::Presence(Presence::Dropped))),
        (0, Body::Rewrite(vec![(9, bytes("nine")), (10, bytes("ten"))])),
        (0, Body::Rewrite(Vec::new())),
    ]
}

/// The segment: header, records, end marker, seal.
fn written() -> Vec<u8> {
    let header = header();
    let mut out = header.encode();
    let mut place = Position { sequence: header.first_sequence, chain: header.chain };
    for (group, body) in bodies() {
        let stamp = place.stamp(SEGMENT, place.sequence.saturating_sub(2));
        let crc = encode(&mut out, &stamp, group, &body);
        place = place.after(crc);
    }
    out.extend(place.end_marker(SEGMENT));
    out.extend(place.seal(SEGMENT));
    out
}

/// All that a segment says; nothing behind the first record that does not verify.
fn read(bytes: &[u8]) -> Option<Vec<(GroupId, Body)>> {
    let HeaderRead::Good(_) = SegmentHeader::decode(bytes) else { return None };
    let mut rest = bytes.get(HEADER_BYTES..)?;
    let mut all = Vec::new();
    while let Ok(frame) = decode(rest) {
        all.push((frame.group, Body::decode(frame.kind, frame.body)?));
        rest = &rest[frame.bytes..];
    }
    Some(all)
}

#[test]
fn a_segment_with_every_kind_of_record_keeps_its_form() {
    let kept = golden("wal-segment-2.bin", &written());
    assert_eq!(SegmentHeader::decode(&kept), HeaderRead::Good(header()));
    let ends = [(0, Body::End), (0, Body::Seal)];
    let expected: Vec<_> = bodies().into_iter().chain(ends).collect();
    assert_eq!(read(&kept).expect("a segment"), expected);
    let kinds: std::collections::BTreeSet<u8> = expected.iter().map(|(_, b)| b.kind()).collect();
    assert_eq!(kinds, (1..=10).collect(), "every kind is in it, and there is no other");
    assert!(Body::decode(11, &[]).is_none(), "a newer kind is not guessed at");
    damaged("a segment", &kept, |bytes| drop(read(&bytes)));
}

#[test]
fn a_segment_of_a_newer_release_is_told_apart_from_a_bad_one() {
    let mut bytes = written();
    bytes[8..12].copy_from_slice(&(FORMAT_VERSION + 1).to_le_bytes());
    assert_eq!(SegmentHeader::decode(&bytes), HeaderRead::Newer(FORMAT_VERSION + 1));
}
