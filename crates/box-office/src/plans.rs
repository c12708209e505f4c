//! Plans and terms of events in the grid, fetched once for each version: a later one only adds seats.
//!
//! Gives seats their names in answers. Bounded; the least recently added goes first.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use inventory::{EventNo, Plan, PricedSeat, Sale, SeatIx, SectionKind};
use parking_lot::Mutex;
use processing_unit::{Grid, GridError};

/// Plans kept; a plan of 20,000 seats takes some 3 MB, so that this stays below 200 MB.
const PLANS_MAX: usize = 64;
/// Pause before a replica is asked again whether it has a newer plan by now.
const NEWER_PAUSE: Duration = Duration::from_millis(20);

/// An event's terms and plan with each seat's place.
pub(crate) struct EventPlan {
    pub(crate) sale: Arc<Sale>,
    pub(crate) plan: Arc<Plan>,
    /// Per seat in plan order: positions of section, row in it, seat in it.
    places: Vec<(u16, u16, u8)>,
}

/// A seat by its names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SeatName<'a> {
    pub(crate) section: &'a str,
    pub(crate) section_name: &'a str,
    pub(crate) row: &'a str,
    pub(crate) number: &'a str,
    pub(crate) tier: &'a str,
    /// Whether it is a place of a standing area.
    pub(crate) area: bool,
}

impl SeatName<'_> {
    /// `<section>-<row>-<number>`.
    pub(crate) fn id(&self) -> String {
        format!("{}-{}-{}", self.section, self.row, self.number)
    }
}

impl EventPlan {
    fn new(sale: Arc<Sale>, plan: Arc<Plan>) -> Self {
        let mut places = Vec::with_capacity(plan.seat_count());
        for (section_at, section) in plan.sections.iter().enumerate() {
            for (row_at, row) in section.rows.iter().enumerate() {
                let seats = 0..row.seats.len();
                places.extend(seats.map(|at| (section_at as u16, row_at as u16, at as u8)));
            }
        }
        Self { sale, plan, places }
    }

    /// The names of a seat; `None` for an index outside the plan.
    pub(crate) fn name(&self, seat: SeatIx) -> Option<SeatName<'_>> {
        let (section, row, at) = *self.places.get(seat.at())?;
        let section = self.plan.sections.get(usize::from(section))?;
        let row = section.rows.get(usize::from(row))?;
        let seat = row.seats.get(usize::from(at))?;
        Some(SeatName {
            section: &section.id,
            section_name: &section.name,
            row: &row.label,
            number: &seat.number,
            tier: self.plan.tiers.get(usize::from(seat.tier)).map_or("", |tier| &tier.id),
            area: section.kind == SectionKind::Area,
        })
    }

    /// The seats with their names.
    pub(crate) fn named<'a>(
        &'a self,
        seats: &'a [PricedSeat],
    ) -> impl Iterator<Item = (PricedSeat, SeatName<'a>)> {
        seats.iter().filter_map(|seat| Some((*seat, self.name(seat.seat)?)))
    }

    /// The indices of those of the seats that the plan has, by id.
    pub(crate) fn indices<'a>(
        &self,
        ids: impl Iterator<Item = &'a str>,
    ) -> HashMap<&'a str, SeatIx> {
        let wanted: HashSet<&str> = ids.collect();
        let all = (0..).zip(&self.places).map(|(at, _)| SeatIx(at));
        let named = all.filter_map(|seat| Some((seat, self.name(seat)?.id())));
        named.filter_map(|(seat, id)| Some((*wanted.get(id.as_str())?, seat))).collect()
    }

    /// Whether the plan names all of the seats.
    fn names_all(&self, seats: &[PricedSeat]) -> bool {
        seats.iter().all(|seat| seat.seat.at() < self.places.len())
    }

    /// ISO 4217 letters of the event's currency.
    pub(crate) fn currency(&self) -> &str {
        std::str::from_utf8(&self.sale.currency).unwrap_or_default()
    }
}

/// The cache.
pub(crate) struct Plans {
    grid: Grid,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    by_event: HashMap<EventNo, Arc<EventPlan>>,
    oldest_first: VecDeque<EventNo>,
}

impl Plans {
    pub(crate) fn new(grid: Grid) -> Self {
        Self { grid, known: Mutex::default() }
    }

    /// The plan of an event, from memory or from the grid.
    pub(crate) async fn get(
        &self,
        event: EventNo,
        deadline: Instant,
    ) -> Result<Arc<EventPlan>, GridError> {
        if let Some(plan) = self.known.lock().by_event.get(&event) {
            return Ok(plan.clone());
        }
        self.fetch(event, deadline).await
    }

    /// The plan of an event, of this version or a later one.
    pub(crate) async fn at_least(
        &self,
        event: EventNo,
        version: u32,
        deadline: Instant,
    ) -> Result<Arc<EventPlan>, GridError> {
        self.until(event, deadline, |plan| plan.plan.version >= version).await
    }

    /// The plan of an event that names these seats, unless they have no names at all.
    pub(crate) async fn naming(
        &self,
        event: EventNo,
        seats: &[PricedSeat],
        deadline: Instant,
    ) -> Result<Arc<EventPlan>, GridError> {
        self.until(event, deadline, |plan| plan.names_all(seats)).await
    }

    /// A replica may lag a moment behind the leader that spoke of a newer plan.
    async fn until(
        &self,
        event: EventNo,
        deadline: Instant,
        fits: impl Fn(&EventPlan) -> bool,
    ) -> Result<Arc<EventPlan>, GridError> {
        let mut plan = self.get(event, deadline).await?;
        while !fits(&plan) {
            plan = self.fetch(event, deadline).await?;
            if !fits(&plan) && Instant::now() + NEWER_PAUSE >= deadline {
                return Err(GridError::NoLeader);
            }
            if !fits(&plan) {
                tokio::time::sleep(NEWER_PAUSE).await;
            }
        }
        Ok(plan)
    }

    async fn fetch(&self, event: EventNo, deadline: Instant) -> Result<Arc<EventPlan>, GridError> {
        let answer = self.grid.plan(event, deadline).await?;
        let plan = Arc::new(EventPlan::new(answer.sale, answer.plan));
        self.known.lock().keep(event, plan.clone());
        Ok(plan)
    }
}

impl Known {
    fn keep(&mut self, event: EventNo, plan: Arc<EventPlan>) {
        if self.by_event.insert(event, plan).is_some() {
            return;
        }
        self.oldest_first.push_back(event);
        if self.oldest_first.len() > PLANS_MAX
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.by_event.remove(&oldest);
        }
    }
}
