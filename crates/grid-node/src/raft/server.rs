//! The answering side of the Raft port: checks who calls, hands each request to its group.
//!
//! A replica is registered before peers can reach it; an unknown group is refused, not a panic.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use openraft::Raft;
use openraft::async_runtime::WatchReceiver as _;
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, VoteRequest};
use parking_lot::RwLock;
use tokio_util::task::TaskTracker;

use super::directory::{Directory, Myself};
use super::doubt::{self, Doubts};
use super::gate::Gate;
use super::group::Group;
use super::log_store::LogStore;
use super::members::Members;
use super::message::{Hello, Request, Response, SnapshotPiece, Testimony, encode_greeting};
use super::snapshot_receive::{Received, Receiver};
use super::snapshots::SnapshotDir;
use super::state_machine::Machine;
use super::types::{LogId, Snapshot, Types, Vote};
use crate::machine::StateMachine;
use crate::rpc::{Refusal, Replier, Service};
use crate::tls::Caller;
use crate::version::Versions;
use crate::{NodeId, ShardId};

/// Future of one answer.
type Answer = futures_util::future::BoxFuture<'static, Response>;

/// A group that answers other nodes.
pub(crate) trait Member: Send + Sync {
    /// Answers one request of node `from`.
    fn answer(self: Arc<Self>, from: NodeId, request: Request) -> Answer;
}

/// The groups of a node by shard.
#[derive(Default)]
pub(crate) struct Registry {
    members: RwLock<HashMap<ShardId, Arc<dyn Member>>>,
}

impl Registry {
    pub fn add(&self, shard: ShardId, member: Arc<dyn Member>) {
        self.members.write().insert(shard, member);
    }

    fn get(&self, shard: ShardId) -> Option<Arc<dyn Member>> {
        self.members.read().get(&shard).cloned()
    }

    /// Lets go of a group; peers are told from now on that it is not here.
    pub fn remove(&self, shard: ShardId) {
        self.members.write().remove(&shard);
    }

    /// Lets go of all groups, so that they can end.
    pub fn clear(&self) {
        self.members.write().clear();
    }
}

/// The Raft port.
pub(crate) struct RaftService {
    pub directory: Arc<Directory>,
    pub registry: Arc<Registry>,
    pub tasks: TaskTracker,
}

impl Service for RaftService {
    type Peer = NodeId;

    fn greet(&self, hello: Bytes, caller: &Caller) -> Result<(NodeId, Bytes), Refusal> {
        let (hello, protocol) = Hello::decode(hello)?;
        let Myself { cluster_id, log_id, .. } = self.directory.myself;
        caller.must_be_node(cluster_id, hello.from).map_err(Refusal::Told)?;
        let from = self.directory.admit(&hello)?;
        Ok((from, encode_greeting(log_id, protocol)))
    }

    fn handle(&self, peer: &Arc<NodeId>, body: Bytes, reply: Replier) {
        let (shard, request) = match Request::decode(body) {
            Ok(decoded) => decoded,
            Err(error) => return reply.send(Response::Refused(error.to_string()).encode()),
        };
        let Some(member) = self.registry.get(shard) else {
            let reason = format!("shard {shard} is not here");
            return reply.send(Response::Refused(reason).encode());
        };
        let answer = member.answer(**peer, request);
        self.tasks.spawn(async move { reply.send(answer.await.encode()) });
    }
}

/// One replica as its peers see it.
pub(crate) struct Answerer<S: StateMachine> {
    pub group: Weak<Group<S>>,
    pub versions: Versions,
    pub raft: Raft<Types, Machine<S>>,
    pub log: LogStore,
    pub gate: Arc<Gate>,
    pub doubts: Arc<Doubts>,
    pub dir: SnapshotDir,
    pub receiver: Arc<Receiver>,
}

impl<S: StateMachine> Member for Answerer<S> {
    fn answer(self: Arc<Self>, _from: NodeId, request: Request) -> Answer {
        Box::pin(async move {
            match request {
                Request::Append(rpc) => self.append(rpc).await,
                Request::Vote(rpc) => self.vote(rpc, false).await,
                Request::PreVote(rpc) => self.vote(rpc, true).await,
                Request::Transfer(_) if self.gate.has_diverged() => {
                    Response::Refused("this replica differs from the others".into())
                }
                Request::Transfer(rpc) => match self.raft.handle_transfer_leader(rpc).await {
                    Ok(Ok(())) => Response::Transferring,
                    Ok(Err(error)) => Response::Refused(error.to_string()),
                    Err(fatal) => Response::Refused(fatal.to_string()),
                },
                Request::Testify => Response::Testimony(Testimony {
                    vote: self.log.vote(),
                    last_log_id: self.log.last_log_id(),
                    voters: self.voters(),
                }),
                Request::SnapshotPiece(piece) => self.piece(piece).await,
                Request::Digest(index) => Response::Digest(self.digest(index)),
                Request::Versions => Response::Versions(self.versions),
                Request::SnapshotIndex => Response::SnapshotIndex(self.snapshot_index()),
            }
        })
    }
}

impl<S: StateMachine> Answerer<S> {
    async fn append(&self, rpc: AppendEntriesRequest<Types>) -> Response {
        let covered = rpc.entries.last().map(|e| e.log_id).or(rpc.prev_log_id);
        let (vote, committed) = (rpc.vote, rpc.leader_commit);
        match self.raft.append_entries(rpc).await {
            Ok(response) => {
                if !matches!(response, AppendEntriesResponse::HigherVote(_)) {
                    self.gate.heard_leader();
                }
                if response == AppendEntriesResponse::Success && self.gate.doubtful() {
                    self.perhaps_made_good(&vote, committed, covered);
                }
                Response::Append(response)
            }
            Err(error) => Response::Refused(error.to_string()),
        }
    }

    /// A leader that has committed in its own term knows all that was ever committed; a log that
    /// agrees with it that far lacks nothing that this node had acknowledged and that counts.
    fn perhaps_made_good(&self, vote: &Vote, committed: Option<LogId>, covered: Option<LogId>) {
        let whole = committed.is_some_and(|committed| {
            committed.leader_id == vote.leader_id && covered >= Some(committed)
        });
        if whole && let Some(group) = self.group.upgrade() {
            doubt::end(&group, &self.doubts);
        }
    }

    fn voters(&self) -> Vec<NodeId> {
        let metrics = self.raft.metrics();
        let stored = Arc::clone(&metrics.borrow_watched().membership_config);
        Members::of(stored.membership()).voters().into_iter().collect()
    }

    async fn vote(&self, rpc: VoteRequest<Types>, pre_vote: bool) -> Response {
        if !self.gate.admits(&rpc.vote, rpc.last_log_id.as_ref()) {
            return Response::Refused("this node does not vote yet".into());
        }
        let voted =
            if pre_vote { self.raft.pre_vote(rpc).await } else { self.raft.vote(rpc).await };
        match voted {
            Ok(response) => Response::Vote(response),
            Err(error) => Response::Refused(error.to_string()),
        }
    }

    fn digest(&self, index: u64) -> Option<(u32, u64)> {
        let digest = self.group.upgrade()?.replica.checks().digest_at(index)?;
        Some((S::FORM, digest))
    }

    fn snapshot_index(&self) -> Option<u64> {
        self.dir.newest().and_then(|file| file.header().last_log_id.map(|id| id.index))
    }

    async fn piece(&self, piece: SnapshotPiece) -> Response {
        let vote = piece.vote;
        let file = match self.receiver.take(piece).await {
            Ok(Received::Whole(file)) => file,
            Ok(Received::Upto(have)) => return Response::SnapshotUpto(have),
            Err(reason) => return Response::Refused(reason),
        };
        let snapshot = Snapshot { meta: file.meta(), snapshot: file };
        match self.raft.install_full_snapshot(vote, snapshot).await {
            Ok(response) => Response::Installed(response.vote),
            Err(error) => Response::Refused(error.to_string()),
        }
    }
}
