//! Runs other programs and says clearly what failed.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// The project's root.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Runs a program; its words are separated by spaces.
pub fn run(line: &str) -> Result<()> {
    run_with(line, &[])
}

/// The same with environment variables.
pub fn run_with(line: &str, vars: &[(&str, &str)]) -> Result<()> {
    println!("==> {line}");
    let mut words = line.split_whitespace();
    let program = words.next().context("an empty command")?;
    let mut command = Command::new(program);
    // What cargo says of this crate to its own program: build scripts further down would take it for
    // news of themselves and have half of the dependencies built anew, there and back.
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_of_this_crate(name)) {
        command.env_remove(name);
    }
    let status = command
        .args(words)
        .envs(vars.iter().copied())
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("cannot start `{program}`"))?;
    if !status.success() {
        bail!("`{line}` failed: {status}");
    }
    Ok(())
}

/// Whether a variable tells of the crate that runs.
fn is_of_this_crate(name: &std::ffi::OsStr) -> bool {
    let name = name.to_string_lossy();
    name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
}

/// What a program prints; `None` when it does not run or fails.
pub fn output(program: &str, args: &[&str]) -> Option<String> {
    let out = Command::new(program).args(args).stdin(Stdio::null()).output().ok()?;
    out.status.success().then(|| String::from_utf8_lossy(&out.stdout).into_owned())
}
