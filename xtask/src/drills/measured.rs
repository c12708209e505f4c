//! What a drill measured: the lines that tests on processes write (`tests/e2e/src/drill/report.rs`), read
//! back and summed up. Latencies count from the scheduled moment.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use super::catalogue::Named;

/// One test's line.
#[derive(Debug, Clone)]
pub struct Row {
    /// The test's name for people.
    pub name: String,
    /// `measured`, `ok`, `skipped` or `failed`.
    pub state: String,
    shown: Value,
}

/// A drill that was run.
#[derive(Debug)]
pub struct Measured {
    pub drill: &'static Named,
    /// Whether everything that it asserts held.
    pub passed: bool,
    pub took: Duration,
    pub rows: Vec<Row>,
}

/// The lines of a report; none where no test wrote any.
///
/// # Errors
/// When a line is not JSON.
pub fn read(path: &Path) -> Result<Vec<Row>> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let row = |line: &str| {
        let shown: Value = serde_json::from_str(line).with_context(|| line.to_owned())?;
        let text = |name: &str| shown[name].as_str().unwrap_or_default().to_owned();
        Ok(Row { name: text("drill"), state: text("state"), shown })
    };
    text.lines().map(row).collect()
}

impl Row {
    /// A figure, where the test has it.
    pub fn figure(&self, name: &str) -> Option<f64> {
        self.shown[name].as_f64()
    }

    /// A percentile of `before`, `during` or `after`, in milliseconds.
    pub fn of_phase(&self, phase: &str, name: &str) -> Option<f64> {
        self.shown["phases"][phase][name].as_f64()
    }

    /// Words beside the figures.
    pub fn words(&self) -> Vec<String> {
        let notes = self.shown["notes"].as_array().into_iter().flatten();
        let why = self.shown["why"].as_str();
        why.into_iter().chain(notes.filter_map(Value::as_str)).map(str::to_owned).collect()
    }
}

impl Measured {
    /// In a few words, for the row of verdicts.
    pub fn summary(&self) -> String {
        let sum = |name: &str| self.rows.iter().filter_map(|row| row.figure(name)).sum::<f64>();
        let most = |name: &str| {
            let all = self.rows.iter().filter_map(|row| row.figure(name));
            all.max_by(f64::total_cmp)
        };
        let mut words = Vec::new();
        if let Some(gap) = most("gap_max_ms") {
            words.push(format!(
                "{:.0} holds granted, {:.0} failed, {:.0} lost, {:.0} twice, {:.0} stale, longest pause \
                 {gap:.0} ms",
                sum("granted"),
                sum("failed"),
                sum("lost"),
                sum("twice"),
                sum("stale"),
            ));
        }
        let during = self.rows.iter().filter_map(|row| row.of_phase("during", "p99_ms"));
        if let Some(p99) = during.max_by(f64::total_cmp) {
            words.push(format!("p99 meanwhile {p99:.0} ms"));
        }
        for (name, what) in [("judged", "requests judged"), ("made_up", "made-up ones")] {
            if let Some(count) = most(name) {
                words.push(format!("{count:.0} {what}"));
            }
        }
        words.push(format!("{:.0} s", self.took.as_secs_f64()));
        words.join(", ")
    }

    /// Those that could not run here.
    pub fn skipped(&self) -> usize {
        self.rows.iter().filter(|row| row.state == "skipped").count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_a_report_are_summed_up() {
        let path = std::env::temp_dir().join(format!("seatgrid-rows-{}", std::process::id()));
        let lines = [
            r#"{"drill":"a","state":"measured","granted":10,"failed":0,"lost":1,"twice":0,"stale":0,
                "gap_max_ms":7.0,"phases":{"during":{"p50_ms":1.0,"p99_ms":9.0}}}"#,
            r#"{"drill":"a","state":"measured","granted":5,"failed":0,"lost":0,"twice":0,"stale":0,
                "gap_max_ms":12.0,"phases":{}}"#,
            r#"{"drill":"b","state":"skipped","why":"no disk"}"#,
        ];
        let text: String = lines.map(|line| line.replace('\n', "") + "\n").concat();
        std::fs::write(&path, text).expect("written");
        let rows = read(&path).expect("lines");
        std::fs::remove_file(&path).expect("removed");
        let drill = &super::super::catalogue::ALL[0];
        let measured = Measured { drill, passed: true, took: Duration::from_secs(3), rows };
        let words = measured.summary();
        assert!(words.starts_with("15 holds granted, 0 failed, 1 lost"), "{words}");
        assert!(words.contains("longest pause 12 ms, p99 meanwhile 9 ms, 3 s"), "{words}");
        assert_eq!((measured.skipped(), measured.rows[2].words()), (1, vec!["no disk".to_owned()]));
    }
}
