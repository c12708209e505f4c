//! The live stream of one event: views become deltas at a steady pace, each encoded once and shared
//! by all subscribers; the last ones are kept so that a short interruption is resumed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use inventory::{SeatIx, SeatStatus};
use processing_unit::MapChanges;
use serde_json::{Value, json};
use tokio::sync::broadcast;

use super::{MapView, PlanView};

/// Deltas kept for resuming: a minute at 4 a second.
const FRAMES_MAX: usize = 240;
/// Deltas that one subscriber may lag behind; a slower one starts anew from a snapshot.
const LAG_MAX: usize = 32;
/// Seats in one delta; beyond it the bitmap is smaller.
const DELTA_SEATS_MAX: usize = 2_000;
/// Bytes of all kept deltas together; the oldest go first.
const RING_BYTES_MAX: usize = 1024 * 1024;

/// Which seats were touched since the last delta. Not the difference of two views: a seat that was
/// taken and came back is the same in both, yet a reader whose snapshot lies between must hear of
/// it.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    seats: BTreeSet<SeatIx>,
    /// They are unknown or too many.
    unknown: bool,
}

impl Touched {
    /// Adds what one answer of the leader tells.
    pub(crate) fn add(&mut self, changes: &MapChanges) {
        match changes {
            MapChanges::Since(changes) => self.seats.extend(changes.iter().map(|(seat, _)| seat)),
            MapChanges::Full(_) => self.unknown = true,
        }
        if self.unknown || self.seats.len() > DELTA_SEATS_MAX {
            *self = Self { seats: BTreeSet::new(), unknown: true };
        }
    }
}

/// One encoded event of the stream.
#[derive(Debug, Clone)]
struct Frame {
    from: u64,
    bytes: Bytes,
}

/// The stream's state.
#[derive(Debug)]
pub(crate) struct Ring {
    /// What subscribers know when they have read everything.
    told: Arc<MapView>,
    frames: VecDeque<Frame>,
    bytes: usize,
    live: broadcast::Sender<Bytes>,
}

/// What a new subscriber reads: first what it missed, then what comes.
pub(crate) struct Subscription {
    /// The version that a new reader begins after: what they resume from when they are cut off before
    /// the first event. `None` for who resumes and so has one.
    pub(crate) from: Option<u64>,
    pub(crate) missed: Vec<Bytes>,
    pub(crate) live: broadcast::Receiver<Bytes>,
}

impl Ring {
    pub(crate) fn new(view: Arc<MapView>) -> Self {
        let live = broadcast::Sender::new(LAG_MAX);
        Self { told: view, frames: VecDeque::new(), bytes: 0, live }
    }

    /// Tells subscribers what was touched up to `view`.
    pub(crate) fn flush(&mut self, plan: &PlanView, view: &Arc<MapView>, touched: &Touched) {
        if view.version == self.told.version {
            return;
        }
        let older = std::mem::replace(&mut self.told, Arc::clone(view));
        if touched.unknown || older.version > view.version {
            self.start_anew(plan);
        } else {
            self.push(older.version, delta(plan, view, &touched.seats));
        }
    }

    fn push(&mut self, from: u64, bytes: Bytes) {
        self.bytes += bytes.len();
        self.frames.push_back(Frame { from, bytes: bytes.clone() });
        while self.frames.len() > FRAMES_MAX || self.bytes > RING_BYTES_MAX {
            let Some(oldest) = self.frames.pop_front() else { break };
            self.bytes -= oldest.bytes.len();
        }
        // Nobody listening is no error.
        let _ = self.live.send(bytes);
    }

    /// Deltas cannot lead on from what was told: everybody reads a snapshot.
    fn start_anew(&mut self, plan: &PlanView) {
        self.frames.clear();
        self.bytes = 0;
        let _ = self.live.send(self.resync(plan));
    }

    /// The event that sends a subscriber to the snapshot.
    pub(crate) fn resync(&self, plan: &PlanView) -> Bytes {
        let snapshot = format!("/api/v1/events/{}/seats", plan.event_id());
        frame(self.told.version, "resync", &json!({ "snapshot": snapshot }))
    }

    /// Subscribes, resuming after version `last` if the deltas since then are still here. `newest` is the
    /// version that snapshots have by now.
    pub(crate) fn subscribe(
        &self,
        plan: &PlanView,
        last: Option<u64>,
        newest: u64,
    ) -> Subscription {
        let missed = match last {
            None => vec![],
            // Ahead of what there is: of a shard that lost what it told, or of nobody.
            Some(last) if last > newest => vec![self.resync(plan)],
            // Ahead of what was told: the deltas to come contain all that it may lack.
            Some(last) if last >= self.told.version => vec![],
            Some(last) => self.since(last).unwrap_or_else(|| vec![self.resync(plan)]),
        };
        let from = last.is_none().then_some(self.told.version);
        Subscription { from, missed, live: self.live.subscribe() }
    }

    fn since(&self, last: u64) -> Option<Vec<Bytes>> {
        // A delta that begins before `last` only repeats what is known: statuses are absolute.
        let first = self.frames.iter().rposition(|frame| frame.from <= last)?;
        Some(self.frames.iter().skip(first).map(|frame| frame.bytes.clone()).collect())
    }

    pub(crate) fn subscribers(&self) -> usize {
        self.live.receiver_count()
    }
}

/// The touched seats as they are in `view`, with the counts of their tiers.
fn delta(plan: &PlanView, view: &MapView, touched: &BTreeSet<SeatIx>) -> Bytes {
    let seats = touched.iter().map(|seat| json!([plan.id(*seat), letter(view.status(*seat))]));
    let tiers = plan.plan.tiers.iter().zip(&view.tiers).enumerate();
    let free: BTreeMap<&str, u32> = tiers
        .filter(|(at, _)| touched.iter().any(|seat| plan.tier_of(*seat) == Some(*at)))
        .map(|(_, (tier, counts))| (tier.id.as_str(), counts.free))
        .collect();
    let data = json!({"v": view.version, "s": seats.collect::<Vec<_>>(), "n": free});
    frame(view.version, "delta", &data)
}

fn letter(status: SeatStatus) -> &'static str {
    match status {
        SeatStatus::Free => "f",
        SeatStatus::Held => "h",
        SeatStatus::Sold => "s",
        SeatStatus::Blocked => "b",
    }
}

fn frame(id: u64, event: &str, data: &Value) -> Bytes {
    format!("id: {id}\nevent: {event}\ndata: {data}\n\n").into()
}
