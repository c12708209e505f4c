//! Runs the controller wherever a replica of the meta group lives; it works where that one leads.

use std::sync::Arc;

use tokio::sync::watch;

use super::ask::Asker;
use super::hosted::Hosted;
use super::meta_view::MetaView;
use crate::controller::{Controller, Reach};
use crate::machine::StateMachine;
use crate::meta::MetaState;
use crate::shard::Shard;

/// Runs as long as the node.
pub(super) async fn run<S: StateMachine>(
    hosted: Arc<Hosted<S>>,
    asker: Arc<Asker>,
    view: Arc<MetaView>,
) {
    let hands = Arc::new(Reach::new(asker, view));
    let mut changes = hosted.watch();
    loop {
        changes.borrow_and_update();
        let alive = match hosted.meta() {
            None => changes.changed().await.is_ok(),
            Some(meta) => {
                let controller = Controller { meta: Arc::clone(&meta), hands: hands.clone() };
                tokio::select! {
                    () = controller.run() => changes.changed().await.is_ok(),
                    alive = replaced(&hosted, &mut changes, &meta) => alive,
                }
            }
        };
        if !alive {
            return;
        }
    }
}

/// Resolves when the replica is no longer the one that lives here; `false` when the node ends.
async fn replaced<S: StateMachine>(
    hosted: &Hosted<S>,
    changes: &mut watch::Receiver<u64>,
    meta: &Arc<Shard<MetaState>>,
) -> bool {
    while changes.changed().await.is_ok() {
        if !hosted.meta().is_some_and(|now| Arc::ptr_eq(&now, meta)) {
            return true;
        }
    }
    false
}
