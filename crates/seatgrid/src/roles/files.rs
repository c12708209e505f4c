//! Tests: the commented files in `config/` say what the code does.

use std::collections::BTreeSet;
use std::path::PathBuf;

use toml::{Table, Value};

use crate::config::RoleConfig;
use crate::role::Role;

/// The file parses, means the defaults, and names every knob.
pub(super) fn check<C: RoleConfig>(role: Role, defaults: &C) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../../config/{role}.toml"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{role}: {e}"));
    let file: Table = text.parse().unwrap_or_else(|e| panic!("{role}: {e}"));
    let loaded: C = file.clone().try_into().unwrap_or_else(|e| panic!("{role}: {e}"));
    let loaded = Table::try_from(&loaded).expect("the configuration has a TOML form");
    let defaults = Table::try_from(defaults).expect("the defaults have a TOML form");
    assert_eq!(loaded, defaults, "{role}.toml differs from the defaults");
    let (mut named, mut known) = (BTreeSet::new(), BTreeSet::new());
    keys("", &file, &mut named);
    keys("", &defaults, &mut known);
    let missing: Vec<_> = known.difference(&named).collect();
    assert!(missing.is_empty(), "{role}.toml does not name {missing:?}");
}

fn keys(prefix: &str, table: &Table, into: &mut BTreeSet<String>) {
    for (key, value) in table {
        let key = format!("{prefix}{key}");
        match value {
            Value::Table(inner) => keys(&format!("{key}."), inner, into),
            _ => {
                into.insert(key);
            }
        }
    }
}

#[test]
fn router() {
    check(Role::Router, &router::RouterConfig::default());
}

#[test]
fn office() {
    check(Role::Office, &box_office::OfficeConfig::default());
}

#[test]
fn worker() {
    check(Role::Worker, &box_office::WorkerConfig::default());
}

#[test]
fn writer() {
    check(Role::Writer, &data_writer::WriterConfig::default());
}

#[test]
fn sandbox() {
    check(Role::Sandbox, &payments::sandbox::SandboxConfig::default());
}

/// A unit has no default identity: that of the file is taken, and the knobs compared.
#[test]
fn unit() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../config/unit.toml");
    let text = std::fs::read_to_string(path).expect("the file");
    let file: processing_unit::UnitConfig = toml::from_str(&text).expect("a configuration");
    let node = file.node;
    node.validate().expect("the example fits together");
    let node = grid_node::NodeConfig::new(node.cluster_id, node.node_id, node.peers, node.data_dir);
    check(Role::Unit, &processing_unit::UnitConfig::new(file.admin_listen, node));
}
