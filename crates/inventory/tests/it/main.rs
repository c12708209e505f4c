//! Tests of the rules: tables of commands, random commands against a naive oracle, golden files.

mod backlog;
mod best;
mod bound;
mod cases;
mod edges;
mod feed;
mod freeze;
mod golden;
mod harness;
mod holds;
mod keys;
mod limits;
mod model;
mod money;
mod oracle;
mod places;
mod plans;
mod queue;
mod recovery;
mod room;
mod second_best;
mod settling;
mod sums;
mod waiting;
