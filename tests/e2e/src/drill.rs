//! What every drill needs: a load with a journal, the moments of faults, the judgement, and how much
//! of each the present run wants.

use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::client::Client;
use crate::system::System;
use crate::wait::until;

/// The event that drills fight over; a shard with nothing else in it.
pub const EVENT: &str = "demo-arena";

/// A size of a drill: from the environment, where `cargo xtask long drills` puts it, or small.
pub fn knob(name: &str, small: u64) -> u64 {
    let value = std::env::var(format!("SEATGRID_DRILL_{name}"));
    value.map_or(small, |text| text.parse().unwrap_or_else(|e| panic!("{name}={text}: {e}")))
}

/// Holds asked for per second.
pub fn rate() -> u64 {
    knob("RATE", 100)
}

/// Says in one line that a drill cannot run here.
#[expect(clippy::print_stdout, reason = "a drill that is skipped says so")]
pub fn skipped(name: &str, why: &str) {
    println!("SKIPPED {name}: {why}");
}

/// A running load.
pub struct Load {
    child: Child,
    journal: PathBuf,
    marks: Vec<(u128, String)>,
}

impl Load {
    /// Starts `seatgrid bench holds` for so long, and waits until it is under way.
    pub async fn start(system: &System, seconds: u64) -> Self {
        let journal = system.scratch(&format!("journal-{}", now_ns()));
        let child = system
            .command(&["bench", "holds", "--event", EVENT])
            .args(["--rate", &rate().to_string(), "--seconds", &seconds.to_string()])
            .args(["--keep", &(rate() * 2).min(6_000).to_string(), "--journal"])
            .arg(&journal)
            .stdout(Stdio::null())
            .spawn()
            .expect("the load starts");
        let client = Client::new(&system.url());
        until("holds", Duration::from_secs(60), || async {
            let counts = client.get(&format!("/events/{EVENT}/availability"), None).await.body;
            (counts["held"].as_u64() > Some(rate() / 2)).then_some(())
        })
        .await;
        Self { child, journal, marks: vec![] }
    }

    /// Remembers that a fault is made now.
    pub fn mark(&mut self, name: impl Into<String>) {
        self.marks.push((now_ns(), name.into()));
    }

    /// Waits for the load's end and judges its journal.
    pub async fn judge(self, system: &System, name: &str) -> Verdict {
        let Self { mut child, journal, marks } = self;
        let ended = tokio::task::spawn_blocking(move || child.wait()).await.expect("no panic");
        assert!(ended.expect("an end").success(), "{name}: the load failed:\n{}", system.log());
        let file = journal.with_extension("marks");
        let text: String = marks.iter().map(|(at, name)| format!("{at} {name}\n")).collect();
        std::fs::write(&file, text).expect("marks");
        let path = |path: &PathBuf| path.display().to_string();
        let (journal, file) = (path(&journal), path(&file));
        let checked =
            system.run_bare(&["bench", "check-journal", &journal, "--marks", &file, "--json"]);
        let verdict = serde_json::from_slice(&checked.stdout).unwrap_or_else(|error| {
            panic!("{name}: no verdict ({error}): {}", String::from_utf8_lossy(&checked.stderr))
        });
        let verdict = Verdict { name: name.to_owned(), verdict };
        verdict.print();
        verdict
    }
}

/// How long a fault stays: a length that the drill chooses, no wait for something to happen.
pub async fn lasts(duration: Duration) {
    tokio::time::sleep_until(tokio::time::Instant::now() + duration).await;
}

fn now_ns() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_nanos()
}

/// What the journal of a drill shows.
pub struct Verdict {
    name: String,
    verdict: Value,
}

impl Verdict {
    /// A figure.
    pub fn figure(&self, name: &str) -> f64 {
        self.verdict[name].as_f64().unwrap_or_else(|| panic!("no {name} in {}", self.verdict))
    }

    /// What every drill promises: nothing acknowledged is lost, no seat twice, no stale answer, and
    /// each request has a definite answer in the end, which is no failure.
    #[track_caller]
    pub fn holds_promises(&self) -> &Self {
        let Self { name, verdict } = self;
        assert_eq!(verdict["faults"], serde_json::json!([]), "{name}: {verdict}");
        assert_eq!(verdict["unknown"], 0, "{name}: {verdict}");
        assert!(self.figure("granted") > 100.0, "{name}: the load was nothing: {verdict}");
        let refused = verdict["refused"].as_object().expect("counts by code");
        // A release that was carried out but whose answer was lost finds nothing when asked again.
        let expected = ["Hold 409 seat_taken", "Release 404 hold_not_found"];
        let odd: Vec<_> = refused.keys().filter(|key| !expected.contains(&key.as_str())).collect();
        assert!(odd.is_empty(), "{name}: unexpected answers {odd:?} in {verdict}");
        self
    }

    /// No pause after a fault was longer.
    #[track_caller]
    pub fn pauses_at_most(&self, limit: Duration) -> &Self {
        let longest = self.figure("gap_max_ms");
        assert!(longest <= limit.as_secs_f64() * 1e3, "{}: {}", self.name, self.verdict);
        self
    }

    #[expect(clippy::print_stdout, reason = "a drill's figures are its result")]
    fn print(&self) {
        let figure = |name: &str| self.figure(name);
        println!(
            "DRILL {:<40} {:>6.0} holds/s {:>7} granted {:>5} faults {:>5} unknown {:>6} retries | \
             hold p50 {:>6.1} \
             p99 {:>7.1} ms | pauses {:>3} p50 {:>6.0} max {:>6.0} ms",
            self.name,
            figure("holds_per_s"),
            figure("granted"),
            figure("faults_count"),
            figure("unknown"),
            figure("retries"),
            figure("hold_p50_ms"),
            figure("hold_p99_ms"),
            self.verdict["gaps"].as_array().map_or(0, Vec::len),
            figure("gap_p50_ms"),
            figure("gap_max_ms"),
        );
        for gap in self.verdict["gaps"].as_array().into_iter().flatten() {
            let pause = gap["gap_ms"].as_f64().unwrap_or_default();
            println!("DRILL   {pause:>6.0} ms after: {}", gap["name"].as_str().unwrap_or_default());
        }
    }
}
