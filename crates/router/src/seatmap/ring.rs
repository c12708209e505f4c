//! The live stream of one event: views become deltas at a steady pace, each encoded once and shared
//! by all subscribers; the last ones are kept so that a short interruption is resumed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use inventory::SeatStatus;
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
    /// The version that `missed` begins after: what a reader resumes from who is cut off before the
    /// first event.
    pub(crate) from: u64,
    pub(crate) missed: Vec<Bytes>,
    pub(crate) live: broadcast::Receiver<Bytes>,
}

impl Ring {
    pub(crate) fn new(view: Arc<MapView>) -> Self {
        let live = broadcast::Sender::new(LAG_MAX);
        Self { told: view, frames: VecDeque::new(), bytes: 0, live }
    }

    /// Tells subscribers what changed up to `view`.
    pub(crate) fn flush(&mut self, plan: &PlanView, view: &Arc<MapView>) {
        if view.version == self.told.version {
            return;
        }
        let older = std::mem::replace(&mut self.told, Arc::clone(view));
        match delta(plan, &older, view) {
            Some(bytes) if older.version < view.version => self.push(older.version, bytes),
            Some(_) | None => self.start_anew(plan),
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

    /// Subscribes, resuming after version `last` if the deltas since then are still here.
    pub(crate) fn subscribe(&self, plan: &PlanView, last: Option<u64>) -> Subscription {
        let missed = match last {
            None => vec![],
            // Ahead of what was told: the deltas to come contain all that it may lack.
            Some(last) if last >= self.told.version => vec![],
            Some(last) => self.since(last).unwrap_or_else(|| vec![self.resync(plan)]),
        };
        let from = last.unwrap_or(self.told.version);
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

/// What changed from `older` to `view`; `None` when a snapshot is the shorter way.
fn delta(plan: &PlanView, older: &MapView, view: &MapView) -> Option<Bytes> {
    let changed = view.changed_since(older);
    if changed.len() > DELTA_SEATS_MAX {
        return None;
    }
    let seats = changed.into_iter().map(|seat| json!([plan.id(seat), letter(view.status(seat))]));
    let tiers = plan.plan.tiers.iter().zip(view.tiers.iter().zip(&older.tiers));
    let free: BTreeMap<&str, u32> = tiers
        .filter(|(_, (new, old))| new.free != old.free)
        .map(|(tier, (new, _))| (tier.id.as_str(), new.free))
        .collect();
    let data = json!({"v": view.version, "s": seats.collect::<Vec<_>>(), "n": free});
    Some(frame(view.version, "delta", &data))
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
