//! Mutation testing of a pure crate at the price of one build: every mutation that `cargo-mutants`
//! lists is put behind a switch that is read when the tests run, the copy is compiled once, and its
//! tests run once a mutant until the first of them fails.
//!
//! Usage, from the root of the repository: `mutants [--again] [--file PART] [--shard K/N]`. Results
//! are appended to `target/mutants/results.tsv` as they come; `--again` tries those anew that lived.
//! It never changes the crate itself.

mod build;
mod list;
mod run;
mod switch;

use std::path::Path;

use anyhow::Context;

/// The crate under test.
const CRATE: &str = "crates/inventory";
/// Where the copy and the results lie.
const WORK: &str = "target/mutants";

fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| {
        let at = args.iter().position(|arg| arg == name)?;
        args.get(at + 1).cloned()
    };
    let work = Path::new(WORK);
    let all = list::mutants().context("cargo-mutants must be installed to list mutations")?;
    let built = build::build(Path::new(CRATE), work, &all)?;
    let chosen = run::Chosen {
        file: value("--file"),
        again: args.iter().any(|arg| arg == "--again"),
        shard: value("--shard").map(|text| run::shard(&text)).transpose()?,
    };
    run::run(&built, &all, work, &chosen)
}
