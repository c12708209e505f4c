//! The drills that there are: their names, targets, and where they stand.

use anyhow::{Result, bail};

/// A drill.
#[derive(Debug)]
pub struct Named {
    /// What it is called by.
    pub name: &'static str,
    /// The target's number.
    pub id: &'static str,
    /// What has to hold.
    pub target: &'static str,
    /// What is run.
    pub how: How,
}

/// What is run for a drill.
#[derive(Debug)]
pub enum How {
    /// Tests on real processes: words of their names.
    Processes(&'static [&'static str]),
    /// Tests of some packages: the packages, words of the tests' names.
    Parts(&'static [&'static str], &'static [&'static str]),
    /// The simulation.
    Simulation,
}

const fn named(name: &'static str, id: &'static str, target: &'static str, how: How) -> Named {
    Named { name, id, target, how }
}

/// The drills with these names, in the list's order; `all` is every one.
///
/// # Errors
/// When there is none of such a name.
pub fn chosen(names: &[String]) -> Result<Vec<&'static Named>> {
    let known = |name: &&String| *name == "all" || ALL.iter().any(|drill| drill.name == **name);
    if let Some(unknown) = names.iter().find(|name| !known(name)) {
        bail!("there is no drill `{unknown}`: see `cargo xtask drill --list`");
    }
    let all = names.iter().any(|name| name == "all");
    let wanted = |drill: &&Named| all || names.iter().any(|name| name == drill.name);
    Ok(ALL.iter().filter(wanted).collect())
}

/// All, in the order in which they are run.
pub const ALL: &[Named] = &[
    named(
        "leader-kill",
        "R1",
        "100 kills at 10,000 holds/s: nothing lost, nothing twice, pause at most 2 s",
        How::Processes(&["drills::processes::"]),
    ),
    named(
        "all-kill",
        "R2",
        "20 kills of everything, 100 power cuts: nothing acknowledged is lost",
        How::Processes(&["drills::long::blackouts::", "drills::long::power::"]),
    ),
    named(
        "grow-and-shrink",
        "R3",
        "unit added, leaders moved, one drained: no request failed, p99 meanwhile below 250 ms",
        How::Processes(&["drills::elastic::"]),
    ),
    named(
        "stop-and-split",
        "R4",
        "leader stopped 5 s, links cut, disk slow, full, lying, gone: no wrong answer",
        How::Processes(&[
            "drills::long::freezes::",
            "drills::links::",
            "drills::long::disks::",
            "drills::wiped::",
        ]),
    ),
    named(
        "database-outage",
        "R5",
        "PostgreSQL away for 600 s under load: the sale goes on, ledger gapless, memory flat",
        How::Processes(&["drills::database::", "drills::outage::"]),
    ),
    named(
        "writer-steps",
        "R6",
        "the writer killed at every await, its connection cut at every message: rows exactly once",
        How::Parts(&["data-writer"], &["cut::", "takeover::", "writing::the_same_batch"]),
    ),
    named("simulation", "R7", "1,000 seeds green within 60 s", How::Simulation),
    named(
        "linearizability",
        "R8",
        "histories of every seat under faults have an order; 10 million requests judged",
        How::Processes(&["drills::histories::"]),
    ),
    named(
        "gateway-faults",
        "R9",
        "each way a gateway fails, at each step: captured money is seats or a refund",
        How::Parts(
            &["payments", "box-office"],
            &["faults::", "outcomes::", "restart::", "payments::", "late_money::", "verdicts::"],
        ),
    ),
    named(
        "money-matrix",
        "R9",
        "each fault at each step of a purchase has its one ending, with real processes",
        How::Processes(&["money::matrix::"]),
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_chosen_in_the_lists_order_and_unknown_ones_refused() {
        let names =
            |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let found = chosen(&names(&["all-kill", "leader-kill"])).expect("both are there");
        assert_eq!(found.iter().map(|drill| drill.id).collect::<Vec<_>>(), ["R1", "R2"]);
        assert_eq!(chosen(&names(&["all"])).expect("all").len(), ALL.len());
        assert!(chosen(&names(&["leader-kill", "nobody"])).is_err());
    }
}
