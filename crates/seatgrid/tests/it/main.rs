//! The binary as its users start it: real processes, real signals, real files.

mod roles;
mod support;
mod up;
mod whole;
