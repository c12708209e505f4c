//! Makes a cluster: initdb into a temporary directory, our database inside it, then a rename, so
//! that a cluster either is there as a whole or not at all. It starts no server.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::account::Account;
use crate::error::{IoContext, StartError};
use crate::server;

/// The superuser and the database of every managed cluster.
pub(crate) const USER: &str = "seatgrid";
pub(crate) const DATABASE: &str = "seatgrid";
/// How much of a tool's complaint goes into an error.
const OUTPUT_LINES_MAX: usize = 5;

/// What a new cluster is made with.
pub(crate) struct Recipe<'a> {
    pub(crate) bin_dir: &'a Path,
    pub(crate) account: &'a Account,
    pub(crate) password: &'a str,
    /// How clients on 127.0.0.1 prove the password, as pg_hba.conf calls it.
    pub(crate) auth: &'a str,
}

/// The directory of a cluster: a data directory of one major cannot be opened by another.
pub(crate) fn dir_of(home: &Path, major: u32) -> PathBuf {
    home.join(format!("pg-{major}"))
}

/// Makes the cluster `dir`. Leftovers of an interrupted attempt are removed first.
pub(crate) fn make(dir: &Path, recipe: &Recipe<'_>) -> Result<(), StartError> {
    let temporary = dir.with_extension("new");
    if temporary.exists() {
        fs::remove_dir_all(&temporary).context("cannot remove", &temporary)?;
    }
    DirBuilder::new().mode(0o700).create(&temporary).context("cannot create", &temporary)?;
    recipe.account.give(&temporary)?;
    initdb(&temporary, recipe)?;
    let hba = temporary.join("pg_hba.conf");
    let rule = format!("host all all 127.0.0.1/32 {}\n", recipe.auth);
    // Written anew because initdb also lets in sockets and replication, which nobody uses here.
    fs::write(&hba, rule).context("cannot write", &hba)?;
    create_database(&temporary, recipe)?;
    fs::rename(&temporary, dir).context("cannot rename to", dir)
}

fn initdb(dir: &Path, recipe: &Recipe<'_>) -> Result<(), StartError> {
    let password = dir.with_extension("password");
    write_password(&password, recipe)?;
    let mut command = recipe.account.command(recipe.bin_dir.join("initdb"));
    command.arg("--pgdata").arg(dir).args(["--username", USER, "--locale=C", "--encoding=UTF8"]);
    command.arg("--auth=scram-sha-256").arg("--pwfile").arg(&password);
    command.arg("--no-instructions");
    let result = run(command, "", dir);
    fs::remove_file(&password).context("cannot remove", &password)?;
    result
}

fn write_password(path: &Path, recipe: &Recipe<'_>) -> Result<(), StartError> {
    let _ = fs::remove_file(path);
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = file.context("cannot create", path)?;
    writeln!(file, "{}", recipe.password).context("cannot write", path)?;
    recipe.account.give(path)
}

/// In single-user mode, so that no server with a half-made cluster ever listens.
fn create_database(dir: &Path, recipe: &Recipe<'_>) -> Result<(), StartError> {
    let mut command = recipe.account.command(recipe.bin_dir.join("postgres"));
    command.arg("--single").arg("-D").arg(dir);
    command.args(["-c", server::shared_memory(recipe.account), "-c", "exit_on_error=on"]);
    command.arg("postgres");
    run(command, &format!("CREATE DATABASE {DATABASE}\n"), dir)
}

fn run(mut command: Command, input: &str, dir: &Path) -> Result<(), StartError> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let program = PathBuf::from(command.get_program());
    let mut child = command.spawn().context("cannot run", &program)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A tool that ended early is told by its status below.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().context("cannot run", &program)?;
    if output.status.success() {
        return Ok(());
    }
    let mut said = String::from_utf8_lossy(&output.stderr).into_owned();
    said.push_str(&String::from_utf8_lossy(&output.stdout));
    Err(StartError::InitFailed { dir: dir.to_owned(), output: last_lines(&said) })
}

/// The last lines of a log or an output, joined for one line of message.
pub(crate) fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(OUTPUT_LINES_MAX)..].join(" | ")
}

/// Checks that `dir` looks like a cluster of `major`.
pub(crate) fn check(dir: &Path, major: u32) -> Result<(), StartError> {
    let damaged = |reason: String| StartError::Damaged { path: dir.to_owned(), reason };
    let version = fs::read_to_string(dir.join("PG_VERSION"))
        .map_err(|error| damaged(format!("PG_VERSION cannot be read: {error}")))?;
    if version.trim() != major.to_string() {
        return Err(damaged(format!("it is of PostgreSQL {}, not {major}", version.trim())));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_lines_are_told() {
        let text = (1..=9).map(|n| format!("line {n}\n\n")).collect::<String>();
        assert_eq!(last_lines(&text), "line 5 | line 6 | line 7 | line 8 | line 9");
        assert_eq!(last_lines(""), "");
    }

    #[test]
    fn a_cluster_of_another_major_is_refused() {
        let dir = tempfile::tempdir().expect("temporary directory");
        assert!(check(dir.path(), 15).is_err());
        fs::write(dir.path().join("PG_VERSION"), "14\n").expect("write");
        let error = check(dir.path(), 15).expect_err("another major");
        assert!(error.to_string().contains("PostgreSQL 14, not 15"), "{error}");
        assert!(check(dir.path(), 14).is_ok());
    }
}
