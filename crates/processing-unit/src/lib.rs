//! The processing unit: the rules of seats (`inventory`) hosted in the data grid (`grid-node`), the
//! timer that ends holds, the feed for the data writer, and the typed client that everybody else
//! calls it with.
//!
//! Flow: router, office, writer and worker hold a [`Grid`]; its commands reach the leader of the
//! event's shard, are committed and applied there, and the outcome comes back. This crate has no
//! rules of its own and must never change seats outside a committed command.

mod client;
mod config;
mod machine;
mod persistence;
mod query;
mod reader;
mod timekeeper;
mod unit;

pub use client::{Grid, GridConfig, GridError};
pub use config::UnitConfig;
pub use machine::ShardMachine;
pub use persistence::{Persistence, PersistenceWatch};
pub use query::{
    Answer, BesideAnswer, CheckedEvent, CheckedSeat, DrawAnswer, EventSummary, Expiries, Feed,
    HoldAnswer, MapChanges, OpenPayment, OpenRefund, OrderAnswer, PaymentAnswer, PendingMoney,
    PlaceAnswer, PlanAnswer, Query, RefundCounts, SaleAnswer, SeatMap, ShardSummary, Turn,
    WaitAnswer,
};
pub use unit::{RunError, Unit};

pub use grid_node::meta::STAND_IN;
pub use grid_node::tls::{TlsConfig, TlsError};
pub use grid_node::{Pin, RouteTable, ShardId};
