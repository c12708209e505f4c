//! Every numbered invariant has a sentence in docs/invariants.md; those that the file calls built
//! are named by an assertion or checker in product code and by a test.

use std::collections::BTreeSet;

use anyhow::{Context, Result};

use super::sources::SourceFile;

/// Names every invariant that is called built and has no assertion or no test.
pub fn check(files: &[SourceFile]) -> Result<Vec<String>> {
    let text = std::fs::read_to_string("docs/invariants.md").context("docs/invariants.md")?;
    let mut faults = vec![];
    for line in text.lines().filter(|line| line.starts_with("| I")) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let (id, state) = (cells[1], cells.get(3).copied().unwrap_or_default());
        if state != "built" {
            continue;
        }
        let named = |file: &&SourceFile| ids(&file.text).contains(id);
        let (tests, product): (Vec<_>, Vec<_>) =
            files.iter().filter(named).partition(|f| f.path.contains("tests/"));
        if product.is_empty() {
            faults.push(format!("invariant {id} has no assertion or checker that names it"));
        }
        if tests.is_empty() {
            faults.push(format!("invariant {id} has no test that names it"));
        }
    }
    Ok(faults)
}

/// Invariant ids that a text names: `I` and digits as a word.
fn ids(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let is_id = |word: &&str| {
        word.strip_prefix('I')
            .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    };
    words.filter(is_id).map(str::to_owned).collect()
}
