//! Each cause has one issue with one remedy.

use super::*;
use crate::picture::tests::{silence, well};
use crate::picture::{Facts, overview};

fn codes(facts: &Facts) -> Vec<(String, Severity)> {
    overview(facts).issues.into_iter().map(|issue| (issue.code, issue.severity)).collect()
}

fn operation(state: Progress) -> OperationView {
    OperationView {
        id: 7,
        what: "recover node 2".to_owned(),
        state,
        moves_done: 1,
        moves_total: 5,
        note: String::new(),
        began_ms: 0,
    }
}

#[test]
fn many_shards_of_one_cause_are_one_issue() {
    let mut facts = well(3, 16);
    silence(&mut facts, 3);
    let issues = overview(&facts).issues;
    let what = &issues[0].what;
    assert_eq!(what, "shards 0, 1, 2, 3, 4, 5 and 11 more: no answer from the replica on node 3");
    assert!(issues[0].remedy.ends_with("seatgrid ctl node recover 3"), "{issues:?}");
}

#[test]
fn alarms_come_first() {
    let mut facts = well(3, 1);
    silence(&mut facts, 2);
    silence(&mut facts, 3);
    facts.table.layout.staged = vec!["drain node 1".to_owned()];
    for shard in [0, 1] {
        crate::picture::tests::change(&mut facts, 1, shard, |replica| replica.serving = false);
    }
    let severities: Vec<Severity> = codes(&facts).into_iter().map(|(_, s)| s).collect();
    assert!(severities.is_sorted() && severities[0] == Severity::Alarm, "{severities:?}");
}

#[test]
fn a_full_disk_is_told_before_it_stops_the_node() {
    let mut picture = overview(&well(1, 1));
    for (free, expected) in [
        (15, None),
        (14, Some(Severity::Warning)),
        (5, Some(Severity::Warning)),
        (4, Some(Severity::Alarm)),
        (0, Some(Severity::Alarm)),
    ] {
        let log = picture.nodes[0].log.as_mut().expect("it answers");
        (log.disk_free_bytes, log.disk_total_bytes) = (Some(free << 30), Some(100 << 30));
        let found = find(&picture).first().map(|issue| issue.severity);
        assert_eq!(found, expected, "{free} % free");
    }
}

#[test]
fn operations_that_wait_for_a_person_are_issues() {
    let mut facts = well(3, 1);
    for (state, expected) in [
        (Progress::Running, None),
        (Progress::Paused, Some("operation_paused")),
        (Progress::Failed, Some("operation_failed")),
        (Progress::Done, None),
        (Progress::Canceled, None),
    ] {
        facts.table.operations = vec![operation(state)];
        let found = codes(&facts).into_iter().next().map(|(code, _)| code);
        assert_eq!(found.as_deref(), expected, "{state:?}");
    }
}

#[test]
fn a_lost_node_is_an_issue_until_somebody_works_on_it() {
    let mut facts = well(4, 1);
    facts.table.nodes.get_mut(&3).expect("node 3").state = Stage::Lost;
    assert!(codes(&facts).iter().any(|(code, _)| code == "node_lost"));
    let mut open = operation(Progress::Running);
    open.what = "recover node 3".to_owned();
    facts.table.operations = vec![open];
    assert!(!codes(&facts).iter().any(|(code, _)| code == "node_lost"));
}

#[test]
fn an_old_release_is_told_and_a_removed_node_is_not() {
    let mut facts = well(4, 1);
    facts.table.nodes.get_mut(&4).expect("node 4").versions = (1, 2);
    let behind = || ("node_version_behind".to_owned(), Severity::Notice);
    assert_eq!(codes(&facts), [behind(), behind(), behind()]);
    for node in 1..=3 {
        facts.table.nodes.get_mut(&node).expect("a node").state = Stage::Removed;
    }
    assert_eq!(codes(&facts).iter().filter(|found| **found == behind()).count(), 0);
}

#[test]
fn a_grid_of_single_replicas_says_what_that_means() {
    let mut facts = well(3, 1);
    assert!(codes(&facts).is_empty());
    facts.table.layout.replicas_wanted = 1;
    assert_eq!(codes(&facts), [("single_replicas".to_owned(), Severity::Notice)]);
}
