//! Children of an earlier supervisor that was killed. They end by themselves when their lifeline
//! breaks; this waits for that, and kills what does not. A process is touched only when its command
//! line names a configuration of our data directory, since process ids are used again.

use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::data_dir::DataDir;
use super::roster;

/// A role that lost its supervisor ends within this time, or is killed.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Returns when no child of an earlier run of this data directory is left.
pub async fn end(dir: &DataDir) {
    let config_dir = dir.join("config");
    let Ok(entries) = roster::read(&dir.join("processes.json")) else { return };
    let began = Instant::now();
    for entry in entries {
        while is_ours(entry.pid, &config_dir) {
            if began.elapsed() > PATIENCE {
                tracing::warn!(pid = entry.pid, role = entry.role, "killing a left-over process");
                kill(entry.pid);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

fn kill(pid: u32) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // It may be gone by now.
        let _ = kill_process(pid, Signal::KILL);
    }
}

/// A zombie has no command line any more, so it counts as ended.
fn is_ours(pid: u32, config_dir: &Path) -> bool {
    let Ok(line) = std::fs::read(format!("/proc/{pid}/cmdline")) else { return false };
    let config_dir = config_dir.as_os_str().as_encoded_bytes();
    !config_dir.is_empty() && line.windows(config_dir.len()).any(|part| part == config_dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stranger_is_not_ours() {
        let own = std::process::id();
        assert!(!is_ours(own, Path::new("/no/such/data/config")));
        let name = std::env::args().next().expect("own name");
        assert!(is_ours(own, Path::new(&name)), "the command line is searched");
    }
}
