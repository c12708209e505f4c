//! Where replicas and leaders should be: pure, from the meta group's state alone.
//!
//! It only proposes; nothing is moved on suspicion. What an operator's goal allows is moved: away
//! from nodes that are draining or lost, onto nodes that were added, evenly. The controller carries
//! proposals out one by one, so a plan is never stale: after each step it is made anew.

mod leaders;
mod placement;

pub use leaders::{LeaderMove, ShardLoads, next_leader, stranded_leader};
pub use placement::{Change, Scope, founders, next_change, plan};

#[cfg(test)]
mod tests;
