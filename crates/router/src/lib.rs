//! The public edge: the HTTP port that shoppers' browsers and programs talk to.
//!
//! Flow: a request passes the layers of [`routes`], then either this crate answers it (plan, seat
//! map, live stream, holds, pages) through the grid, or it is passed on to the office. Seats are
//! read from a copy per event that is never older than allowed and never behind what this router
//! itself was told. The copy decides nothing: only a committed command takes a seat. No state
//! outlives the process.

mod api;
mod attempts;
mod config;
mod credits;
mod etag;
mod gzip;
mod hot;
mod office;
mod pages;
mod readiness;
mod routes;
mod run;
mod seatmap;
mod state;

pub use config::{ConfigError, RouterConfig};
pub use run::{Bound, RunError, run};
