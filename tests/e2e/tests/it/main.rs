//! The whole system as real processes: selling, faults, wrong inputs.

mod browser;
mod crash;
mod door;
mod drills;
mod lost;
mod lost_shard;
mod money;
mod organiser;
mod people;
mod sells;
mod signs_in;
mod starts;
mod terms;
mod told;
mod wrong;
