//! Pieces that follow, that do not, that are damaged, that are too many.

use std::path::Path;

use super::*;
use crate::raft::snapshot_file::tests::{encode, header};
use crate::raft::types::{LeaderId, Vote};
use crate::wal::RealDisk;

const STATE: &[u8] = b"a state of some bytes that travels in pieces of sixty-four bytes each";

fn dir(root: &Path) -> SnapshotDir {
    SnapshotDir::open(Arc::new(RealDisk), root, 5, 4).expect("opens")
}

fn receiver(root: &Path, shard: ShardId, receipts: &Arc<Receipts>) -> Arc<Receiver> {
    Receiver::new(shard, dir(root), Arc::clone(receipts))
}

fn piece(file: &SnapshotFile, offset: u64, max: usize) -> SnapshotPiece {
    let bytes = file.piece(offset, max).expect("readable");
    SnapshotPiece {
        vote: Vote { leader_id: LeaderId { term: 3, node_id: 2 }, committed: true },
        transfer: file.transfer_id(),
        offset,
        total: file.len(),
        crc: crc32c::crc32c(&bytes),
        bytes,
    }
}

async fn upto(receiver: &Arc<Receiver>, piece: SnapshotPiece) -> u64 {
    match receiver.take(piece).await {
        Ok(Received::Upto(have)) => have,
        Ok(Received::Whole(_)) => panic!("not whole yet"),
        Err(reason) => panic!("{reason}"),
    }
}

#[tokio::test]
async fn pieces_are_taken_in_order_and_a_broken_transfer_goes_on() {
    let (here, there) = (tempfile::tempdir().expect("one"), tempfile::tempdir().expect("another"));
    let file = dir(there.path()).write(header(20), encode(STATE)).expect("written");
    let receipts = Arc::new(Receipts::new(2, 1 << 20));
    let first = receiver(here.path(), 4, &receipts);
    assert_eq!(upto(&first, piece(&file, 0, 0)).await, 0, "asks where to begin");
    assert_eq!(upto(&first, piece(&file, 0, 64)).await, 64);
    assert_eq!(upto(&first, piece(&file, 0, 64)).await, 64, "a repeated piece adds nothing");
    assert_eq!(upto(&first, piece(&file, 128, 64)).await, 64, "nor does one too far");
    let mut damaged = piece(&file, 64, 64);
    damaged.crc ^= 1;
    assert!(first.take(damaged).await.is_err_and(|reason| reason.contains("damaged")));
    // The node restarts; the next leader sends the same content.
    let second = receiver(here.path(), 4, &receipts);
    let mut have = upto(&second, piece(&file, 0, 0)).await;
    assert_eq!(have, 64, "goes on where it was");
    while have + 64 < file.len() {
        have = upto(&second, piece(&file, have, 64)).await;
    }
    let Ok(Received::Whole(whole)) = second.take(piece(&file, have, 64)).await else {
        panic!("whole now")
    };
    assert_eq!(whole.header(), file.header());
    let adopted = second.dir.adopt(whole).expect("adopted");
    // The answer was lost and the last piece comes again.
    let Ok(Received::Whole(again)) = second.take(piece(&file, have, 64)).await else {
        panic!("whole already")
    };
    assert_eq!(again.path(), adopted.path());
}

#[tokio::test]
async fn what_is_too_large_or_too_much_at_once_is_refused() {
    let (one, two) = (tempfile::tempdir().expect("one"), tempfile::tempdir().expect("two"));
    let there = tempfile::tempdir().expect("another");
    let file = dir(there.path()).write(header(20), encode(STATE)).expect("written");
    let receipts = Arc::new(Receipts::new(1, file.len()));
    let first = receiver(one.path(), 1, &receipts);
    let second = receiver(two.path(), 2, &receipts);
    assert_eq!(upto(&first, piece(&file, 0, 10)).await, 10);
    let refused = second.take(piece(&file, 0, 10)).await;
    assert!(refused.is_err_and(|reason| reason.contains("as many")));
    assert!(first.take(piece(&file, 10, 1000)).await.is_ok(), "the first goes on");
    assert_eq!(upto(&second, piece(&file, 0, 10)).await, 10, "its turn now");
    let small = Arc::new(Receipts::new(1, file.len() - 1));
    let third = receiver(one.path(), 3, &small);
    let other = dir(there.path()).write(header(30), encode(STATE)).expect("written");
    let refused = third.take(piece(&other, 0, 10)).await;
    assert!(refused.is_err_and(|reason| reason.contains("bytes_max")));
}
