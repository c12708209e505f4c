//! Asking other nodes' client ports about the grid as a whole: its newest state, and changes of the
//! registry. Used by nodes that hold no replica of the meta group, and by those that have no id yet.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use parking_lot::Mutex;

use crate::admin::{AdminAnswer, AdminRequest};
use crate::codec;
use crate::meta::{MetaCommand, MetaReply, MetaState};
use crate::platform::Network;
use crate::port::protocol::{Answer, Hello, Request};
use crate::rpc::{Link, LinkOptions};
use crate::tls::Dial;

/// A table of the whole grid: as large as a value may be at all.
const ANSWER_BYTES_MAX: usize = 128 << 20;
/// A handful of questions are open at a time.
const IN_FLIGHT_MAX: usize = 64;
/// What an answer may take beyond the time that it was asked to wait.
const GRACE: Duration = Duration::from_secs(2);
/// Patience with one node for an answer that waits for nothing.
const PATIENCE: Duration = Duration::from_secs(1);

/// Connections to client ports, made when first needed.
pub(crate) struct Asker {
    cluster_id: u128,
    network: Arc<dyn Network>,
    connect_timeout: Duration,
    tls: Option<Dial>,
    links: Mutex<BTreeMap<SocketAddr, Arc<Link>>>,
}

impl Asker {
    pub fn new(
        cluster_id: u128,
        network: Arc<dyn Network>,
        connect_timeout: Duration,
        tls: Option<Dial>,
    ) -> Arc<Self> {
        Arc::new(Self { cluster_id, network, connect_timeout, tls, links: Mutex::default() })
    }

    /// The newest of the states that nodes know now; `None` when none of them answers. Asks all at
    /// once.
    pub async fn newest(&self, addresses: &BTreeSet<SocketAddr>) -> Option<MetaState> {
        let questions: FuturesUnordered<_> =
            addresses.iter().map(|addr| self.state(*addr, None, Duration::ZERO)).collect();
        let states = questions.filter_map(|state| async move { state.flatten() });
        states
            .fold(None, |best: Option<MetaState>, state| async move {
                match best {
                    Some(best) if best.revision() >= state.revision() => Some(best),
                    _ => Some(state),
                }
            })
            .await
    }

    /// A node's state once it is newer than the one known, nothing when it is not in that time; `None`
    /// when the node does not answer. Only what changed travels.
    pub async fn state(
        &self,
        addr: SocketAddr,
        known: Option<&MetaState>,
        wait: Duration,
    ) -> Option<Option<MetaState>> {
        let request = Request::MetaWatch { known: known.map_or(0, MetaState::revision), wait };
        let deadline = Instant::now() + wait + if wait.is_zero() { PATIENCE } else { GRACE };
        match self.ask(addr, &request, deadline).await? {
            Answer::Ok(body) if body.is_empty() => Some(None),
            Answer::Ok(body) => {
                let told: MetaState = codec::decode(&body).ok()?;
                Some(Some(match known {
                    Some(known) => told.completed_by(known),
                    None => told,
                }))
            }
            _ => None,
        }
    }

    /// The state with all that was acknowledged, from the meta group's leader, whichever of these
    /// it is.
    pub async fn fresh(
        &self,
        addresses: &BTreeSet<SocketAddr>,
        deadline: Instant,
    ) -> Option<MetaState> {
        for addr in addresses {
            let answer = self.admin(*addr, &AdminRequest::Meta { fresh: true }, deadline).await;
            if let Some(AdminAnswer::Meta(state)) = answer {
                return Some(*state);
            }
        }
        None
    }

    /// Commits a command of the meta group by its leader, whichever of these it is; `None` when
    /// none of them did. It may have happened then; repeating it is harmless.
    pub async fn change(
        &self,
        addresses: &BTreeSet<SocketAddr>,
        command: &MetaCommand,
        deadline: Instant,
    ) -> Option<MetaReply> {
        let request = AdminRequest::Change(command.clone());
        for addr in addresses {
            if let Some(AdminAnswer::Changed(reply)) = self.admin(*addr, &request, deadline).await {
                return Some(reply);
            }
        }
        None
    }

    /// What a node answers to an operator's request; `None` when it does not answer. It may have
    /// happened then; every request may be repeated.
    pub async fn admin(
        &self,
        addr: SocketAddr,
        request: &AdminRequest,
        deadline: Instant,
    ) -> Option<AdminAnswer> {
        let until = deadline.min(Instant::now() + PATIENCE);
        let budget = until.saturating_duration_since(Instant::now());
        let request = Request::Admin { budget, body: codec::encode(request) };
        match self.ask(addr, &request, until + GRACE).await? {
            Answer::Ok(body) => codec::decode(&body).ok(),
            _ => None,
        }
    }

    async fn ask(&self, addr: SocketAddr, request: &Request, deadline: Instant) -> Option<Answer> {
        let link = self.link(addr);
        let answer = link.call(request.encode(), deadline).await.ok()?;
        let (cluster_id, _) = crate::port::protocol::decode_greeting(link.greeting()?).ok()?;
        // Whatever another grid says is none of ours.
        if cluster_id != self.cluster_id {
            return None;
        }
        Answer::decode(answer).ok()
    }

    fn link(&self, addr: SocketAddr) -> Arc<Link> {
        let open = || {
            let options = LinkOptions {
                network: Arc::clone(&self.network),
                tls: self.tls.clone(),
                hello: Hello::encode(),
                on_greeting: None,
                connect_timeout: self.connect_timeout,
                body_bytes_max: ANSWER_BYTES_MAX,
                in_flight_max: IN_FLIGHT_MAX,
            };
            Arc::new(Link::new(addr, options))
        };
        Arc::clone(self.links.lock().entry(addr).or_insert_with(open))
    }
}
