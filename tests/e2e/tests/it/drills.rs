//! Faults under load, each with the answer that is expected. Small here; `cargo xtask long drills`
//! makes them long and prints their figures.
//!
//! In every drill: no acknowledged hold is lost, no seat is held twice, no answer is older than one
//! that was given before, every request ends with a definite answer, and PostgreSQL agrees in the
//! end.

mod disks;
mod elastic;
mod links;
mod processes;

use e2e::System;

/// The tables say what the grid says.
#[track_caller]
fn reconciles(system: &System) {
    let compared = system.run(&["reconcile"]);
    let words = [&compared.stdout[..], &compared.stderr].map(String::from_utf8_lossy);
    assert!(compared.status.success(), "grid and tables differ: {words:?}");
}
