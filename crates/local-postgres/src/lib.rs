//! A managed local PostgreSQL for trying seatgrid out: finds a server (given by URL, installed, or
//! bundled in this binary), makes a private cluster for it, starts it as a child and stops it.
//!
//! It sits beside the product: `seatgrid up` and tests call it, nothing on the selling path does.
//! It must never start anything when a URL was given, never touch a database it did not make, and
//! speaks no SQL except to create and drop the databases of tests.

mod account;
mod bundled;
mod cluster;
mod collect;
mod error;
mod place;
mod port;
mod programs;
mod record;
mod running;
mod server;
mod start;
pub mod testing;

pub use error::{RemoveError, StartError, StopError};
pub use port::{free_address, free_port};
pub use running::{Running, Source};
pub use start::{LocalPostgres, Options, Preference};
