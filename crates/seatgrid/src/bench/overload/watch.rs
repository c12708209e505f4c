//! What the service does meanwhile: processor time, memory, elections, and the unit that leads.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::super::grid::processes::Usage;
use super::super::load::{Request, Wire};

/// How long a look at a unit's metrics may take; a busy one answers late.
const LOOK_WITHIN: Duration = Duration::from_secs(10);
const LEADERSHIPS: &str = "seatgrid_shard_leaderships_total";

/// The processes of a local `up`.
#[derive(Clone)]
pub struct Watch {
    data_dir: PathBuf,
}

/// At one moment.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seen {
    pub cpu_s: f64,
    pub resident_bytes: u64,
    /// Times that a unit became leader of a shard, all units together.
    pub leaderships: u64,
}

impl Watch {
    /// Of the `up` with this directory.
    pub fn new(data_dir: &Path) -> Self {
        Self { data_dir: data_dir.to_owned() }
    }

    fn processes(&self) -> Result<Vec<Value>> {
        let file = self.data_dir.join("processes.json");
        let text = std::fs::read(&file).with_context(|| file.display().to_string())?;
        serde_json::from_slice(&text).context("the processes")
    }

    /// Looks once.
    ///
    /// # Errors
    /// When a process is gone.
    pub async fn see(&self) -> Result<Seen> {
        let all = self.processes()?;
        let pids: Vec<u32> = all.iter().filter_map(pid).collect();
        let usage = Usage::of(&pids)?;
        let mut leaderships = 0;
        for unit in all.iter().filter(|one| one["role"] == "unit") {
            let admin = unit["admin"].as_str().context("an address")?;
            leaderships += counted(admin).await.unwrap_or(0);
        }
        let Usage { cpu_s, resident_bytes, .. } = usage;
        Ok(Seen { cpu_s, resident_bytes, leaderships })
    }

    /// The unit that uses most of the processor in a moment under load: the hot shard's leader.
    ///
    /// # Errors
    /// When there is none.
    pub async fn busiest_unit(&self) -> Result<u32> {
        let all = self.processes()?;
        let pids: Vec<u32> =
            all.iter().filter(|one| one["role"] == "unit").filter_map(pid).collect();
        let used = || pids.iter().map(|pid| Usage::of(&[*pid])).collect::<Result<Vec<_>>>();
        let before = used()?;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let since = used()?.into_iter().zip(before).map(|(now, before)| now.since(before).cpu_s);
        let busiest = since.zip(&pids).max_by(|(a, _), (b, _)| a.total_cmp(b));
        busiest.map(|(_, pid)| *pid).context("no units")
    }
}

fn pid(process: &Value) -> Option<u32> {
    u32::try_from(process["pid"].as_u64()?).ok()
}

async fn counted(admin: &str) -> Result<u64> {
    let mut wire = Wire::new(admin, LOOK_WITHIN);
    let answer = wire.ask(Request::get("/metrics", &[])).await?;
    Ok(sum(&String::from_utf8_lossy(answer.body)))
}

fn sum(metrics: &str) -> u64 {
    let lines = metrics.lines().filter(|line| line.starts_with(LEADERSHIPS));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
}

/// Lets a process stand still; runs again when this value goes.
pub struct Frozen(Pid);

impl Frozen {
    /// Stops it.
    ///
    /// # Errors
    /// When it is gone.
    pub fn stop(pid: u32) -> Result<Self> {
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).context("a process id")?;
        kill_process(pid, Signal::STOP).context("stopping a unit")?;
        Ok(Self(pid))
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        // It may have been ended meanwhile.
        let _ = kill_process(self.0, Signal::CONT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elections_are_counted_over_all_series() {
        let text = "# TYPE seatgrid_shard_leaderships_total counter\n\
                    seatgrid_shard_leaderships_total 4\nother 9\n";
        assert_eq!(sum(text), 4);
    }
}
