//! Faults under load, each with the answer that is expected; docs/drills.md lists them. Those of `long`
//! are left to `cargo xtask drill`, which also gives the others their full size.
//!
//! In every drill: no acknowledged hold is lost, no seat is held twice, no answer is older than one
//! that was given before, every request ends with a definite answer, and PostgreSQL agrees in the
//! end.

mod database;
mod elastic;
mod histories;
mod links;
mod outage;
mod processes;
mod wiped;

/// Left out of the ordinary run by `.config/nextest.toml`.
mod long {
    mod blackouts;
    mod disks;
    mod freezes;
    mod power;
}

use e2e::System;

/// The tables say what the grid says.
#[track_caller]
fn reconciles(system: &System) {
    let compared = system.run(&["reconcile"]);
    let words = [&compared.stdout[..], &compared.stderr].map(String::from_utf8_lossy);
    assert!(compared.status.success(), "grid and tables differ: {words:?}");
}

/// Gives an order to the operator's tool and waits until it is carried out.
#[track_caller]
fn ordered(system: &System, words: &[&str]) {
    let args = [&["ctl"], words, &["--wait", "--timeout", "300"]].concat();
    let output = system.run(&args);
    let told = [&output.stdout[..], &output.stderr].map(String::from_utf8_lossy);
    assert!(output.status.success(), "{words:?}: {told:?}");
}

/// The answer to an operator's question.
#[track_caller]
fn asked(system: &System, words: &[&str]) -> serde_json::Value {
    let output = system.run(&[&["ctl"], words, &["--json"]].concat());
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{words:?}: {error}: {}", String::from_utf8_lossy(&output.stderr))
    })
}
