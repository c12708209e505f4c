//! Who leads each shard, as one client knows it, and the search for a leader when nobody knows.
//!
//! Leaders are ordered by their terms. One that failed a request is doubted: hints that name it in
//! the same term count for nothing until it says itself that it serves. While requests of a shard
//! are parked and no leader is known, one task asks the replicas; requests do not.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use parking_lot::RwLock;
use tokio::sync::watch;

use super::Inner;
use super::bundles::Lane;
use crate::port::protocol::{Answer, Request};
use crate::routes::ShardHint;
use crate::{NodeId, ShardId};

/// First pause between rounds of questions; doubles up to the longest.
const PAUSE_MIN: Duration = Duration::from_millis(2);
/// The longest pause: a new leader is found within it.
const PAUSE_MAX: Duration = Duration::from_millis(20);
/// Patience with a round: a replica that hangs must not hold up the search.
const ROUND_MAX: Duration = Duration::from_millis(100);
/// Every so many rounds all units are asked, in case the replicas are elsewhere by now.
const ROUNDS_PER_WIDE: u32 = 4;

/// The leader of a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Leader {
    pub node: NodeId,
    pub address: SocketAddr,
    pub term: u64,
}

/// What is known of one shard's leader.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Known {
    leader: Option<Leader>,
    /// The newest term whose leader failed a request.
    doubted_term: u64,
}

impl Known {
    /// Takes over a hint if it is newer.
    fn offer(&mut self, leader: Leader) -> bool {
        let newest = self.leader.map_or(self.doubted_term, |known| known.term);
        let newer = leader.term > newest;
        if newer {
            self.leader = Some(leader);
        }
        newer
    }

    /// Takes over what a leader says of itself, unless a newer one is known.
    fn confirm(&mut self, leader: Leader) -> bool {
        let news = self.leader != Some(leader)
            && self.leader.is_none_or(|known| known.term <= leader.term);
        if news {
            self.leader = Some(leader);
        }
        news
    }

    /// Forgets a leader that failed.
    fn doubt(&mut self, leader: Leader) -> bool {
        let known = self.leader == Some(leader);
        if known {
            self.leader = None;
            self.doubted_term = self.doubted_term.max(leader.term);
        }
        known
    }
}

/// One shard.
#[derive(Default)]
pub(super) struct Place {
    known: watch::Sender<Known>,
    /// Commands on their way to the leader.
    pub lane: Lane,
    /// Requests that wait for a leader.
    waiting: AtomicUsize,
    /// Whether the task that searches is at work.
    searching: AtomicBool,
}

impl Place {
    pub fn leader(&self) -> Option<Leader> {
        self.known.borrow().leader
    }

    pub fn doubt(&self, leader: Leader) {
        self.known.send_if_modified(|known| known.doubt(leader));
    }

    /// Takes over what is said of the shard, by the unit at an address if that is known.
    pub fn take(&self, hint: &ShardHint, told_by: Option<SocketAddr>) {
        let (Some(node), term) = (hint.route.leader, hint.route.term) else { return };
        self.known.send_if_modified(|known| match (told_by, hint.nodes.get(&node)) {
            (Some(address), _) if hint.serving => known.confirm(Leader { node, address, term }),
            (_, Some(address)) => known.offer(Leader { node, address: *address, term }),
            (_, None) => false,
        });
    }

    /// Resolves once a leader of a newer term is known.
    pub async fn superseded(&self, leader: Leader) {
        let newer = |known: &Known| known.leader.is_some_and(|known| known.term > leader.term);
        if self.known.subscribe().wait_for(newer).await.is_err() {
            std::future::pending().await
        }
    }

    /// Waits until a leader is known.
    async fn found(&self) {
        if self.known.subscribe().wait_for(|known| known.leader.is_some()).await.is_err() {
            std::future::pending().await
        }
    }
}

/// All shards.
#[derive(Default)]
pub(super) struct Leaders(RwLock<HashMap<ShardId, Arc<Place>>>);

impl Leaders {
    pub fn place(&self, shard: ShardId) -> Arc<Place> {
        if let Some(place) = self.0.read().get(&shard) {
            return Arc::clone(place);
        }
        Arc::clone(self.0.write().entry(shard).or_default())
    }
}

/// Counts a waiting request as long as it waits.
struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    fn new(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::SeqCst);
        Self(waiting)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Inner {
    /// Waits until the shard has a leader, or for the deadline; the search goes on meanwhile.
    pub(super) async fn wait_for_leader(
        self: &Arc<Self>,
        shard: ShardId,
        place: &Arc<Place>,
        deadline: Instant,
    ) {
        let _waits = Waits::new(&place.waiting);
        if !place.searching.swap(true, Ordering::SeqCst) {
            let (inner, place) = (Arc::clone(self), Arc::clone(place));
            let closed = self.closed.clone();
            tokio::spawn(async move {
                closed.run_until_cancelled(inner.search(shard, &place)).await;
            });
        }
        let _ = tokio::time::timeout_at(deadline.into(), place.found()).await;
    }

    /// Asks who leads until somebody does or nobody waits any more.
    async fn search(&self, shard: ShardId, place: &Place) {
        let needed = || place.leader().is_none() && place.waiting.load(Ordering::SeqCst) > 0;
        let (mut pause, mut round) = (PAUSE_MIN, 0);
        loop {
            if !needed() {
                place.searching.store(false, Ordering::SeqCst);
                // Who began to wait just before found the task still at work.
                if !needed() || place.searching.swap(true, Ordering::SeqCst) {
                    return;
                }
            }
            round += 1;
            self.ask_round(shard, place, round % ROUNDS_PER_WIDE == 0).await;
            let _ = tokio::time::timeout(pause, place.found()).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// Asks the replicas, or all units, at the same time; ends early when a leader is known.
    async fn ask_round(&self, shard: ShardId, place: &Place, wide: bool) {
        let until = Instant::now() + ROUND_MAX;
        let addresses = self.addresses(shard, wide);
        let ask = |address: SocketAddr| async move {
            let question = Request::WhoLeads { shard }.encode();
            let answer = self.units.link(address).call(question, until).await;
            (address, answer.map(Answer::decode))
        };
        let mut answers: FuturesUnordered<_> = addresses.into_iter().map(ask).collect();
        while let Some((address, answer)) = answers.next().await {
            if let Ok(Ok(Answer::Moved(hint))) = answer {
                self.take_hint(shard, &hint, address);
            }
            if place.leader().is_some() {
                return;
            }
        }
    }

    /// Addresses of a shard's replicas; of all units where they are not known, or when `wide`.
    pub(super) fn addresses(&self, shard: ShardId, wide: bool) -> Vec<SocketAddr> {
        let table = self.routes.load();
        let replicas = table.routes.get(&shard).map_or(&[][..], |route| &route.replicas);
        let known = replicas.iter().filter_map(|node| table.nodes.get(node)).copied();
        let mut known: Vec<_> = known.collect();
        if known.is_empty() || wide {
            return self.units.all(table.nodes.values().copied());
        }
        self.units.turn(&mut known);
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leader(node: NodeId, term: u64) -> Leader {
        Leader { node, address: SocketAddr::from(([127, 0, 0, 1], 1)), term }
    }

    #[test]
    fn a_doubted_leader_is_not_brought_back_by_hearsay() {
        let mut known = Known::default();
        assert!(known.offer(leader(1, 3)));
        assert!(!known.offer(leader(2, 2)), "an older term");
        assert!(known.doubt(leader(1, 3)));
        assert!(!known.doubt(leader(1, 3)), "only once");
        assert!(!known.offer(leader(1, 3)), "others do not know yet that it is gone");
        assert!(known.confirm(leader(1, 3)), "it says itself that it serves");
        assert!(known.doubt(leader(1, 3)));
        assert!(known.offer(leader(2, 4)));
        assert!(!known.confirm(leader(1, 3)), "an older one that does not know yet");
        assert_eq!(known.leader, Some(leader(2, 4)));
        assert!(!known.doubt(leader(1, 3)), "a late failure says nothing about the successor");
    }
}
