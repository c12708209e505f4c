//! The short form of the simulation in the ordinary suite: determinism first, then a few runs.

use std::path::Path;
use std::process::{Command, Output};

const SIM: &str = env!("CARGO_BIN_EXE_sim");

fn run(seed: u64, trace: &Path) -> Output {
    let mut command = Command::new(SIM);
    command.args(["run", "--seed", &seed.to_string(), "--trace"]).arg(trace);
    command.env("SEATGRID_SIM_SEED", seed.to_string());
    command.output().expect("the simulation starts")
}

/// Everything else rests on this: a red seed must stay red when it is looked at.
#[test]
fn the_same_seed_is_the_same_run_to_the_byte() {
    let dir = tempfile::tempdir().expect("a directory");
    let traces = [1, 2].map(|which| {
        let path = dir.path().join(format!("trace-{which}"));
        let output = run(4, &path);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        std::fs::read(path).expect("a trace")
    });
    assert!(traces[0].len() > 10_000, "the trace tells what happened");
    assert!(traces[0] == traces[1], "two runs of one seed differ");
    let other = dir.path().join("other");
    run(5, &other);
    assert!(std::fs::read(other).expect("a trace") != traces[0], "two seeds are two runs");
}

#[test]
fn without_its_seed_in_the_environment_a_run_refuses() {
    let output = Command::new(SIM).args(["run", "--seed", "1"]).output().expect("it starts");
    assert_eq!(output.status.code(), Some(2), "time would be real");
}

/// Bounded in time, so that a slow machine runs fewer of them; `cargo xtask sim` runs many.
#[test]
fn a_few_seeds_are_green() {
    let batch = ["batch", "--seeds", "12", "--seconds", "40", "--jobs", "2"];
    let output = Command::new(SIM).args(batch).output().expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
