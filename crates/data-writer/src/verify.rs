//! Proves from the records alone that nothing was changed, left out or put in, and that the sale
//! obeyed its rules: the hash chain of every shard, one owner per seat, money behind every sale, a
//! cause for every release. Reads the database or exported files, never the grid, and names the
//! first bad record.
//!
//! Flow: a source (`database`, `export`) yields records in chain order; [`Verifier`] checks each
//! against its predecessor (`chain`) and against the story so far (`story`). Memory grows with seats
//! and orders, never with rows. It only reads, and must never repair what it finds.

mod binary;
mod chained;
mod database;
mod fault;
mod record;
mod story;
mod tables;
mod verifier;

pub(crate) use database::{Malformed, for_each_record, for_long_reads, shards};
pub use database::{VerifyError, verify_database};
pub use fault::{Fault, Place, VerifyReport, Wrong};
pub(crate) use record::Record;
pub use verifier::{Progress, Verifier};
