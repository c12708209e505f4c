//! One whole `up` with a single unit: what it writes for scripts, what happens when it is killed,
//! and that it comes back with the same data. Selling is tested where the system as a whole is.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use rustix::process::Signal;
use serde_json::Value;

use crate::running::Up;
use crate::support::{ended, seatgrid, signal, wait_until};

/// A zombie's executable cannot be read any more.
fn is_running(pid: u64) -> bool {
    std::fs::read_link(format!("/proc/{pid}/exe")).is_ok()
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("a file").permissions().mode() & 0o777
}

#[test]
fn starts_is_killed_comes_back_and_stops() {
    let mut up = Up::start();
    promised_files_are_there(&up);
    operators_questions_are_answered(&up);

    let (code, said) = up.run(&["up", "--port", "0"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("is in use by another `seatgrid up`"), "{said}");

    let children = up.pids();
    let secret = up.file("admin.password");
    up.kill();
    wait_until("no child outlives its supervisor", || !children.iter().any(|p| is_running(*p)));

    up.start_again();
    assert_eq!(up.file("admin.password"), secret, "made once");
    let (code, said) = up.run(&["reconcile"]);
    assert_eq!(code, Some(0), "{said}");
    reconciles_until_told_to_stop(&up);

    let children = up.pids();
    let (code, said) = up.stop();
    assert_eq!(code, Some(0), "{said}");
    assert!(up.processes().is_empty() && !children.iter().any(|pid| is_running(*pid)));
    assert!(!said.contains("ERROR"), "{said}");

    let (code, said) = up.run(&["up", "--units", "3", "--port", "0"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("was made for 1 units, not 3"), "{said}");
}

fn reconciles_until_told_to_stop(up: &Up) {
    let data = up.data();
    let data = data.to_str().expect("UTF-8");
    let mut child = seatgrid(&["reconcile", "--watch", "1", "--json", "--data-dir", data])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    // Kept open to the end: a third line would find nobody.
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    for _ in 0..2 {
        let line = lines.next().expect("not ended").expect("a line");
        let report: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(report["differences_total"], 0, "{report}");
    }
    signal(child.id(), Signal::INT);
    let (code, said) = ended(child);
    assert_eq!(code, Some(0), "{said}");
}

fn promised_files_are_there(up: &Up) {
    let mut roles: Vec<String> =
        up.processes().iter().map(|p| p["role"].as_str().expect("text").to_owned()).collect();
    roles.sort();
    assert_eq!(roles, ["office", "router", "sandbox", "unit", "worker", "writer"]);
    for process in up.processes() {
        assert_eq!(process["node"], 1);
        let admin = process["admin"].as_str().expect("text");
        assert!(admin.starts_with("127.0.0.1:"), "{admin}");
    }
    assert_eq!(up.file("router.url").trim(), up.url);
    assert!(up.file("sandbox.url").starts_with("http://127.0.0.1:"));
    assert!(up.file("database.url").starts_with("postgres://"));
    for private in
        ["admin.password", "database.url", "secrets/hold-token.key", "config/unit-1.toml"]
    {
        assert_eq!(mode(&up.data().join(private)), 0o600, "{private}");
    }
}

fn operators_questions_are_answered(up: &Up) {
    let (code, said) = up.run(&["ctl", "status", "--json"]);
    let status: Value = serde_json::from_str(&said).unwrap_or_else(|e| panic!("{e}: {said}"));
    assert_eq!((code, &status["shards_by_state"]["no_leader"]), (Some(0), &Value::from(0)));
    let (code, said) = up.run(&["ctl", "event", "show", "demo-hall", "--json"]);
    let event: Value = serde_json::from_str(&said).unwrap_or_else(|e| panic!("{e}: {said}"));
    assert_eq!(
        (code, &event["event_id"], &event["leader"]),
        (Some(0), &"demo-hall".into(), &1.into())
    );
    let (code, said) = up.run(&["ctl", "event", "show", "no-such-event"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("event no-such-event is not in the grid"), "{said}");
    let (code, said) = up.run(&["ctl", "shard", "list"]);
    assert!(code == Some(0) && said.lines().count() > 2, "{said}");
    let (code, said) = up.run(&["migrate"]);
    assert_eq!(code, Some(0), "{said}");
}
