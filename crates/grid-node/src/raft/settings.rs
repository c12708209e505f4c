//! openraft's settings, from our knobs and from what was measured.

use std::sync::Arc;

use openraft::{Config, SnapshotPolicy};

use crate::config::NodeConfig;

/// Entries in one message; bytes bound it as well.
const MESSAGE_ENTRIES_MAX: u64 = 128;
/// Calls that may wait for a group's core task.
const API_QUEUE_LEN_MAX: u64 = 4096;
/// Pauses between attempts at a follower that cannot be reached.
const BACKOFF: &str = "50ms 100ms 200ms 500ms 1s";

/// Settings of every group of a node.
pub(crate) fn raft_config(config: &NodeConfig) -> Result<Arc<Config>, String> {
    let raft = &config.raft;
    let settings = Config {
        cluster_name: format!("{:032x}", config.cluster_id),
        heartbeat_interval: raft.heartbeat_ms,
        election_timeout_min: raft.election_min_ms,
        election_timeout_max: raft.election_max_ms,
        heartbeat_min_interval: Some(raft.heartbeat_ms),
        enable_pre_vote: Some(true),
        quorum_loss_probe_interval: Some(2 * raft.election_max_ms),
        max_payload_entries: MESSAGE_ENTRIES_MAX,
        install_snapshot_timeout: raft.snapshot_install_timeout_ms,
        // Snapshots and purges are ours to trigger: by bytes, and never past the older snapshot.
        snapshot_policy: SnapshotPolicy::Never,
        max_in_snapshot_log_to_keep: u64::MAX,
        // The state is in memory only: leadership is never resumed, it is won anew.
        enable_leader_restore: Some(false),
        // A follower whose torn log end was cut comes back with less than it had acknowledged. The
        // leader must then send it again; the gate keeps that follower from voting meanwhile.
        allow_log_reversion: Some(true),
        api_channel_size: Some(API_QUEUE_LEN_MAX),
        backoff: BACKOFF.into(),
        ..Config::default()
    };
    settings.validate().map(Arc::new).map_err(|e| e.to_string())
}
