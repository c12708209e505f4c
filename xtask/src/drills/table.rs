//! The tables for people: the list, every load's latencies, the verdicts. Prints, decides nothing.

use super::catalogue::ALL;
use super::measured::{Measured, Row};

/// Which drills there are.
pub fn list() {
    for drill in ALL {
        println!("{:<16} {}  {}", drill.name, drill.id, drill.target);
    }
}

/// Prints both tables and gives the rows of the verdicts as Markdown.
pub fn print(results: &[Measured]) -> Vec<String> {
    let rows: Vec<&Row> = results.iter().flat_map(|result| &result.rows).collect();
    if !rows.is_empty() {
        println!("{}", head());
        rows.iter().for_each(|row| println!("{}", line(row)));
    }
    let verdicts: Vec<String> = results.iter().map(verdict).collect();
    println!("\n{}", VERDICTS_HEAD);
    verdicts.iter().for_each(|line| println!("{line}"));
    verdicts
}

/// Over the rows of verdicts.
pub const VERDICTS_HEAD: &str = "| drill | target | measured | verdict |\n|---|---|---|---|";

fn verdict(result: &Measured) -> String {
    let drill = result.drill;
    let word = match (result.passed, result.skipped()) {
        (false, _) => "missed".to_owned(),
        (true, 0) => "holds".to_owned(),
        (true, count) => format!("holds, {count} SKIPPED"),
    };
    let measured = result.summary();
    format!("| {} | {}: {} | {measured} | {word} |", drill.name, drill.id, drill.target)
}

/// Over the loads' rows; docs/drills.md says what the columns mean.
fn head() -> String {
    let numbers = |words: [&str; 5]| {
        let [asked, answered, granted, failed, repeated] = words;
        format!("{asked:>6} {answered:>8} {granted:>8} {failed:>6} {repeated:>8}")
    };
    let over = numbers(["", "holds/s", "holds", "", ""]);
    let under = numbers(["asked", "answered", "granted", "failed", "repeated"]);
    let (ms, of) = (format!("{:>6} {:>7}", "p50", "p99"), |phase: &str| format!("{phase:>14}"));
    let [before, during, after] = ["before", "during", "after"].map(of);
    let blank = "";
    format!(
        "\n{blank:<38} {over} | {before} | {during} | {after} | longest | {blank:>4} {:>5}\n\
         {:<38} {under} | {ms} | {ms} | {ms} |  gap ms | lost twice stale",
        "sold", "load"
    )
}

/// A load's row, or what else a test says.
pub fn line(row: &Row) -> String {
    let figure = |name| row.figure(name).unwrap_or_default();
    if row.figure("gap_max_ms").is_none() {
        let words = row.words().join("; ");
        return format!("{:<38} {} {words}", row.name, row.state.to_uppercase());
    }
    let phase = |phase: &str| match ["p50_ms", "p99_ms"].map(|name| row.of_phase(phase, name)) {
        [Some(p50), Some(p99)] => format!("{p50:>6.1} {p99:>7.1}"),
        _ => format!("{:>6} {:>7}", "-", "-"),
    };
    format!(
        "{:<38} {:>6.0} {:>8.0} {:>8.0} {:>6.0} {:>8.0} | {} | {} | {} | {:>7.0} | {:>4.0} {:>5.0} {:>5.0}",
        row.name,
        figure("asked_per_s"),
        figure("answered_per_s"),
        figure("granted"),
        figure("failed"),
        figure("repeated"),
        phase("before"),
        phase("during"),
        phase("after"),
        figure("gap_max_ms"),
        figure("lost"),
        figure("twice"),
        figure("stale"),
    )
}
