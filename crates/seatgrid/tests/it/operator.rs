//! An operator at a running system: questions, dry runs, refusals with their exit codes, and a unit
//! that comes, works and goes.

use serde_json::Value;

use crate::running::Up;

fn json(up: &Up, line: &str) -> Value {
    let args: Vec<&str> = line.split(' ').chain(["--json"]).collect();
    let (code, said) = up.run(&args);
    assert_eq!(code, Some(0), "{line}: {said}");
    // Progress comes before it, on standard error.
    let answer = said.lines().find(|line| line.starts_with(['{', '[']));
    let answer = answer.unwrap_or_else(|| panic!("{line}: {said}"));
    serde_json::from_str(answer).unwrap_or_else(|e| panic!("{line}: {e}: {said}"))
}

/// The exit code, and the words that must be said.
fn ends(up: &Up, line: &str, code: i32, words: &str) {
    let args: Vec<&str> = line.split(' ').collect();
    let (ended, said) = up.run(&args);
    assert_eq!(ended, Some(code), "{line}: {said}");
    assert!(said.contains(words), "{line}: {said}");
}

/// Nothing is wrong but what the machine itself is short of, and that this grid has one unit.
fn no_issues(up: &Up) {
    let issues = json(up, "ctl issues");
    let codes = issues.as_array().expect("a list").iter().map(|issue| &issue["code"]);
    let ours: Vec<_> = codes.filter(|code| *code != "disk_nearly_full").collect();
    assert_eq!(ours, ["single_replicas"], "{issues}");
}

#[test]
fn an_operator_asks_orders_and_grows_the_grid() {
    let up = Up::start();
    questions(&up);
    refusals(&up);
    switches(&up);
    a_unit_comes_and_goes(&up);
}

fn questions(up: &Up) {
    let status = json(up, "ctl status");
    assert_eq!(status["shards_by_health"]["healthy"], 17, "{status}");
    no_issues(up);
    let node = json(up, "ctl node show 1");
    assert!(node["log"]["disk_free_bytes"].as_u64().is_some_and(|free| free > 0), "{node}");
    assert_eq!(node["shards"].as_array().map(Vec::len), Some(17));
    assert_eq!(json(up, "ctl shard show 3")["leader"], 1);
    assert_eq!(json(up, "ctl shard digest 3").as_array().map(Vec::len), Some(1));
    assert_eq!(json(up, "ctl upgrade status")["active"], 2, "a new grid begins with the newest");
    ends(up, "ctl layout show", 0, "nothing staged");
    ends(up, "ctl operation list", 0, "no operations");
    ends(up, "ctl node list", 0, "active");
}

fn refusals(up: &Up) {
    ends(up, "ctl node drain 1", 3, "no node would stay");
    ends(up, "ctl node remove 1", 3, "ctl node drain 1 --wait");
    ends(up, "ctl node recover 1", 3, "stop its unit for good first");
    ends(up, "ctl node drain 9", 1, "there is no node 9");
    ends(up, "ctl operation show 99", 1, "There is no operation 99");
    ends(up, "ctl upgrade activate 99", 3, "cannot apply version 99");
    ends(up, "ctl shard move 3", 2, "--from");
    ends(up, "ctl node fly", 2, "unrecognized subcommand");
}

fn switches(up: &Up) {
    ends(up, "ctl balancer off --dry-run", 0, "dry run: nothing was done");
    assert_eq!(json(up, "ctl balancer status")["on"], true);
    ends(up, "ctl balancer off", 0, "switch the balancer off");
    assert_eq!(json(up, "ctl balancer status")["on"], false);
    ends(up, "ctl balancer off", 0, "the balancer is off already");
    ends(up, "ctl balancer on", 0, "done");
    ends(up, "ctl layout stage replicas 1", 0, "done");
    ends(up, "ctl layout apply --version 7", 3, "is staged, not 7");
    ends(up, "ctl layout revert", 0, "done");
}

fn a_unit_comes_and_goes(up: &Up) {
    ends(up, "ctl node add --dry-run", 0, "start one more unit process");
    let added = json(up, "ctl node add --wait");
    assert_eq!(added["ended"]["state"], "done", "{added}");
    let units = || up.processes().iter().filter(|process| process["role"] == "unit").count();
    assert_eq!(units(), 2);
    let marker: Value = serde_json::from_str(&up.file("seatgrid.json")).expect("JSON");
    assert_eq!((&marker["added"], &marker["complete"]), (&serde_json::json!([2]), &true.into()));
    let node = json(up, "ctl node show 2");
    assert_eq!((&node["state"], &node["reachable"]), (&"active".into(), &true.into()), "{node}");
    assert!(node["replicas"].as_u64() > Some(0), "it has its share: {node}");

    ends(up, "ctl node remove 2", 3, "ctl node drain 2 --wait");
    let drained = json(up, "ctl node drain 2 --wait");
    assert_eq!(drained["ended"]["state"], "done", "{drained}");
    assert_eq!(json(up, "ctl node show 2")["state"], "drained");
    json(up, "ctl node remove 2 --wait");
    assert_eq!(units(), 1, "its process has stopped for good");
    no_issues(up);
    let (code, said) = up.run(&["reconcile"]);
    assert_eq!(code, Some(0), "{said}");
}
