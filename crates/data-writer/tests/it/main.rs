//! The data writer against a real PostgreSQL, fed by the real rules of seats in memory.

mod archive;
mod attempts;
mod cut;
mod flips;
mod grid;
mod histories;
mod mapping;
mod outage;
mod proxy;
mod quarantine;
mod real;
mod reconcile;
mod recover;
mod resync;
mod rights;
mod schema;
mod seller;
mod statements;
mod tables;
mod takeover;
mod verify;
mod writing;
