//! The disk below a unit is slow.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use e2e::drill::{EVENT, Load, knob, lasts, skipped};
use e2e::{System, until};

use super::reconciles;

/// How long the disk is slow.
const SLOW_FOR: Duration = Duration::from_secs(6);

/// Every sync of the leading unit takes 200 ms longer. Expected: the sale goes on, since two other
/// disks are a quorum or another unit takes over; no answer contradicts another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_leaders_disk_is_slow() {
    let system = System::start();
    let mut load = Load::start(&system, 2 * SLOW_FOR.as_secs() + 2).await;
    let leader = system.leader_of(EVENT).await;
    let Some(mut slowed) = slow_syncs(leader.pid).await else {
        return skipped("slow disk", "needs strace and the right to trace the unit");
    };
    load.mark(format!("unit {} syncs 200 ms later", leader.node));
    lasts(SLOW_FOR).await;
    slowed.kill().expect("strace ends");
    slowed.wait().expect("strace is gone");
    load.mark("the disk is well again");
    let verdict = load.judge(&system, "leader's disk is slow").await;
    verdict.holds_promises().pauses_at_most(Duration::from_secs(knob("GAP_MAX_S", 10)));
    reconciles(&system);
}

/// Delays each fdatasync of a process; `None` where that cannot be done.
async fn slow_syncs(pid: i32) -> Option<Child> {
    let slow = "inject=fdatasync:delay_enter=200000";
    let mut command = Command::new("strace");
    command.args(["-f", "-q", "-e", "trace=fdatasync", "-e", slow, "-o", "/dev/null", "-p"]);
    let mut child = command.arg(pid.to_string()).stderr(Stdio::null()).spawn().ok()?;
    let traced = until("strace holds the unit, or has given up", Duration::from_secs(20), || {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let holds = status.contains(&format!("TracerPid:\t{}\n", child.id()));
        let gave_up = !matches!(child.try_wait(), Ok(None));
        async move { (holds || gave_up).then_some(holds && !gave_up) }
    });
    traced.await.then_some(child)
}
