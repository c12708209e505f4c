//! The whole system as real processes: selling, faults, wrong inputs.

mod crash;
mod sells;
mod starts;
mod wrong;
