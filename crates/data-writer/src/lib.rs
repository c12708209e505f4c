//! The data writer: pulls each shard's change feed from the grid and writes it behind into
//! PostgreSQL, exactly once, then lets the grid forget it. Also the schema it writes into
//! ([`migrate`]) and the comparison of grid and tables ([`reconcile`]).
//!
//! Flow per shard: pump (feed after the checkpoint) → pure mapping to rows → one transaction of
//! checkpoint, rows and ledger → acknowledgement. All state is in PostgreSQL; a writer that dies at
//! any point is replaced by another that reads the checkpoint and goes on.
//!
//! This crate must never skip a record, guess the outcome of a commit, or acknowledge what is not
//! committed.

mod admin;
mod archive;
mod attempts;
mod backoff;
mod batch;
mod chain;
mod config;
mod database;
mod failure;
mod health;
mod kept;
mod lease;
mod ledger;
mod measure;
mod migrate;
mod now;
mod pump;
mod quarantine;
mod reconcile;
mod recover;
mod resync;
mod rows;
mod signing;
mod sink;
mod source;
mod terms;
mod verify;
mod writer;

pub use archive::{ArchiveError, Archived, Exported, archive_months, export_ledger, verify_export};
pub use attempts::ATTEMPTS_SHARD;
pub use batch::{Batch, MapError};
pub use chain::{ChainKey, Fields, GENESIS, Hash, form, next_hash};
pub use config::{ConfigError, WriterConfig};
pub use database::UrlError;
pub use failure::{FailureClass, class_of_sqlstate};
pub use health::{Health, Role, ShardStatus, WriterStatus};
pub use kept::{Kept, KeptKind};
pub use ledger::{kind, ledger_rows};
pub use measure::{Bare, MeasureError, copy_ledger};
pub use migrate::{MigrateError, migrate};
pub use pump::{Pump, ShardError, Shared};
pub use reconcile::{
    Counts, Difference, ReconcileError, ReconcileOptions, Report, Thing, reconcile, reconcile_from,
};
pub use recover::{
    LostWindow, RecoverError, RecoverTarget, RecoverWish, RecoveredEvent, RecoveredShard, Recovery,
    recover, recover_from,
};
pub use resync::{ResyncError, Resynced, resync, resync_from};
pub use rows::{
    EventRow, LedgerRow, OrderChange, OrderRow, OrderSeatRow, PaymentChange, PaymentEnd,
    PaymentRow, RefundRow, SeatRow, SeatState,
};
pub use signing::{HeadSigner, HeadVerifier, KeyError};
pub use sink::{Checkpoint, Sink, WriteError};
pub use source::{FeedSource, SaleStanding};
pub use terms::{EventTerms, SeatWords, TermsByEvent};
pub use verify::{
    Fault, Place, Progress, Verifier, VerifyError, VerifyReport, Wrong, verify_database,
};
pub use writer::{RunError, run, run_from, run_with_source};
