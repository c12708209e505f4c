//! All processes die at once. The ordinary run has a small one without load (`crash.rs`).

use e2e::System;
use e2e::drill::{Drill, Load, knob};

use super::super::reconciles;

/// Seconds of load; it goes on while nothing is there.
const LOAD_S: u64 = 6;

/// kill -9 of every process at once, and everything started again. Expected: requests fail while
/// nothing is there and succeed under the same key afterwards; nothing acknowledged before is lost.
#[tokio::test]
async fn all_processes_are_killed_at_once() {
    let drill = Drill::begin("all processes killed");
    let mut system = System::start();
    for number in 1..=knob("BLACKOUTS", 1) {
        let mut load = Load::start(&system, LOAD_S).await;
        load.mark(format!("blackout {number}"));
        system.kill_all();
        system.start_again();
        load.calm();
        load.judge(&system, &drill).await;
    }
    reconciles(&system);
}
