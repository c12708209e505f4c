//! Each foreign library has one home, hidden behind our own types.

use super::sources::SourceFile;

/// Library (as it is written in code) and the only paths in which it may appear.
const HOMES: &[(&str, &[&str])] = &[
    ("openraft", &["crates/grid-node/src/raft", "crates/grid-node/tests"]),
    ("sqlx", &["crates/data-writer/", "crates/box-office/", "crates/rivals/", "tests/e2e/"]),
    ("bincode", &["crates/inventory/src/codec.rs", "crates/grid-node/src/codec.rs"]),
    (
        "axum",
        &[
            "crates/router/",
            "crates/box-office/",
            "crates/http-api/",
            "crates/operator/",
            "crates/rivals/",
            "crates/payments/src/sandbox",
            "crates/payments/tests",
            "crates/payments/src/conformance",
            "crates/data-writer/src/admin",
            "crates/seatgrid/src",
        ],
    ),
    (
        "reqwest",
        &[
            "crates/payments/",
            "crates/box-office/src/people/oidc.rs",
            "crates/box-office/src/push",
            "crates/box-office/src/telegram",
            "crates/box-office/tests/",
            "crates/seatgrid/",
            "tests/e2e/",
        ],
    ),
];

/// Names every use away from home.
pub fn check(files: &[SourceFile]) -> Vec<String> {
    let mut faults = vec![];
    for file in files.iter().filter(|f| !f.path.starts_with("xtask/")) {
        for (library, homes) in HOMES {
            let at_home = homes.iter().any(|home| file.path.starts_with(home));
            let path_use = format!("{library}::");
            let used = file.code_lines().any(|line| {
                let word = line.find(&path_use).is_some_and(|at| starts_word(line, at));
                word || line.trim_start() == format!("use {library};")
            });
            if used && !at_home {
                faults.push(format!("{}: {library} has another home", file.path));
            }
        }
    }
    faults
}

fn starts_word(line: &str, at: usize) -> bool {
    !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
}
