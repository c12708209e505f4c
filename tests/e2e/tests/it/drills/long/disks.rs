//! The disk below a unit is slow, full, or has less room than it promised.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use e2e::drill::{Drill, EVENT, Load, knob, lasts, pause_max};
use e2e::loop_disk::LoopDisk;
use e2e::{Process, System, until};

use super::super::{asked, ordered, reconciles};

/// How long the disk is slow.
const SLOW_FOR: Duration = Duration::from_secs(6);
/// How long a unit stays away that cannot use its disk.
const AWAY_FOR: Duration = Duration::from_secs(8);
/// A unit's log reaches the end of its segment within this at a hundred holds a second.
const STOPS_WITHIN: Duration = Duration::from_secs(120);
/// The unit whose disk it is.
const UNIT: u32 = 2;
/// Small segments: the next one is needed soon. The demo's largest plan still fits into a command.
const SMALL_SEGMENTS: [(&str, &str); 2] = [
    ("SEATGRID_UNIT__NODE__LOG__SEGMENT_BYTES", "524288"),
    ("SEATGRID_UNIT__NODE__BATCH__COMMAND_BYTES_MAX", "524288"),
];

/// Every sync of the leading unit takes 200 ms longer. Expected: the sale goes on, since two other
/// disks are a quorum or another unit takes over; no answer contradicts another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_leaders_disk_is_slow() {
    let drill = Drill::begin("leader's disk is slow");
    let system = System::start();
    let mut load = Load::start(&system, 3 * SLOW_FOR.as_secs()).await;
    let leader = system.leader_of(EVENT).await;
    let Some(mut slowed) = slow_syncs(leader.pid).await else {
        return drill.skip("needs strace and the right to trace the unit");
    };
    load.mark(format!("unit {} syncs 200 ms later", leader.node));
    lasts(SLOW_FOR).await;
    slowed.kill().expect("strace ends");
    slowed.wait().expect("strace is gone");
    load.calm();
    load.judge(&system, &drill).await.pauses_at_most(pause_max());
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

/// The disk of a leading unit is full. Expected: the unit stops by itself and says why, as often as
/// it is started; the other two go on after a pause of an election; once there is room it reads
/// everything again, catches up and serves. Nothing acknowledged is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_leaders_disk_is_full() {
    let drill = Drill::begin("leader's disk is full");
    let disk = match LoopDisk::make(512) {
        Ok(disk) => disk,
        Err(why) => return drill.skip(&why),
    };
    let system = system_on(&disk);
    let mut load = Load::start(&system, knob("FULL_DISK_S", 60)).await;
    let unit = unit_leads(&system).await;
    load.mark("the leader's disk is full");
    disk.fill();
    until_stopped(&system, &unit, "space").await;
    load.mark("the unit has stopped");
    lasts(AWAY_FOR).await;
    load.mark("there is room again");
    disk.make_room();
    system.until_back(&unit).await;
    load.calm();
    load.judge(&system, &drill).await.pauses_at_most(pause_max());
    until_whole(&system).await;
    reconciles(&system);
}

/// The disk below the leading unit's file system has less room than it promised: writes succeed, a
/// sync fails, and the next one would succeed with the data gone. Expected: the unit stops at the
/// first failed sync, says why, and answers nothing on the strength of it; the other two go on. When
/// the disk is well again the unit believes only what it can read, and asks the others for the rest.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_leaders_disk_lies_about_its_room() {
    let drill = Drill::begin("leader's sync fails (starved disk)");
    let disk = match LoopDisk::make_on_memory(512, 400) {
        Ok(disk) => disk,
        Err(why) => return drill.skip(&why),
    };
    let system = system_on(&disk);
    let mut load = Load::start(&system, knob("STARVED_DISK_S", 60)).await;
    let unit = unit_leads(&system).await;
    load.mark("the leader's disk has no more room than it uses");
    disk.starve(256);
    until_stopped(&system, &unit, "cannot").await;
    load.mark("the unit has stopped");
    lasts(AWAY_FOR).await;
    load.mark("the disk is replaced by one with what was on it");
    disk.feed();
    disk.after_power_cut();
    system.until_back(&unit).await;
    load.calm();
    load.judge(&system, &drill).await.pauses_at_most(pause_max());
    until_whole(&system).await;
    reconciles(&system);
}

/// A system one of whose units has a disk of its own.
fn system_on(disk: &LoopDisk) -> System {
    let mut system = System::start_with(&SMALL_SEGMENTS);
    assert_eq!(system.stop(), Some(0));
    disk.take_unit(&system, UNIT);
    system.start_again();
    system
}

/// Gives the unit with the disk the shard that is sold from.
async fn unit_leads(system: &System) -> Process {
    let shard = asked(system, &["event", "show", EVENT])["shard"].to_string();
    ordered(system, &["shard", "transfer-leader", &shard, "--to", &UNIT.to_string()]);
    until("the unit leads", Duration::from_secs(30), || async {
        let leader = system.leader_of(EVENT).await;
        (leader.node == UNIT).then_some(leader)
    })
    .await
}

/// Waits until the unit has ended by itself and has named the reason.
async fn until_stopped(system: &System, unit: &Process, reason: &str) {
    until("the unit has stopped", STOPS_WITHIN, || async {
        let runs = system.units().iter().any(|running| running.pid == unit.pid);
        (!runs).then_some(())
    })
    .await;
    let log = system.file(&format!("logs/unit-{}.log", unit.node));
    assert!(log.contains("cannot go on") && log.contains(reason), "no reason in:\n{log}");
}

/// Waits until every shard has all its replicas, alive and near.
async fn until_whole(system: &System) {
    until("every shard is healthy", Duration::from_secs(120), || async {
        let shards = asked(system, &["shard", "list"]);
        let shards = shards.as_array()?;
        shards.iter().all(|shard| shard["health"] == "healthy").then_some(())
    })
    .await;
}
