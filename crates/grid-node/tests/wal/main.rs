//! Tests of the write-ahead log: one binary, the real log on a simulated or a real disk.
//!
//! Each test owns its disk. Damage, faults and power cuts are judged by the prefix rule in
//! `harness`.

mod damage;
mod faults;
mod golden;
mod group_commit;
mod harness;
mod identity;
mod in_task;
mod long_log;
mod moved;
mod power;
mod real_disk;
mod recovery;
mod restarts;
mod segments;
mod sim_disk;
