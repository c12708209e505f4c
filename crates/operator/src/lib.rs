//! The operator's side of the grid: one picture of all nodes and shards, what is wrong and what to
//! type, which orders are safe now, and the admin API that a unit answers.
//!
//! Flow: `seatgrid ctl` and other tools call the routes of any unit; the unit asks all nodes, draws
//! the picture, checks the order and hands it to the meta group. This crate decides nothing that data
//! depends on, and knows nothing of tickets.

mod access;
mod console;
mod events;
mod figures;
mod grid;
pub mod health;
mod issues;
pub mod model;
mod orders;
pub mod picture;
mod routes;
mod tables;

pub use access::{Access, AccessError, read_token};
pub use console::{Console, Nodes, Trouble};
pub use events::{EventTrouble, Events, Wish};
pub use figures::{publish_node, watch_grid};
pub use orders::{Change, Order, Plan, Refusal, plan};
pub use routes::{EventView, Given, UpgradeView, routes};
