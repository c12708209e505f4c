//! The knobs by subject, each with unit, default and reason.

use serde::{Deserialize, Serialize};

/// Takes a condition and what must hold.
type Need<'a> = dyn FnMut(bool, &str) + 'a;

/// Consensus: timings and transport between nodes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RaftConfig {
    /// Pause between heartbeats of a leader, in milliseconds. Default 100: idle groups cost little
    /// and a dead leader is noticed within a second.
    pub heartbeat_ms: u64,
    /// Shortest time without a leader before an election, in milliseconds. Default 500: above the
    /// stalls of a busy shared disk and machine.
    pub election_min_ms: u64,
    /// Longest such time, and the length of a leader's lease, in milliseconds. Default 1000.
    pub election_max_ms: u64,
    /// Patience with a follower's answer to log entries, in milliseconds. Default 1000: a stalled
    /// disk answers late, and sending the same again would not help it.
    pub append_timeout_ms: u64,
    /// Patience with each piece of a snapshot, in milliseconds. Default 10000.
    pub snapshot_piece_timeout_ms: u64,
    /// Patience with the installation of a whole snapshot, in milliseconds. Default 60000.
    pub snapshot_install_timeout_ms: u64,
    /// Time for dial and handshake, in milliseconds. Default 1000.
    pub connect_timeout_ms: u64,
    /// Threads that consensus runs on, apart from all other work; 0 is the same threads as that, for
    /// machines whose cores are shared by many processes. Default 2.
    pub threads: usize,
    /// Pause between looks whether a leader should hand over to the node that is preferred for the
    /// shard, in milliseconds; 0 never does. Default 5000.
    pub rebalance_ms: u64,
    /// Pause between comparisons of the fingerprints of a shard's replicas, in milliseconds of the
    /// log's time; 0 never compares. Taking one costs as much as a snapshot, on one thread of the
    /// node. Must be the same on all nodes. Default 60000.
    pub digest_ms: u64,
}

impl Default for RaftConfig {
    fn default() -> Self {
        Self {
            heartbeat_ms: 100,
            election_min_ms: 500,
            election_max_ms: 1000,
            append_timeout_ms: 1000,
            snapshot_piece_timeout_ms: 10_000,
            snapshot_install_timeout_ms: 60_000,
            connect_timeout_ms: 1000,
            threads: 2,
            rebalance_ms: 5000,
            digest_ms: 60_000,
        }
    }
}

impl RaftConfig {
    pub(super) fn check(&self, need: &mut Need<'_>) {
        need(self.heartbeat_ms >= 10, "raft.heartbeat_ms must be at least 10");
        need(
            self.election_min_ms >= 3 * self.heartbeat_ms,
            "raft.election_min_ms must be at least 3 x raft.heartbeat_ms",
        );
        need(
            self.election_max_ms >= self.election_min_ms + self.heartbeat_ms,
            "raft.election_max_ms must exceed raft.election_min_ms by raft.heartbeat_ms at least",
        );
        need(
            self.append_timeout_ms >= self.heartbeat_ms,
            "raft.append_timeout_ms must be at least raft.heartbeat_ms",
        );
        need(self.snapshot_piece_timeout_ms > 0, "raft.snapshot_piece_timeout_ms must be above 0");
        need(
            self.snapshot_install_timeout_ms >= self.snapshot_piece_timeout_ms,
            "raft.snapshot_install_timeout_ms must be at least raft.snapshot_piece_timeout_ms",
        );
        need(self.connect_timeout_ms > 0, "raft.connect_timeout_ms must be above 0");
        need(self.threads <= 64, "raft.threads must be at most 64");
    }
}

/// Coalescing of commands into log entries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BatchConfig {
    /// Commands in one log entry. Default 512.
    pub commands_max: usize,
    /// Bytes of one log entry. Default 65536; a single larger command goes alone.
    pub bytes_max: usize,
    /// Log entries of a shard between proposal and answer. Default 4; 16 where a sync takes 10 ms
    /// and more.
    pub in_flight_max: usize,
    /// Largest command, in bytes. Default 16 MiB: a plan of the largest hall.
    pub command_bytes_max: usize,
    /// Commands of a shard that may wait. Default 8192: a fraction of a second at full speed.
    pub queue_len_max: usize,
    /// Bytes of commands of a shard that may wait. Default 64 MiB.
    pub queue_bytes_max: usize,
    /// Longest time that a command of a shard may wait to be proposed, in milliseconds; then it is
    /// refused as for a full queue. Default 1000: clients have turned elsewhere by then.
    pub queue_age_max_ms: u64,
}

impl Default for BatchConfig {
    fn default() -> Self {
        Self {
            commands_max: 512,
            bytes_max: 64 << 10,
            in_flight_max: 4,
            command_bytes_max: 16 << 20,
            queue_len_max: 8192,
            queue_bytes_max: 64 << 20,
            queue_age_max_ms: 1000,
        }
    }
}

impl BatchConfig {
    pub(super) fn check(&self, need: &mut Need<'_>) {
        need(self.commands_max > 0, "batch.commands_max must be above 0");
        need(self.bytes_max > 0, "batch.bytes_max must be above 0");
        need((1..=64).contains(&self.in_flight_max), "batch.in_flight_max must be 1 to 64");
        need(
            (1..=64 << 20).contains(&self.command_bytes_max),
            "batch.command_bytes_max must be between 1 and 64 MiB",
        );
        need(self.queue_len_max > 0, "batch.queue_len_max must be above 0");
        need(self.queue_age_max_ms > 0, "batch.queue_age_max_ms must be above 0");
    }
}

/// The write-ahead log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// Size of a segment file, in bytes. Default 64 MiB.
    pub segment_bytes: u64,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { segment_bytes: 64 << 20 }
    }
}

impl LogConfig {
    pub(super) fn check(&self, need: &mut Need<'_>) {
        need(self.segment_bytes >= 8 << 10, "log.segment_bytes must be at least 8 KiB");
    }
}

/// Snapshots.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SnapshotConfig {
    /// Log bytes of a shard since its last snapshot that lead to the next. Default 8 MiB: the log
    /// of two such spans is kept in memory, for each shard. A shard whose last snapshot was larger
    /// waits for as many bytes as that had. Up to a quarter is added at random.
    pub after_log_bytes: u64,
    /// Snapshots written at once on a node. Default 2.
    pub writers_max: usize,
    /// Largest snapshot taken from another node, in bytes. Default 1 GiB.
    pub bytes_max: u64,
    /// Snapshots sent at once from a node, and taken in at once. Default 2.
    pub transfers_max: usize,
    /// Bytes of snapshots that a node sends in a second, all transfers together; 0 sends as fast as
    /// the network takes them. Default 64 MiB: half of what a gigabit carries.
    pub send_bytes_per_s: u64,
}

impl Default for SnapshotConfig {
    fn default() -> Self {
        Self {
            after_log_bytes: 8 << 20,
            writers_max: 2,
            bytes_max: 1 << 30,
            transfers_max: 2,
            send_bytes_per_s: 64 << 20,
        }
    }
}

impl SnapshotConfig {
    pub(super) fn check(&self, need: &mut Need<'_>) {
        need(self.after_log_bytes > 0, "snapshot.after_log_bytes must be above 0");
        need(self.writers_max > 0, "snapshot.writers_max must be above 0");
        need(self.bytes_max > 0, "snapshot.bytes_max must be above 0");
        need(self.transfers_max > 0, "snapshot.transfers_max must be above 0");
        need(
            self.send_bytes_per_s == 0 || self.send_bytes_per_s >= 64 << 10,
            "snapshot.send_bytes_per_s must be 0 or at least 65536",
        );
    }
}

/// The client port.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// Client connections. Default 1024.
    pub connections_max: usize,
    /// Requests of one connection that may wait for answers. Default 16384.
    pub in_flight_max: usize,
    /// Longest time a request may ask to wait, in milliseconds. Default 60000.
    pub budget_max_ms: u64,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self { connections_max: 1024, in_flight_max: 16_384, budget_max_ms: 60_000 }
    }
}

impl LimitsConfig {
    pub(super) fn check(&self, need: &mut Need<'_>) {
        need(self.connections_max > 0, "limits.connections_max must be above 0");
        need(self.in_flight_max > 0, "limits.in_flight_max must be above 0");
        need(self.budget_max_ms > 0, "limits.budget_max_ms must be above 0");
    }
}
