//! Coalesces the commands of one shard into log entries while this node leads it.
//!
//! A bounded queue feeds one task, which takes all that waits (up to the limits of a batch), drops
//! what is expired, stamps the time and proposes one entry; a few entries are in flight at once.
//! Replies go back by position. What was proposed and lost is answered `Unknown`; what never was
//! proposed is answered so that the caller knows nothing happened.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use metrics::{Counter, Histogram};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::batch::{self, COMMAND_OVERHEAD_BYTES};
use crate::config::BatchConfig;
use crate::machine::StateMachine;
use crate::raft::{Group, Proposal, ProposeError};
use crate::shard::SubmitError;

/// Gets the outcome of one command, once.
pub(crate) enum Waiter {
    /// A caller in this process.
    Local(oneshot::Sender<Result<Bytes, SubmitError>>),
    /// Anything else.
    Callback(Box<dyn FnOnce(Result<Bytes, SubmitError>) + Send>),
}

impl Waiter {
    /// Hands over the outcome.
    pub fn answer(self, outcome: Result<Bytes, SubmitError>) {
        match self {
            // The caller may have given up.
            Self::Local(sender) => drop(sender.send(outcome)),
            Self::Callback(callback) => callback(outcome),
        }
    }
}

struct Waiting {
    command: Bytes,
    deadline: Instant,
    waiter: Waiter,
}

/// The entrance of a shard's queue.
pub(crate) struct Batcher {
    queue: mpsc::Sender<Waiting>,
    queued_bytes: Arc<AtomicUsize>,
    limits: BatchConfig,
    refused: Counter,
}

impl Batcher {
    /// An entrance, and the task behind it.
    pub fn new<S: StateMachine>(group: Arc<Group<S>>, limits: BatchConfig) -> (Self, BatchTask<S>) {
        let (queue, waiting) = mpsc::channel(limits.queue_len_max);
        let queued_bytes = Arc::new(AtomicUsize::new(0));
        let task = BatchTask {
            group,
            limits: limits.clone(),
            incoming: waiting,
            queued_bytes: Arc::clone(&queued_bytes),
            taken: VecDeque::new(),
            in_flight: FuturesUnordered::new(),
            stamp: Stamp::default(),
            metrics: BatchMetrics::new(),
        };
        let refused = metrics::counter!("seatgrid_commands_refused_total");
        (Self { queue, queued_bytes, limits, refused }, task)
    }

    /// Queues a command, or answers at once why not.
    pub fn submit(&self, command: Bytes, deadline: Instant, waiter: Waiter) {
        let len = command.len();
        if len > self.limits.command_bytes_max {
            return waiter.answer(Err(SubmitError::TooLarge));
        }
        let before = self.queued_bytes.fetch_add(len, Ordering::Relaxed);
        let refuse = |waiter: Waiter, why| {
            self.refused.increment(1);
            self.queued_bytes.fetch_sub(len, Ordering::Relaxed);
            waiter.answer(Err(why));
        };
        if before + len > self.limits.queue_bytes_max {
            return refuse(waiter, SubmitError::Busy);
        }
        match self.queue.try_send(Waiting { command, deadline, waiter }) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(w)) => refuse(w.waiter, SubmitError::Busy),
            Err(mpsc::error::TrySendError::Closed(w)) => refuse(w.waiter, SubmitError::Stopped),
        }
    }
}

/// The task behind a shard's queue.
pub(crate) struct BatchTask<S: StateMachine> {
    group: Arc<Group<S>>,
    limits: BatchConfig,
    incoming: mpsc::Receiver<Waiting>,
    queued_bytes: Arc<AtomicUsize>,
    /// Taken from the queue and not yet in a batch.
    taken: VecDeque<Waiting>,
    in_flight: FuturesUnordered<BoxFuture<'static, ()>>,
    stamp: Stamp,
    metrics: BatchMetrics,
}

impl<S: StateMachine> BatchTask<S> {
    /// Runs until shutdown; then what waits is answered `Stopped`.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let stop = shutdown.clone();
        stop.run_until_cancelled(self.work()).await;
        self.incoming.close();
        self.refuse_all(&SubmitError::Stopped);
    }

    async fn work(&mut self) {
        let mut leads = self.group.watch_leads();
        let mut fresh = Vec::with_capacity(self.limits.commands_max);
        loop {
            let free = self.in_flight.len() < self.limits.in_flight_max;
            let wants = free && self.taken.is_empty();
            tokio::select! {
                biased;
                Some(()) = self.in_flight.next(), if !self.in_flight.is_empty() => {}
                changed = leads.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    if !*leads.borrow_and_update() {
                        let hint = self.group.role().leader;
                        self.refuse_all(&SubmitError::NotLeader { hint });
                    }
                }
                count = self.incoming.recv_many(&mut fresh, self.limits.commands_max), if wants => {
                    if count == 0 {
                        return;
                    }
                    self.taken.extend(fresh.drain(..));
                }
            }
            while self.in_flight.len() < self.limits.in_flight_max && !self.taken.is_empty() {
                self.propose_one().await;
            }
        }
    }

    /// Proposes one batch of what was taken.
    async fn propose_one(&mut self) {
        let batch = self.next_batch();
        if batch.is_empty() {
            return;
        }
        let body = batch::encode(batch.iter().map(|w| &w.command));
        let at_ms = self.stamp.next(&self.group);
        self.metrics.commands.increment(batch.len() as u64);
        self.metrics.batch_commands.record(batch.len() as f64);
        let waiters: Vec<Waiter> = batch.into_iter().map(|w| w.waiter).collect();
        match self.group.propose(Proposal { at_ms, body }).await {
            Err(error) => refuse(waiters, &error),
            Ok(replies) => self.in_flight.push(Box::pin(async move {
                match replies.await {
                    Ok(replies) if replies.len() == waiters.len() => {
                        for (waiter, reply) in waiters.into_iter().zip(replies) {
                            waiter.answer(Ok(reply));
                        }
                    }
                    Ok(_) => refuse(waiters, &ProposeError::Unknown),
                    Err(error) => refuse(waiters, &error),
                }
            })),
        }
    }

    /// As many as fit into one entry, at least one; the expired are answered and left out.
    fn next_batch(&mut self) -> Vec<Waiting> {
        let now = Instant::now();
        let mut batch = Vec::with_capacity(self.taken.len());
        let mut bytes = 0;
        while let Some(next) = self.taken.front() {
            let len = next.command.len() + COMMAND_OVERHEAD_BYTES;
            if !batch.is_empty() && bytes + len > self.limits.bytes_max {
                break;
            }
            let Some(next) = self.taken.pop_front() else { break };
            self.queued_bytes.fetch_sub(next.command.len(), Ordering::Relaxed);
            if next.deadline <= now {
                self.metrics.expired.increment(1);
                next.waiter.answer(Err(SubmitError::Expired));
                continue;
            }
            bytes += len;
            batch.push(next);
        }
        batch
    }

    /// Answers all that was never proposed.
    fn refuse_all(&mut self, why: &SubmitError) {
        while let Ok(waiting) = self.incoming.try_recv() {
            self.taken.push_back(waiting);
        }
        for waiting in self.taken.drain(..) {
            self.queued_bytes.fetch_sub(waiting.command.len(), Ordering::Relaxed);
            waiting.waiter.answer(Err(why.clone()));
        }
    }
}

/// Answers the commands of a batch that has no replies.
fn refuse(waiters: Vec<Waiter>, error: &ProposeError) {
    let why = match error {
        ProposeError::NotLeader { hint } => SubmitError::NotLeader { hint: *hint },
        ProposeError::Unknown => SubmitError::Unknown,
        ProposeError::Stopped => SubmitError::Stopped,
    };
    for waiter in waiters {
        waiter.answer(Err(why.clone()));
    }
}

/// The leader's time, which never runs backwards even across leaders.
#[derive(Default)]
struct Stamp {
    term: u64,
    last_ms: u64,
}

impl Stamp {
    fn next<S: StateMachine>(&mut self, group: &Group<S>) -> u64 {
        let term = group.role().term;
        if term != self.term {
            self.term = term;
            self.last_ms = self.last_ms.max(group.newest_stamp_ms());
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let now_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        self.last_ms = self.last_ms.max(now_ms);
        self.last_ms
    }
}

struct BatchMetrics {
    commands: Counter,
    expired: Counter,
    batch_commands: Histogram,
}

impl BatchMetrics {
    fn new() -> Self {
        Self {
            commands: metrics::counter!("seatgrid_commands_proposed_total"),
            expired: metrics::counter!("seatgrid_commands_expired_total"),
            batch_commands: metrics::histogram!("seatgrid_batch_commands"),
        }
    }
}
