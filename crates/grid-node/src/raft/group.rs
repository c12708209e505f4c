//! One replica of one group: opening it, and what the rest of the crate sees of it.
//!
//! Serving needs more than openraft's word for being leader: the quorum lease alive on the
//! monotonic clock, an entry of its own term applied, and no hand-over under way. Who votes is what
//! the group's log says; what is configured only founds a group.

mod control;
mod ending;
mod leading;
mod report;
mod surgery;
mod versions;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use openraft::{Config, Raft};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use control::Control;
use leading::TransferError;
use surgery::ChangeError;
pub use versions::RaiseError;

use super::doubt::Doubts;
use super::founding;
use super::gate::Gate;
use super::lifecycle;
use super::log_store::LogStore;
use super::members::Members;
use super::network::{NetworkFactory, Peers};
use super::presence;
use super::server::{Answerer, Registry};
use super::snapshot_receive::{Receipts, Receiver};
use super::snapshot_send::Dispatch;
use super::snapshots::{SnapshotDir, SnapshotError};
use super::state_machine::{Machine, Replica};
use super::types::Types;
use crate::machine::StateMachine;
use crate::version::Versions;
use crate::wal::{Disk, Presence, RecoveredGroup, Wal};
use crate::{NodeId, ShardId};

/// What all groups of a node share.
pub(crate) struct GroupParts {
    pub cluster_id: u128,
    pub node_id: NodeId,
    /// What this release reads.
    pub versions: Versions,
    pub config: Arc<Config>,
    pub wal: Wal,
    pub peers: Arc<Peers>,
    pub registry: Arc<Registry>,
    pub doubts: Arc<Doubts>,
    pub snapshot_root: PathBuf,
    pub snapshot_after_log_bytes: u64,
    /// Milliseconds of a log's time between two fingerprints; 0 for none.
    pub check_ms: u64,
    /// Bounds the fingerprints that are taken at once on this node.
    pub checkers: Arc<Semaphore>,
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
    pub origin: Origin,
    /// Who should vote, the preferred leader first; founds a group that has no log yet.
    pub preference: Vec<NodeId>,
    pub recovered: RecoveredGroup,
}

/// How a replica without a log comes by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// By itself, with the entry that all founders begin with.
    Founder,
    /// From the leader of a group that exists; it never founds one.
    Joiner,
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
    /// Commands in it.
    pub commands: u64,
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

/// One replica of one group.
pub(crate) struct Group<S: StateMachine> {
    pub shard: ShardId,
    pub node_id: NodeId,
    pub replica: Arc<Replica<S>>,
    pub(super) raft: Raft<Types, Machine<S>>,
    pub(super) log: LogStore,
    pub(super) gate: Arc<Gate>,
    pub(super) dir: SnapshotDir,
    pub(super) role: watch::Sender<Role>,
    pub(super) leads: watch::Sender<bool>,
    /// Who should vote, the preferred leader first.
    preference: watch::Sender<Vec<NodeId>>,
    /// Ends the replica's tasks; also cancelled when the node stops.
    pub(super) ended: CancellationToken,
    pub(super) parts: Arc<GroupParts>,
    /// Commands proposed here since the start.
    commands: AtomicU64,
    /// Held during a change of the members.
    changing: tokio::sync::Mutex<()>,
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
        let GroupOptions { shard, origin, preference, mut recovered } = options;
        let nothing = recovered == RecoveredGroup::default();
        if recovered.presence == Presence::Dropped || (nothing && origin == Origin::Joiner) {
            presence::forget_files(parts, shard).await?;
            recovered.presence = match origin {
                Origin::Founder => Presence::Here,
                Origin::Joiner => Presence::Joining,
            };
            let recorded = presence::record(&parts.wal, shard, recovered.presence).await;
            recorded.map_err(|e| OpenError::Log { shard, reason: e.to_string() })?;
        }
        let log = LogStore::new(shard, parts.wal.clone(), recovered)
            .map_err(|e| OpenError::Log { shard, reason: e.to_string() })?;
        let disk = Arc::clone(&parts.disk);
        let dir = SnapshotDir::open(disk, &parts.snapshot_root, parts.cluster_id, shard)?;
        let replica = Replica::open((shard, parts.check_ms), parts.versions, &dir, log.purged())?;
        let empty = log.last_log_id().is_none() && replica.last_applied().is_none();
        if origin == Origin::Founder && empty && !log.is_joining() {
            log.begin_with(founding::first_entry(&preference));
        }
        let entry = Entry::of(parts, &log, &replica, &preference);
        let gate = Arc::new(Gate::new(parts.started_at + entry.quiet, entry.doubtful));
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
        raft.runtime_config().elect(entry.elects);
        let group = Arc::new(Self {
            shard,
            node_id: parts.node_id,
            replica,
            raft,
            log,
            gate,
            dir,
            role: watch::Sender::new(Role::default()),
            leads: watch::Sender::new(false),
            preference: watch::Sender::new(preference),
            ended: parts.shutdown.child_token(),
            parts: Arc::clone(parts),
            commands: AtomicU64::new(0),
            changing: tokio::sync::Mutex::new(()),
            handed_over_term: AtomicU64::new(0),
            // A tenth is left for clocks that run at different speeds.
            lease: Duration::from_millis(parts.config.election_timeout_max) * 9 / 10,
        });
        parts.registry.add(shard, group.answerer(parts));
        group.raft.run();
        lifecycle::spawn(parts, &group, entry.fresh);
        Ok(group)
    }

    fn answerer(self: &Arc<Self>, parts: &GroupParts) -> Arc<Answerer<S>> {
        Arc::new(Answerer {
            group: Arc::downgrade(self),
            versions: parts.versions,
            raft: self.raft.clone(),
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

    /// Cancelled when the replica's tasks end.
    pub fn ended(&self) -> CancellationToken {
        self.ended.clone()
    }

    /// Who should vote, the preferred leader first.
    pub fn preference(&self) -> Vec<NodeId> {
        self.preference.borrow().clone()
    }

    /// Changes who should vote and lead; it orders candidates and hand-overs, nothing else.
    pub fn prefer(&self, preference: &[NodeId]) {
        self.preference.send_if_modified(|known| {
            let changed = known != preference;
            if changed {
                *known = preference.to_vec();
            }
            changed
        });
    }

    /// Who votes, the preferred leader first: as the log says, or as it is to be founded.
    pub fn voters(&self) -> Vec<NodeId> {
        let (members, preference) = (self.members(), self.preference());
        if members.is_empty() && !self.log.is_joining() {
            return preference;
        }
        members.by_preference(&preference)
    }

    /// The newest stamp that a leader gave in this group, milliseconds since 1970.
    pub fn newest_stamp_ms(&self) -> u64 {
        self.replica.at_ms().max(self.log.newest_stamp_ms().unwrap_or(0))
    }
}

/// How a replica may take part when it is opened.
struct Entry {
    /// The log has nothing but the entry that the group begins with.
    fresh: bool,
    /// It may have forgotten what it acknowledged.
    doubtful: bool,
    /// It neither votes nor stands for so long after the start.
    quiet: Duration,
    /// Whether it stands for election by itself.
    elects: bool,
}

impl Entry {
    fn of<S: StateMachine>(
        parts: &GroupParts,
        log: &LogStore,
        replica: &Replica<S>,
        preference: &[NodeId],
    ) -> Self {
        let joining = log.is_joining();
        let mut members = log.members().unwrap_or_else(|| replica.members());
        if members.is_empty() && !joining {
            members = Members::founding(preference);
        }
        let single = members.is_only(parts.node_id) && !joining;
        let fresh = !joining && founding::is_founding(log.last_log_id().as_ref());
        let cut = parts.doubts.contains(replica.shard());
        let promised_nothing = single || (fresh && log.vote().is_none() && !cut);
        let lease = Duration::from_millis(parts.config.election_timeout_max);
        Self {
            fresh,
            // Such a log may be one that was lost: its node votes like one that lost the end.
            doubtful: cut || fresh || joining,
            quiet: if promised_nothing { Duration::ZERO } else { lease },
            // A founder stands in its turn; a restarted voter when its quiet is over, not before; a
            // joining one once it has caught up: the members at the beginning of a log are not those
            // of today.
            elects: single,
        }
    }
}
