//! Sends the commands, closed loop or open loop, and gathers what came of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use hdrhistogram::Histogram;
use inventory::FeedPosition;
use parking_lot::Mutex;
use processing_unit::{Grid, ShardId};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::processes::Usage;
use super::stage::{Place, Stage};
use super::units::Units;

/// A command that takes longer has failed.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// The outbox is emptied so often: the part of the data writer.
const ACKNOWLEDGE_EVERY: Duration = Duration::from_millis(100);
/// The schedule of the open loop is kept in steps of this length.
const TICK: Duration = Duration::from_millis(1);
/// Commands of the open loop that may be under way at once: a second of them at most.
const PLACES_PER_RATE: u32 = 1;
/// Histograms, so that measuring does not make shoppers wait for each other.
const HISTOGRAMS: usize = 16;
/// The longest latency that is told apart, in microseconds.
const LATENCY_US_MAX: u64 = 60_000_000;

/// How long a case runs.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    pub warm_up: Duration,
    pub measured: Duration,
}

/// What a case gave.
pub struct Measured {
    pub took: Duration,
    pub latency_us: Histogram<u64>,
    /// Answered within the measured span.
    pub commands: u64,
    /// Not answered, or answered otherwise than expected.
    pub failed: u64,
    /// Not sent at their time, since every place was waiting.
    pub late: u64,
    pub first_failure: Option<String>,
    pub generator: Usage,
    pub units: Usage,
    pub log: LogUse,
}

/// What the busiest unit wrote to its log within the measured span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogUse {
    pub bytes: u64,
    pub syncs: u64,
}

/// Shared by all shoppers.
struct Tally {
    counts: AtomicBool,
    ends: AtomicBool,
    histograms: Vec<Mutex<Histogram<u64>>>,
    failed: AtomicU64,
    late: AtomicU64,
    first_failure: Mutex<Option<String>>,
}

impl Tally {
    fn new() -> Result<Arc<Self>> {
        let histogram = || Histogram::new_with_bounds(1, LATENCY_US_MAX, 3).map(Mutex::new);
        Ok(Arc::new(Self {
            counts: AtomicBool::new(false),
            ends: AtomicBool::new(false),
            histograms: (0..HISTOGRAMS).map(|_| histogram()).collect::<Result<_, _>>()?,
            failed: AtomicU64::new(0),
            late: AtomicU64::new(0),
            first_failure: Mutex::new(None),
        }))
    }

    fn record(&self, nth: usize, took: Duration) {
        self.record_all(nth, took, 1);
    }

    fn record_all(&self, nth: usize, took: Duration, commands: u64) {
        if self.counts.load(Ordering::Relaxed) {
            let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
            self.histograms[nth % HISTOGRAMS].lock().saturating_record_n(us, commands);
        }
    }

    fn fail(&self, why: String) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        self.first_failure.lock().get_or_insert(why);
    }
}

/// Every shopper waits for its answer before its next command.
pub async fn closed(units: &Units, stage: Stage, span: Span, clients: u32) -> Result<Measured> {
    let (tally, grid) = (Tally::new()?, units.grid());
    let mut shoppers = JoinSet::new();
    for (nth, mut place) in stage.places(clients).into_iter().enumerate() {
        let (tally, grid) = (Arc::clone(&tally), grid.clone());
        shoppers.spawn(async move {
            while !tally.ends.load(Ordering::Relaxed) {
                let began = Instant::now();
                match send(&grid, &mut place).await {
                    Ok(()) => tally.record(nth, began.elapsed()),
                    Err(why) => return tally.fail(why),
                }
            }
        });
    }
    let measured = watch(units, &grid, &stage, span, &tally).await;
    while shoppers.join_next().await.is_some() {}
    measured
}

/// A few senders wait for the answers to a whole bundle before they hand over the next; each keeps to
/// one shard. The latency of a command is that of its bundle.
pub async fn bundled(
    units: &Units,
    stage: Stage,
    span: Span,
    (senders, bundle): (u32, u32),
) -> Result<Measured> {
    let (tally, grid) = (Tally::new()?, units.grid());
    let mut of_shard = BTreeMap::<_, Vec<_>>::new();
    for place in stage.places(senders.saturating_mul(bundle)) {
        of_shard.entry(place.shard).or_default().push(place);
    }
    let mut sending = JoinSet::new();
    for (shard, places) in of_shard {
        for (nth, places) in places.chunks(bundle as usize).enumerate() {
            let (tally, grid, mut places) = (Arc::clone(&tally), grid.clone(), places.to_vec());
            sending.spawn(async move {
                while !tally.ends.load(Ordering::Relaxed) {
                    let began = Instant::now();
                    match send_all(&grid, shard, &mut places).await {
                        Ok(()) => tally.record_all(nth, began.elapsed(), places.len() as u64),
                        Err(why) => return tally.fail(why),
                    }
                }
            });
        }
    }
    let measured = watch(units, &grid, &stage, span, &tally).await;
    while sending.join_next().await.is_some() {}
    measured
}

async fn send_all(grid: &Grid, shard: ShardId, places: &mut [Place]) -> Result<(), String> {
    let deadline = (Instant::now() + ANSWER_MAX).into();
    let envelopes: Vec<_> = places.iter_mut().map(Place::next).collect();
    let replies = grid.shard_commands(shard, &envelopes, deadline).await;
    let replies = replies.map_err(|e| e.to_string())?;
    places.iter_mut().zip(&replies).try_for_each(|(place, reply)| place.answered(&reply.outcome))
}

/// Commands leave by schedule; latency counts from the scheduled moment.
pub async fn open(units: &Units, stage: Stage, span: Span, rate: u32) -> Result<Measured> {
    let (tally, grid) = (Tally::new()?, units.grid());
    let (free, mut places) = mpsc::unbounded_channel();
    for place in stage.places(rate.saturating_mul(PLACES_PER_RATE)) {
        let _ = free.send(place);
    }
    let (counting, sending) = (Arc::clone(&tally), grid.clone());
    let schedule = tokio::spawn(async move {
        let began = Instant::now();
        let mut sent: u64 = 0;
        while !counting.ends.load(Ordering::Relaxed) {
            let due = (began.elapsed().as_secs_f64() * f64::from(rate)) as u64;
            while sent < due {
                let at = began + Duration::from_secs_f64(sent as f64 / f64::from(rate));
                sent += 1;
                let Ok(mut place) = places.try_recv() else {
                    counting.late.fetch_add(1, Ordering::Relaxed);
                    continue;
                };
                let (tally, grid, free) = (Arc::clone(&counting), sending.clone(), free.clone());
                tokio::spawn(async move {
                    match send(&grid, &mut place).await {
                        Ok(()) => tally.record(sent as usize, at.elapsed()),
                        Err(why) => return tally.fail(why),
                    }
                    let _ = free.send(place);
                });
            }
            sleep(TICK).await;
        }
    });
    let measured = watch(units, &grid, &stage, span, &tally).await;
    let _ = schedule.await;
    measured
}

async fn send(grid: &Grid, place: &mut Place) -> Result<(), String> {
    let deadline = (Instant::now() + ANSWER_MAX).into();
    let envelope = place.next();
    let reply = grid.shard_command(place.shard, &envelope, deadline).await;
    let reply = reply.map_err(|e| e.to_string())?;
    place.answered(&reply.outcome)
}

/// Lets the load run, counts within the measured span only, and ends it.
async fn watch(
    units: &Units,
    grid: &Grid,
    stage: &Stage,
    span: Span,
    tally: &Tally,
) -> Result<Measured> {
    let result = tokio::select! {
        measured = measure(units, span, tally) => measured,
        never = acknowledge(units, grid, stage) => never.and_then(|()| bail!("nobody acknowledges")),
    };
    tally.ends.store(true, Ordering::Relaxed);
    result
}

async fn measure(units: &Units, span: Span, tally: &Tally) -> Result<Measured> {
    sleep(span.warm_up).await;
    let pids = units.pids();
    let before = (logs(units).await?, Usage::of(&pids)?, Usage::own()?);
    let began = Instant::now();
    tally.counts.store(true, Ordering::Relaxed);
    sleep_until(began + span.measured).await;
    tally.counts.store(false, Ordering::Relaxed);
    let took = began.elapsed();
    let after = (logs(units).await?, Usage::of(&pids)?, Usage::own()?);
    let pairs = before.0.iter().zip(&after.0);
    let logs = pairs.map(|(a, b)| LogUse { bytes: b.bytes - a.bytes, syncs: b.syncs - a.syncs });
    let mut latency_us = Histogram::new_with_bounds(1, LATENCY_US_MAX, 3)?;
    for histogram in &tally.histograms {
        latency_us.add(&*histogram.lock())?;
    }
    Ok(Measured {
        took,
        commands: latency_us.len(),
        latency_us,
        failed: tally.failed.load(Ordering::Relaxed),
        late: tally.late.load(Ordering::Relaxed),
        first_failure: tally.first_failure.lock().clone(),
        generator: after.2.since(before.2),
        units: after.1.since(before.1),
        log: logs.max_by_key(|log| log.bytes).unwrap_or_default(),
    })
}

async fn logs(units: &Units) -> Result<Vec<LogUse>> {
    let figures = units.figures().await?.into_iter();
    Ok(figures.map(|f| LogUse { bytes: f.log.appended_bytes, syncs: f.log.syncs }).collect())
}

/// Empties the outbox up to what was applied a moment ago, again and again.
async fn acknowledge(units: &Units, grid: &Grid, stage: &Stage) -> Result<()> {
    let mut shards: Vec<_> = stage.events.iter().map(|(_, shard)| *shard).collect();
    shards.sort_unstable();
    shards.dedup();
    loop {
        let figures = units.figures().await?;
        for shard in &shards {
            let of = figures.iter().flat_map(|f| &f.shards).filter(|s| s.shard == *shard);
            let Some(log_index) = of.filter_map(|s| s.applied_index).max() else { continue };
            let up_to = FeedPosition { log_index, ordinal: u32::MAX };
            let deadline = (Instant::now() + ANSWER_MAX).into();
            grid.acknowledge(*shard, up_to, deadline).await.context("acknowledging")?;
        }
        sleep(ACKNOWLEDGE_EVERY).await;
    }
}
