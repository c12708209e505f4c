//! Tests: what is issued is what a grid takes, and nothing is overwritten.

use std::os::unix::fs::PermissionsExt as _;

use grid_node::tls::TlsConfig;

use super::*;

fn new_ca_args(dir: &Path) -> NewCaArgs {
    NewCaArgs { dir: dir.to_owned(), cluster_id: Some(7), days: 30 }
}

fn issue_args(dir: &Path, node: Option<u64>, client: Option<&str>) -> IssueArgs {
    IssueArgs { dir: dir.to_owned(), node, client: client.map(str::to_owned), out: None, days: 30 }
}

#[test]
fn issued_files_fit_together() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    new_ca(&new_ca_args(dir)).expect("an authority");
    issue(&issue_args(dir, Some(2), None)).expect("a node's certificate");
    issue(&issue_args(dir, None, Some("writer"))).expect("a client's certificate");
    for name in ["node-2", "client-writer"] {
        let [cert, key] = ["pem", "key"].map(|end| dir.join(format!("{name}.{end}")));
        let mode = std::fs::metadata(&key).expect("a key").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}: the key is its owner's alone");
        let config = TlsConfig::files(dir.join(CA_CERT), cert.clone(), key);
        config.check(["10.0.0.1:1".parse().expect("an address")]).expect(name);
        let mixed = TlsConfig::files(dir.join(CA_CERT), cert, dir.join(CA_KEY));
        assert!(mixed.check([]).is_err(), "{name}: another key is noticed");
    }
}

#[test]
fn nothing_is_overwritten() {
    let dir = tempfile::tempdir().expect("a directory");
    let args = new_ca_args(dir.path());
    new_ca(&args).expect("an authority");
    let before = std::fs::read(dir.path().join(CA_KEY)).expect("a key");
    assert!(new_ca(&args).is_err());
    assert_eq!(std::fs::read(dir.path().join(CA_KEY)).expect("a key"), before);
    let args = issue_args(dir.path(), Some(1), None);
    issue(&args).expect("a certificate");
    assert!(issue(&args).is_err());
}

#[test]
fn names_and_ids_are_checked() {
    assert_eq!(cluster_id(&format!("{:032x}", 7)), Ok(7));
    assert!(cluster_id("7").is_err() && cluster_id(&"g".repeat(32)).is_err());
    assert!(plain_name("writer-2").is_ok());
    assert!(plain_name("").is_err() && plain_name("../key").is_err());
}

#[test]
fn the_documented_lines_are_understood() {
    use clap::Parser as _;
    let parse = |line: &str| crate::cli::Cli::try_parse_from(line.split(' '));
    for line in [
        "seatgrid tls new-ca --dir tls",
        "seatgrid tls issue --dir tls --node 1",
        "seatgrid tls issue --dir tls --client writer --out new --days 30",
    ] {
        parse(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    }
    for line in ["seatgrid tls issue --dir tls", "seatgrid tls issue --node 1 --client writer"] {
        assert!(parse(line).is_err(), "{line}");
    }
}
