//! The data grid as a library: a write-ahead log, Raft groups, a meta group that pins keys to
//! shards, batching, snapshots, and the client that finds its way.
//!
//! A node hosts replicas of shards. Each shard is one Raft group replicating the application's
//! [`StateMachine`]; commands come in through [`Shard::submit`] or over the client port, are
//! committed on a quorum of synced logs, applied in order, and answered. This crate knows nothing
//! of what it replicates.

mod admin;
mod batch;
mod batcher;
mod client;
mod clock;
mod codec;
mod config;
mod controller;
#[cfg(test)]
mod forms;
mod machine;
pub mod meta;
mod node;
pub mod planner;
pub mod platform;
mod port;
mod raft;
mod routes;
mod rpc;
mod shard;
pub mod tls;
mod version;
pub mod wal;
mod wire;

pub use admin::{AdminAnswer, AdminRequest, FollowerReport, ReplicaReport};
pub use batch::{Pieces, Replies};
pub use client::{ClientConfig, ClientError, GridClient, ReadFrom};
pub use config::{
    BatchConfig, ConfigError, LimitsConfig, LogConfig, NodeConfig, PeerAddress, RaftConfig,
    SnapshotConfig,
};
pub use machine::{
    CommittedEntry, Encode, QueryError, QueryFuture, QueryHandler, RestoreError, StateMachine,
};
pub use meta::{MetaCommand, MetaRefusal, MetaReply, MetaState};
pub use node::{GridNode, LogStatus, NodeStatus, Replicas, ShardStatus, StartError};
pub use raft::{RaiseError, SnapshotError};
pub use routes::{Pin, RouteTable};
pub use shard::{ReadError, Shard, SubmitError};

/// Names one node of a grid, from 1; never reused.
pub type NodeId = u64;

/// Names one shard: 0 is the meta group, data shards count from 1.
pub type ShardId = u32;
