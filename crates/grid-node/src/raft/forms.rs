//! Tests: what nodes write to disk and to each other keeps its form, and damage is refused.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use openraft::EntryPayload;
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, TransferLeaderRequest, VoteRequest, VoteResponse,
};

use super::entry::{
    decode_entry, decode_log_id, decode_vote, encode_entry, encode_log_id, encode_vote,
};
use super::message::{
    Hello, Lane, Request, Response, SPOKEN, SnapshotPiece, Testimony, decode_greeting,
    encode_greeting,
};
use super::snapshot_file::{self, FileProblem, SnapshotFile, SnapshotHeader};
use super::types::{
    Batch, Content, Entry, LeaderId, LogId, Membership, StoredMembership, Types, Vote,
};
use crate::batch::Pieces;
use crate::forms::{damaged, golden, golden_all};
use crate::version::Versions;
use crate::wal::{Disk, RealDisk};

fn log_id(index: u64) -> LogId {
    LogId { leader_id: LeaderId { term: 3, node_id: 2 }, index }
}

fn vote() -> Vote {
    Vote { leader_id: LeaderId { term: 3, node_id: 2 }, committed: true }
}

fn commands() -> Bytes {
    ["one", "", "three"].iter().collect::<Pieces>().encode()
}

fn entries() -> Vec<Entry> {
    let configs = vec![BTreeSet::from([1, 2]), BTreeSet::from([2, 3])];
    let normal = |content| EntryPayload::Normal(Batch { at_ms: 1_700_000_000_123, content });
    let payloads = [
        EntryPayload::Blank,
        EntryPayload::Membership(Membership::new_with_defaults(configs, [4])),
        normal(Content::Commands(commands())),
        normal(Content::Barrier(2)),
    ];
    let at = |(index, payload)| Entry { log_id: log_id(index), payload };
    (9..).zip(payloads).map(at).collect()
}

fn requests() -> Vec<Request> {
    let append = AppendEntriesRequest::<Types> {
        vote: vote(),
        prev_log_id: Some(log_id(8)),
        entries: entries(),
        leader_commit: Some(log_id(7)),
    };
    let piece = SnapshotPiece {
        vote: vote(),
        transfer: 4,
        offset: 5,
        total: 9,
        crc: 6,
        bytes: Bytes::from_static(b"part"),
    };
    vec![
        Request::Append(append),
        Request::Vote(VoteRequest::new(vote(), Some(log_id(9)))),
        Request::PreVote(VoteRequest::new(vote(), None)),
        Request::Transfer(TransferLeaderRequest::new(vote(), 3, Some(log_id(9)))),
        Request::Testify,
        Request::SnapshotPiece(piece),
        Request::SnapshotIndex,
        Request::Versions,
    ]
}

fn responses() -> Vec<Response> {
    let testimony = Testimony { vote: Some(vote()), last_log_id: None, voters: vec![1, 2] };
    vec![
        Response::Refused("no".into()),
        Response::Append(AppendEntriesResponse::Success),
        Response::Append(AppendEntriesResponse::PartialSuccess(Some(log_id(2)))),
        Response::Append(AppendEntriesResponse::Conflict),
        Response::Append(AppendEntriesResponse::HigherVote(vote())),
        Response::Vote(VoteResponse::new(vote(), Some(log_id(1)), true)),
        Response::Transferring,
        Response::Testimony(testimony),
        Response::SnapshotUpto(7),
        Response::Installed(vote()),
        Response::SnapshotIndex(Some(5)),
        Response::Versions(Versions { oldest: 1, newest: 2 }),
    ]
}

fn hello() -> Hello {
    Hello { cluster_id: 9, from: 1, log_id: 5, to: 2, lane: Lane::Snapshot }
}

#[test]
fn entries_keep_their_form() {
    let mut entries = entries();
    let written: Vec<Bytes> = entries.iter_mut().map(encode_entry).collect();
    let kept = golden_all("entries-1.bin", &written);
    for (bytes, entry) in kept.iter().zip(&entries) {
        let read = decode_entry(bytes.clone()).expect("readable");
        assert_eq!((read.log_id, &read.payload), (entry.log_id, &entry.payload));
        damaged("an entry", bytes, decode_entry);
    }
    let kept = golden("commands-1.bin", &commands());
    assert_eq!(Pieces::decode(kept.clone()).expect("readable").len(), 3);
    damaged("commands", &kept, Pieces::decode);
    let kept =
        golden_all("vote-and-position-1.bin", &[encode_vote(&vote()), encode_log_id(&log_id(9))]);
    assert_eq!(decode_vote(kept[0].clone()), Ok(vote()));
    assert_eq!(decode_log_id(kept[1].clone()), Ok(log_id(9)));
    damaged("a vote", &kept[0], decode_vote);
    damaged("a position", &kept[1], decode_log_id);
}

#[test]
fn messages_keep_their_form() {
    let written: Vec<Bytes> = requests().into_iter().map(|request| request.encode(17)).collect();
    let kept = golden_all("raft-requests-2.bin", &written);
    for (bytes, request) in kept.iter().zip(requests()) {
        let (shard, read) = Request::decode(bytes.clone()).expect("readable");
        assert_eq!((shard, format!("{read:?}")), (17, format!("{request:?}")));
        damaged("a request", bytes, Request::decode);
    }
    let written: Vec<Bytes> = responses().iter().map(Response::encode).collect();
    let kept = golden_all("raft-responses-2.bin", &written);
    for (bytes, response) in kept.iter().zip(responses()) {
        assert_eq!(Response::decode(bytes.clone()), Ok(response));
        damaged("a response", bytes, Response::decode);
    }
}

/// What came after the files above were written.
#[test]
fn later_questions_keep_their_form() {
    let kept = golden_all(
        "raft-digest-2.bin",
        &[
            Request::Digest(7).encode(4),
            Response::Digest(Some((2, u64::MAX - 1))).encode(),
            Response::Digest(None).encode(),
        ],
    );
    let asked = Request::decode(kept[0].clone()).expect("readable");
    assert!(matches!(asked, (4, Request::Digest(7))), "{asked:?}");
    assert_eq!(Response::decode(kept[1].clone()), Ok(Response::Digest(Some((2, u64::MAX - 1)))));
    assert_eq!(Response::decode(kept[2].clone()), Ok(Response::Digest(None)));
    damaged("a question", &kept[0], Request::decode);
    damaged("a fingerprint", &kept[1], Response::decode);
}

#[test]
fn introductions_keep_their_form() {
    let written = [hello().encode(), encode_greeting(5, SPOKEN.newest)];
    let kept = golden_all("raft-introduction-2.bin", &written);
    assert_eq!(Hello::decode(kept[0].clone()), Ok((hello(), SPOKEN.newest)));
    assert_eq!(decode_greeting(kept[1].clone()), Ok(5));
    damaged("a hello", &kept[0], Hello::decode);
    damaged("a greeting", &kept[1], decode_greeting);
}

#[test]
fn snapshots_keep_their_form() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("snapshot");
    let members = Membership::new_with_defaults(vec![BTreeSet::from([1, 2, 3])], [4]);
    let header = SnapshotHeader {
        cluster_id: 5,
        group: 4,
        last_log_id: Some(log_id(99)),
        membership: StoredMembership::new(Some(log_id(98)), members),
        at_ms: 1_700_000_000_123,
        version: 2,
    };
    let file = RealDisk.create(&path).expect("creatable");
    let encode = Box::new(|out: &mut dyn std::io::Write| out.write_all(b"the state"));
    snapshot_file::write(&*file, &header, encode).expect("written");
    let kept = golden("snapshot-2.bin", &std::fs::read(&path).expect("readable"));
    std::fs::write(&path, &kept).expect("written");
    assert_eq!(open(&path).expect("readable").header(), &header);
    damaged("a snapshot", &kept, |bytes| {
        std::fs::write(&path, bytes).expect("written");
        drop(open(&path));
    });
}

/// A file of this machine.
fn open(path: &Path) -> Result<SnapshotFile, FileProblem> {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    SnapshotFile::open(&disk, path)
}
