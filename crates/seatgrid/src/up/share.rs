//! How many threads each process of a local `up` runs on, where all of them share one machine.
//!
//! A process alone on a machine takes a thread per core. With eight of them on it, threads beyond the
//! share of each only wake each other up: on two cores one thread each made a hold a sixth cheaper
//! (docs/benchmarks/2026-11-22-router.md).

/// Processes that are busy in a sale: router and three units; the others have little to do.
const BUSY_PROCESSES: usize = 4;
/// What the runtime reads; set by hand it stays as it is.
const VARIABLE: &str = "TOKIO_WORKER_THREADS";
/// More threads for consensus do not help one node.
const CONSENSUS_MAX: usize = 2;

/// The setting that a child's runtime goes by, unless one is given already.
pub fn runtime_setting() -> Option<(&'static str, String)> {
    std::env::var_os(VARIABLE).is_none().then(|| (VARIABLE, share(cores()).to_string()))
}

/// Threads for consensus in a unit. Where a unit has one thread in all, consensus shares it: a thread of
/// its own would only be woken for each entry, which costs an eighth of a unit's processor time.
pub fn consensus_threads() -> usize {
    match share(cores()) {
        1 => 0,
        share => share.min(CONSENSUS_MAX),
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn share(cores: usize) -> usize {
    (cores / BUSY_PROCESSES).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_machines_give_one_thread_and_large_ones_a_fair_share() {
        assert_eq!([1, 2, 4, 7, 8, 64].map(share), [1, 1, 1, 1, 2, 16]);
        assert!(consensus_threads() <= CONSENSUS_MAX);
    }
}
