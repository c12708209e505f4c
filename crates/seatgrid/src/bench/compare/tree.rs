//! Processor time and memory of processes with all that they started, as the kernel counts it.

use std::collections::HashMap;
use std::fs;

/// Linux reports times in hundredths of a second.
const TICKS_PER_S: f64 = 100.0;

/// What some processes and their descendants took.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Taken {
    /// Including descendants that ended and were waited for.
    pub cpu_s: f64,
    pub resident_bytes: u64,
}

struct Process {
    parent: u32,
    ticks: u64,
}

impl Taken {
    /// Since the processes began. One that ends meanwhile is left out.
    pub fn of(roots: &[u32]) -> Self {
        let all = processes();
        let mut taken = Self::default();
        for (pid, process) in &all {
            if is_below(*pid, roots, &all) {
                taken.cpu_s += process.ticks as f64 / TICKS_PER_S;
                taken.resident_bytes += resident_bytes(*pid);
            }
        }
        taken
    }
}

fn processes() -> HashMap<u32, Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter_map(|pid| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        Some((pid, read_stat(&stat)?))
    })
    .collect()
}

/// The parent is the 4th field; user and system time are the 14th and 15th, those of children that
/// ended the 16th and 17th, counted after the name in brackets.
fn read_stat(stat: &str) -> Option<Process> {
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks = fields.get(11..15)?.iter().filter_map(|field| field.parse::<u64>().ok()).sum();
    Some(Process { parent: fields.get(1)?.parse().ok()?, ticks })
}

fn is_below(pid: u32, roots: &[u32], all: &HashMap<u32, Process>) -> bool {
    let mut at = pid;
    // No chain is longer than there are processes.
    for _ in 0..all.len() {
        if roots.contains(&at) {
            return true;
        }
        match all.get(&at) {
            Some(process) if process.parent != 0 => at = process.parent,
            _ => return false,
        }
    }
    false
}

fn resident_bytes(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) << 10
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_process_counts_with_what_it_started() {
        let stat = "7 (a (b) c) S 3 7 7 0 -1 4194560 1 2 3 4 100 50 25 25 20 0 1 0 100";
        let process = read_stat(stat).expect("a process");
        assert_eq!((process.parent, process.ticks), (3, 200));
        let mut child =
            Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("cat");
        let own = Taken::of(&[std::process::id()]);
        let childs = Taken::of(&[child.id()]);
        drop(child.stdin.take());
        child.wait().expect("it ends");
        assert!(childs.resident_bytes > 0 && own.resident_bytes > childs.resident_bytes);
    }
}
