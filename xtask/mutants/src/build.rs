//! Makes the copy with switches and compiles it. A mutation whose switch does not compile is taken
//! out and named; what is left is compiled again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use serde_json::Value;

use crate::list::Mutant;
use crate::switch::{Switched, switch};

/// How often the compiler may name mutations that do not compile.
const ROUNDS_MAX: usize = 20;

/// The copy's manifest: nothing of the workspace, and quick to run.
const MANIFEST: &str = r#"[package]
name = "inventory"
version = "0.1.0"
edition = "2024"

[workspace]

[dependencies]
bincode = "=1.3.3"
serde = { version = "1", features = ["derive", "rc"] }
sha2 = "0.10"

[dev-dependencies]
proptest = { version = "1", default-features = false, features = ["std"] }

[profile.dev]
opt-level = 1
debug = false
incremental = false
"#;

/// The switch: which mutation is on, and the end of the process at the first failure under one.
const SWITCH: &str = r#"
/// Which mutation this run has.
#[allow(missing_docs)]
pub mod mutant {
    static ID: std::sync::OnceLock<usize> = std::sync::OnceLock::new();

    fn read() -> usize {
        let id = std::env::var("MUTANT").ok().and_then(|id| id.parse().ok()).unwrap_or(0);
        if id != 0 {
            std::panic::set_hook(Box::new(|_| std::process::exit(101)));
        }
        id
    }

    pub fn on(id: usize) -> bool {
        *ID.get_or_init(read) == id
    }
}
"#;

/// What can be run.
pub struct Built {
    /// The program of unit tests, and that of the tables and models.
    pub programs: Vec<PathBuf>,
    /// Where they are run.
    pub folder: PathBuf,
    /// Mutations with a switch.
    pub switched: BTreeSet<usize>,
    /// Mutations whose switch does not compile.
    pub unviable: BTreeSet<usize>,
}

/// Copies, switches, compiles.
pub fn build(from: &Path, work: &Path, all: &[Mutant]) -> anyhow::Result<Built> {
    let folder = work.join("copy");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    copy(from, &folder)?;
    fs::write(folder.join("Cargo.toml"), MANIFEST)?;
    fs::copy("Cargo.lock", folder.join("Cargo.lock"))?;
    let mut unviable = BTreeSet::new();
    for _ in 0..ROUNDS_MAX {
        let written = write(from, &folder, all, &unviable)?;
        let (programs, wrong) = compile(&folder, work, &written)?;
        if wrong.is_empty() {
            let parts = written.values().flat_map(|file| &file.parts);
            let switched = parts.flat_map(|(_, ids)| ids.iter().copied()).collect();
            return Ok(Built { programs, folder, switched, unviable });
        }
        println!("{} switches do not compile", wrong.len());
        unviable.extend(wrong);
    }
    bail!("switches still fail to compile after {ROUNDS_MAX} rounds")
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            if entry.file_name() != "benches" {
                copy(&entry.path(), &target)?;
            }
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Writes every source file with its switches.
fn write(
    from: &Path,
    folder: &Path,
    all: &[Mutant],
    out: &BTreeSet<usize>,
) -> anyhow::Result<BTreeMap<String, Switched>> {
    let mut by_file = BTreeMap::<&str, Vec<&Mutant>>::new();
    for mutant in all {
        by_file.entry(&mutant.file).or_default().push(mutant);
    }
    let mut written = BTreeMap::new();
    for (file, mutants) in by_file {
        let inside = Path::new(file).strip_prefix(from)?;
        let source = fs::read_to_string(file)?;
        let mut switched = switch(&source, &mutants, out).with_context(|| file.to_owned())?;
        if inside == Path::new("src/lib.rs") {
            switched.text.push_str(SWITCH);
        }
        fs::write(folder.join(inside), &switched.text)?;
        written.insert(inside.display().to_string(), switched);
    }
    let lib = folder.join("src/lib.rs");
    let text = fs::read_to_string(&lib)?;
    if !text.contains("pub mod mutant") {
        fs::write(lib, text + SWITCH)?;
    }
    Ok(written)
}

/// Compiles the tests; the programs, or the mutations that stand where the compiler complains.
fn compile(
    folder: &Path,
    work: &Path,
    written: &BTreeMap<String, Switched>,
) -> anyhow::Result<(Vec<PathBuf>, BTreeSet<usize>)> {
    let target = fs::canonicalize(work)?.join("build");
    let output = Command::new("cargo")
        .args(["test", "--offline", "--no-run", "--lib", "--test", "it", "--message-format=json"])
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", target)
        .env("RUSTFLAGS", "--cap-lints=allow -Aarithmetic_overflow -Aunconditional_panic")
        .stderr(Stdio::inherit())
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let messages: Vec<Value> = text.lines().filter_map(|l| serde_json::from_str(l).ok()).collect();
    let mut wrong = BTreeSet::new();
    for message in messages.iter().filter(|one| one["message"]["level"] == "error") {
        let spans = message["message"]["spans"].as_array().cloned().unwrap_or_default();
        let found = spans.iter().filter(|span| span["is_primary"] == true);
        wrong.extend(found.flat_map(|span| theirs(span, written)));
    }
    if !output.status.success() && wrong.is_empty() {
        for message in messages.iter().filter(|one| one["message"]["level"] == "error") {
            println!("{}", message["message"]["rendered"].as_str().unwrap_or_default());
        }
        bail!("the copy does not compile, and no switch is to blame");
    }
    let program = |one: &Value| one["executable"].as_str().map(PathBuf::from);
    Ok((messages.iter().filter_map(program).collect(), wrong))
}

/// The mutations of the smallest part in which the compiler's place lies.
fn theirs(span: &Value, written: &BTreeMap<String, Switched>) -> Vec<usize> {
    let file = span["file_name"].as_str().unwrap_or_default();
    let Some(switched) = written.get(file) else { return vec![] };
    let byte = |name: &str| span[name].as_u64().unwrap_or(0) as usize;
    let (start, end) = (byte("byte_start"), byte("byte_end"));
    let around = switched.parts.iter().filter(|(part, _)| part.start <= start && end <= part.end);
    let least = around.min_by_key(|(part, _)| part.len());
    least.map(|(_, ids)| ids.clone()).unwrap_or_default()
}
