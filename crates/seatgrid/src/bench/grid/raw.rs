//! The limit: the same bytes in the same portions, appended to one file and synced, nothing else.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::Serialize;

use super::load::LogUse;

/// Long enough to even out a slow sync, short beside the case itself.
const SPAN: Duration = Duration::from_secs(3);

/// What the disk takes.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Raw {
    /// Bytes in one portion: those of the log divided by its syncs.
    pub portion_bytes: u64,
    pub bytes_per_s: f64,
    pub syncs_per_s: f64,
}

/// Writes portions like those of the log for a while.
pub async fn measure(dir: &Path, log: LogUse) -> Result<Raw> {
    let path = dir.join(format!("seatgrid-bench-{:016x}.raw", rand::random::<u64>()));
    tokio::task::spawn_blocking(move || append(&path, log)).await?
}

fn append(path: &PathBuf, log: LogUse) -> Result<Raw> {
    let portion_bytes = log.bytes / log.syncs.max(1);
    let portion = vec![0x5a; usize::try_from(portion_bytes.max(1))?];
    let options = OpenOptions::new().create_new(true).append(true).open(path);
    let mut file = options.with_context(|| path.display().to_string())?;
    let began = Instant::now();
    let mut syncs = 0_u32;
    let written = loop {
        let result = file.write_all(&portion).and_then(|()| file.sync_data());
        syncs += 1;
        if result.is_err() || began.elapsed() >= SPAN {
            break result;
        }
    };
    let took_s = began.elapsed().as_secs_f64();
    fs::remove_file(path)?;
    written.with_context(|| path.display().to_string())?;
    let syncs_per_s = f64::from(syncs) / took_s;
    Ok(Raw { portion_bytes, bytes_per_s: syncs_per_s * portion.len() as f64, syncs_per_s })
}
