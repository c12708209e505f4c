//! What is left behind when processes are killed, and how the next start deals with it.

use local_postgres::{LocalPostgres, Options};

use crate::support::{
    accepts, children_of, dir_with_mode, kill, port_of, signal, start, wait_until,
};
use rustix::process::Signal;

#[tokio::test]
async fn a_server_that_outlived_its_parent_is_taken_over() {
    let dir = dir_with_mode(0o755);
    let options = Options::new(dir.path());
    let orphan = start(options.clone()).await;
    let pid = orphan.pid();
    std::mem::forget(orphan);
    let running = start(options).await;
    assert_eq!(running.pid(), pid);
    let port = port_of(running.url());
    assert!(accepts(port));
    running.stop().await.expect("stop");
    assert!(!accepts(port));
}

#[tokio::test]
async fn after_a_kill_the_server_recovers_and_its_end_is_noticed() {
    let dir = dir_with_mode(0o755);
    let options = Options::new(dir.path());
    let running = start(options.clone()).await;
    let pid = running.pid().expect("managed");
    kill(pid);
    running.exited().await;
    drop(running);
    let again = start(options).await;
    assert_ne!(again.pid(), Some(pid));
    assert!(accepts(port_of(again.url())));
    again.stop().await.expect("stop");
}

#[tokio::test]
async fn children_that_outlive_a_killed_server_are_waited_for() {
    let dir = dir_with_mode(0o755);
    let options = Options::new(dir.path());
    let running = start(options.clone()).await;
    let pid = running.pid().expect("managed");
    let children = children_of(pid);
    assert!(!children.is_empty());
    children.iter().for_each(|child| signal(*child, Signal::STOP));
    kill(pid);
    running.exited().await;
    drop(running);
    let again = tokio::spawn(start(options));
    let log = dir.path().join("postgres").join("postgres.log");
    let refused = move || {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        text.contains("pre-existing shared memory block")
    };
    let seen = move || wait_until("the memory is still in use", refused);
    tokio::task::spawn_blocking(seen).await.expect("no panic");
    children.iter().for_each(|child| signal(*child, Signal::CONT));
    let again = again.await.expect("no panic");
    assert_ne!(again.pid(), Some(pid));
    again.stop().await.expect("stop");
}

#[tokio::test]
async fn dropping_the_handle_stops_the_server() {
    let dir = dir_with_mode(0o755);
    let running = start(Options::new(dir.path())).await;
    let port = port_of(running.url());
    drop(running);
    wait_until("the dropped server ends", || !accepts(port));
}

#[tokio::test]
async fn removing_stops_a_server_that_still_runs() {
    let dir = dir_with_mode(0o755);
    let running = start(Options::new(dir.path())).await;
    let port = port_of(running.url());
    std::mem::forget(running);
    LocalPostgres::remove(dir.path()).expect("remove");
    assert!(!accepts(port) && !dir.path().join("postgres").exists());
}
