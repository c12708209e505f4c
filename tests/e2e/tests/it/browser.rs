//! Pages as people use them, in a real Chromium against the whole system: the scripts of
//! `tests/browser`. An ordinary run takes the short form, a purchase and an account; `cargo xtask
//! browser` takes every page and every end of a purchase.
//!
//! Chromium and node come from the machine; Playwright and the accessibility checker come from npm at
//! the first run, by the lock file, into the target directory. Where one is missing the test says so
//! aloud and what to type, and is passed over; but where `CI` is set, a machine with one of Chromium
//! and node is meant to run it and must have the rest, and who asks for every page must have all.
#![allow(clippy::print_stderr, reason = "a test that did not run must say so aloud")]

use std::path::{Path, PathBuf};
use std::process::Command;

use e2e::System;

/// Names that Chromium goes by.
const CHROMIUM: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
/// What has to be typed on a machine that lacks something.
const HINT: &str = "apt-get install chromium nodejs npm; then run the test again";

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../browser")
}

/// The address of a program on this machine.
fn program(name: &str) -> Option<PathBuf> {
    let paths = std::env::var_os("PATH")?;
    std::env::split_paths(&paths).map(|dir| dir.join(name)).find(|path| path.is_file())
}

/// The folder with the tools of npm, fetched by the lock file where they are not there yet.
fn tools() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser-tools");
    let lock = std::fs::read(scripts().join("package-lock.json")).expect("the lock file");
    if std::fs::read(folder.join("installed.json")).is_ok_and(|kept| kept == lock) {
        return Some(folder);
    }
    std::fs::create_dir_all(&folder).expect("a folder");
    for name in ["package.json", "package-lock.json"] {
        std::fs::copy(scripts().join(name), folder.join(name)).expect("a copy");
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--no-audit", "--no-fund"]).current_dir(&folder);
    let fetched = npm.output().ok().filter(|output| output.status.success());
    fetched.map(|_| {
        std::fs::write(folder.join("installed.json"), lock).expect("a mark");
        folder
    })
}

#[test]
fn people_buy_and_look_after_their_accounts() {
    let chromium = CHROMIUM.iter().find_map(|name| program(name));
    let is_asked = std::env::var_os("SEATGRID_BROWSER_ALL").is_some();
    let is_meant = chromium.is_some() || program("node").is_some();
    let (Some(chromium), Some(_), Some(_)) = (chromium, program("node"), program("npm")) else {
        let is_red = is_asked || (is_meant && std::env::var_os("CI").is_some());
        assert!(!is_red, "Chromium, node or npm is missing, the others are here. Type: {HINT}");
        eprintln!("SKIPPED: Chromium, node or npm is not installed. Type: {HINT}");
        return;
    };
    let Some(tools) = tools() else {
        assert!(!is_asked, "npm could not fetch Playwright and axe-core. Type: {HINT}");
        eprintln!("SKIPPED: npm could not fetch Playwright and axe-core. Type: {HINT}");
        return;
    };
    let mut system = System::start();
    // What it tells is seen as it comes: all pages take minutes.
    let ended = Command::new("node")
        .arg("run.mjs")
        .current_dir(scripts())
        .env("SEATGRID_BROWSER_TOOLS", tools)
        .env("SEATGRID_CHROMIUM", chromium)
        .env("SEATGRID_URL", system.url())
        .env("SEATGRID_DATA", system.data_dir())
        .status()
        .expect("node runs");
    assert!(ended.success(), "{}", system.log());
    assert_eq!(system.stop(), Some(0));
}
