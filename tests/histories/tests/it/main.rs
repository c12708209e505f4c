//! The judges are judged: honest histories pass, each kind of lie is refused, and by whom.

use histories::{History, Line, MadeUp, Op, Verdict, judge, judge_files, make_up};

fn made_up(seed: u64, requests: u64) -> Vec<Line> {
    let wish = MadeUp { event: "e".into(), requests, seats: 40, seed, unknown_percent: 3 };
    let mut lines = Vec::new();
    let told = make_up(&wish, |line| {
        lines.push(line);
        Ok::<(), std::convert::Infallible>(())
    });
    told.expect("nothing fails");
    lines
}

fn verdict(lines: &[Line]) -> Verdict {
    judge(&History::of(lines).expect("a history"))
}

#[track_caller]
fn refused(lines: &[Line], words: &str) {
    let verdict = verdict(lines);
    assert!(verdict.shown.iter().any(|lie| lie.contains(words)), "no {words:?}: {verdict:?}");
}

#[track_caller]
fn sound(lines: &[Line]) {
    let verdict = verdict(lines);
    assert!(verdict.is_sound(), "{verdict:?}");
}

/// A line of a small history: sent at, answered at.
fn line(op: Op, (t0, t1): (u64, u64), hold: &str, seats: &[&str]) -> Line {
    static KEYS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    let key = KEYS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    Line {
        t0,
        t1: Some(t1),
        client: key,
        key: uuid::Uuid::from_u128(u128::from(key)).to_string(),
        op,
        event: "e".into(),
        seats: seats.iter().map(|seat| (*seat).to_owned()).collect(),
        named: vec![],
        status: Some(match op {
            Op::Hold => 201,
            Op::Release => 204,
            Op::Swap | Op::Read => 200,
        }),
        code: None,
        hold: (!hold.is_empty()).then(|| hold.to_owned()),
        version: None,
        until: None,
    }
}

fn at(version: u64, line: Line) -> Line {
    Line { version: Some(version), ..line }
}

fn taken(line: Line, seats: &[&str]) -> Line {
    let named = seats.iter().map(|seat| (*seat).to_owned()).collect();
    let code = Some("seat_taken".to_owned());
    Line { status: Some(409), code, named, hold: None, version: None, ..line }
}

fn gone(line: Line) -> Line {
    let code = Some("hold_not_found".to_owned());
    Line { status: Some(404), code, seats: vec![], version: None, ..line }
}

fn silent(line: Line) -> Line {
    Line { t1: None, status: None, code: None, version: None, named: vec![], ..line }
}

#[test]
fn honest_histories_pass() {
    for seed in 1..=10 {
        let lines = made_up(seed, 3_000);
        let unanswered = lines.iter().filter(|line| line.t1.is_none()).count();
        assert!(unanswered > 30, "{unanswered} attempts without an answer");
        for op in [Op::Hold, Op::Swap, Op::Release, Op::Read] {
            assert!(lines.iter().any(|line| line.op == op), "no {op:?}");
        }
        sound(&lines);
    }
}

#[test]
fn a_seat_of_two_holds_is_refused_by_both() {
    let one = at(2, line(Op::Hold, (10, 20), "a", &["s"]));
    let two = at(3, line(Op::Hold, (30, 40), "b", &["s"]));
    refused(&[one.clone(), two.clone()], "twice: seat s of hold a went to hold b");
    refused(&[one.clone(), two.clone()], "seat s: no order");
    let back = at(3, line(Op::Release, (21, 29), "a", &[]));
    sound(&[one.clone(), back, at(4, two.clone())]);
    let over = Line { until: Some(35), ..one };
    sound(&[over, two]);
}

#[test]
fn a_seat_granted_before_its_release_took_effect_is_refused() {
    let one = at(2, line(Op::Hold, (10, 20), "a", &["s"]));
    let back = at(4, line(Op::Release, (21, 60), "a", &[]));
    let two = at(3, line(Op::Hold, (30, 40), "b", &["s"]));
    refused(&[one.clone(), back.clone(), two.clone()], "twice: seat s");
    // A release without a version may have been before.
    sound(&[one, Line { version: None, ..back }, two]);
}

#[test]
fn a_refusal_of_a_free_seat_is_refused() {
    let free = taken(line(Op::Hold, (10, 20), "", &["s"]), &["s"]);
    refused(std::slice::from_ref(&free), "seat s: no order");
    let holds = at(2, line(Op::Hold, (5, 15), "a", &["s"]));
    sound(&[free.clone(), holds.clone()]);
    // Nobody knows whether it was taken: it may have been.
    sound(&[free, silent(holds)]);
}

#[test]
fn an_acknowledged_hold_that_is_gone_is_refused() {
    let one = at(2, line(Op::Hold, (10, 20), "a", &["s"]));
    let read = gone(line(Op::Read, (30, 40), "a", &[]));
    refused(&[one.clone(), read.clone()], "lost: hold a was acknowledged");
    refused(&[one.clone(), read.clone()], "seat s: no order");
    sound(&[one, silent(line(Op::Release, (25, 28), "a", &[])), read]);
}

#[test]
fn a_hold_that_lives_after_it_was_given_back_is_refused() {
    let one = at(2, line(Op::Hold, (10, 20), "a", &["s"]));
    let back = at(3, line(Op::Release, (21, 29), "a", &[]));
    let read = at(4, line(Op::Read, (30, 40), "a", &["s"]));
    refused(&[one.clone(), back.clone(), read.clone()], "given back before");
    refused(&[one.clone(), back.clone(), read.clone()], "seat s: no order");
    // The version is a lie that makes it look right.
    refused(&[one, back, at(2, read)], "seat s: no order");
}

#[test]
fn a_hold_with_other_seats_than_granted_is_refused() {
    let one = at(2, line(Op::Hold, (10, 20), "a", &["s", "t"]));
    let read = at(3, line(Op::Read, (30, 40), "a", &["s"]));
    refused(&[one.clone(), read.clone()], "lost: hold a shows");
    let named = vec!["s".to_owned(), "t".to_owned()];
    let swap = at(3, Line { named, ..line(Op::Swap, (22, 28), "a", &["s"]) });
    sound(&[one, swap, read]);
}

#[test]
fn a_swap_to_a_seat_of_another_is_refused_by_both() {
    let one = at(2, line(Op::Hold, (10, 20), "a", &["s"]));
    let two = at(3, line(Op::Hold, (11, 21), "b", &["t"]));
    let named = vec!["t".to_owned()];
    let swap = at(4, Line { named, ..line(Op::Swap, (22, 28), "b", &["s"]) });
    refused(&[one.clone(), two.clone(), swap.clone()], "twice: seat s of hold a went to hold b");
    refused(&[one, two, swap], "seat s: no order");
}

#[test]
fn an_answer_that_an_earlier_one_had_overtaken_is_refused() {
    let one = at(7, line(Op::Hold, (10, 20), "a", &["s"]));
    let two = at(6, line(Op::Hold, (30, 40), "b", &["t"]));
    refused(&[one.clone(), two.clone()], "stale: Hold of hold b");
    // They overlap: any order is right.
    sound(&[one, Line { t0: 15, ..two }]);
}

#[test]
fn two_effects_of_one_version_and_a_hold_for_two_keys_are_refused() {
    let one = at(2, line(Op::Hold, (10, 20), "a", &["s"]));
    refused(&[one.clone(), at(2, line(Op::Hold, (11, 21), "b", &["t"]))], "has two effects");
    refused(&[one, at(3, line(Op::Hold, (11, 21), "a", &["t"]))], "hold a granted twice");
}

#[test]
fn what_touches_is_in_order_and_a_repeated_request_is_one() {
    let one = at(2, line(Op::Hold, (10, 20), "a", &["s"]));
    let back = at(3, line(Op::Release, (20, 30), "a", &[]));
    let two = at(4, line(Op::Hold, (30, 40), "b", &["s"]));
    sound(&[one.clone(), back, two]);
    let first = Line { hold: None, ..silent(Line { t0: 1, ..one.clone() }) };
    sound(&[first, one]);
}

/// Of honest histories one answer is falsified: whatever it is, it must not pass.
#[test]
fn a_falsified_answer_among_thousands_is_refused() {
    let mut found = [0; 5];
    for seed in 1..=10 {
        let honest = made_up(seed, 1_500);
        for (kind, found) in found.iter_mut().enumerate() {
            let mut lines = honest.clone();
            if falsify(&mut lines, kind) {
                let verdict = verdict(&lines);
                assert!(!verdict.is_sound(), "seed {seed}, lie {kind}");
                *found += 1;
            }
        }
    }
    assert!(found.iter().all(|count| *count > 2), "{found:?}");
}

/// Changes one answer near the middle; `false` where there is none to change.
fn falsify(lines: &mut [Line], kind: usize) -> bool {
    let middle = lines.len() / 2;
    let granted = |line: &Line| line.op == Op::Hold && line.status == Some(201);
    let at = |lines: &[Line], is: &dyn Fn(&Line) -> bool| {
        (middle..lines.len()).find(|at| is(&lines[*at]))
    };
    match kind {
        // A granted hold names a seat that a hold has which is read afterwards.
        0 => {
            let pair = (middle..lines.len()).find_map(|read| Some((read, meanwhile(lines, read)?)));
            let Some((read, before)) = pair else { return false };
            lines[before].seats = lines[read].seats[..1].to_vec();
        }
        // A hold that lives is said to be gone.
        1 => {
            let Some(read) = at(lines, &|line| line.op == Op::Read && line.status == Some(200))
            else {
                return false;
            };
            lines[read].status = Some(404);
            lines[read].code = Some("hold_not_found".into());
        }
        // A hold that was given back is said to live.
        2 => {
            let Some(read) = at(lines, &|line| line.op == Op::Read && line.status == Some(404))
            else {
                return false;
            };
            let (hold, last) = (lines[read].hold.clone(), lines[lines.len() - 1].version);
            let Some(seats) = lines.iter().find(|line| granted(line) && line.hold == hold) else {
                return false;
            };
            lines[read].seats = seats.seats.clone();
            (lines[read].status, lines[read].version) = (Some(200), last);
        }
        // An answer is from long ago.
        3 => {
            let Some(old) = at(lines, &|line| granted(line)) else { return false };
            lines[old].version = lines[old].version.map(|version| version / 2);
        }
        // Another's hold is granted again.
        _ => {
            let Some(first) = at(lines, &granted) else { return false };
            let Some(next) = (first + 1..lines.len()).find(|at| granted(&lines[*at])) else {
                return false;
            };
            lines[next].hold = lines[first].hold.clone();
        }
    }
    true
}

/// Before a read: a grant to somebody else while the hold that is read had its seats.
fn meanwhile(lines: &[Line], read: usize) -> Option<usize> {
    let read = &lines[read];
    let granted = |line: &Line| line.op == Op::Hold && line.status == Some(201);
    let swapped = lines.iter().any(|line| line.op == Op::Swap && line.hold == read.hold);
    if read.op != Op::Read || read.status != Some(200) || swapped {
        return None;
    }
    let since = lines.iter().find(|line| granted(line) && line.hold == read.hold)?;
    let between =
        |line: &Line| granted(line) && since.t1 < Some(line.t0) && line.t1 < Some(read.t0);
    lines.iter().position(between)
}

#[test]
fn files_are_judged_side_by_side_and_foreign_ones_are_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let files: Vec<_> = (1..=3)
        .map(|seed| {
            let path = dir.path().join(format!("{seed}.jsonl"));
            let lines = made_up(seed, 1_000).into_iter();
            let text: Vec<String> =
                lines.map(|line| serde_json::to_string(&line).expect("JSON")).collect();
            std::fs::write(&path, text.join("\n")).expect("written");
            path
        })
        .collect();
    let verdict = judge_files(&files).expect("histories");
    assert!(verdict.is_sound() && verdict.requests > 2_000, "{verdict:?}");
    std::fs::write(&files[1], "{}\n").expect("written");
    let error = format!("{:#}", judge_files(&files).expect_err("no history"));
    assert!(error.contains("2.jsonl") && error.contains("line 1"), "{error}");
}
