//! Framed TCP with many requests in flight on one connection, used by both ports of a node.
//!
//! A frame is `length u32 | request id u64 | body`. Requests are answered in any order; what waits
//! is written in one system call. This module knows nothing of what bodies mean. It never waits
//! without a deadline and never holds more than its limits.

mod episodes;
pub(crate) mod frame;
mod greeting;
pub(crate) mod link;
mod secured;
pub(crate) mod server;
mod spoken;

pub(crate) use greeting::{Greeted, Refusal};
pub(crate) use link::{CallError, Link, LinkOptions};
pub(crate) use server::{Replier, Server, ServerOptions, Service};
pub(crate) use spoken::Spoken;
