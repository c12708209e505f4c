//! What `seatgrid up` refuses: one clear line, exit code 1, nothing left running or changed.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use crate::support::{output, text};

/// Runs `up` on a directory and returns what it said; it must have refused.
fn refused(dir: &Path, more: &[&str]) -> String {
    let dir = dir.to_str().expect("UTF-8");
    let output = output(&[&["up", "--data-dir", dir][..], more].concat());
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(output.stdout.is_empty(), "standard output is for `ready` alone");
    assert_eq!(said.lines().count(), 1, "one line: {said}");
    said.strip_prefix("seatgrid: ").expect("who says it").to_owned()
}

#[test]
fn a_port_in_use() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let thief = TcpListener::bind("127.0.0.1:0").expect("bind");
    let port = thief.local_addr().expect("address").port().to_string();
    let said = refused(&dir.path().join("d"), &["--port", &port]);
    assert!(said.contains(&port) && said.contains("--port"), "{said}");
    assert!(!dir.path().join("d/postgres").exists(), "checked before anything is started");
}

#[test]
fn a_locked_directory() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let lock = dir.path().join("up.lock");
    fs::write(&lock, "4711\n").expect("write");
    let holder = fs::File::open(&lock).expect("open");
    flock(&holder, FlockOperation::LockExclusive).expect("lock");
    let said = refused(dir.path(), &["--port", "0"]);
    assert!(said.contains("pid 4711") && said.contains("--data-dir"), "{said}");
}

#[test]
fn a_directory_of_somebody_else() {
    let dir = tempfile::tempdir().expect("temporary directory");
    fs::write(dir.path().join("thesis.txt"), "years of work").expect("write");
    for more in [&["--port", "0"][..], &["--port", "0", "--reset"]] {
        let said = refused(dir.path(), more);
        assert!(said.contains("is not a seatgrid data directory"), "{said}");
    }
    assert_eq!(fs::read_dir(dir.path()).expect("list").count(), 1);
}

#[test]
fn a_damaged_directory() {
    let dir = tempfile::tempdir().expect("temporary directory");
    fs::write(dir.path().join("seatgrid.json"), "{\"format\":1,").expect("write");
    let said = refused(dir.path(), &["--port", "0"]);
    assert!(said.contains("seatgrid.json is damaged") && said.contains("--reset"), "{said}");
}

#[test]
fn no_database() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let closed = TcpListener::bind("127.0.0.1:0").expect("bind");
    let port = closed.local_addr().expect("address").port();
    drop(closed);
    let url = format!("postgres://someone:geheim@127.0.0.1:{port}/x");
    let said = refused(dir.path(), &["--port", "0", "--database-url", &url]);
    assert!(said.contains("--database-url") && !said.contains("geheim"), "{said}");
    let said = refused(dir.path(), &["--port", "0", "--database-url", "mysql://x"]);
    assert!(said.contains("must begin with postgres://"), "{said}");
}

#[test]
fn a_directory_that_cannot_be_made() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let file = dir.path().join("file");
    fs::write(&file, "").expect("write");
    let said = refused(&file.join("d"), &["--port", "0"]);
    assert!(said.contains("cannot create"), "{said}");
}
