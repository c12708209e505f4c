//! The whole system as real processes: selling, faults, wrong inputs.

mod crash;
mod drills;
mod lost;
mod sells;
mod starts;
mod terms;
mod wrong;
