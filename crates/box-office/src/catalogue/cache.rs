//! The copy in memory and the news of it: readers take the newest copy without waiting, tasks wait
//! for the next one. A copy outlives the database that it came from.

use std::sync::Arc;

use tokio::sync::watch;

use super::Catalogue;

/// The newest copy, or none before the first.
pub(crate) struct CatalogueCache {
    newest: watch::Sender<Option<Arc<Catalogue>>>,
}

impl CatalogueCache {
    pub(crate) fn new() -> Self {
        Self { newest: watch::Sender::new(None) }
    }

    /// The newest copy.
    pub(crate) fn get(&self) -> Option<Arc<Catalogue>> {
        self.newest.borrow().clone()
    }

    /// The revision of the newest copy.
    pub(crate) fn revision(&self) -> Option<i64> {
        self.newest.borrow().as_ref().map(|catalogue| catalogue.revision)
    }

    /// Puts a newer copy in place.
    pub(crate) fn put(&self, catalogue: Catalogue) {
        self.newest.send_replace(Some(Arc::new(catalogue)));
    }

    /// To wait for the next copy.
    pub(crate) fn watch(&self) -> watch::Receiver<Option<Arc<Catalogue>>> {
        self.newest.subscribe()
    }
}
