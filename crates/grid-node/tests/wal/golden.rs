//! A log as an earlier build left it on disk is still read, and today's build leaves the same. The
//! form of each kind of record has its own file beside the encoder.
//! `SEATGRID_BLESS=1` writes the file when it is missing; an existing one is never replaced: a
//! changed form needs a new format and a new file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use grid_node::wal::{Presence, RealDisk, Record, Recovered, Wal, WalOptions};

use crate::harness::{CLUSTER, History, NODE, RealDir, entry, purge, put_durable};

const SEGMENT: &str = "segment-0000000000000001.wal";

fn kept_path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/wal-log-2.bin")
}

fn open(dir: &Path) -> (Wal, Recovered) {
    let options = WalOptions::new(dir.to_owned(), CLUSTER, NODE);
    let options = WalOptions { segment_bytes: 16 << 10, ..options };
    Wal::open(options, Arc::new(RealDisk)).expect("opens")
}

/// Records of every kind that callers write.
fn history() -> History {
    let mut history = History::default();
    let records = [
        (0, Record::Vote(Bytes::from_static(b"vote"))),
        (0, entry(1, "one")),
        (0, entry(2, "two")),
        (3, Record::Presence(Presence::Joining)),
        (3, entry(1, "another group")),
        (0, Record::Committed(Bytes::from_static(b"committed"))),
        (0, entry(3, "three")),
        (0, Record::TruncateAfter { index: Some(2) }),
        (0, purge(1)),
        (4, Record::Presence(Presence::Dropped)),
    ];
    for (group, record) in records {
        history.push(group, record);
    }
    history
}

#[test]
fn segments_keep_their_form() {
    let history = history();
    let written = RealDir::new("golden-written");
    let (wal, _) = open(written.path());
    for (group, record) in &history.records {
        put_durable(&wal, *group, vec![record.clone()]);
    }
    wal.shutdown().expect("closes");
    let bytes = std::fs::read(written.path().join(SEGMENT)).expect("a segment");
    if !kept_path().exists() && std::env::var_os("SEATGRID_BLESS").is_some() {
        std::fs::write(kept_path(), &bytes).expect("written");
    }
    let kept = std::fs::read(kept_path()).expect("the kept segment");
    assert!(kept == bytes, "the form of segments changed");

    let found = RealDir::new("golden-found");
    std::fs::create_dir_all(found.path()).expect("a directory");
    std::fs::write(found.path().join(SEGMENT), &kept).expect("written");
    let (wal, recovered) = open(found.path());
    assert_eq!(recovered.groups, history.groups);
    assert!(recovered.cut.is_none(), "nothing is missing");
    wal.shutdown().expect("closes");
}
