//! Tests of the payments crate over real sockets: the adapter, the sandbox and the kit together.

mod adapter;
mod api;
mod conformance;
mod faults;
mod harness;
mod mailbox;
mod money;
mod notices;
mod outcomes;
mod page;
mod restart;
