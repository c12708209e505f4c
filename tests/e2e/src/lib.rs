//! The end-to-end bench: starts the real binary as a user would and speaks to it over HTTP and
//! PostgreSQL only. It knows the contracts and none of our types.

mod client;
mod database;
pub mod drill;
mod history;
pub mod links;
pub mod loop_disk;
mod standby;
mod system;
mod wait;

pub use client::{Answer, Client, Held, uuid_v7};
pub use database::OwnDatabase;
pub use history::{Recorder, Recording};
pub use standby::Standby;
pub use system::{Process, System};
pub use wait::until;
