//! Build step: finds the archive of the bundled server inside the carrier package, checks its
//! SHA-256 and lays it into OUT_DIR for `include_bytes!`. An absent archive becomes an empty file
//! (the product then says that it has no bundled server); a wrong one stops the build.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use sha2::{Digest, Sha256};

const CARRIER: &str = "pglite-rs-lib-x86_64-unknown-linux-gnu";
const CARRIER_VERSION: &str = "0.2.7";
const ARCHIVE: &str = "lib/pglite-runtime.tar.zst";
/// Of the archive in the pinned version; another content is not what was examined.
const ARCHIVE_SHA256: &str = "e3fb68210df2e40e534a5db9886a4af5d56d4ef9ca30adeefd437069bda95073";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let bytes = if wanted() { archive() } else { Vec::new() };
    fs::write(out.join("postgres.tar.zst"), bytes).expect("OUT_DIR is writable");
}

fn wanted() -> bool {
    let target = env::var("TARGET").unwrap_or_default();
    env::var_os("CARGO_FEATURE_BUNDLED_PG").is_some() && target == "x86_64-unknown-linux-gnu"
}

fn archive() -> Vec<u8> {
    let Some(path) = in_registry().or_else(in_metadata) else {
        println!("cargo:warning=package {CARRIER} was not found; building without bundled server");
        return Vec::new();
    };
    println!("cargo:rerun-if-changed={}", path.display());
    let bytes = fs::read(&path).unwrap_or_else(|e| panic!("cannot read {}: {e}", path.display()));
    let digest: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
    assert!(digest == ARCHIVE_SHA256, "{}: SHA-256 is {digest}", path.display());
    bytes
}

/// The usual place. Looked at first because `cargo metadata` wants every package of the workspace
/// downloaded, which a plain build of the binary does not do.
fn in_registry() -> Option<PathBuf> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| {
        #[allow(deprecated, reason = "cargo itself uses the same home directory")]
        env::home_dir().map(|home| home.join(".cargo"))
    })?;
    let indexes = fs::read_dir(home.join("registry/src")).ok()?;
    let package = format!("{CARRIER}-{CARRIER_VERSION}");
    indexes
        .flatten()
        .map(|index| index.path().join(&package).join(ARCHIVE))
        .find(|path| path.is_file())
}

/// Vendored sources and other registries: cargo knows where the package lies.
fn in_metadata() -> Option<PathBuf> {
    let output = Command::new(env::var_os("CARGO")?)
        .args(["metadata", "--format-version", "1", "--offline", "--filter-platform"])
        .arg(env::var_os("TARGET")?)
        .current_dir(env::var_os("CARGO_MANIFEST_DIR")?)
        .output()
        .ok()?;
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
    let package = metadata["packages"].as_array()?.iter().find(|p| p["name"] == CARRIER)?;
    let path = Path::new(package["manifest_path"].as_str()?).parent()?.join(ARCHIVE);
    path.is_file().then_some(path)
}
