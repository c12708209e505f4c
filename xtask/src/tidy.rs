//! House rules that no compiler knows: crate edges, homes of foreign libraries, file sizes, opening
//! words, tests without sleeps, decided invariants with their assertion and test,
//! the list of metrics.

mod edges;
mod homes;
mod invariants;
mod metrics;
mod sources;

use anyhow::{Result, bail};

/// Checks all rules and names every breach.
pub fn run() -> Result<()> {
    println!("==> tidy");
    let files = sources::rust_files()?;
    let mut faults = edges::check()?;
    faults.extend(homes::check(&files));
    faults.extend(sources::check(&files));
    faults.extend(invariants::check(&files)?);
    faults.extend(metrics::check(&files)?);
    for fault in &faults {
        eprintln!("tidy: {fault}");
    }
    if !faults.is_empty() {
        bail!("{} breaches of the house rules", faults.len());
    }
    Ok(())
}
