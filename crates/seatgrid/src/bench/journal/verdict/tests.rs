//! Honest histories pass; each way to falsify one is found.

use super::*;

const LONG: u64 = 1_000_000;

/// A line: what, when, which seat, which hold, which version.
fn line(op: Op, (t0, t1): (u64, u64), status: u16, hold: &str, version: u64) -> Line {
    Line {
        due: t0,
        t0,
        t1: Some(t1),
        client: t0,
        key: format!("key-{t0}"),
        op,
        event: "e".to_owned(),
        seats: vec!["s1".to_owned()],
        status: Some(status),
        code: (status == 409).then(|| "seat_taken".to_owned()),
        hold: (status != 409).then(|| hold.to_owned()),
        version: (status < 300).then_some(version),
        until: (op == Op::Hold && status == 201).then_some(LONG),
        attempts: 1,
    }
}

fn unknown(op: Op, t0: u64, hold: Option<&str>) -> Line {
    let hold = hold.map(str::to_owned);
    Line {
        t1: None,
        status: None,
        hold,
        version: None,
        until: None,
        ..line(op, (t0, t0), 0, "", 0)
    }
}

/// Held, refused to another, released, held again, read back.
fn honest() -> Vec<Line> {
    vec![
        line(Op::Hold, (10, 20), 201, "h1", 1),
        line(Op::Hold, (15, 30), 409, "", 0),
        line(Op::Release, (40, 50), 204, "h1", 2),
        line(Op::Hold, (60, 70), 201, "h2", 3),
        line(Op::Read, (80, 90), 200, "h2", 3),
        line(Op::Map, (91, 92), 200, "", 3),
    ]
}

fn faults(lines: &[Line]) -> Vec<String> {
    judge(lines, &[]).faults
}

#[track_caller]
fn found(lines: &[Line], words: &str) {
    let faults = faults(lines);
    assert!(faults.iter().any(|fault| fault.contains(words)), "no '{words}' in {faults:?}");
}

#[test]
fn an_honest_history_passes() {
    assert_eq!(faults(&honest()), Vec::<String>::new());
}

#[test]
fn a_lost_hold_is_found() {
    let mut lines = honest();
    lines[4] = Line { seats: vec!["s1".to_owned()], ..line(Op::Read, (80, 90), 404, "h2", 0) };
    found(&lines, "acknowledged and lost");
    lines.remove(4);
    found(&lines, "was not read back");
    let mut lines = honest();
    lines[5].seats.clear();
    found(&lines, "seat map");
}

#[test]
fn a_seat_held_twice_is_found_with_and_without_versions() {
    let mut lines = honest();
    lines.remove(2);
    found(&lines, "seat twice");
    found(&lines, "seat s1: no order");
}

#[test]
fn a_stale_answer_is_found() {
    let mut lines = honest();
    lines[4].version = Some(2);
    found(&lines, "stale answer");
}

#[test]
fn a_refusal_of_a_free_seat_is_found() {
    let mut lines = honest();
    lines[1] = line(Op::Hold, (52, 55), 409, "", 0);
    found(&lines, "seat s1: no order");
}

#[test]
fn the_same_hold_for_two_keys_is_found() {
    let mut lines = honest();
    lines[3].hold = Some("h1".to_owned());
    found(&lines, "was granted to keys");
}

#[test]
fn unknown_outcomes_may_have_happened_or_not() {
    // A hold without an answer explains a refusal, and a release without one a new hold.
    let mut lines = vec![unknown(Op::Hold, 10, None), line(Op::Hold, (30, 40), 409, "", 0)];
    assert_eq!(faults(&lines), Vec::<String>::new());
    lines.remove(0);
    found(&lines, "no order");
    let lines = vec![
        line(Op::Hold, (10, 20), 201, "h1", 1),
        unknown(Op::Release, 30, Some("h1")),
        line(Op::Hold, (60, 70), 201, "h2", 3),
        line(Op::Read, (80, 90), 200, "h2", 3),
    ];
    assert_eq!(faults(&lines), Vec::<String>::new());
}

#[test]
fn a_hold_may_end_by_itself_at_its_time_and_not_before() {
    let mut lines = vec![
        line(Op::Hold, (10, 20), 201, "h1", 1),
        line(Op::Hold, (60, 70), 201, "h2", 3),
        line(Op::Read, (75, 80), 410, "h1", 0),
        line(Op::Read, (80, 90), 200, "h2", 3),
    ];
    lines[0].until = Some(50);
    assert_eq!(faults(&lines), Vec::<String>::new());
    lines[0].until = Some(LONG);
    found(&lines, "seat twice");
}

#[test]
fn a_release_may_have_happened_long_before_its_version_but_not_before_it_was_sent() {
    let mut lines = vec![
        line(Op::Hold, (10, 20), 201, "h1", 1),
        line(Op::Release, (30, 90), 204, "h1", 5),
        line(Op::Hold, (60, 70), 201, "h2", 3),
        line(Op::Read, (95, 99), 200, "h2", 5),
    ];
    assert_eq!(faults(&lines), Vec::<String>::new());
    lines[1].t0 = 75;
    found(&lines, "seat twice");
    found(&lines, "seat s1: no order");
}

#[test]
fn pauses_belong_to_the_fault_before_them() {
    let acks = [10, 20, 30, 500, 510, 900];
    let lines: Vec<Line> = acks
        .iter()
        .enumerate()
        .map(|(n, &t)| line(Op::Release, (t, t), 204, &format!("h{n}"), t))
        .collect();
    let mark = |at: u64| Mark { at, name: at.to_string() };
    let gaps = gaps::after(&lines, &[mark(35), mark(505)]);
    let gaps: Vec<f64> = gaps.iter().map(|gap| gap.gap_ms * 1e6).collect();
    assert_eq!(gaps, [470.0, 390.0]);
}

#[test]
fn faults_are_counted_by_what_they_mean() {
    let mut lines = honest();
    lines[4].version = Some(2);
    let verdict = judge(&lines, &[]);
    assert_eq!((verdict.lost, verdict.twice, verdict.stale), (0, 0, 1));
    lines[4] = line(Op::Read, (80, 90), 404, "h2", 0);
    assert_eq!(judge(&lines, &[]).lost, 1);
    lines[3].hold = Some("h1".to_owned());
    assert_eq!(judge(&lines, &[]).twice, 1);
}

#[test]
fn holds_belong_to_the_phase_in_which_they_were_due() {
    let hold = |due_ms: u64, took_ms: u64, attempts: u32| Line {
        attempts,
        ..line(Op::Hold, (due_ms * 1_000_000, (due_ms + took_ms) * 1_000_000), 201, "h", due_ms)
    };
    let lines = [hold(10, 5, 1), hold(20, 900, 3), hold(30, 7, 1), hold(40, 6, 1)];
    let mark = |at_ms: u64, name: &str| Mark { at: at_ms * 1_000_000, name: name.to_owned() };
    let marks = [mark(15, "kill"), mark(25, "again"), mark(35, phases::CALM)];
    let shown: Vec<(&str, usize, usize, u64)> = phases::of(&lines, &marks)
        .iter()
        .map(|phase| (phase.name, phase.granted, phase.repeated, phase.max_ms.round() as u64))
        .collect();
    assert_eq!(shown, [("before", 1, 0, 5), ("during", 2, 1, 900), ("after", 1, 0, 6)]);
    assert_eq!(phases::of(&lines, &[]).len(), 1, "without marks all is before");
}
