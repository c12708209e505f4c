//! Compiles the stand-ins for clock and chance, and puts them before the C library's.

use std::path::PathBuf;
use std::process::Command;

fn main() {
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it"));
    let object = out.join("process.o");
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".into());
    let arguments = ["-O2", "-Wall", "-Werror", "-fPIC", "-c", "shim/process.c", "-o"];
    let status = Command::new(&compiler).args(arguments).arg(&object).status();
    let status = status.unwrap_or_else(|error| panic!("{compiler}: {error}"));
    assert!(status.success(), "{compiler} does not compile shim/process.c");
    println!("cargo::rerun-if-changed=shim/process.c");
    println!("cargo::rerun-if-env-changed=CC");
    // Exported, since some callers look the names up when they run.
    for argument in [&*object.to_string_lossy(), "-rdynamic", "-Wl,--wrap=pthread_create"] {
        println!("cargo::rustc-link-arg-bin=sim={argument}");
    }
}
