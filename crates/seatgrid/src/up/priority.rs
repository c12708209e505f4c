//! Who waits when all processes of a local `up` want the processor at once: a shopper's answer comes before
//! the books. What the writer and PostgreSQL do not get to in a rush they make up for afterwards, as after
//! any outage (docs/decisions/2026-11-22-books-yield-to-shoppers.md).

use rustix::process::{Pid, getpriority_process, setpriority_pgrp};

use crate::role::Role;

/// How much they yield (nice(1)): beside one busy process they still get a quarter of its time, so that
/// the books fall behind and do not stop.
pub const YIELDING: i32 = 5;

/// Lowers a child that nobody waits for; its group is its own. Where the system refuses, all are equals.
pub fn lower(role: Role, child: u32) {
    let yields = match role {
        Role::Writer | Role::Worker => true,
        Role::Router | Role::Office | Role::Unit | Role::Sandbox => false,
    };
    let group = i32::try_from(child).ok().and_then(Pid::from_raw);
    if yields && group.is_some() {
        let own = getpriority_process(None).unwrap_or(0);
        let _ = setpriority_pgrp(group, own + YIELDING);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;
    use std::process::{Command, Stdio};

    use super::*;

    /// The largest that there is.
    const NICENESS_MAX: i32 = 19;

    #[test]
    fn books_yield_and_shoppers_do_not() {
        let own = getpriority_process(None).expect("a priority");
        for (role, more) in [(Role::Writer, YIELDING), (Role::Router, 0), (Role::Unit, 0)] {
            let mut command = Command::new("cat");
            let child = command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null());
            let mut child = child.spawn().expect("cat");
            lower(role, child.id());
            let got = getpriority_process(Some(Pid::from_child(&child))).expect("a priority");
            assert_eq!(got, (own + more).min(NICENESS_MAX), "{role}");
            drop(child.stdin.take());
            child.wait().expect("its end");
        }
    }
}
