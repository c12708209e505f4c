//! Power goes below all units at once.

use e2e::System;
use e2e::drill::{Drill, Load, knob};
use e2e::loop_disk::LoopDisk;

use super::super::reconciles;

/// Seconds of load before power goes.
const LOAD_S: u64 = 5;
/// Room for log and snapshots of one unit, in MiB; the image takes only what is used.
const DISK_MIB: u32 = 768;

/// The file systems of all three units lose power at the same moment, under load, again and again:
/// in turn they are shut down without being written back, and replaced by copies of their images as
/// they were while in use. Expected: requests fail while nothing is there and succeed under the same
/// key afterwards; nothing acknowledged before is lost, although nothing but what was synced is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_units_lose_power() {
    let drill = Drill::begin("power cut of all units' disks");
    let disks: Result<Vec<LoopDisk>, String> = (0..3).map(|_| LoopDisk::make(DISK_MIB)).collect();
    let disks = match disks {
        Ok(disks) => disks,
        Err(why) => return drill.skip(&why),
    };
    let mut system = System::start();
    assert_eq!(system.stop(), Some(0));
    for (disk, unit) in disks.iter().zip(1..) {
        disk.take_unit(&system, unit);
    }
    system.start_again();
    for number in 1..=knob("BLACKOUTS", 1).max(2) {
        let mut load = Load::start(&system, LOAD_S).await;
        load.mark(format!("power cut {number}"));
        if number % 2 == 1 {
            LoopDisk::cut_power(&disks);
            system.kill_all();
            disks.iter().for_each(LoopDisk::after_power_cut);
        } else {
            system.units().iter().for_each(System::freeze);
            LoopDisk::go_on_with_copies(&disks, || system.kill_all());
        }
        system.start_again();
        load.calm();
        load.judge(&system, &drill).await;
    }
    reconciles(&system);
}
