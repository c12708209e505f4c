//! Runs the controller wherever a replica of the meta group lives; it works where that one leads.

use std::sync::Arc;

use tokio::sync::watch;

use super::hosted::Hosted;
use crate::client::{ClientConfig, GridClient};
use crate::controller::Controller;
use crate::machine::StateMachine;
use crate::meta::MetaState;
use crate::shard::Shard;

/// Runs as long as the node.
pub(super) async fn run<S: StateMachine>(hosted: Arc<Hosted<S>>, config: ClientConfig) {
    let mut hands: Option<Arc<GridClient>> = None;
    let mut changes = hosted.watch();
    loop {
        changes.borrow_and_update();
        let alive = match hosted.meta() {
            None => changes.changed().await.is_ok(),
            Some(meta) => {
                let hands = hands.get_or_insert_with(|| Arc::new(GridClient::new(config.clone())));
                let controller = Controller::new(Arc::clone(&meta), Arc::clone(hands) as _);
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
