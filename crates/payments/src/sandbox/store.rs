//! The ledger and its journal as one: a change is in memory at once and is answered for only when
//! it is on disk.
//!
//! One thread owns the journal and writes whatever has gathered since its last write, so that many
//! payments share one `fdatasync`. Readers wait for the same point: nothing is ever told that a
//! crash could take back. When the disk fails the store is broken for good.

use std::{path::Path, sync::Arc, thread::JoinHandle};

use parking_lot::{Condvar, Mutex};
use tokio::sync::{Notify, watch};

use super::{
    journal::{self, Journal, JournalError},
    ledger::{Ledger, Terms},
    object::{Change, Notice},
};

/// Most bytes that may wait for the disk. Above this new requests are turned away: the disk is
/// slower than the callers, and memory must not grow instead.
const PENDING_BYTES_MAX: usize = 16 * 1_024 * 1_024;

/// Why something was not recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Too much waits for the disk; nothing happened.
    #[error("too much waits for the disk")]
    Full,
    /// The disk failed, or the store is closed; whether it happened shows after a restart.
    #[error("the journal is not writable any more")]
    Broken,
}

/// Why a transaction did not take place.
#[derive(Debug, PartialEq, Eq)]
pub enum CommitError<E> {
    /// The decision was no.
    Refused(E),
    /// The decision could not be recorded.
    Store(StoreError),
}

/// The ledger on disk. Shared by reference; closed once.
#[derive(Debug)]
pub struct Store {
    shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Shared {
    inner: Mutex<Inner>,
    work: Condvar,
    durable: watch::Sender<Durable>,
    timers_changed: Notify,
    notices_changed: Notify,
}

#[derive(Debug)]
struct Inner {
    ledger: Ledger,
    pending: Vec<u8>,
    appended: u64,
    closing: bool,
    broken: Option<String>,
}

/// How far the disk has come.
#[derive(Debug, Clone, Copy)]
struct Durable {
    upto: u64,
    broken: bool,
}

impl Store {
    /// Replays the journal in `dir` and starts its writer.
    ///
    /// # Errors
    /// [`JournalError`] says what to do.
    pub fn open(dir: &Path, compact_bytes_min: u64, terms: Terms) -> Result<Self, JournalError> {
        let mut ledger = Ledger::new(terms);
        let journal = Journal::open(dir, compact_bytes_min, |change| ledger.apply(change))?;
        ledger.forget_finished(now_ms());
        let (pending, appended) = (Vec::new(), 0);
        let inner = Inner { ledger, pending, appended, closing: false, broken: None };
        let shared = Arc::new(Shared {
            inner: Mutex::new(inner),
            work: Condvar::new(),
            durable: watch::Sender::new(Durable { upto: 0, broken: false }),
            timers_changed: Notify::new(),
            notices_changed: Notify::new(),
        });
        let writer = spawn_writer(shared.clone(), journal).map_err(|source| JournalError::Io {
            what: "write",
            path: dir.to_owned(),
            source,
        })?;
        Ok(Self { shared, writer: Mutex::new(Some(writer)) })
    }

    /// Decides against the ledger as it is, puts the changes in force and waits until they are on
    /// disk.
    ///
    /// # Errors
    /// [`CommitError`]; after [`CommitError::Refused`] and [`StoreError::Full`] nothing happened.
    pub async fn commit<T, E>(
        &self,
        decide: impl FnOnce(&Ledger, i64) -> Result<(Vec<Change>, T), E>,
    ) -> Result<T, CommitError<E>> {
        let (upto, answer) = {
            let mut inner = self.shared.inner.lock();
            inner.check().map_err(CommitError::Store)?;
            let (changes, answer) =
                decide(&inner.ledger, now_ms()).map_err(CommitError::Refused)?;
            inner.append(changes);
            (inner.appended, answer)
        };
        self.shared.wake_all();
        self.durable(upto).await.map_err(CommitError::Store)?;
        Ok(answer)
    }

    /// Puts changes in force without waiting for the disk: for what may be done twice.
    pub fn note(&self, changes: Vec<Change>) {
        let mut inner = self.shared.inner.lock();
        if inner.check().is_ok() {
            inner.append(changes);
        }
        drop(inner);
        self.shared.work.notify_one();
    }

    /// Reads the ledger, once all that was read is on disk.
    ///
    /// # Errors
    /// [`StoreError::Broken`].
    pub async fn read<T>(&self, question: impl FnOnce(&Ledger) -> T) -> Result<T, StoreError> {
        let (upto, answer) = {
            let inner = self.shared.inner.lock();
            (inner.appended, question(&inner.ledger))
        };
        self.durable(upto).await?;
        Ok(answer)
    }

    /// Looks at the ledger as it is in memory: for the tasks that only plan their next step.
    pub fn peek<T>(&self, question: impl FnOnce(&Ledger) -> T) -> T {
        question(&self.shared.inner.lock().ledger)
    }

    /// Takes a notice that is due, once it is on disk.
    ///
    /// # Errors
    /// [`StoreError::Broken`].
    pub async fn take_notice(&self) -> Result<Option<Notice>, StoreError> {
        let (upto, notice) = {
            let mut inner = self.shared.inner.lock();
            (inner.appended, inner.ledger.take_notice(now_ms()))
        };
        if notice.is_some() {
            self.durable(upto).await?;
        }
        Ok(notice)
    }

    /// Puts a taken notice back, to be sent in `delay_ms`.
    pub fn postpone_notice(&self, id: u64, delay_ms: i64) {
        let due_at_ms = now_ms().saturating_add(delay_ms);
        self.shared.inner.lock().ledger.postpone_notice(id, due_at_ms);
        self.shared.notices_changed.notify_one();
    }

    /// Waits until a payment or refund may have got an earlier timer.
    pub async fn timers_changed(&self) {
        self.shared.timers_changed.notified().await;
    }

    /// Waits until there may be an earlier notice.
    pub async fn notices_changed(&self) {
        self.shared.notices_changed.notified().await;
    }

    /// Whether the disk still takes what we write.
    pub fn is_healthy(&self) -> bool {
        self.shared.inner.lock().check() != Err(StoreError::Broken)
    }

    /// Waits until the disk has failed, and tells how.
    pub async fn broken(&self) -> String {
        let mut durable = self.shared.durable.subscribe();
        // The sender lives in `self`, so that the wait can only end with the failure.
        let _ = durable.wait_for(|durable| durable.broken).await;
        self.shared.inner.lock().broken.clone().unwrap_or_default()
    }

    /// Writes what waits, stops the writer and gives the directory free. Blocks for one write.
    pub fn close(&self) {
        self.shared.inner.lock().closing = true;
        self.shared.work.notify_one();
        if let Some(writer) = self.writer.lock().take()
            && writer.join().is_err()
        {
            tracing::error!("the sandbox's journal writer panicked");
        }
    }

    async fn durable(&self, upto: u64) -> Result<(), StoreError> {
        let mut durable = self.shared.durable.subscribe();
        let reached = durable.wait_for(|durable| durable.broken || durable.upto >= upto).await;
        match reached {
            Ok(durable) if durable.upto >= upto => Ok(()),
            Ok(_) | Err(_) => Err(StoreError::Broken),
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.close();
    }
}

impl Inner {
    fn check(&self) -> Result<(), StoreError> {
        if self.broken.is_some() || self.closing {
            return Err(StoreError::Broken);
        }
        if self.pending.len() >= PENDING_BYTES_MAX {
            return Err(StoreError::Full);
        }
        Ok(())
    }

    fn append(&mut self, changes: Vec<Change>) {
        if changes.is_empty() {
            return;
        }
        self.pending.extend_from_slice(&journal::line(&changes));
        self.appended += 1;
        changes.into_iter().for_each(|change| self.ledger.apply(change));
    }

    fn snapshot(&self) -> Vec<u8> {
        self.ledger.content().flat_map(|change| journal::line(&[change])).collect()
    }
}

impl Shared {
    fn wake_all(&self) {
        self.work.notify_one();
        self.timers_changed.notify_one();
        self.notices_changed.notify_one();
    }

    /// Waits for lines and takes them; nothing when the store is closed and all is written.
    fn next_batch(&self) -> Option<(Vec<u8>, u64)> {
        let mut inner = self.inner.lock();
        while inner.pending.is_empty() && !inner.closing {
            self.work.wait(&mut inner);
        }
        if inner.pending.is_empty() {
            return None;
        }
        Some((std::mem::take(&mut inner.pending), inner.appended))
    }

    fn write(&self, journal: &mut Journal, batch: &[u8], upto: u64) -> Result<(), JournalError> {
        journal.append(batch)?;
        self.publish(upto);
        if !journal.wants_compaction() {
            return Ok(());
        }
        let (snapshot, upto) = {
            let mut inner = self.inner.lock();
            inner.pending.clear();
            (inner.snapshot(), inner.appended)
        };
        journal.replace(&snapshot)?;
        self.publish(upto);
        Ok(())
    }

    fn publish(&self, upto: u64) {
        self.durable.send_modify(|durable| durable.upto = upto);
    }

    fn fail(&self, error: &JournalError) {
        self.inner.lock().broken = Some(error.to_string());
        self.durable.send_modify(|durable| durable.broken = true);
    }
}

fn spawn_writer(shared: Arc<Shared>, mut journal: Journal) -> std::io::Result<JoinHandle<()>> {
    let name = "sandbox-journal".to_owned();
    std::thread::Builder::new().name(name).spawn(move || {
        while let Some((batch, upto)) = shared.next_batch() {
            if let Err(error) = shared.write(&mut journal, &batch, upto) {
                return shared.fail(&error);
            }
        }
    })
}

/// Milliseconds since 1970 UTC.
pub fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
