//! Keeps what drills measured: docs/drills/DATE.md, with command, commit and machine. Appends, changes
//! nothing that stands there.

use std::fmt::Write as _;
use std::io::Write as _;

use anyhow::{Context, Result};

use super::measured::Measured;
use super::table::{VERDICTS_HEAD, line};
use crate::command::output;

/// Appends one run.
pub fn append(verdicts: &[String], results: &[Measured]) -> Result<()> {
    let dir = std::env::current_dir()?.join("docs/drills");
    std::fs::create_dir_all(&dir)?;
    let date = output("date", &["+%F"]).context("no `date`")?;
    let path = dir.join(format!("{}.md", date.trim()));
    let mut text = String::new();
    if !path.exists() {
        let _ = writeln!(text, "# Drills of {}", date.trim());
        let _ = writeln!(text, "What columns and verdicts mean: [drills.md](../drills.md).");
    }
    let command: Vec<String> = std::env::args().skip(1).collect();
    let _ = writeln!(text, "\n`cargo xtask {}`, {}", command.join(" "), machine());
    let _ = writeln!(text, "\n{VERDICTS_HEAD}\n{}", verdicts.join("\n"));
    let rows: Vec<String> = results.iter().flat_map(|result| &result.rows).map(line).collect();
    if !rows.is_empty() {
        let _ = writeln!(text, "\n```\n{}\n```", rows.join("\n"));
    }
    let file = std::fs::OpenOptions::new().create(true).append(true).open(&path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| path.display().to_string())?;
    println!("appended to {}", path.display());
    Ok(())
}

/// Commit, processors, kernel, load: what figures depend on.
fn machine() -> String {
    let word = |program: &str, args: &[&str]| {
        output(program, args).map_or_else(|| "unknown".to_owned(), |text| text.trim().to_owned())
    };
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split_whitespace().next().unwrap_or("unknown").to_owned();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!(
        "commit {}, {cores} cores, {}, load average {load} at the end, {}",
        word("git", &["rev-parse", "--short", "HEAD"]),
        word("uname", &["-sr"]),
        word("rustc", &["--version"]),
    )
}
