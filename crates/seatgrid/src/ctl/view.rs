//! Answers for people and for programs: each has a JSON form and a text. Pure; the text fits on one
//! screen and says what to type next.

mod lists;
mod one;
mod status;
mod table;

pub(super) use lists::{Digests, Issues, Nodes, Operations, Shards};
pub(super) use one::{Balancer, Event, Layout, Node, Operation, Receipt, Shard, Upgrade};
pub(super) use status::Status;

/// A node's id, or `none`.
fn name(node: Option<u64>) -> String {
    node.map_or_else(|| "none".to_owned(), |node| node.to_string())
}

/// Ids with commas between them, or a dash.
fn names(nodes: impl IntoIterator<Item = u64>) -> String {
    let names: Vec<String> = nodes.into_iter().map(|node| node.to_string()).collect();
    if names.is_empty() { "-".to_owned() } else { names.join(",") }
}

/// A size with its unit, as in `12.3 GiB`.
fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests;
