//! The owner of all seat maps and of their background tasks: makes a map at its first use, bounds
//! how many there are, drops idle ones.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use inventory::EventNo;
use parking_lot::Mutex;
use processing_unit::{Grid, GridError};
use tokio::sync::watch;
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

/// A map, or the promise of one that a task makes.
struct Making {
    map: OnceLock<Arc<EventMap>>,
    is_under_way: AtomicBool,
    /// How the last try ended.
    tried: watch::Sender<Result<Arc<EventMap>, GridError>>,
}

impl Making {
    fn new() -> Self {
        let tried = watch::Sender::new(Err(GridError::NoLeader));
        Self { map: OnceLock::new(), is_under_way: AtomicBool::new(false), tried }
    }
}

struct Slot {
    making: Arc<Making>,
    used_at: Instant,
    stop: CancellationToken,
}

impl Slot {
    fn seat_count(&self) -> usize {
        self.making.map.get().map_or(0, |map| map.plan.seat_count())
    }

    fn is_idle(&self) -> bool {
        self.making.map.get().is_some_and(|map| map.subscribers() == 0)
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
        let (making, stop) = self.slot(event)?;
        let mut tried = making.tried.subscribe();
        if let Some(map) = making.map.get() {
            return Ok(map.clone());
        }
        if !making.is_under_way.swap(true, Ordering::AcqRel) {
            // One task, which makes a large map to its end however soon who asked first goes away.
            let maps = self.clone();
            self.tasks.spawn(async move { maps.try_making(event, (making, stop)).await });
        }
        match tokio::time::timeout_at(deadline.into(), tried.changed()).await {
            Ok(Ok(())) => tried.borrow().clone(),
            Ok(Err(_)) | Err(_) => Err(self.late(event)),
        }
    }

    /// Why there is no map in time: a shard that is led is at work, only not so soon.
    fn late(&self, event: EventNo) -> GridError {
        if self.grid.is_led(event) { GridError::Overloaded } else { GridError::NoLeader }
    }

    async fn try_making(&self, event: EventNo, (making, stop): (Arc<Making>, CancellationToken)) {
        let give_up = Instant::now() + MAKE_WITHIN;
        let made = tokio::select! {
            () = stop.cancelled() => Err(GridError::Overloaded),
            made = self.make(event, stop.clone(), give_up) => made,
        };
        match &made {
            Ok(map) => self.put(event, (&making, stop), map),
            Err(_) => self.forget_empty(event),
        }
        making.is_under_way.store(false, Ordering::Release);
        let _before = making.tried.send_replace(made);
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
                Err(GridError::NoLeader | GridError::Overloaded | GridError::Unknown) => {
                    sleep(WARM_PAUSE).await;
                }
                Ok(_) | Err(_) => return,
            }
        }
    }

    /// The map of an event if there is one already; costs no question.
    pub(crate) fn known(&self, event: EventNo) -> Option<Arc<EventMap>> {
        self.slots.lock().get(&event)?.making.map.get().cloned()
    }

    /// The hot path: a pinned event whose map is there. Marks it as used.
    fn in_use(&self, event_id: &str) -> Option<Arc<EventMap>> {
        let event = EventNo(self.grid.routes().pins.get(event_id)?.number);
        let mut slots = self.slots.lock();
        let slot = slots.get_mut(&event)?;
        slot.used_at = Instant::now();
        slot.making.map.get().filter(|map| !map.is_dropped()).cloned()
    }

    /// Drops a map whose plan is no longer in force; the next use makes another.
    pub(crate) fn forget(&self, map: &Arc<EventMap>) {
        let mut slots = self.slots.lock();
        let is_it =
            |slot: &Slot| slot.making.map.get().is_some_and(|known| Arc::ptr_eq(known, map));
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

    fn slot(&self, event: EventNo) -> Result<(Arc<Making>, CancellationToken), GridError> {
        let mut slots = self.slots.lock();
        let is_dropped = |slot: &Slot| slot.making.map.get().is_some_and(|map| map.is_dropped());
        if slots.get(&event).is_some_and(is_dropped) {
            remove(&mut slots, event);
        }
        if !slots.contains_key(&event) && slots.len() >= self.limits.maps_max {
            drop_oldest(&mut slots)?;
        }
        let used_at = Instant::now();
        let slot = slots.entry(event).or_insert_with(|| Slot {
            making: Arc::new(Making::new()),
            used_at,
            stop: self.shutdown.child_token(),
        });
        slot.used_at = used_at;
        Ok((slot.making.clone(), slot.stop.clone()))
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

    /// Keeps a map that was made. Its slot may be gone, when an earlier try failed, or another's.
    fn put(
        &self,
        event: EventNo,
        (making, stop): (&Arc<Making>, CancellationToken),
        map: &Arc<EventMap>,
    ) {
        let mut slots = self.slots.lock();
        let slot = slots.entry(event).or_insert_with(|| Slot {
            making: making.clone(),
            used_at: Instant::now(),
            stop,
        });
        let is_first = making.map.set(map.clone()).is_ok();
        if !is_first || !Arc::ptr_eq(&slot.making, making) {
            map.drop_readers();
        }
    }

    /// An event that could not be read leaves no slot behind.
    fn forget_empty(&self, event: EventNo) {
        let mut slots = self.slots.lock();
        if slots.get(&event).is_some_and(|slot| slot.making.map.get().is_none()) {
            slots.remove(&event);
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
        if let Some(map) = slot.making.map.get() {
            map.drop_readers();
        }
    }
}

fn is_event_id(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    (1..=EVENT_ID_LEN_MAX).contains(&text.len()) && text.bytes().all(plain)
}
