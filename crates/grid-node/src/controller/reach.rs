//! The controller's hands in a running node: asks the replicas of a shard until one leads.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use parking_lot::Mutex;

use super::{Hands, HandsError};
use crate::admin::{AdminAnswer, AdminRequest};
use crate::meta::MetaState;
use crate::node::{Asker, MetaView};
use crate::{NodeId, ShardId};

/// Patience with a request, over all replicas that are tried.
const PATIENCE: Duration = Duration::from_secs(5);
/// Hints followed for one request.
const HINTS_MAX: usize = 4;

/// Reaches leaders over the nodes' client ports.
pub(crate) struct Reach {
    asker: Arc<Asker>,
    view: Arc<MetaView>,
    /// Who answered as leader last.
    leaders: Mutex<BTreeMap<ShardId, NodeId>>,
}

impl Reach {
    pub fn new(asker: Arc<Asker>, view: Arc<MetaView>) -> Self {
        Self { asker, view, leaders: Mutex::default() }
    }

    /// Replicas of a shard, the likeliest leader first.
    fn candidates(&self, state: &MetaState, shard: ShardId) -> Vec<NodeId> {
        let known = self.leaders.lock().get(&shard).copied();
        let record = state.shards().get(&shard);
        let newcomer = record.and_then(|record| record.moving?.add);
        let replicas = record.map(|record| record.replicas.clone()).unwrap_or_default();
        let mut candidates: Vec<NodeId> = Vec::new();
        for node in known.into_iter().chain(replicas).chain(newcomer) {
            if !candidates.contains(&node) {
                candidates.push(node);
            }
        }
        candidates
    }

    async fn ask(&self, shard: ShardId, request: AdminRequest) -> Result<AdminAnswer, HandsError> {
        let state = self.view.get().ok_or_else(|| HandsError("no view of the grid".into()))?;
        let deadline = Instant::now() + PATIENCE;
        let mut last = None;
        for node in self.candidates(&state, shard) {
            let Some(addr) = address(&state, node) else { continue };
            let answer = self.follow((&state, node, addr), &request, deadline).await;
            match answer {
                Some((node, answer)) if leads(&answer) => {
                    self.leaders.lock().insert(shard, node);
                    return Ok(answer);
                }
                Some((_, answer)) => last = Some(HandsError::unexpected(&answer)),
                None => {}
            }
        }
        self.leaders.lock().remove(&shard);
        Err(last.unwrap_or_else(|| HandsError(format!("no replica of shard {shard} answers"))))
    }

    /// Asks one node, and whomever it points to.
    async fn follow(
        &self,
        (state, mut node, mut addr): (&MetaState, NodeId, SocketAddr),
        request: &AdminRequest,
        deadline: Instant,
    ) -> Option<(NodeId, AdminAnswer)> {
        for _ in 0..HINTS_MAX {
            match self.asker.admin(addr, request, deadline).await? {
                AdminAnswer::NotLeader { hint: Some(hint) } if hint != node => {
                    (node, addr) = (hint, address(state, hint)?);
                }
                answer => return Some((node, answer)),
            }
        }
        None
    }
}

impl Hands for Reach {
    fn ask_leader(
        &self,
        shard: ShardId,
        request: AdminRequest,
    ) -> BoxFuture<'_, Result<AdminAnswer, HandsError>> {
        Box::pin(self.ask(shard, request))
    }
}

fn address(state: &MetaState, node: NodeId) -> Option<SocketAddr> {
    state.node(node).filter(|n| n.state.is_member()).map(|n| n.addresses.client)
}

/// Whether an answer is the leader's. Every replica reports, but only the leader's word counts.
fn leads(answer: &AdminAnswer) -> bool {
    match answer {
        AdminAnswer::NotLeader { .. } | AdminAnswer::NotHere => false,
        AdminAnswer::Replica(report) => report.serving,
        _ => true,
    }
}
