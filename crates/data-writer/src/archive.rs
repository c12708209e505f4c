//! The ledger in files: for archives that outlive the tables, and for auditors who get no database.
//!
//! A file is zstd over lines of JSON: a head, a line a record in chain order, a tail. The head names
//! the hash before each shard's first record, the tail the hash of its last, the number of records and
//! the SHA-256 of every byte before the tail, signed if there is a key. [`export_ledger`] writes one,
//! refusing a ledger whose chain is broken; [`verify_export`] reads one. Months are archived in order,
//! noted in `grid.ledger_archive`, and only then dropped.

mod keeper;
mod line;
mod months;
mod read;
mod write;

pub(crate) use keeper::ArchiveKeeper;
pub use months::{ArchiveError, Archived, archive_months};
pub use read::verify_export;
pub use write::{Exported, export_ledger};
