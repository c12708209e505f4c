//! Coalesces the commands of one shard into log entries while this node leads it.
//!
//! A queue bounded in count, bytes and age feeds one task, which takes all that waits (up to the
//! limits of a batch), drops what is expired, stamps the time and proposes one entry; a few entries
//! are in flight at once. Replies go back by position. What was proposed and lost is answered
//! `Unknown`; what never was proposed is answered so that the caller knows nothing happened. A
//! leader that no quorum hears any more answers at once: nobody waits for it until the deadline.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use metrics::{Counter, Histogram};
use tokio::sync::{mpsc, oneshot};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::batch::Pieces;
use crate::clock;
use crate::config::BatchConfig;
use crate::machine::StateMachine;
use crate::raft::{Group, Proposal, ProposeError};
use crate::shard::SubmitError;

/// While commands wait or are in flight, deadlines and the lease are looked at so often: short
/// against a lease, and cheap, since an idle shard does not look at all.
const SWEEP: Duration = Duration::from_millis(20);

/// Gets the outcome of one bundle of commands, once: a reply to each, or why there is none.
pub(crate) enum Waiter {
    /// A caller in this process.
    Local(oneshot::Sender<Result<Pieces, SubmitError>>),
    /// Anything else.
    Callback(Box<dyn FnOnce(Result<Pieces, SubmitError>) + Send>),
}

impl Waiter {
    /// Hands over the outcome.
    pub fn answer(self, outcome: Result<Pieces, SubmitError>) {
        match self {
            // The caller may have given up.
            Self::Local(sender) => drop(sender.send(outcome)),
            Self::Callback(callback) => callback(outcome),
        }
    }
}

/// A bundle of commands, which go into the same log entry.
struct Waiting {
    commands: Pieces,
    queued_at: Instant,
    deadline: Instant,
    waiter: Waiter,
}

/// What waits to be proposed.
#[derive(Default)]
struct Load {
    len: AtomicUsize,
    bytes: AtomicUsize,
}

impl Load {
    /// Makes room for commands; false when there is none.
    fn add(&self, commands: &Pieces, limits: &BatchConfig) -> bool {
        let (len, bytes) = (commands.len(), commands.bytes());
        let waiting = self.len.fetch_add(len, Ordering::Relaxed) + len;
        let total = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let fits = waiting <= limits.queue_len_max && total <= limits.queue_bytes_max;
        if !fits {
            self.remove(commands);
        }
        fits
    }

    fn remove(&self, commands: &Pieces) {
        self.len.fetch_sub(commands.len(), Ordering::Relaxed);
        self.bytes.fetch_sub(commands.bytes(), Ordering::Relaxed);
    }
}

/// The entrance of a shard's queue.
pub(crate) struct Batcher {
    /// Without a limit of its own: [`Load`] counts what is in it and what the task took from it.
    queue: mpsc::UnboundedSender<Waiting>,
    load: Arc<Load>,
    limits: BatchConfig,
    refused: Counter,
}

impl Batcher {
    /// An entrance, and the task behind it.
    pub fn new<S: StateMachine>(group: Arc<Group<S>>, limits: BatchConfig) -> (Self, BatchTask<S>) {
        let (queue, incoming) = mpsc::unbounded_channel();
        let load = Arc::new(Load::default());
        let task = BatchTask {
            group,
            limits: limits.clone(),
            incoming,
            load: Arc::clone(&load),
            taken: VecDeque::new(),
            in_flight: FuturesUnordered::new(),
            lease: Lease { led_since: Instant::now(), lost: CancellationToken::new() },
            stamp: Stamp::default(),
            metrics: BatchMetrics::new(),
        };
        let refused = metrics::counter!("seatgrid_commands_refused_total");
        (Self { queue, load, limits, refused }, task)
    }

    /// Queues a bundle of commands, or answers at once why not.
    pub fn submit(&self, commands: Pieces, deadline: Instant, waiter: Waiter) {
        if self.has_too_large(&commands) {
            return waiter.answer(Err(SubmitError::TooLarge));
        }
        if !self.load.add(&commands, &self.limits) {
            self.refused.increment(commands.len() as u64);
            return waiter.answer(Err(SubmitError::Busy));
        }
        let queued_at = Instant::now();
        if let Err(closed) = self.queue.send(Waiting { commands, queued_at, deadline, waiter }) {
            self.load.remove(&closed.0.commands);
            closed.0.waiter.answer(Err(SubmitError::Stopped));
        }
    }

    fn has_too_large(&self, commands: &Pieces) -> bool {
        let max = self.limits.command_bytes_max;
        commands.bytes() > max && commands.iter().any(|command| command.len() > max)
    }
}

/// The task behind a shard's queue.
pub(crate) struct BatchTask<S: StateMachine> {
    group: Arc<Group<S>>,
    limits: BatchConfig,
    incoming: mpsc::UnboundedReceiver<Waiting>,
    load: Arc<Load>,
    /// Taken from the queue and not yet in a batch.
    taken: VecDeque<Waiting>,
    in_flight: FuturesUnordered<BoxFuture<'static, ()>>,
    lease: Lease,
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
        let mut sweeps = tokio::time::interval(SWEEP);
        sweeps.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut fresh = Vec::with_capacity(self.limits.commands_max);
        loop {
            let busy = !self.in_flight.is_empty() || !self.taken.is_empty();
            tokio::select! {
                biased;
                Some(()) = self.in_flight.next(), if !self.in_flight.is_empty() => {}
                changed = leads.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    self.lease.led_since = Instant::now();
                    if !*leads.borrow_and_update() {
                        self.refuse_all(&self.not_leader());
                    }
                }
                _ = sweeps.tick(), if busy => self.sweep(),
                count = self.incoming.recv_many(&mut fresh, self.limits.commands_max) => {
                    if count == 0 {
                        return;
                    }
                    self.taken.extend(fresh.drain(..));
                }
            }
            while self.in_flight.len() < self.limits.in_flight_max && !self.taken.is_empty() {
                if !self.keeps_lease() {
                    break;
                }
                self.propose_one().await;
            }
        }
    }

    /// Answers what has waited too long, and everything once no quorum hears this leader.
    fn sweep(&mut self) {
        if self.keeps_lease() {
            let now = Instant::now();
            let age_max = Duration::from_millis(self.limits.queue_age_max_ms);
            for waiting in std::mem::take(&mut self.taken) {
                if let Some(waiting) = self.still_wanted(waiting, now, age_max) {
                    self.taken.push_back(waiting);
                }
            }
        }
    }

    /// Gives back what may be proposed; answers what is too late or too old.
    fn still_wanted(&self, waiting: Waiting, now: Instant, age_max: Duration) -> Option<Waiting> {
        let why = if waiting.deadline <= now {
            self.metrics.expired.increment(waiting.commands.len() as u64);
            SubmitError::Expired
        } else if now.duration_since(waiting.queued_at) > age_max {
            self.metrics.aged.increment(waiting.commands.len() as u64);
            SubmitError::Busy
        } else {
            return Some(waiting);
        };
        self.load.remove(&waiting.commands);
        waiting.waiter.answer(Err(why));
        None
    }

    /// Whether proposals can still be committed here. When not, everybody is told: who waits, that
    /// nothing happened; whose command is in the log, that its outcome is unknown, unless leadership
    /// is handed over in order, since then it is committed first.
    fn keeps_lease(&mut self) -> bool {
        if self.group.keeps_lease(self.lease.led_since) {
            return true;
        }
        self.refuse_all(&self.not_leader());
        if !self.group.awaits_successor(self.lease.led_since) {
            self.lease.lose();
        }
        false
    }

    fn not_leader(&self) -> SubmitError {
        let hint = self.group.role().leader.filter(|leader| *leader != self.group.node_id);
        SubmitError::NotLeader { hint }
    }

    /// Proposes one batch of what was taken.
    async fn propose_one(&mut self) {
        let batch = self.next_batch();
        if batch.is_empty() {
            return;
        }
        let body = Pieces::join(batch.iter().map(|w| &w.commands));
        let at_ms = self.stamp.next(&self.group);
        let commands = batch.iter().map(|w| w.commands.len()).sum::<usize>() as u64;
        self.metrics.commands.increment(commands);
        self.metrics.batch_commands.record(commands as f64);
        self.metrics.batch_in_flight.record(self.in_flight.len() as f64);
        self.metrics.queue_seconds.record(batch[0].queued_at.elapsed());
        let (counts, waiters): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|w| (w.commands.len(), w.waiter)).unzip();
        match self.group.propose(Proposal { at_ms, commands, body }).await {
            Err(error) => refuse(waiters, &error),
            Ok(replies) => {
                let lost = self.lease.lost.clone();
                self.in_flight.push(Box::pin(async move {
                    let replies = match lost.run_until_cancelled(replies).await {
                        Some(Ok(replies)) => {
                            replies.cut(counts.into_iter()).ok_or(ProposeError::Unknown)
                        }
                        Some(Err(error)) => Err(error),
                        None => Err(ProposeError::Unknown),
                    };
                    match replies {
                        Ok(replies) => {
                            for (waiter, replies) in waiters.into_iter().zip(replies) {
                                waiter.answer(Ok(replies));
                            }
                        }
                        Err(error) => refuse(waiters, &error),
                    }
                }));
            }
        }
    }

    /// As many bundles as fit into one entry, at least one; the expired and the aged are answered
    /// and left out.
    fn next_batch(&mut self) -> Vec<Waiting> {
        let now = Instant::now();
        let age_max = Duration::from_millis(self.limits.queue_age_max_ms);
        let mut batch = Vec::new();
        let (mut len, mut bytes) = (0, 0);
        while let Some(next) = self.taken.pop_front() {
            let (len_then, bytes_then) = (len + next.commands.len(), bytes + next.commands.bytes());
            let fits = len_then <= self.limits.commands_max && bytes_then <= self.limits.bytes_max;
            if !fits && !batch.is_empty() {
                self.taken.push_front(next);
                break;
            }
            if let Some(next) = self.still_wanted(next, now, age_max) {
                self.load.remove(&next.commands);
                (len, bytes) = (len_then, bytes_then);
                batch.push(next);
            }
        }
        batch
    }

    /// Answers all that was never proposed.
    fn refuse_all(&mut self, why: &SubmitError) {
        while let Ok(waiting) = self.incoming.try_recv() {
            self.taken.push_back(waiting);
        }
        for waiting in self.taken.drain(..) {
            self.load.remove(&waiting.commands);
            waiting.waiter.answer(Err(why.clone()));
        }
    }
}

/// Answers the bundles of a batch that has no replies.
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

/// What the task knows of this node's leadership.
struct Lease {
    /// When leadership last came or went.
    led_since: Instant,
    /// Ends the wait for what is in flight.
    lost: CancellationToken,
}

impl Lease {
    fn lose(&mut self) {
        std::mem::take(&mut self.lost).cancel();
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
        self.last_ms = self.last_ms.max(clock::now_ms());
        self.last_ms
    }
}

struct BatchMetrics {
    commands: Counter,
    expired: Counter,
    aged: Counter,
    batch_commands: Histogram,
    /// Entries on their way when another one is proposed.
    batch_in_flight: Histogram,
    /// How long the oldest command of a batch has waited.
    queue_seconds: Histogram,
}

impl BatchMetrics {
    fn new() -> Self {
        Self {
            commands: metrics::counter!("seatgrid_commands_proposed_total"),
            expired: metrics::counter!("seatgrid_commands_expired_total"),
            aged: metrics::counter!("seatgrid_commands_aged_total"),
            batch_commands: metrics::histogram!("seatgrid_batch_commands"),
            batch_in_flight: metrics::histogram!("seatgrid_batch_in_flight"),
            queue_seconds: metrics::histogram!("seatgrid_batch_queue_seconds"),
        }
    }
}
