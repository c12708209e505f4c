//! The mutations that `cargo-mutants` would make, read from its list. Decides nothing itself.

use std::process::Command;

use anyhow::{Context, bail};
use serde_json::Value;

/// One mutation.
#[derive(Debug, Clone)]
pub struct Mutant {
    /// Its number, from 1; the switch's position.
    pub id: usize,
    /// The source file, from the root of the repository.
    pub file: String,
    /// Place and change in words.
    pub name: String,
    /// What kind of change, in the words of `cargo-mutants`.
    pub genre: String,
    /// The new text.
    pub replacement: String,
    /// Line and column at which the changed text begins, both from 1.
    pub start: (usize, usize),
    /// Line and column behind it.
    pub end: (usize, usize),
}

/// All mutations of the crate, in the order of the source.
pub fn mutants() -> anyhow::Result<Vec<Mutant>> {
    let program = std::env::var("CARGO_MUTANTS").unwrap_or_else(|_| "cargo-mutants".to_owned());
    let args = ["mutants", "--list", "--json", "-p", "inventory"];
    let output = Command::new(program).args(args).output()?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr));
    }
    let list: Vec<Value> = serde_json::from_slice(&output.stdout)?;
    list.iter().enumerate().map(|(at, one)| mutant(at + 1, one)).collect()
}

fn mutant(id: usize, one: &Value) -> anyhow::Result<Mutant> {
    let text =
        |name: &str| Ok::<_, anyhow::Error>(one[name].as_str().context("a text")?.to_owned());
    let number = |end: &str, name: &str| {
        one["span"][end][name].as_u64().map(|no| no as usize).context("a number")
    };
    Ok(Mutant {
        id,
        file: text("file")?,
        name: text("name")?,
        genre: text("genre")?,
        replacement: text("replacement")?,
        start: (number("start", "line")?, number("start", "column")?),
        end: (number("end", "line")?, number("end", "column")?),
    })
}
