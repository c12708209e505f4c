//! One replica of one group: opening it, proposing, and whether it may serve.
//!
//! Serving needs more than openraft's word for being leader: the quorum lease alive on the
//! monotonic clock, an entry of its own term applied, and no hand-over under way.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use openraft::async_runtime::WatchReceiver as _;
use openraft::errors::{ClientWriteError, RaftError};
use openraft::impls::ProgressResponder;
use openraft::{Config, Instant as _, Raft, ReadPolicy};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::doubt::Doubts;
use super::gate::Gate;
use super::lifecycle;
use super::log_store::LogStore;
use super::network::{NetworkFactory, Peers};
use super::server::{Answerer, Registry};
use super::snapshot_receive::{Receipts, Receiver};
use super::snapshot_send::Dispatch;
use super::snapshots::{SnapshotDir, SnapshotError};
use super::state_machine::{Machine, Replica};
use super::types::{Batch, LogId, Replies, Types};
use crate::machine::StateMachine;
use crate::wal::{Disk, RecoveredGroup, Wal};
use crate::{NodeId, ShardId};

/// What all groups of a node share.
pub(crate) struct GroupParts {
    pub cluster_id: u128,
    pub node_id: NodeId,
    pub config: Arc<Config>,
    pub wal: Wal,
    pub peers: Arc<Peers>,
    pub registry: Arc<Registry>,
    pub doubts: Arc<Doubts>,
    pub snapshot_root: PathBuf,
    pub snapshot_after_log_bytes: u64,
    /// Bounds the snapshots that are encoded and written at once on this node.
    pub writers: Arc<Semaphore>,
    pub dispatch: Arc<Dispatch>,
    pub receipts: Arc<Receipts>,
    pub disk: Arc<dyn Disk>,
    /// Pause between looks whether to hand over; zero never does.
    pub rebalance: Duration,
    /// When the process started: leases promised before are over one lease later.
    pub started_at: Instant,
    pub shutdown: CancellationToken,
    pub tasks: TaskTracker,
    /// Counts changes of leadership in any group.
    pub leaders_epoch: watch::Sender<u64>,
    /// Told the reason when a group cannot go on.
    pub failed: watch::Sender<Option<String>>,
}

/// What distinguishes one group.
pub(crate) struct GroupOptions {
    pub shard: ShardId,
    /// Its voters, the preferred leader first.
    pub voters: Vec<NodeId>,
    pub recovered: RecoveredGroup,
}

/// Why a group is not opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    #[error("log of shard {shard}: {reason}")]
    Log { shard: ShardId, reason: String },
    #[error("consensus of shard {shard}: {reason}")]
    Raft { shard: ShardId, reason: String },
}

/// This node's part in a group's leadership.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Role {
    /// The term of the newest vote.
    pub term: u64,
    /// Who leads, as far as known.
    pub leader: Option<NodeId>,
    /// Whether it is this node.
    pub leads: bool,
}

/// A batch to append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proposal {
    pub at_ms: u64,
    pub body: bytes::Bytes,
}

/// Why a proposal has no replies.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ProposeError {
    /// Nothing happened.
    #[error("this node does not lead")]
    NotLeader { hint: Option<NodeId> },
    /// It may have happened.
    #[error("the outcome is unknown")]
    Unknown,
    /// The group has ended; nothing happened.
    #[error("the group has stopped")]
    Stopped,
}

/// Figures of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Figures {
    pub last_log_index: Option<u64>,
    pub committed_index: Option<u64>,
    pub applied_index: Option<u64>,
    pub snapshot_index: Option<u64>,
    pub purged_index: Option<u64>,
    pub log_bytes: u64,
    pub doubtful: bool,
}

/// One replica of one group.
pub(crate) struct Group<S: StateMachine> {
    pub shard: ShardId,
    pub node_id: NodeId,
    pub voters: Vec<NodeId>,
    pub replica: Arc<Replica<S>>,
    pub(super) raft: Raft<Types, Machine<S>>,
    pub(super) log: LogStore,
    pub(super) gate: Arc<Gate>,
    pub(super) dir: SnapshotDir,
    pub(super) role: watch::Sender<Role>,
    pub(super) leads: watch::Sender<bool>,
    /// The term whose leadership this node began to hand over; 0 for none. Set before the hand-over
    /// begins, since the successor does not wait for this node's lease.
    handed_over_term: AtomicU64,
    /// A little less than the time that followers promise.
    lease: Duration,
}

impl<S: StateMachine> Group<S> {
    /// Recovers the replica and starts its tasks. Runs on the runtime that they shall run on.
    pub async fn open(
        parts: &Arc<GroupParts>,
        options: GroupOptions,
    ) -> Result<Arc<Self>, OpenError> {
        let GroupOptions { shard, voters, recovered } = options;
        let log = LogStore::new(shard, parts.wal.clone(), recovered)
            .map_err(|e| OpenError::Log { shard, reason: e.to_string() })?;
        let disk = Arc::clone(&parts.disk);
        let dir = SnapshotDir::open(disk, &parts.snapshot_root, parts.cluster_id, shard)?;
        let replica = Replica::open(shard, &dir, log.purged())?;
        let single = voters.len() == 1;
        let lease_max = Duration::from_millis(parts.config.election_timeout_max);
        let fresh = log.vote().is_none() && log.last_log_id().is_none();
        let cut = parts.doubts.contains(shard);
        let promised_nothing = single || (fresh && !cut);
        let quiet = if promised_nothing { Duration::ZERO } else { lease_max };
        // An empty log may be one that was lost: its node votes like one that lost the end.
        let gate = Arc::new(Gate::new(parts.started_at + quiet, cut || fresh));
        let machine = Machine {
            replica: Arc::clone(&replica),
            dir: dir.clone(),
            cluster_id: parts.cluster_id,
        };
        let network = NetworkFactory {
            peers: Arc::clone(&parts.peers),
            shard,
            gate: Arc::clone(&gate),
            dispatch: Arc::clone(&parts.dispatch),
            dir: dir.clone(),
        };
        let config = Arc::clone(&parts.config);
        let raft = Raft::build(parts.node_id, config, network, log.clone(), machine)
            .await
            .map_err(|e| OpenError::Raft { shard, reason: e.to_string() })?;
        // A restarted voter stands for election when its quiet is over, not before.
        raft.runtime_config().elect(fresh || single);
        let group = Arc::new(Self {
            shard,
            node_id: parts.node_id,
            voters,
            replica,
            raft,
            log,
            gate,
            dir,
            role: watch::Sender::new(Role::default()),
            leads: watch::Sender::new(false),
            handed_over_term: AtomicU64::new(0),
            // A tenth is left for clocks that run at different speeds.
            lease: lease_max * 9 / 10,
        });
        parts.registry.add(shard, group.answerer(parts));
        group.raft.run();
        lifecycle::spawn(parts, &group, fresh);
        Ok(group)
    }

    fn answerer(&self, parts: &GroupParts) -> Arc<Answerer<S>> {
        Arc::new(Answerer {
            raft: self.raft.clone(),
            shard: self.shard,
            log: self.log.clone(),
            gate: Arc::clone(&self.gate),
            doubts: Arc::clone(&parts.doubts),
            dir: self.dir.clone(),
            receiver: Receiver::new(self.shard, self.dir.clone(), Arc::clone(&parts.receipts)),
        })
    }

    /// Leadership as it changes.
    pub fn watch_role(&self) -> watch::Receiver<Role> {
        self.role.subscribe()
    }

    /// Whether this node leads, as it changes.
    pub fn watch_leads(&self) -> watch::Receiver<bool> {
        self.leads.subscribe()
    }

    /// Leadership as known now.
    pub fn role(&self) -> Role {
        *self.role.borrow()
    }

    /// Hands over a batch to be appended, in the order of calls; the returned future gives one
    /// reply per command once the batch is committed and applied.
    pub async fn propose(
        &self,
        proposal: Proposal,
    ) -> Result<impl Future<Output = Result<Replies, ProposeError>> + Send + use<S>, ProposeError>
    {
        let Proposal { at_ms, body } = proposal;
        let (responder, answered) = ProgressResponder::complete_only();
        let batch = Batch { at_ms, body };
        if self.raft.client_write_ff(batch, Some(responder)).await.is_err() {
            return Err(ProposeError::Stopped);
        }
        Ok(async move {
            match answered.await {
                Ok(Ok(response)) => Ok(response.data),
                Ok(Err(ClientWriteError::ForwardToLeader(forward))) => {
                    Err(ProposeError::NotLeader { hint: forward.leader_id })
                }
                Ok(Err(_)) | Err(_) => Err(ProposeError::Unknown),
            }
        })
    }

    /// Whether this node leads, has applied an entry of its own term, and a quorum has heard it
    /// within the lease: then its state has all that was ever acknowledged.
    pub fn serves(&self) -> bool {
        let (vote, acked, applied) = {
            let metrics = self.raft.metrics();
            // Copied at once: a held reference would hold up the group's core task.
            let metrics = metrics.borrow_watched();
            if !metrics.state.is_leader() {
                return false;
            }
            let acked = metrics.last_quorum_acked.as_ref().map(|at| at.elapsed());
            (metrics.vote, acked, metrics.last_applied)
        };
        let own_term = applied.is_some_and(|id: LogId| id.leader_id == vote.leader_id);
        let alive = self.voters.len() == 1 || acked.is_some_and(|age| age < self.lease);
        let keeps = vote.leader_id.term > self.handed_over_term.load(Ordering::SeqCst);
        own_term && alive && keeps && vote.leader_id.node_id == self.node_id
    }

    /// Whether it makes sense to propose: this node leads, hands leadership to nobody, and a quorum
    /// has heard it within the lease, or, in a new term, may be about to hear it for the first time.
    /// Unlike [`Group::serves`] it says nothing about the state.
    pub fn keeps_lease(&self, led_since: Instant) -> bool {
        let (term, acked) = {
            let metrics = self.raft.metrics();
            let metrics = metrics.borrow_watched();
            if !metrics.state.is_leader() {
                return false;
            }
            let acked = metrics.last_quorum_acked.as_ref().map(|at| at.elapsed());
            (metrics.vote.leader_id.term, acked)
        };
        let age = acked.unwrap_or_else(|| led_since.elapsed());
        let alive = self.voters.len() == 1 || age < self.lease;
        alive && term > self.handed_over_term.load(Ordering::SeqCst)
    }

    /// Waits until a read of the local state is as fresh as the moment of the call.
    pub async fn read_barrier(&self) -> Result<(), ProposeError> {
        match self.raft.ensure_linearizable(ReadPolicy::ReadIndex).await {
            Ok(_) => Ok(()),
            Err(RaftError::APIError(error)) => {
                let forward: Option<&openraft::errors::ForwardToLeader<Types>> =
                    openraft::TryAsRef::try_as_ref(&error);
                Err(ProposeError::NotLeader { hint: forward.and_then(|f| f.leader_id) })
            }
            Err(RaftError::Fatal(_)) => Err(ProposeError::Stopped),
        }
    }

    /// Gives leadership to another voter, and stops serving before that one can know.
    pub(super) async fn transfer_to(&self, node: NodeId) -> Result<(), ProposeError> {
        let term = self.raft.metrics().borrow_watched().vote.leader_id.term;
        self.handed_over_term.store(term, Ordering::SeqCst);
        self.raft.trigger().transfer_leader(node).await.map_err(|_| ProposeError::Stopped)
    }

    /// The newest stamp that a leader gave in this group, milliseconds since 1970.
    pub fn newest_stamp_ms(&self) -> u64 {
        self.replica.at_ms().max(self.log.newest_stamp_ms().unwrap_or(0))
    }

    /// Figures for status pages.
    pub fn figures(&self) -> Figures {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow_watched();
        let index = |id: Option<LogId>| id.map(|id| id.index);
        Figures {
            last_log_index: metrics.last_log_index,
            committed_index: index(metrics.local_committed),
            applied_index: index(metrics.last_applied),
            snapshot_index: index(metrics.snapshot),
            purged_index: index(metrics.purged),
            log_bytes: self.log.bytes(),
            doubtful: self.gate.doubtful(),
        }
    }

    /// Positions that the followers are known to have, and how long ago each was heard.
    pub(super) fn follower(&self, node: NodeId) -> Option<(Option<LogId>, Duration)> {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow_watched();
        let matched: &BTreeMap<NodeId, Option<LogId>> = metrics.replication.as_ref()?;
        let heard = metrics.heartbeat.as_ref()?.get(&node)?.as_ref()?.elapsed();
        Some((*matched.get(&node)?, heard))
    }

    /// Ends the group's core task.
    pub async fn stop(&self) {
        if let Err(error) = self.raft.shutdown().await {
            tracing::warn!(shard = self.shard, %error, "the group did not stop in order");
        }
    }
}
