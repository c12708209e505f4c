//! The owner of all seat maps and of their background tasks: makes a map at its first use, bounds
//! how many there are, drops idle ones.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use inventory::EventNo;
use parking_lot::Mutex;
use processing_unit::{Grid, GridError};
use tokio::sync::OnceCell;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{EventMap, MapLimits, PlanView};

/// Longest event id, in bytes.
pub(crate) const EVENT_ID_LEN_MAX: usize = 64;
/// How long an unknown event stays unknown without asking again: a crowd at a wrong address must
/// not reach the units.
const UNKNOWN_FOR: Duration = Duration::from_millis(500);
/// Unknown ids remembered; beyond it all are forgotten, which only costs questions.
const UNKNOWN_MAX: usize = 1_024;
/// How long making a map may take, the plan's way from its unit included.
const MAKE_WITHIN: Duration = Duration::from_secs(10);
/// Maps that are made before anybody asks.
const WARM_MAX: usize = 16;
/// Between two tries at one of them.
const WARM_PAUSE: Duration = Duration::from_millis(50);
/// How often idle maps are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// A map, or the promise of one that somebody makes.
type Cell = Arc<OnceCell<Arc<EventMap>>>;

struct Slot {
    map: Cell,
    used_at: Instant,
    stop: CancellationToken,
}

impl Slot {
    fn seat_count(&self) -> usize {
        self.map.get().map_or(0, |map| map.plan.seat_count())
    }

    fn is_idle(&self) -> bool {
        self.map.get().is_some_and(|map| map.subscribers() == 0)
    }
}

/// All seat maps of this router.
pub(crate) struct SeatMaps {
    grid: Grid,
    limits: MapLimits,
    slots: Mutex<HashMap<EventNo, Slot>>,
    unknown: Mutex<HashMap<String, Instant>>,
    tasks: TaskTracker,
    shutdown: CancellationToken,
}

impl SeatMaps {
    pub(crate) fn new(grid: Grid, limits: MapLimits, shutdown: CancellationToken) -> Self {
        let (slots, unknown) = (Mutex::default(), Mutex::default());
        Self { grid, limits, slots, unknown, tasks: TaskTracker::new(), shutdown }
    }

    /// The map of an event by its public id.
    pub(crate) async fn by_id(
        self: &Arc<Self>,
        event_id: &str,
        deadline: Instant,
    ) -> Result<Arc<EventMap>, GridError> {
        if let Some(map) = self.in_use(event_id) {
            return Ok(map);
        }
        if !is_event_id(event_id) || self.is_unknown(event_id) {
            return Err(GridError::NotFound);
        }
        // Once for each event, hence boxed: the future of every request stays small.
        let found = Box::pin(async {
            let pin = self.grid.route(event_id, deadline).await?;
            self.by_no(EventNo(pin.number), deadline).await
        });
        let found = found.await;
        if matches!(found, Err(GridError::NotFound)) {
            self.note_unknown(event_id);
        }
        found
    }

    /// The map of an event by its number.
    pub(crate) async fn by_no(
        self: &Arc<Self>,
        event: EventNo,
        deadline: Instant,
    ) -> Result<Arc<EventMap>, GridError> {
        let (cell, stop) = self.slot(event)?;
        if let Some(map) = cell.get() {
            return Ok(map.clone());
        }
        // A large map is made to its end, however soon who asked first goes away.
        let maps = self.clone();
        let making = self.tasks.spawn(async move {
            let give_up = Instant::now() + MAKE_WITHIN;
            let making = cell.get_or_try_init(|| maps.make(event, stop.clone(), give_up));
            let made = tokio::select! {
                () = stop.cancelled() => Err(GridError::NoLeader),
                made = making => made.cloned(),
            };
            drop(cell);
            if made.is_err() {
                maps.forget_empty(event);
            }
            made
        });
        match tokio::time::timeout_at(deadline.into(), making).await {
            Ok(Ok(made)) => made,
            Ok(Err(_)) | Err(_) => Err(GridError::NoLeader),
        }
    }

    /// Makes the maps of the newest events, until each is there or the deadline is.
    pub(crate) async fn warm_up(self: &Arc<Self>, deadline: Instant) {
        let routes = self.grid.routes();
        let mut events: Vec<EventNo> =
            routes.pins.values().map(|pin| EventNo(pin.number)).collect();
        events.sort_unstable_by_key(|event| std::cmp::Reverse(event.0));
        events.truncate(WARM_MAX.min(self.limits.maps_max));
        let warm = events.into_iter().map(|event| self.warm(event, deadline));
        futures_util::future::join_all(warm).await;
    }

    async fn warm(self: &Arc<Self>, event: EventNo, deadline: Instant) {
        while Instant::now() < deadline {
            match self.by_no(event, deadline).await {
                Err(GridError::NoLeader | GridError::Unknown) => sleep(WARM_PAUSE).await,
                Ok(_) | Err(_) => return,
            }
        }
    }

    /// The map of an event if there is one already; costs no question.
    pub(crate) fn known(&self, event: EventNo) -> Option<Arc<EventMap>> {
        self.slots.lock().get(&event)?.map.get().cloned()
    }

    /// The hot path: a pinned event whose map is there. Marks it as used.
    fn in_use(&self, event_id: &str) -> Option<Arc<EventMap>> {
        let event = EventNo(self.grid.routes().pins.get(event_id)?.number);
        let mut slots = self.slots.lock();
        let slot = slots.get_mut(&event)?;
        slot.used_at = Instant::now();
        slot.map.get().cloned()
    }

    /// Drops a map whose plan is no longer in force; the next use makes another.
    pub(crate) fn forget(&self, map: &Arc<EventMap>) {
        let mut slots = self.slots.lock();
        let is_it = |slot: &Slot| slot.map.get().is_some_and(|known| Arc::ptr_eq(known, map));
        if slots.get(&map.plan.event).is_some_and(is_it) {
            remove(&mut slots, map.plan.event);
        }
    }

    /// Drops idle maps until shutdown, then waits for all tasks.
    pub(crate) async fn run(&self) {
        let mut ticks = tokio::time::interval(SWEEP_EVERY);
        loop {
            tokio::select! {
                () = self.shutdown.cancelled() => break,
                _ = ticks.tick() => self.sweep(),
            }
        }
        self.tasks.close();
        self.tasks.wait().await;
    }

    fn slot(&self, event: EventNo) -> Result<(Cell, CancellationToken), GridError> {
        let mut slots = self.slots.lock();
        if !slots.contains_key(&event) && slots.len() >= self.limits.maps_max {
            drop_oldest(&mut slots)?;
        }
        let used_at = Instant::now();
        let slot = slots.entry(event).or_insert_with(|| Slot {
            map: Arc::default(),
            used_at,
            stop: self.shutdown.child_token(),
        });
        slot.used_at = used_at;
        Ok((slot.map.clone(), slot.stop.clone()))
    }

    async fn make(
        &self,
        event: EventNo,
        stop: CancellationToken,
        deadline: Instant,
    ) -> Result<Arc<EventMap>, GridError> {
        let plan = PlanView::new(self.grid.plan(event, deadline).await?);
        self.make_room(plan.seat_count())?;
        let map = EventMap::fetch(self.grid.clone(), plan, self.limits, deadline).await?;
        let map = Arc::new(map);
        let kept = map.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = kept.keep() => {}
            }
        });
        Ok(map)
    }

    /// Drops idle maps until so many more seats fit.
    fn make_room(&self, seats: usize) -> Result<(), GridError> {
        let mut slots = self.slots.lock();
        while slots.values().map(Slot::seat_count).sum::<usize>() + seats > self.limits.seats_max {
            drop_oldest(&mut slots)?;
        }
        Ok(())
    }

    /// An event that could not be read leaves no slot behind, unless others still try.
    fn forget_empty(&self, event: EventNo) {
        /// The slot's own.
        const NOBODY_ELSE: usize = 1;
        let mut slots = self.slots.lock();
        let unused =
            |slot: &Slot| slot.map.get().is_none() && Arc::strong_count(&slot.map) <= NOBODY_ELSE;
        if slots.get(&event).is_some_and(unused) {
            remove(&mut slots, event);
        }
    }

    fn sweep(&self) {
        let mut slots = self.slots.lock();
        let idle = |slot: &Slot| slot.is_idle() && slot.used_at.elapsed() > self.limits.idle;
        let old: Vec<EventNo> =
            slots.iter().filter(|(_, slot)| idle(slot)).map(|(event, _)| *event).collect();
        for event in old {
            remove(&mut slots, event);
        }
        metrics::gauge!("seatgrid_router_seat_maps").set(slots.len() as f64);
    }

    fn is_unknown(&self, event_id: &str) -> bool {
        self.unknown.lock().get(event_id).is_some_and(|since| since.elapsed() < UNKNOWN_FOR)
    }

    fn note_unknown(&self, event_id: &str) {
        let mut unknown = self.unknown.lock();
        if unknown.len() >= UNKNOWN_MAX {
            unknown.clear();
        }
        unknown.insert(event_id.to_owned(), Instant::now());
    }
}

/// Drops the idle map that was not used for longest; one still being made is not idle.
fn drop_oldest(slots: &mut HashMap<EventNo, Slot>) -> Result<(), GridError> {
    let idle = slots.iter().filter(|(_, slot)| slot.is_idle());
    let oldest = idle.min_by_key(|(_, slot)| slot.used_at).map(|(event, _)| *event);
    remove(slots, oldest.ok_or(GridError::Overloaded)?);
    Ok(())
}

fn remove(slots: &mut HashMap<EventNo, Slot>, event: EventNo) {
    if let Some(slot) = slots.remove(&event) {
        slot.stop.cancel();
        if let Some(map) = slot.map.get() {
            map.drop_readers();
        }
    }
}

fn is_event_id(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    (1..=EVENT_ID_LEN_MAX).contains(&text.len()) && text.bytes().all(plain)
}
