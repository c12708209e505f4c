//! Finds the server's programs: `initdb` and `postgres` in one directory, usable by the account
//! that is to run them. It only looks; making a cluster is `cluster.rs`.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::account::Account;

/// The oldest major that is accepted.
pub(crate) const MAJOR_MIN: u32 = 14;
/// The oldest major that the database contract is written for; older ones bring a warning.
pub(crate) const MAJOR_WANTED: u32 = 15;
/// Where Debian's packages put each major version.
const DEBIAN_DIR: &str = "/usr/lib/postgresql";
/// Names a directory of programs that goes before all others.
const BIN_ENV: &str = "SEATGRID_PG_BIN";

/// A usable installed server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Programs {
    pub(crate) bin_dir: PathBuf,
    pub(crate) major: u32,
}

/// What was found, and what was looked at in vain (for the error message).
#[derive(Debug, Default)]
pub(crate) struct Search {
    pub(crate) found: Vec<Programs>,
    pub(crate) passed_over: Vec<String>,
}

/// All installed servers in order of preference.
pub(crate) fn installed(account: &Account) -> Search {
    let mut search = Search::default();
    let mut seen = BTreeSet::new();
    for dir in candidates() {
        let dir = real_bin_dir(&dir);
        if !seen.insert(dir.clone()) {
            continue;
        }
        match probe(&dir, account) {
            Ok(programs) => search.found.push(programs),
            Err(reason) if given_dir().is_some_and(|given| real_bin_dir(&given) == dir) => {
                // Somebody chose it, so passing it over in silence would be a surprise.
                tracing::warn!(dir = %dir.display(), reason, "{BIN_ENV} is not usable");
                search.passed_over.push(format!("{}: {reason}", dir.display()));
            }
            Err(reason) => search.passed_over.push(format!("{}: {reason}", dir.display())),
        }
    }
    if search.found.is_empty() && search.passed_over.is_empty() {
        search.passed_over.push(format!("nothing in PATH or {DEBIAN_DIR}"));
    }
    search
}

fn given_dir() -> Option<PathBuf> {
    env::var_os(BIN_ENV).filter(|dir| !dir.is_empty()).map(PathBuf::from)
}

fn candidates() -> Vec<PathBuf> {
    let given = env::var_os(BIN_ENV).filter(|dir| !dir.is_empty()).map(PathBuf::from);
    let path = env::var_os("PATH").unwrap_or_default();
    let in_path = env::split_paths(&path)
        .filter(|dir| dir.join("initdb").is_file() && dir.join("postgres").is_file());
    given.into_iter().chain(in_path).chain(debian_dirs(Path::new(DEBIAN_DIR))).collect()
}

/// `/usr/lib/postgresql/<major>/bin`, the highest major first.
fn debian_dirs(root: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(root) else {
        return Vec::new();
    };
    let mut majors: Vec<u32> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|major| root.join(format!("{major}/bin/postgres")).is_file())
        .collect();
    majors.sort_unstable_by(|a, b| b.cmp(a));
    majors.into_iter().map(|major| root.join(format!("{major}/bin"))).collect()
}

/// Follows links, because the server looks for its share files relative to its real place.
fn real_bin_dir(dir: &Path) -> PathBuf {
    let real = fs::canonicalize(dir.join("postgres")).ok();
    let parent = real.as_deref().and_then(Path::parent);
    match parent {
        Some(parent) if parent.join("initdb").is_file() => parent.to_owned(),
        _ => dir.to_owned(),
    }
}

/// Asks the server for its version under the account, which also shows that it can run there.
pub(crate) fn probe(bin_dir: &Path, account: &Account) -> Result<Programs, String> {
    let version = version_of(&bin_dir.join("postgres"), account)?;
    version_of(&bin_dir.join("initdb"), account)?;
    let major = parse_major(&version).ok_or_else(|| format!("unknown version {version:?}"))?;
    if major < MAJOR_MIN {
        return Err(format!("version {major} is older than {MAJOR_MIN}"));
    }
    Ok(Programs { bin_dir: bin_dir.to_owned(), major })
}

fn version_of(program: &Path, account: &Account) -> Result<String, String> {
    let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let output = account.command(program).arg("--version").output();
    let output = output.map_err(|error| format!("cannot run {name}: {error}"))?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(format!("{name} --version fails: {complaint}"));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// "postgres (PostgreSQL) 15.18 (Debian …)" → 15; also "17beta1".
fn parse_major(version: &str) -> Option<u32> {
    let number = version.split("(PostgreSQL)").nth(1)?.trim_start();
    let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        let cases = [
            ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", Some(15)),
            ("postgres (PostgreSQL) 17beta1", Some(17)),
            ("initdb (PostgreSQL) 9.6.24", Some(9)),
            ("postgres", None),
        ];
        for (text, major) in cases {
            assert_eq!(parse_major(text), major, "{text}");
        }
    }

    #[test]
    fn the_highest_debian_major_comes_first() {
        let root = tempfile::tempdir().expect("temporary directory");
        for major in ["9.6", "14", "15", "16", "common"] {
            let bin = root.path().join(major).join("bin");
            fs::create_dir_all(&bin).expect("create");
            fs::write(bin.join("postgres"), "").expect("write");
        }
        fs::remove_file(root.path().join("16/bin/postgres")).expect("remove");
        let found = debian_dirs(root.path());
        assert_eq!(found, [root.path().join("15/bin"), root.path().join("14/bin")]);
    }

    #[test]
    fn a_directory_without_programs_says_so() {
        let account = Account::choose().expect("an account");
        let error = probe(Path::new("/nowhere"), &account).expect_err("nothing is there");
        assert!(error.contains("cannot run postgres"), "{error}");
    }
}
