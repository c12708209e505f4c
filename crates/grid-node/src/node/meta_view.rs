//! The newest state of the meta group that this node has seen, from wherever it came: its own
//! replica or another node. Kept in the data directory, so that a restart finds the other nodes.
//!
//! It only ever becomes newer. What must not happen on old knowledge asks the meta group's leader
//! first.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::durable_file;
use crate::codec;
use crate::meta::MetaState;

const NAME: &str = "meta-view";

/// The newest state seen.
pub(crate) struct MetaView {
    newest: ArcSwapOption<MetaState>,
    revision: watch::Sender<u64>,
    path: PathBuf,
    /// The state on disk.
    saved: Mutex<Option<Arc<MetaState>>>,
}

impl MetaView {
    /// What was last saved. A damaged file counts as none: it only shortens the search for the
    /// other nodes. Blocking.
    pub fn load(data_dir: &Path) -> Arc<Self> {
        let path = data_dir.join(NAME);
        let state = match durable_file::read(&path) {
            Ok(bytes) => bytes.and_then(|bytes| codec::decode::<MetaState>(&bytes).ok()),
            Err(error) => {
                tracing::warn!(file = %path.display(), %error, "saved view of the grid not used");
                None
            }
        };
        let state = state.map(Arc::new);
        let revision = state.as_ref().map_or(0, |state| state.revision());
        Arc::new(Self {
            newest: ArcSwapOption::new(state.clone()),
            revision: watch::Sender::new(revision),
            path,
            saved: Mutex::new(state),
        })
    }

    /// The newest state; `None` before the grid is founded or heard of.
    pub fn get(&self) -> Option<Arc<MetaState>> {
        self.newest.load_full()
    }

    /// Its revision; 0 for none.
    pub fn revision(&self) -> u64 {
        *self.revision.borrow()
    }

    /// Its revision as it grows.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    /// Takes over a state if it is newer.
    pub fn offer(&self, state: MetaState) {
        if !state.is_founded() {
            return;
        }
        self.revision.send_if_modified(|known| {
            let newer = state.revision() > *known;
            if newer {
                *known = state.revision();
                self.newest.store(Some(Arc::new(state)));
            }
            newer
        });
    }

    /// Saves what a restart needs, if it has changed: where nodes and replicas are. Blocking.
    pub fn save(&self) -> io::Result<()> {
        let Some(newest) = self.get() else { return Ok(()) };
        let mut saved = self.saved.lock();
        let same = |saved: &Arc<MetaState>| {
            saved.nodes() == newest.nodes() && saved.shards() == newest.shards()
        };
        if saved.as_ref().is_some_and(same) {
            return Ok(());
        }
        durable_file::write(&self.path, &codec::encode(&*newest))?;
        *saved = Some(newest);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::{Founder, MetaCommand, NodeAddresses};

    fn founded() -> MetaState {
        let port = std::net::SocketAddr::from(([127, 0, 0, 1], 1));
        let addresses = NodeAddresses { raft: port, client: port, admin: None };
        let nodes = vec![Founder { id: 1, addresses, zone: String::new() }];
        let mut state = MetaState::default();
        let shards = vec![(0, vec![1]), (1, vec![1])];
        state.execute(MetaCommand::Found { nodes, shards, replicas: 1, version: 1 }, 1);
        state
    }

    #[test]
    fn only_newer_states_are_taken_and_the_newest_is_found_again() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let view = MetaView::load(dir.path());
        view.offer(MetaState::default());
        assert!(view.get().is_none(), "a grid that is not founded says nothing");
        let old = founded();
        let mut new = old.clone();
        new.execute(MetaCommand::Pin { key: "key".into(), shards: 1 }, 2);
        view.offer(new.clone());
        view.offer(old);
        assert_eq!(view.get().as_deref(), Some(&new));
        view.save().expect("written");
        let again = MetaView::load(dir.path());
        assert_eq!(again.get().as_deref(), Some(&new));
        assert_eq!(again.revision(), new.revision());
        std::fs::write(dir.path().join(NAME), b"damage").expect("writable");
        assert!(MetaView::load(dir.path()).get().is_none());
    }
}
