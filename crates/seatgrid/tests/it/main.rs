//! The binary as its users start it: real processes, real signals, real files.

mod bench;
mod operator;
mod roles;
mod running;
mod support;
mod up;
mod whole;
