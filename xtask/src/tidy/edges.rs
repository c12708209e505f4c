//! Which crate may use which: the list of ARCHITECTURE.md, checked against `cargo metadata`.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::command::output;

/// Crate and what it may use of ours. An edge that is not here needs a reason in docs/decisions/.
const EDGES: &[(&str, &[&str])] = &[
    ("inventory", &[]),
    ("grid-node", &[]),
    ("payments", &[]),
    ("storefront", &[]),
    ("local-postgres", &[]),
    ("processing-unit", &["inventory", "grid-node"]),
    ("http-api", &["inventory", "processing-unit"]),
    ("operator", &["grid-node", "http-api"]),
    ("data-writer", &["inventory", "processing-unit", "http-api"]),
    ("box-office", &["inventory", "payments", "processing-unit", "http-api"]),
    ("rivals", &["inventory", "http-api"]),
    ("router", &["inventory", "processing-unit", "storefront", "http-api"]),
];

/// Crates that may use everything.
const FREE: &[&str] = &["seatgrid", "xtask", "e2e", "histories", "sim"];

/// Names every edge that is not allowed, development dependencies left out.
pub fn check() -> Result<Vec<String>> {
    let text = output("cargo", &["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .context("cargo metadata failed")?;
    let metadata: Value = serde_json::from_str(&text)?;
    let packages = metadata["packages"].as_array().context("no packages in cargo metadata")?;
    let allowed: BTreeMap<_, _> = EDGES.iter().copied().collect();
    let mut faults = vec![];
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        let Some(allowed) = allowed.get(name) else {
            if !FREE.contains(&name) {
                faults.push(format!("crate {name} is not in the list of edges"));
            }
            continue;
        };
        for used in ours(package) {
            if !allowed.contains(&used.as_str()) {
                faults.push(format!("crate {name} must not use {used}"));
            }
        }
    }
    Ok(faults)
}

/// The crates of ours that a package uses in its product code.
fn ours(package: &Value) -> Vec<String> {
    let used = package["dependencies"].as_array().into_iter().flatten();
    let product = used.filter(|d| d["kind"].is_null() && d["path"].is_string());
    product.filter_map(|d| d["name"].as_str().map(str::to_owned)).collect()
}
