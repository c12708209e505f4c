//! The bounded FIFO between callers and the writer thread.
//!
//! Callers never wait here: a call that does not fit closes the queue for good, since dropping one
//! record would leave a hole in its group's log. The writer takes all that waits at once.

use std::collections::VecDeque;

use parking_lot::{Condvar, Mutex};
use tokio::sync::Notify;

use super::{Done, GroupId, Record, Sync, WalFailure};

/// One call of the log's interface, waiting for the writer.
pub(super) struct Job {
    pub task: Task,
    pub done: Option<Done>,
    bytes: usize,
}

/// What a job asks for.
pub(super) enum Task {
    Append { group: GroupId, records: Vec<Record>, sync: Sync },
    ClearDoubt,
}

impl Job {
    pub fn append(group: GroupId, records: Vec<Record>, sync: Sync, done: Option<Done>) -> Self {
        let bytes = records.iter().map(payload_bytes).sum();
        Self { task: Task::Append { group, records, sync }, done, bytes }
    }

    pub fn clear_doubt() -> Self {
        Self { task: Task::ClearDoubt, done: None, bytes: 0 }
    }

    /// Answers the call; without a callback there is nobody to tell.
    pub fn complete(self, result: Result<(), WalFailure>) {
        if let Some(done) = self.done {
            done(result);
        }
    }
}

fn payload_bytes(record: &Record) -> usize {
    match record {
        Record::Entry { payload: bytes, .. }
        | Record::Vote(bytes)
        | Record::Committed(bytes)
        | Record::Purge { state: bytes, .. } => bytes.len(),
        Record::TruncateAfter { .. } | Record::Presence(_) => 0,
    }
}

/// Waiting jobs and whether more are taken.
pub(super) struct Queue {
    inner: Mutex<Inner>,
    wake: Wake,
    len_max: usize,
    bytes_max: usize,
}

/// How the writer learns of jobs.
enum Wake {
    Thread(Condvar),
    Task(Notify),
}

impl Wake {
    fn notify_one(&self) {
        match self {
            Self::Thread(wake) => {
                wake.notify_one();
            }
            Self::Task(wake) => wake.notify_one(),
        }
    }
}

#[derive(Default)]
struct Inner {
    jobs: VecDeque<Job>,
    bytes: usize,
    /// Why no more jobs are taken.
    refuse: Option<WalFailure>,
}

/// What the writer got from the queue.
pub(super) enum Taken {
    /// Jobs to do, in order.
    Jobs(VecDeque<Job>),
    /// Closed in order and empty.
    Closed,
    /// A call did not fit; nothing more may be written.
    Overrun(WalFailure),
}

impl Queue {
    pub fn new(len_max: usize, bytes_max: usize) -> Self {
        let wake = Wake::Thread(Condvar::new());
        Self { inner: Mutex::default(), wake, len_max, bytes_max }
    }

    /// A queue whose writer is a task, and calls [`Queue::wait`] before it takes.
    pub fn for_task(len_max: usize, bytes_max: usize) -> Self {
        let wake = Wake::Task(Notify::new());
        Self { inner: Mutex::default(), wake, len_max, bytes_max }
    }

    /// Waits until [`Queue::take`] has something to tell.
    pub async fn wait(&self) {
        while !self.has_news() {
            match &self.wake {
                Wake::Task(wake) => wake.notified().await,
                Wake::Thread(_) => return,
            }
        }
    }

    fn has_news(&self) -> bool {
        let inner = self.inner.lock();
        inner.refuse.is_some() || !inner.jobs.is_empty()
    }

    /// Queues a job, or answers it at once when the log has stopped.
    pub fn push(&self, job: Job) {
        let mut inner = self.inner.lock();
        if let Some(reason) = inner.refuse.clone() {
            drop(inner);
            return job.complete(Err(reason));
        }
        let (len, bytes) = (inner.jobs.len(), inner.bytes);
        let full = len >= self.len_max || (len > 0 && bytes + job.bytes > self.bytes_max);
        if full {
            let reason = WalFailure::Backlog { len, bytes };
            inner.refuse = Some(reason.clone());
            drop(inner);
            self.wake.notify_one();
            return job.complete(Err(reason));
        }
        inner.bytes += job.bytes;
        inner.jobs.push_back(job);
        drop(inner);
        self.wake.notify_one();
    }

    /// Waits for jobs and takes up to `bytes_max` of payload, at least one.
    pub fn take(&self, bytes_max: usize) -> Taken {
        let mut inner = self.inner.lock();
        loop {
            match &inner.refuse {
                Some(WalFailure::Closed) if inner.jobs.is_empty() => return Taken::Closed,
                None | Some(WalFailure::Closed) => {}
                Some(reason) => return Taken::Overrun(reason.clone()),
            }
            if !inner.jobs.is_empty() {
                return Taken::Jobs(inner.take(bytes_max));
            }
            match &self.wake {
                Wake::Thread(wake) => wake.wait(&mut inner),
                // A task that did not wait before has nothing to do.
                Wake::Task(_) => return Taken::Jobs(VecDeque::new()),
            }
        }
    }

    /// Takes no more jobs; those that wait are still handed out.
    pub fn close(&self) {
        self.inner.lock().refuse.get_or_insert(WalFailure::Closed);
        self.wake.notify_one();
    }

    /// Refuses all further jobs with `reason` and returns those that wait.
    pub fn fail(&self, reason: WalFailure) -> VecDeque<Job> {
        let mut inner = self.inner.lock();
        inner.refuse = Some(reason);
        inner.bytes = 0;
        std::mem::take(&mut inner.jobs)
    }

    /// Jobs and payload bytes that wait.
    pub fn size(&self) -> (usize, usize) {
        let inner = self.inner.lock();
        (inner.jobs.len(), inner.bytes)
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.inner.lock().jobs.is_empty()
    }
}

impl Inner {
    fn take(&mut self, bytes_max: usize) -> VecDeque<Job> {
        let mut bytes = 0;
        let mut count = 0;
        for job in &self.jobs {
            if count > 0 && bytes + job.bytes > bytes_max {
                break;
            }
            bytes += job.bytes;
            count += 1;
        }
        self.bytes -= bytes;
        let rest = self.jobs.split_off(count);
        std::mem::replace(&mut self.jobs, rest)
    }
}
