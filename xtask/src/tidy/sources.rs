//! Rules for each source file: opening words, size, width, tests that wait instead of sleeping.

use anyhow::{Context, Result};

use crate::command::output;

/// Lines of a file above which it surely has two reasons to change.
const FILE_LINES_MAX: usize = 800;
/// Lines that a file should stay below; more than [`LONG_FILES_MAX`] longer ones are a breach.
const FILE_LINES_GOOD: usize = 400;
/// How many files may be longer than is good. This number only ever goes down.
const LONG_FILES_MAX: usize = 9;
/// Characters of a line.
const LINE_WIDTH_MAX: usize = 110;

/// A Rust file of the project.
pub struct SourceFile {
    /// Path from the root, with forward slashes.
    pub path: String,
    /// Its text.
    pub text: String,
}

impl SourceFile {
    /// Lines that are not comments.
    pub fn code_lines(&self) -> impl Iterator<Item = &str> {
        self.text.lines().filter(|line| !line.trim_start().starts_with("//"))
    }

    fn is_test(&self) -> bool {
        self.path.contains("/tests/") || self.path.starts_with("tests/")
    }
}

/// All Rust files that git knows or would know.
pub fn rust_files() -> Result<Vec<SourceFile>> {
    let args = ["ls-files", "--cached", "--others", "--exclude-standard", "--", "*.rs"];
    let list = output("git", &args).context("git ls-files failed")?;
    let read = |path: &str| {
        let text = std::fs::read_to_string(path).with_context(|| path.to_owned())?;
        Ok(SourceFile { path: path.to_owned(), text })
    };
    list.lines().filter(|path| std::path::Path::new(path).exists()).map(read).collect()
}

/// Names every breach.
pub fn check(files: &[SourceFile]) -> Vec<String> {
    let mut faults: Vec<String> = files.iter().flat_map(check_file).collect();
    let long = files.iter().filter(|f| f.text.lines().count() > FILE_LINES_GOOD).count();
    if long > LONG_FILES_MAX {
        faults
            .push(format!("{long} files have over {FILE_LINES_GOOD} lines, {LONG_FILES_MAX} may"));
    }
    faults
}

fn check_file(file: &SourceFile) -> Vec<String> {
    let mut faults = vec![];
    let mut fault = |what: &str| faults.push(format!("{}: {what}", file.path));
    let opening = file.text.lines().take(3).any(|line| line.starts_with("//!"));
    if !opening {
        fault("does not open with //! (what it is, where in the flow, what it must never do)");
    }
    if file.text.lines().count() > FILE_LINES_MAX {
        fault("has over 800 lines");
    }
    if file.text.lines().any(|line| line.chars().count() > LINE_WIDTH_MAX) {
        fault("has a line over 110 characters");
    }
    if file.path.starts_with("xtask/") {
        return faults;
    }
    for word in ["todo!(", "unimplemented!(", "TODO", "FIXME", "XXX", "#[ignore"] {
        if file.text.contains(word) {
            fault(&format!("contains {word}"));
        }
    }
    let sleeps = ["thread::sleep(", "time::sleep("];
    // Simulated time costs nothing.
    let is_real = !file.path.starts_with("tests/sim/src/");
    if is_real && file.is_test() && file.code_lines().any(|l| sleeps.iter().any(|s| l.contains(s)))
    {
        fault("sleeps; a test waits for a condition with a deadline");
    }
    faults
}
