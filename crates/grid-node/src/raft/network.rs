//! Calls to other nodes: three connections per peer, shared by all groups.
//!
//! Addresses come from the directory of nodes, never from a group's logged members. Every call has a
//! deadline. A peer that cannot be reached is told apart from one that failed to answer, since
//! openraft waits longer before it tries the former again.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use openraft::errors::{NetworkError, ReplicationClosed, StreamingError, Timeout, Unreachable};
use openraft::network::{RPCOption, RPCTypes, RaftNetworkFactory, RaftNetworkV2};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest,
    TransferLeaderResponse, VoteRequest, VoteResponse,
};
use parking_lot::RwLock;

use super::directory::{Directory, Myself};
use super::gate::Gate;
use super::message::{Hello, Lane, Request, Response, Testimony, decode_greeting, encode_append};
use super::snapshot_file::SnapshotFile;
use super::snapshot_send::{Dispatch, Shipment};
use super::snapshots::SnapshotDir;
use super::types::{RpcError, Snapshot, Types, Vote};
use crate::rpc::{CallError, Greeted, Link, LinkOptions, Refusal};
use crate::tls::{Callee, Dial, Tls};
use crate::version::Versions;
use crate::{NodeId, ShardId};

/// Answers of other nodes are small.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// Calls to one peer on one lane that may wait.
const IN_FLIGHT_MAX: usize = 4096;

/// How the other nodes are called.
#[derive(Debug, Clone)]
pub(crate) struct PeersOptions {
    pub network: Arc<dyn crate::platform::Network>,
    /// Certificates; plain TCP without.
    pub tls: Option<Tls>,
    pub connect_timeout: Duration,
    pub append_timeout: Duration,
}

/// Connections to all other nodes, made when first needed and anew when an address changes.
pub(crate) struct Peers {
    pub(super) directory: Arc<Directory>,
    options: PeersOptions,
    links: RwLock<BTreeMap<NodeId, Arc<Lanes>>>,
}

struct Lanes {
    address: SocketAddr,
    control: Link,
    log: Link,
    snapshot: Link,
}

/// Checks who has answered.
struct Called {
    directory: Arc<Directory>,
    node: NodeId,
}

impl Greeted for Called {
    fn greeted(&self, greeting: &Bytes) -> Result<(), String> {
        let log_id = decode_greeting(greeting.clone()).map_err(|e| e.to_string())?;
        self.directory.recognize(self.node, log_id)
    }

    fn refused(&self, refusal: &Refusal) {
        if let Refusal::ForGood(reason) = refusal {
            self.directory.cast_out(reason);
        }
    }
}

impl Peers {
    pub fn new(directory: Arc<Directory>, options: PeersOptions) -> Arc<Self> {
        Arc::new(Self { directory, options, links: RwLock::default() })
    }

    /// Lets go of connections to nodes that moved or are no members any more.
    pub fn refresh(&self) {
        self.links.write().retain(|node, lanes| self.address(*node) == Some(lanes.address));
    }

    fn address(&self, node: NodeId) -> Option<SocketAddr> {
        self.directory.get(node).filter(|known| known.member).map(|known| known.raft)
    }

    fn lanes(&self, to: NodeId) -> Option<Arc<Lanes>> {
        if let Some(lanes) = self.links.read().get(&to) {
            return Some(Arc::clone(lanes));
        }
        let mut links = self.links.write();
        // Looked up under the lock, so that a change of address is never missed.
        let address = self.address(to)?;
        let lanes = links.entry(to).or_insert_with(|| Arc::new(self.open(to, address)));
        Some(Arc::clone(lanes))
    }

    fn open(&self, to: NodeId, address: SocketAddr) -> Lanes {
        let Myself { cluster_id, node_id: from, log_id } = self.directory.myself;
        let called = Arc::new(Called { directory: Arc::clone(&self.directory), node: to });
        let callee = Callee::Node { cluster_id, node: to };
        let link = |lane| {
            let options = LinkOptions {
                network: Arc::clone(&self.options.network),
                tls: self.options.tls.clone().map(|tls| Dial { tls, callee }),
                hello: Hello { cluster_id, from, log_id, to, lane }.encode(),
                on_greeting: Some(Arc::clone(&called) as Arc<dyn Greeted>),
                connect_timeout: self.options.connect_timeout,
                body_bytes_max: ANSWER_BYTES_MAX,
                in_flight_max: IN_FLIGHT_MAX,
            };
            Link::new(address, options)
        };
        Lanes {
            address,
            control: link(Lane::Control),
            log: link(Lane::Log),
            snapshot: link(Lane::Snapshot),
        }
    }

    /// Asks a replica what it has.
    pub async fn testify(
        &self,
        to: NodeId,
        shard: ShardId,
        patience: Duration,
    ) -> Option<Testimony> {
        let body = Request::Testify.encode(shard);
        match self.call(to, Lane::Control, body, patience).await {
            Ok(Response::Testimony(testimony)) => Some(testimony),
            _ => None,
        }
    }

    /// Asks a replica which versions its release reads; `None` without an answer.
    pub async fn versions(
        &self,
        to: NodeId,
        shard: ShardId,
        patience: Duration,
    ) -> Option<Versions> {
        let body = Request::Versions.encode(shard);
        match self.call(to, Lane::Control, body, patience).await {
            Ok(Response::Versions(versions)) => Some(versions),
            _ => None,
        }
    }

    /// Asks a replica for its fingerprint behind an entry: the form of states that its release
    /// writes, and the fingerprint; `None` without an answer.
    pub async fn digest(
        &self,
        to: NodeId,
        shard: ShardId,
        index: u64,
        patience: Duration,
    ) -> Option<(u32, u64)> {
        let body = Request::Digest(index).encode(shard);
        match self.call(to, Lane::Control, body, patience).await {
            Ok(Response::Digest(digest)) => digest,
            _ => None,
        }
    }

    /// Asks a replica for the index that its newest snapshot reaches; `None` without an answer.
    pub async fn snapshot_index(
        &self,
        to: NodeId,
        shard: ShardId,
        patience: Duration,
    ) -> Option<Option<u64>> {
        let body = Request::SnapshotIndex.encode(shard);
        match self.call(to, Lane::Control, body, patience).await {
            Ok(Response::SnapshotIndex(index)) => Some(index),
            _ => None,
        }
    }

    pub(super) async fn call(
        &self,
        to: NodeId,
        lane: Lane,
        body: Bytes,
        patience: Duration,
    ) -> Result<Response, Failure> {
        let unknown = || Failure::Unreachable(format!("node {to} is not known here"));
        let lanes = self.lanes(to).ok_or_else(unknown)?;
        let link = match lane {
            Lane::Control => &lanes.control,
            Lane::Log => &lanes.log,
            Lane::Snapshot => &lanes.snapshot,
        };
        let answer = link.call(body, Instant::now() + patience).await.map_err(|e| match e {
            CallError::NotSent | CallError::Full => Failure::Unreachable(e.to_string()),
            CallError::Lost => Failure::Broken(e.to_string()),
            CallError::TimedOut => Failure::TimedOut(patience),
        })?;
        match Response::decode(answer) {
            Ok(Response::Refused(reason)) => Err(Failure::Unreachable(reason)),
            Ok(response) => Ok(response),
            Err(error) => Err(Failure::Broken(error.to_string())),
        }
    }
}

/// Why a peer gave no usable answer.
pub(super) enum Failure {
    Unreachable(String),
    Broken(String),
    TimedOut(Duration),
}

impl Failure {
    pub(super) fn unexpected() -> Self {
        Self::Broken("an answer to something else".into())
    }

    fn into_rpc(self, action: RPCTypes, id: NodeId, target: NodeId) -> RpcError {
        match self {
            Self::Unreachable(reason) => Unreachable::from_string(reason).into(),
            Self::Broken(reason) => NetworkError::from_string(reason).into(),
            Self::TimedOut(timeout) => Timeout { action, id, target, timeout }.into(),
        }
    }
}

/// Makes the clients of one group.
pub(crate) struct NetworkFactory {
    pub peers: Arc<Peers>,
    pub shard: ShardId,
    pub gate: Arc<Gate>,
    pub dispatch: Arc<Dispatch>,
    pub dir: SnapshotDir,
}

impl NetworkFactory {
    fn client(&self, target: NodeId, lane: Lane) -> Network {
        Network {
            peers: Arc::clone(&self.peers),
            gate: Arc::clone(&self.gate),
            dispatch: Arc::clone(&self.dispatch),
            dir: self.dir.clone(),
            shard: self.shard,
            target,
            lane,
        }
    }
}

impl RaftNetworkFactory<Types> for NetworkFactory {
    type Network = Network;

    async fn new_client(&mut self, target: NodeId, _node: &openraft::EmptyNode) -> Network {
        self.client(target, Lane::Log)
    }

    async fn new_heartbeat_client(
        &mut self,
        target: NodeId,
        _node: &openraft::EmptyNode,
    ) -> Network {
        self.client(target, Lane::Control)
    }

    async fn new_snapshot_client(
        &mut self,
        target: NodeId,
        _node: &openraft::EmptyNode,
    ) -> Network {
        self.client(target, Lane::Snapshot)
    }
}

/// One group's client of one peer on one lane. Votes always take the control lane.
pub(crate) struct Network {
    peers: Arc<Peers>,
    gate: Arc<Gate>,
    dispatch: Arc<Dispatch>,
    dir: SnapshotDir,
    shard: ShardId,
    target: NodeId,
    lane: Lane,
}

impl Network {
    async fn call(
        &self,
        lane: Lane,
        body: Bytes,
        patience: Duration,
        action: RPCTypes,
    ) -> Result<Response, RpcError> {
        let answer = self.peers.call(self.target, lane, body, patience).await;
        answer.map_err(|e| self.failed(e, action))
    }

    fn failed(&self, failure: Failure, action: RPCTypes) -> RpcError {
        failure.into_rpc(action, self.peers.directory.myself.node_id, self.target)
    }

    async fn ask_vote(
        &self,
        request: VoteRequest<Types>,
        wrap: fn(VoteRequest<Types>) -> Request,
        option: &RPCOption,
    ) -> Result<VoteResponse<Types>, RpcError> {
        let action = RPCTypes::Vote;
        let admitted = self.gate.admits(&request.vote, request.last_log_id.as_ref());
        if !admitted || self.gate.has_diverged() {
            let reason = "this node does not stand for election yet".to_owned();
            return Err(self.failed(Failure::Unreachable(reason), action));
        }
        let body = wrap(request).encode(self.shard);
        match self.call(Lane::Control, body, option.soft_ttl(), action).await? {
            Response::Vote(response) => Ok(response),
            _ => Err(self.failed(Failure::unexpected(), action)),
        }
    }
}

impl RaftNetworkV2<Types> for Network {
    type SnapshotData = SnapshotFile;

    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<Types>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<Types>, RpcError> {
        let patience = match self.lane {
            Lane::Log => self.peers.options.append_timeout,
            Lane::Control | Lane::Snapshot => option.soft_ttl(),
        };
        let action = RPCTypes::AppendEntries;
        if self.gate.is_mute() {
            let reason = "no quorum answers this leader".to_owned();
            return Err(self.failed(Failure::Unreachable(reason), action));
        }
        let (body, cut) = encode_append(self.shard, rpc);
        let began = Instant::now();
        let answer = self.call(self.lane, body, patience, action).await?;
        if self.lane == Lane::Log {
            metrics::histogram!("seatgrid_raft_append_seconds").record(began.elapsed());
        }
        match answer {
            Response::Append(AppendEntriesResponse::Success) if cut.is_some() => {
                Ok(AppendEntriesResponse::PartialSuccess(cut))
            }
            Response::Append(response) => Ok(response),
            _ => Err(self.failed(Failure::unexpected(), action)),
        }
    }

    async fn vote(
        &mut self,
        rpc: VoteRequest<Types>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types>, RpcError> {
        self.ask_vote(rpc, Request::Vote, &option).await
    }

    async fn pre_vote(
        &mut self,
        rpc: VoteRequest<Types>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types>, RpcError> {
        self.ask_vote(rpc, Request::PreVote, &option).await
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot,
        cancel: impl Future<Output = ReplicationClosed> + Send + 'static,
        option: RPCOption,
    ) -> Result<SnapshotResponse<Types>, StreamingError<Types>> {
        let shipment = Shipment {
            peers: &self.peers,
            dispatch: &self.dispatch,
            to: self.target,
            shard: self.shard,
            vote,
            file: &snapshot.snapshot,
            dir: &self.dir,
            install_timeout: option.soft_ttl(),
        };
        tokio::select! {
            closed = cancel => Err(closed.into()),
            sent = shipment.send() => match sent {
                Ok(vote) => Ok(SnapshotResponse::new(vote)),
                Err(failure) => Err(self.failed(failure, RPCTypes::InstallSnapshot).into()),
            },
        }
    }

    async fn transfer_leader(
        &mut self,
        rpc: TransferLeaderRequest<Types>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<Types>, RpcError> {
        let action = RPCTypes::TransferLeader;
        let body = Request::Transfer(rpc).encode(self.shard);
        match self.call(Lane::Control, body, option.soft_ttl(), action).await? {
            Response::Transferring => Ok(Ok(())),
            _ => Err(self.failed(Failure::unexpected(), action)),
        }
    }
}
