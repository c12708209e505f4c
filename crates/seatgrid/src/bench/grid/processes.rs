//! What processes used, as the kernel counts it.

use std::fs;

use anyhow::{Context, Result};

/// Linux reports times in hundredths of a second.
const TICKS_PER_S: f64 = 100.0;

/// Totals of some processes since they began.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usage {
    /// Processor time of all threads, in seconds.
    pub cpu_s: f64,
    /// Reads and writes of files and sockets.
    pub io_calls: u64,
    /// How often a thread went to sleep and was woken.
    pub wake_ups: u64,
    /// Resident memory now, in bytes.
    pub resident_bytes: u64,
}

impl Usage {
    /// Of this process.
    pub fn own() -> Result<Self> {
        Self::of(&[std::process::id()])
    }

    /// Of these processes together.
    pub fn of(pids: &[u32]) -> Result<Self> {
        let mut sum = Self::default();
        for pid in pids {
            let read = |name: &str| {
                let path = format!("/proc/{pid}/{name}");
                fs::read_to_string(&path).context(path)
            };
            sum.cpu_s += cpu_s(&read("stat")?);
            let io = read("io").unwrap_or_default();
            sum.io_calls += field(&io, "syscr:") + field(&io, "syscw:");
            sum.resident_bytes += field(&read("status")?, "VmRSS:") << 10;
            sum.wake_ups += wake_ups(*pid);
        }
        Ok(sum)
    }

    /// What was used since `before`; memory as it is now.
    pub fn since(self, before: Self) -> Self {
        Self {
            cpu_s: self.cpu_s - before.cpu_s,
            io_calls: self.io_calls.saturating_sub(before.io_calls),
            wake_ups: self.wake_ups.saturating_sub(before.wake_ups),
            resident_bytes: self.resident_bytes,
        }
    }
}

/// User and system time: the 14th and 15th field, counted after the name in brackets.
fn cpu_s(stat: &str) -> f64 {
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let mut fields = after_name.split_whitespace().skip(11);
    let mut ticks = || fields.next().and_then(|f| f.parse::<u64>().ok()).unwrap_or(0);
    (ticks() + ticks()) as f64 / TICKS_PER_S
}

fn field(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// Voluntary context switches of all threads.
fn wake_ups(pid: u32) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let statuses = tasks.filter_map(|task| fs::read_to_string(task.path().join("status")).ok());
    statuses.map(|status| field(&status, "voluntary_ctxt_switches:")).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_tables_are_read() {
        let stat = "7 (a (b) c) S 1 7 7 0 -1 4194560 1 2 3 4 250 50 0 0 20 0 1 0 100";
        assert!((cpu_s(stat) - 3.0).abs() < f64::EPSILON);
        assert_eq!(field("a: 1\nVmRSS:\t  12 kB\n", "VmRSS:"), 12);
        let own = Usage::own().expect("readable");
        assert!(own.resident_bytes > 0 && own.since(own).io_calls == 0);
    }
}
