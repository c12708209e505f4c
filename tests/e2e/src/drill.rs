//! What every drill needs: a load by schedule with a journal, the moments of faults, the judgement,
//! how much of each the present run wants, and the line of the final table.

mod report;
mod verdict;

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::client::Client;
use crate::system::System;
use crate::wait::until;

pub use report::Drill;
pub use verdict::Verdict;

/// The event that drills fight over; a shard with nothing else in it.
pub const EVENT: &str = "demo-arena";
/// Longest load: the holds that it reads back at the end must not have ended by themselves.
const LOAD_S_MAX: u64 = 240;
/// How long each request is repeated: longer than a machine that is busy takes to start everything.
const PATIENCE_S: u64 = 180;
/// Holds that a load keeps at most, of some 20,000 seats.
const KEEP_MAX: u64 = 6_000;

/// A size of a drill: from the environment, where `cargo xtask drill` puts it, or small.
pub fn knob(name: &str, small: u64) -> u64 {
    let value = std::env::var(format!("SEATGRID_DRILL_{name}"));
    value.map_or(small, |text| text.parse().unwrap_or_else(|e| panic!("{name}={text}: {e}")))
}

/// Holds asked for per second.
pub fn rate() -> u64 {
    knob("RATE", 100)
}

/// The longest pause of a drill that is no failure yet; what it really was is in its figures.
pub fn pause_max() -> Duration {
    Duration::from_secs(knob("GAP_MAX_S", 10))
}

/// Cuts many faults into loads of a length that can be judged: how many faults each load gets.
pub fn loads(faults: u64, seconds_each: u64) -> Vec<u64> {
    let most = ((LOAD_S_MAX - 10) / seconds_each).max(1);
    (0..faults.div_ceil(most)).map(|load| most.min(faults - load * most)).collect()
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
        Self::start_at(system, seconds, rate()).await
    }

    /// The same with so many holds per second.
    pub async fn start_at(system: &System, seconds: u64, rate: u64) -> Self {
        let journal = system.scratch(&format!("journal-{}", now_ns()));
        let child = system
            .command(&["bench", "holds", "--event", EVENT])
            .args(["--rate", &rate.to_string()])
            .args(["--seconds", &seconds.min(LOAD_S_MAX).to_string()])
            .args(["--patience-s", &PATIENCE_S.to_string()])
            .args(["--keep", &(rate * 2).min(KEEP_MAX).to_string(), "--journal"])
            .arg(&journal)
            .stdout(Stdio::null())
            .spawn()
            .expect("the load starts");
        let client = Client::new(&system.url());
        until("holds", Duration::from_secs(60), || async {
            let counts = client.get(&format!("/events/{EVENT}/availability"), None).await.body;
            (counts["held"].as_u64() > Some(rate / 2)).then_some(())
        })
        .await;
        Self { child, journal, marks: vec![] }
    }

    /// Remembers that a fault is made now.
    pub fn mark(&mut self, name: impl Into<String>) {
        self.marks.push((now_ns(), name.into()));
    }

    /// From now on nothing is disturbed any more: what follows is `after` in the figures.
    pub fn calm(&mut self) {
        self.mark("calm");
    }

    /// Waits for the load's end and judges its journal: what every drill promises is asserted.
    pub async fn judge(self, system: &System, drill: &Drill) -> Verdict {
        let Self { mut child, journal, marks } = self;
        let ended = tokio::task::spawn_blocking(move || child.wait()).await.expect("no panic");
        let name = drill.name();
        assert!(ended.expect("an end").success(), "{name}: the load failed:\n{}", system.log());
        let verdict = judged(system, &journal, &marks, name);
        drill.tell(&verdict);
        verdict.holds_promises();
        // Half a gigabyte at full speed, and told in full already.
        let _ = std::fs::remove_file(&journal);
        verdict
    }
}

fn judged(system: &System, journal: &Path, marks: &[(u128, String)], name: &str) -> Verdict {
    let file = journal.with_extension("marks");
    let text: String = marks.iter().map(|(at, name)| format!("{at} {name}\n")).collect();
    std::fs::write(&file, text).expect("marks");
    let [journal, file] = [journal, &file].map(|path| path.display().to_string());
    let checked =
        system.run_bare(&["bench", "check-journal", &journal, "--marks", &file, "--json"]);
    let shown = serde_json::from_slice(&checked.stdout).unwrap_or_else(|error| {
        panic!("{name}: no verdict ({error}): {}", String::from_utf8_lossy(&checked.stderr))
    });
    Verdict::new(name, shown)
}

/// How long a fault stays: a length that the drill chooses, no wait for something to happen.
pub async fn lasts(duration: Duration) {
    tokio::time::sleep_until(tokio::time::Instant::now() + duration).await;
}

fn now_ns() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_nanos()
}
