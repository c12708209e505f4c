//! docs/metrics.md lists exactly the metrics that the product publishes: an alarm on a name that no
//! longer exists never rings.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};

use super::sources::SourceFile;

/// The list for people.
const LIST: &str = "docs/metrics.md";
/// The macros that publish, and the type that the list must give.
const MACROS: [(&str, &str); 3] =
    [("counter!(", "counter"), ("gauge!(", "gauge"), ("histogram!(", "histogram")];

/// Names every metric that is not listed, is listed and gone, or is listed with another type.
pub fn check(files: &[SourceFile]) -> Result<Vec<String>> {
    let list = std::fs::read_to_string(LIST).with_context(|| LIST.to_owned())?;
    let product = |file: &&SourceFile| {
        let path = file.path.as_str();
        path.starts_with("crates/") && path.contains("/src/")
    };
    let (mut used, mut faults) = (BTreeMap::new(), Vec::new());
    for file in files.iter().filter(product) {
        for (name, kind) in published(&file.text) {
            match name {
                Some(name) => {
                    used.insert(name, kind);
                }
                None => faults.push(format!("{}: a metric's name must be a literal", file.path)),
            }
        }
    }
    faults.extend(compare(&used, &listed(&list)));
    Ok(faults)
}

/// Names and types in a source text; no name where it is not a literal.
fn published(text: &str) -> Vec<(Option<String>, &'static str)> {
    let mut found = Vec::new();
    for (call, kind) in MACROS {
        for (at, _) in text.match_indices(call) {
            let word = text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
            let line = text[..at].rsplit('\n').next().unwrap_or_default();
            if !word && !line.trim_start().starts_with("//") {
                found.push((literal(&text[at + call.len()..]), kind));
            }
        }
    }
    found
}

fn literal(rest: &str) -> Option<String> {
    let name = rest.trim_start().strip_prefix('"')?;
    Some(name[..name.find('"')?].to_owned())
}

/// Rows of the form `| name | type | …`.
fn listed(list: &str) -> Vec<(String, String)> {
    let rows = list.lines().filter_map(|line| line.strip_prefix("| `seatgrid_"));
    let cells = rows.filter_map(|row| {
        let (name, rest) = row.split_once("` | ")?;
        let (kind, _) = rest.split_once(" |")?;
        Some((format!("seatgrid_{name}"), kind.to_owned()))
    });
    cells.collect()
}

fn compare(used: &BTreeMap<String, &str>, listed: &[(String, String)]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut seen = BTreeSet::new();
    for (name, kind) in listed {
        if !seen.insert(name) {
            faults.push(format!("{LIST}: {name} is listed twice"));
        }
        match used.get(name) {
            None => faults.push(format!("{LIST}: {name} is listed and not published")),
            Some(used) if used != kind => faults.push(format!("{LIST}: {name} is a {used}")),
            Some(_) => {}
        }
    }
    let unlisted = used.keys().filter(|name| !seen.contains(name));
    faults.extend(unlisted.map(|name| format!("{LIST}: {name} is published and not listed")));
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_found_in_code_and_not_in_comments() {
        let text = "counter!(\"seatgrid_a_total\").increment(1);\n  metrics::gauge!(\n    \
                    \"seatgrid_b\", \"shard\" => name)\n// counter!(\"seatgrid_c\")\n\
                    histogram!(name)\nencounter!(\"seatgrid_d\")";
        let found = published(text);
        let name = |name: &str| Some(name.to_owned());
        let expected = [
            (name("seatgrid_a_total"), "counter"),
            (name("seatgrid_b"), "gauge"),
            (None, "histogram"),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn every_difference_is_named() {
        let used =
            ["seatgrid_a", "seatgrid_b", "seatgrid_c"].map(|name| (name.to_owned(), "gauge"));
        let list = "| metric | type |\n| `seatgrid_a` | gauge | x |\n| `seatgrid_b` | counter | x |\n\
                    | `seatgrid_x` | gauge | x |\n| `seatgrid_a` | gauge | x |";
        let faults = compare(&BTreeMap::from(used), &listed(list));
        assert_eq!(faults.len(), 4, "{faults:?}");
        for what in [
            "seatgrid_b is a gauge",
            "seatgrid_x is listed and not",
            "seatgrid_a is listed twice",
            "seatgrid_c is published",
        ] {
            assert!(faults.iter().any(|fault| fault.contains(what)), "{what}: {faults:?}");
        }
    }
}
