//! What a measurement ran on and what it cost: hardware in words, processor time of processes.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use super::grid::processes::Usage;

/// Processor, number of processors and memory, as in `2 x Xeon, 24 GB`, and a word about a build whose
/// figures say nothing.
pub fn hardware() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = value(&cpus, "model name").unwrap_or("unknown processor");
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kilobytes = value(&memory, "MemTotal").and_then(|v| v.split(' ').next()?.parse().ok());
    let gigabytes: u64 = kilobytes.unwrap_or(0_u64).div_ceil(1 << 20);
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    let build = if cfg!(debug_assertions) { ", development build" } else { "" };
    format!("{count} x {model}, {gigabytes} GB{build}")
}

fn value<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_once(':').map(|(_, value)| value.trim())
}

/// All processes of a local `up`, its database left out.
///
/// # Errors
/// When there is none.
pub fn pids_of_all(data_dir: &Path) -> Result<Vec<u32>> {
    let file = data_dir.join("processes.json");
    let text = fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
    let all: Vec<Value> = serde_json::from_slice(&text).context("reading the processes")?;
    Ok(all.iter().filter_map(|one| u32::try_from(one["pid"].as_u64()?).ok()).collect())
}

/// Processor time before and after.
pub struct Meter {
    own: Usage,
    service: Option<(Vec<u32>, Usage)>,
}

/// Processor time that a run took, in seconds.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub struct Cost {
    pub generator_cpu_s: f64,
    /// Absent for another machine's processes.
    pub service_cpu_s: Option<f64>,
    pub service_resident_bytes: Option<u64>,
}

impl Meter {
    /// Begins, with the processes of the service where they are known.
    ///
    /// # Errors
    /// When the kernel does not tell about one of them.
    pub fn start(service: Option<Vec<u32>>) -> Result<Self> {
        let service =
            service.map(|pids| Usage::of(&pids).map(|usage| (pids, usage))).transpose()?;
        Ok(Self { own: Usage::own()?, service })
    }

    /// What was used since the beginning.
    ///
    /// # Errors
    /// As [`Meter::start`].
    pub fn cost(&self) -> Result<Cost> {
        let generator_cpu_s = Usage::own()?.since(self.own).cpu_s;
        let service = match &self.service {
            Some((pids, before)) => Some(Usage::of(pids)?.since(*before)),
            None => None,
        };
        Ok(Cost {
            generator_cpu_s,
            service_cpu_s: service.map(|usage| usage.cpu_s),
            service_resident_bytes: service.map(|usage| usage.resident_bytes),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_is_told_in_words() {
        assert!(hardware().contains(" GB"), "{}", hardware());
        assert_eq!(value("model name\t: Xeon X\n", "model name"), Some("Xeon X"));
    }
}
