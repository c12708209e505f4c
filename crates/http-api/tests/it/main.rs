//! Tests of what the HTTP contract says everywhere, against a server on a loopback port.

mod bodies;
mod context;
mod keys;
mod refusals;
mod serving;
mod support;
mod tokens;
