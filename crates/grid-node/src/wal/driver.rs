//! What drives the writer: a thread of its own, or a task where there are no other threads.
//!
//! Either way the first failure ends it: waiting and later calls get the reason.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;

use parking_lot::Mutex;
use tokio::sync::watch;

use super::queue::Queue;
use super::writer::Writer;
use super::{WalError, WalFailure};

const THREAD_NAME: &str = "wal";

/// A writer with all that it needs to run.
pub(super) struct Run {
    pub writer: Writer,
    pub queue: Arc<Queue>,
    pub failed: watch::Sender<Option<WalFailure>>,
}

/// A writer at work.
pub(super) enum Driver {
    /// On its own thread.
    Thread(JoinHandle<()>),
    /// By a task of a runtime; nothing is left once it has ended.
    Task(Arc<Mutex<Option<Run>>>),
}

impl Driver {
    /// Starts a thread, which runs until the queue is closed or an error ends it.
    pub fn thread(mut run: Run) -> Result<Self, WalError> {
        let builder = std::thread::Builder::new().name(THREAD_NAME.to_owned());
        let thread = builder.spawn(move || while run.step() {});
        thread.map(Self::Thread).map_err(WalError::Thread)
    }

    /// Starts a task of the present runtime. It does not outlive that runtime, and what is queued
    /// then is not written, as when a process is killed.
    pub fn task(run: Run) -> Self {
        let queue = Arc::clone(&run.queue);
        let run = Arc::new(Mutex::new(Some(run)));
        let shared = Arc::clone(&run);
        tokio::spawn(async move {
            loop {
                queue.wait().await;
                let delay = shared.lock().as_ref().map(|run| run.writer.delay());
                let Some(delay) = delay else { return };
                if !delay.is_zero() {
                    tokio::time::sleep(delay).await;
                }
                let mut run = shared.lock();
                if !run.as_mut().is_some_and(Run::step) {
                    *run = None;
                    return;
                }
            }
        });
        Self::Task(run)
    }

    /// Returns once a closed queue is empty and all of it is durable, or the writer has failed.
    pub fn finish(self) {
        match self {
            // A panic of the writer is already published as a failure.
            Self::Thread(thread) => drop(thread.join()),
            Self::Task(run) => {
                if let Some(mut run) = run.lock().take() {
                    while run.step() {}
                }
            }
        }
    }
}

impl Run {
    /// One batch; whether to go on.
    fn step(&mut self) -> bool {
        let Self { writer, queue, failed } = self;
        let failure = match catch_unwind(AssertUnwindSafe(|| writer.step(queue))) {
            Ok(Ok(goes_on)) => return goes_on,
            Ok(Err(failure)) => failure,
            Err(_panic) => WalFailure::Panicked,
        };
        failed.send_replace(Some(failure.clone()));
        for job in queue.fail(failure.clone()) {
            job.complete(Err(failure.clone()));
        }
        false
    }
}
