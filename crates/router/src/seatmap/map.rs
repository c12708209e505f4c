//! The newest view of one event and the rules of its freshness.
//!
//! A reader gets a view that (1) has at least the version of every command that this router has
//! answered, so that shoppers see their own holds at once, and (2) was true at most so long ago. If
//! the known view is not, one question to the leader serves all who wait. In the background a long
//! poll keeps the view close to the truth and feeds the live stream.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use inventory::{SeatIx, SeatStatus};
use parking_lot::Mutex;
use processing_unit::{Grid, GridError, SeatMap};
use rand::Rng;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::known::{Known, Taken, Wanted, is_misfit, misfit};
use super::ring::{Ring, Subscription};
use super::{MapLimits, MapView, PlanView};

/// Pauses after failed questions, growing from the first to the last.
const BACKOFF_FIRST: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(2);
/// How much longer than its wait a long poll may take before it counts as lost.
const POLL_SLACK: Duration = Duration::from_secs(2);

/// How old a view may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Age {
    /// As configured; a little older while the shard has no leader.
    Usual,
    /// True at the moment of the question or later.
    Now,
}

/// A view with the moment at which it was true.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    pub(crate) view: Arc<MapView>,
    /// The leader's time, milliseconds since 1970.
    pub(crate) as_of_ms: u64,
    pub(crate) age: Duration,
}

/// One event's seat map.
pub(crate) struct EventMap {
    pub(crate) plan: PlanView,
    grid: Grid,
    limits: MapLimits,
    known: Mutex<Known>,
    /// The highest version that a command's answer through this router had.
    acked: AtomicU64,
    /// Held while one question for all is under way.
    asking: tokio::sync::Mutex<()>,
    /// Tells the stream that there is something newer.
    news: watch::Sender<()>,
    ring: Mutex<Ring>,
    /// Nobody keeps the map up to date any more: whoever reads it live must ask for another.
    dropped: CancellationToken,
}

impl EventMap {
    /// Fetches the whole map.
    pub(crate) async fn fetch(
        grid: Grid,
        plan: PlanView,
        limits: MapLimits,
        deadline: Instant,
    ) -> Result<Self, GridError> {
        let asked_at = Instant::now();
        let map = grid.seat_map(plan.event, None, Duration::ZERO, deadline).await?;
        let as_of_ms = map.at_ms;
        let view = Arc::new(MapView::next(&plan, None, map).ok_or_else(misfit)?);
        let ring = Mutex::new(Ring::new(view.clone()));
        Ok(Self {
            plan,
            grid,
            limits,
            known: Mutex::new(Known::new(view, as_of_ms, asked_at)),
            acked: AtomicU64::new(0),
            asking: tokio::sync::Mutex::new(()),
            news: watch::Sender::new(()),
            ring,
            dropped: CancellationToken::new(),
        })
    }

    /// Ends the live streams of this map.
    pub(super) fn drop_readers(&self) {
        self.dropped.cancel();
    }

    /// Whether the map is no longer kept: its plan was replaced, or nobody used it.
    pub(super) fn is_dropped(&self) -> bool {
        self.dropped.is_cancelled()
    }

    /// Ends when the map is no longer kept.
    pub(crate) async fn dropped(&self) {
        self.dropped.cancelled().await;
    }

    /// Notes the version of a command's answer: no later read may be older.
    pub(crate) fn acknowledge(&self, version: u64) {
        self.acked.fetch_max(version, Ordering::AcqRel);
    }

    /// Notes that these seats were not free just now: no later read may say otherwise from an older
    /// view.
    pub(crate) fn doubt(&self, taken: &[(SeatIx, SeatStatus)]) {
        let mut known = self.known.lock();
        if taken.iter().any(|(seat, _)| known.view.status(*seat) == SeatStatus::Free) {
            known.doubt(Instant::now());
        }
    }

    /// The newest view, whatever its age.
    pub(crate) fn latest(&self) -> Arc<MapView> {
        self.known.lock().view.clone()
    }

    /// A view that is fresh enough, asking the leader if need be.
    pub(crate) async fn fresh(&self, age: Age, deadline: Instant) -> Result<Snapshot, GridError> {
        let now = Instant::now();
        let (since, allowed) = match age {
            Age::Usual => (earlier(now, self.limits.age_max), self.limits.stale_max),
            Age::Now => (now, Duration::ZERO),
        };
        let wanted = self.wanted(since);
        if let Some(snapshot) = self.if_true(wanted) {
            return Ok(snapshot);
        }
        // Half of the budget is kept for an older answer, if one is allowed.
        let half = deadline.saturating_duration_since(now) / 2;
        let patience = if age == Age::Now { deadline } else { now + half };
        match self.refresh(wanted, patience).await {
            Ok(snapshot) => Ok(snapshot),
            Err(error) => {
                let oldest = self.wanted(earlier(Instant::now(), allowed));
                self.if_true(oldest).filter(|_| !allowed.is_zero()).ok_or(error)
            }
        }
    }

    /// One question at a time; whoever waited looks first whether the answer serves them too.
    async fn refresh(&self, wanted: Wanted, deadline: Instant) -> Result<Snapshot, GridError> {
        let turn = tokio::time::timeout_at(deadline.into(), self.asking.lock());
        let _turn = turn.await.map_err(|_| self.late())?;
        if let Some(snapshot) = self.if_true(wanted) {
            return Ok(snapshot);
        }
        self.ask(Duration::ZERO, deadline).await?;
        // Asked after the reader did, so it is what they want, unless the shard has lost what it told.
        self.if_true(wanted).ok_or_else(|| self.late())
    }

    /// Why there is no view in time: a shard that is led is at work, only not so soon.
    fn late(&self) -> GridError {
        if self.grid.is_led(self.plan.event) { GridError::Overloaded } else { GridError::NoLeader }
    }

    fn wanted(&self, since: Instant) -> Wanted {
        let version_min = self.acked.load(Ordering::Acquire);
        self.known.lock().wanted(since, version_min)
    }

    fn if_true(&self, wanted: Wanted) -> Option<Snapshot> {
        let known = self.known.lock();
        known.if_true(wanted, Instant::now())
    }

    /// Asks the leader for what is newer than the known view and takes it over.
    async fn ask(&self, wait: Duration, deadline: Instant) -> Result<(), GridError> {
        let asked_at = Instant::now();
        let known = self.latest().version;
        let map = self.grid.seat_map(self.plan.event, Some(known), wait, deadline).await?;
        self.take(map, known, asked_at)
    }

    /// Takes an answer to a question asked at `asked_at` with the version `told` known.
    fn take(&self, map: SeatMap, told: u64, asked_at: Instant) -> Result<(), GridError> {
        let now = map.version;
        let taken = self.known.lock().take(&self.plan, (map, told), asked_at);
        if taken.as_ref().is_err_and(is_misfit) {
            self.drop_readers();
        }
        match taken? {
            Taken::Same => return Ok(()),
            Taken::Newer => {}
            Taken::WentBack => {
                let event = self.plan.event_id();
                tracing::warn!(
                    event,
                    told,
                    now,
                    "the shard went back to an older version; streams start anew"
                );
                self.acked.store(0, Ordering::Release);
            }
        }
        self.news.send_replace(());
        Ok(())
    }

    /// Joins the live stream, resuming after version `last` if that is possible.
    pub(crate) fn subscribe(&self, last: Option<u64>) -> Subscription {
        let newest = self.latest().version;
        self.ring.lock().subscribe(&self.plan, last, newest)
    }

    /// The event that sends a subscriber to the snapshot.
    pub(crate) fn resync(&self) -> bytes::Bytes {
        self.ring.lock().resync(&self.plan)
    }

    /// Open streams.
    pub(crate) fn subscribers(&self) -> usize {
        self.ring.lock().subscribers()
    }

    /// Keeps the view and the stream close to the truth until the map is dropped.
    pub(crate) async fn keep(&self) {
        tokio::select! {
            () = self.dropped.cancelled() => {}
            _ = async { tokio::join!(self.follow(), self.tell()) } => {}
        }
    }

    async fn follow(&self) {
        let mut backoff = BACKOFF_FIRST;
        loop {
            let wait = self.limits.poll_wait;
            let pause = match self.ask(wait, Instant::now() + wait + POLL_SLACK).await {
                Ok(()) => {
                    backoff = BACKOFF_FIRST;
                    self.limits.poll_pause
                }
                Err(error) => {
                    tracing::debug!(event = self.plan.event_id(), %error, "no news of seats");
                    backoff = (backoff * 2).min(BACKOFF_MAX);
                    backoff.mul_f64(rand::rng().random_range(0.5..1.0))
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    async fn tell(&self) {
        let mut news = self.news.subscribe();
        loop {
            let (view, untold) = self.known.lock().untold();
            self.ring.lock().flush(&self.plan, &view, &untold);
            tokio::time::sleep(self.limits.tick).await;
            // The sender lives as long as the map, which this borrows.
            if news.changed().await.is_err() {
                return;
            }
        }
    }
}

fn earlier(now: Instant, by: Duration) -> Instant {
    now.checked_sub(by).unwrap_or(now)
}
