//! Keeps the journal of notifications with few statements: what arrives while one batch is being
//! written makes the next one. A burst of thousands costs PostgreSQL some dozen commits.
//!
//! Two tasks, one for what was said and one for how it ended; both only pass things on.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use crate::database::Database;
use crate::webhook_journal::{self, Ended, Said, Stored};

/// Rows of one batch.
const BATCH_MAX: usize = 256;
/// Notifications that may wait to be stored; above it they are processed without the journal.
const SAID_WAITING_MAX: usize = 4_096;
/// Ends that may wait to be noted; above it whoever has one waits.
const ENDED_WAITING_MAX: usize = 4_096;

/// A body on its way into the journal, and where the receipt goes.
struct Arriving {
    said: Said,
    receipt: oneshot::Sender<Stored>,
}

/// The way into the journal.
pub(super) struct JournalKeeper {
    arriving: mpsc::Sender<Arriving>,
    ended: mpsc::Sender<Ended>,
}

/// The other end of the way.
pub(super) struct JournalTasks {
    database: Arc<Database>,
    arriving: mpsc::Receiver<Arriving>,
    ended: mpsc::Receiver<Ended>,
}

/// A keeper and what must run for it.
pub(super) fn journal(database: Arc<Database>) -> (JournalKeeper, JournalTasks) {
    let (arriving, arriving_out) = mpsc::channel(SAID_WAITING_MAX);
    let (ended, ended_out) = mpsc::channel(ENDED_WAITING_MAX);
    let tasks = JournalTasks { database, arriving: arriving_out, ended: ended_out };
    (JournalKeeper { arriving, ended }, tasks)
}

impl JournalKeeper {
    /// Stores a body; `None` when it could not be made durable.
    pub(super) async fn store(&self, provider: &str, body: &[u8]) -> Option<Stored> {
        let (receipt, stored) = oneshot::channel();
        let said = Said::once(provider, body);
        self.arriving.try_send(Arriving { said, receipt }).ok()?;
        stored.await.ok()
    }

    /// Notes an end, soon. One that is lost costs a repeat by the worker.
    pub(super) async fn end(&self, ended: Ended) {
        // The tasks end after everybody who could send.
        let _ = self.ended.send(ended).await;
    }
}

impl JournalTasks {
    /// Runs until it is dropped.
    pub(super) async fn run(self) {
        let Self { database, arriving, ended } = self;
        tokio::join!(store_all(&database, arriving), end_all(&database, ended));
    }
}

async fn store_all(database: &Database, mut arriving: mpsc::Receiver<Arriving>) {
    let mut batch = Vec::with_capacity(BATCH_MAX);
    while arriving.recv_many(&mut batch, BATCH_MAX).await > 0 {
        let (said, receipts) = fold(batch.drain(..));
        match webhook_journal::store(database, &said).await {
            Ok(stored) => confirm(receipts, &stored),
            // Dropped receipts tell everybody who waits.
            Err(error) => tracing::debug!(%error, "notifications were not stored"),
        }
    }
}

type Key = (String, Vec<u8>);
type Receipts = HashMap<Key, Vec<oneshot::Sender<Stored>>>;

/// Repeats within a batch become one row, since a statement may touch a row only once.
fn fold(batch: impl Iterator<Item = Arriving>) -> (Vec<Said>, Receipts) {
    let mut said: HashMap<Key, Said> = HashMap::new();
    let mut receipts = Receipts::new();
    for arriving in batch {
        let key = (arriving.said.provider.clone(), arriving.said.digest.clone());
        receipts.entry(key.clone()).or_default().push(arriving.receipt);
        said.entry(key).and_modify(|said| said.times += 1).or_insert(arriving.said);
    }
    (said.into_values().collect(), receipts)
}

/// Only the first of several equal ones is to be processed.
fn confirm(receipts: Receipts, stored: &HashMap<Key, Stored>) {
    for (key, waiting) in receipts {
        let Some(stored) = stored.get(&key) else { continue };
        for (at, receipt) in waiting.into_iter().enumerate() {
            let wanted = stored.wanted && at == 0;
            // Whoever stopped waiting is told by the gateway's repeat.
            let _ = receipt.send(Stored { wanted, ..stored.clone() });
        }
    }
}

async fn end_all(database: &Database, mut ended: mpsc::Receiver<Ended>) {
    let mut batch = Vec::with_capacity(BATCH_MAX);
    while ended.recv_many(&mut batch, BATCH_MAX).await > 0 {
        if let Err(error) = webhook_journal::end(database, &batch).await {
            tracing::debug!(%error, "ends of notifications were not noted, looked at again");
        }
        batch.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arriving(body: &[u8]) -> (Arriving, oneshot::Receiver<Stored>) {
        let (receipt, stored) = oneshot::channel();
        (Arriving { said: Said::once("sandbox", body), receipt }, stored)
    }

    #[test]
    fn repeats_in_one_batch_are_one_row_and_one_piece_of_work() {
        let ((a, mut a_out), (b, mut b_out)) = (arriving(b"same"), arriving(b"same"));
        let (c, mut c_out) = arriving(b"other");
        let (said, receipts) = fold([a, b, c].into_iter());
        let mut times: Vec<_> = said.iter().map(|said| said.times).collect();
        times.sort_unstable();
        assert_eq!(times, [1, 2]);
        let row = |(id, said): (usize, &Said)| {
            let key = (said.provider.clone(), said.digest.clone());
            (key, Stored { id: id as i64, wanted: said.times == 2 })
        };
        confirm(receipts, &said.iter().enumerate().map(row).collect());
        assert!(a_out.try_recv().expect("a receipt").wanted);
        assert!(!b_out.try_recv().expect("a receipt").wanted, "the first is enough");
        assert!(!c_out.try_recv().expect("a receipt").wanted, "it is being processed already");
    }

    #[test]
    fn what_was_not_stored_gives_no_receipt() {
        let (a, mut out) = arriving(b"body");
        let (_, receipts) = fold([a].into_iter());
        confirm(receipts, &HashMap::new());
        assert!(out.try_recv().is_err());
    }
}
