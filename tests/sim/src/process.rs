//! Time and chance of this process, as `shim/process.c` keeps them.
//!
//! The shim stands in the place of the C library's functions, so it is reached through what calls
//! those. Only the loop of the world moves time; whatever else slept would move it too, which no
//! task does: tasks sleep on their runtime's timers.

use std::time::Duration;

/// Begins a simulated process; its value is the seed of all chance.
pub const SEED_VARIABLE: &str = "SEATGRID_SIM_SEED";
/// A sleep of so many seconds and the skew sets the wall clock's skew.
const NO_SKEW_S: i64 = 1 << 40;

/// Lets time pass at once.
pub fn advance(time: Duration) {
    std::thread::sleep(time);
}

/// From now on the wall clock is off by so much, until the next call.
pub fn walls_are_off_by(skew_ms: i64) {
    let seconds = NO_SKEW_S + skew_ms.div_euclid(1000);
    let nanos = skew_ms.rem_euclid(1000) * 1_000_000;
    let command = u64::try_from(seconds).ok().zip(u32::try_from(nanos).ok());
    let (seconds, nanos) = command.expect("a skew of less than ages");
    std::thread::sleep(Duration::new(seconds, nanos));
}
