//! Who runs the server and where its data lies: root lends it to another account, and puts the data
//! apart when that account cannot enter the data directory. Plain users keep all in one place.

use std::os::unix::process::CommandExt;
use std::process::Command;

use local_postgres::{LocalPostgres, Options};

use crate::support::{accepts, dir_with_mode, entries, is_root, port_of, start, uid_of_process};

const NOBODY: u32 = 65534;

#[tokio::test]
async fn root_lends_the_server_to_another_account() {
    let dir = dir_with_mode(0o755);
    let running = start(Options::new(dir.path())).await;
    let uid = uid_of_process(running.pid().expect("managed"));
    assert_ne!(uid, 0);
    assert!(is_root() || uid == rustix::process::geteuid().as_raw());
    running.stop().await.expect("stop");
}

#[tokio::test]
async fn a_closed_data_directory_puts_the_data_apart_and_abandoned_data_is_collected() {
    if !is_root() {
        return;
    }
    let apart = dir_with_mode(0o755);
    let closed = dir_with_mode(0o700);
    let data_dir = closed.path().join("d");
    let options = |data_dir: &std::path::Path| {
        let mut options = Options::new(data_dir);
        options.apart_dir = apart.path().to_owned();
        options
    };
    let running = start(options(&data_dir)).await;
    assert_eq!(entries(apart.path()), 1);
    let url = running.url().to_owned();
    // Left running on purpose, as after kill -9 of its parent.
    std::mem::forget(running);
    let again = start(options(&data_dir)).await;
    assert_eq!((again.url(), entries(apart.path())), (url.as_str(), 1));
    std::mem::forget(again);

    drop(closed);
    let other = dir_with_mode(0o700);
    let running = start(options(other.path())).await;
    assert_eq!(entries(apart.path()), 1, "the first one was collected, its server stopped");
    assert!(!accepts(port_of(&url)));
    running.stop().await.expect("stop");
    LocalPostgres::remove(other.path()).expect("remove");
    assert_eq!(entries(apart.path()), 0);
}

#[tokio::test]
async fn a_copied_data_directory_is_refused() {
    if !is_root() {
        return;
    }
    let apart = dir_with_mode(0o755);
    let closed = dir_with_mode(0o700);
    let options = |name: &str| {
        let mut options = Options::new(closed.path().join(name));
        options.apart_dir = apart.path().to_owned();
        options
    };
    start(options("a")).await.stop().await.expect("stop");
    std::fs::create_dir_all(closed.path().join("b/postgres")).expect("create");
    let record = "postgres/record.json";
    std::fs::copy(closed.path().join("a").join(record), closed.path().join("b").join(record))
        .expect("copy");
    let error = LocalPostgres::start(options("b")).await.expect_err("a copy");
    assert!(error.to_string().contains("was the data directory copied?"), "{error}");
}

/// Runs some tests of this binary once more as a plain user: an installed server, the bundled one,
/// and a crash.
#[test]
fn a_plain_user_keeps_everything_in_the_data_directory() {
    if !is_root() {
        return;
    }
    let dir = dir_with_mode(0o777);
    let own = dir.path().join("it");
    std::fs::copy(std::env::current_exe().expect("own path"), &own).expect("copy");
    let mut command = Command::new(&own);
    command
        .args(["an_installed_server", "bundled_server", "outlived_its_parent"])
        .env("TMPDIR", dir.path());
    command.uid(NOBODY).gid(NOBODY).current_dir("/");
    let output = command.output().expect("run");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("a_server_that_outlived_its_parent_is_taken_over ... ok"), "{text}");
}
