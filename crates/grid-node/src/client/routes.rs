//! Keeps the route table of a client up to date: one question at a time waits at some unit for news,
//! and whatever a refusal tells is taken over as well.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::attempts::Patience;
use super::{Inner, decoded};
use crate::ShardId;
use crate::port::protocol::{self, Answer, Request};
use crate::routes::{RouteTable, RouteUpdate, RoutesKnown, ShardHint, ShardRoute};
use crate::rpc::Link;

/// A unit with no news answers after this time.
const WAIT: Duration = Duration::from_secs(10);
/// What the answer may take beyond that.
const GRACE: Duration = Duration::from_secs(2);
/// First pause after a unit that could not answer; doubles with each that could not either.
const PAUSE_MIN: Duration = Duration::from_millis(10);
/// The longest such pause.
const PAUSE_MAX: Duration = Duration::from_millis(500);

/// Runs as long as the client.
pub(super) async fn watch(inner: &Inner) {
    let (mut failed, mut pause) = (0, PAUSE_MIN);
    loop {
        let units = inner.units.all(inner.routes.load().nodes.values().copied());
        let Some(unit) = units.first() else { return };
        follow(inner, *unit, &mut failed).await;
        failed += 1;
        if failed >= units.len() {
            inner.units.seek();
        }
        pause = if failed == 1 { PAUSE_MIN } else { (pause * 2).min(PAUSE_MAX) };
        tokio::time::sleep(pause).await;
    }
}

/// Stays with a unit as long as it answers and is not behind.
async fn follow(inner: &Inner, unit: SocketAddr, failed: &mut usize) {
    // What this unit told last: another one that knows less must not seem to have news.
    let mut topology = 0;
    while let Some(told) = ask(inner, unit, topology).await {
        topology = told;
        *failed = 0;
        if !inner.routes.load().nodes.values().any(|node| *node == unit) {
            return;
        }
    }
}

/// One question; the fingerprint of the topology that the unit has told.
async fn ask(inner: &Inner, unit: SocketAddr, topology: u64) -> Option<u64> {
    let known = RoutesKnown { revision: inner.routes.load().revision, topology };
    let request = Request::Routes { known, wait: WAIT }.encode();
    let link = inner.units.link(unit);
    let answer = link.call(request, Instant::now() + WAIT + GRACE);
    // A unit that hangs is left; a question that waits is no reason to.
    let answer = tokio::select! {
        answer = answer => answer,
        () = inner.falls_silent(unit, Patience::WhileAlive) => return None,
    };
    let Ok(Ok(Answer::Ok(body))) = answer.map(Answer::decode) else {
        return None;
    };
    if !is_same_grid(inner, &link) {
        tracing::warn!(address = %link.addr(), "a unit of another grid answers here");
        return None;
    }
    match decoded::<RouteUpdate>(&body) {
        Ok(update) => {
            let told = update.topology.as_ref().map_or(topology, |told| told.fingerprint());
            let behind = update.revision < known.revision;
            inner.take_update(update);
            (!behind).then_some(told)
        }
        Err(error) => {
            tracing::warn!(%unit, %error, "route table not readable");
            None
        }
    }
}

/// Whether a unit belongs to the grid that this client met first.
fn is_same_grid(inner: &Inner, link: &Link) -> bool {
    let greeting = link.greeting().and_then(|greeting| protocol::decode_greeting(greeting).ok());
    let Some((cluster_id, _)) = greeting else { return false };
    *inner.cluster_id.get_or_init(|| cluster_id) == cluster_id
}

impl Inner {
    /// Takes over what an update knows better: the table, the connections, the leaders.
    pub(super) fn take_update(&self, update: RouteUpdate) {
        let told = update.topology.clone().unwrap_or_default();
        self.change_routes(|table| table.merge(update));
        for (shard, route) in told.routes {
            let nodes = route.leader.and_then(|id| Some((id, *told.nodes.get(&id)?)));
            let nodes = nodes.into_iter().collect();
            let hint = ShardHint { route, nodes, serving: false };
            self.leaders.place(shard).take(&hint, None);
        }
        self.units.settle(&self.routes.load().nodes);
    }

    /// Takes over what a unit said of one shard.
    pub(super) fn take_hint(&self, shard: ShardId, hint: &ShardHint, told_by: SocketAddr) {
        let newer = |known: &ShardRoute| {
            let mut merged = known.clone();
            merged.merge(&hint.route);
            merged != *known
        };
        if self.routes.load().routes.get(&shard).is_none_or(newer) {
            self.change_routes(|table| {
                table.routes.entry(shard).or_default().merge(&hint.route);
                for (node, address) in &hint.nodes {
                    table.nodes.entry(*node).or_insert(*address);
                }
            });
        }
        self.leaders.place(shard).take(hint, Some(told_by));
    }

    /// Changes the table, one change at a time.
    fn change_routes(&self, change: impl FnOnce(&mut RouteTable)) {
        let _one = self.changing.lock();
        let known = self.routes.load_full();
        let mut table = RouteTable::clone(&known);
        change(&mut table);
        if table != *known {
            self.routes.store(Arc::new(table));
        }
    }
}
