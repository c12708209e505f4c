//! What the writer must know of an event to turn its numbers into rows: terms, plan and the names
//! of its seats. Comes from the grid once per event and never changes; this file keeps the recent
//! ones. It must never guess: a record whose event is not known here waits until the grid tells.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use inventory::{Change, EventNo, LedgerRecord, Plan, Sale, SeatIx};
use processing_unit::{GridError, PlanAnswer};

use crate::FeedSource;

/// Events remembered per shard; with the largest plans some 4 MB each. Above it all are forgotten
/// and asked for again, which costs one question an event.
const EVENTS_MAX: usize = 64;

/// An event's terms with its seats in plan order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventTerms {
    /// The event's number.
    pub event: EventNo,
    /// The terms of its sale.
    pub sale: Arc<Sale>,
    /// ISO 4217 letters.
    pub currency: String,
    plan: Arc<Plan>,
    /// Positions of section, row and seat, in plan order.
    places: Vec<(u32, u32, u32)>,
}

/// One seat in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeatWords<'a> {
    /// Section id.
    pub section: &'a str,
    /// Row label.
    pub row: &'a str,
    /// Number as printed.
    pub number: &'a str,
    /// Tier id.
    pub tier: &'a str,
    /// The tier's price in minor units.
    pub price_minor: i64,
}

impl SeatWords<'_> {
    /// The seat's public id.
    pub fn id(&self) -> String {
        format!("{}-{}-{}", self.section, self.row, self.number)
    }
}

impl EventTerms {
    /// From the grid's answer.
    pub fn new(answer: &PlanAnswer) -> Self {
        let mut places = Vec::with_capacity(answer.plan.seat_count());
        for (section_at, section) in answer.plan.sections.iter().enumerate() {
            for (row_at, row) in section.rows.iter().enumerate() {
                let seats = 0..row.seats.len() as u32;
                places.extend(seats.map(|seat| (section_at as u32, row_at as u32, seat)));
            }
        }
        Self {
            event: answer.event,
            sale: Arc::clone(&answer.sale),
            currency: String::from_utf8_lossy(&answer.sale.currency).into_owned(),
            plan: Arc::clone(&answer.plan),
            places,
        }
    }

    /// The plan.
    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The plan's version.
    pub fn plan_version(&self) -> u32 {
        self.plan.version
    }

    /// How many seats.
    pub fn seat_count(&self) -> usize {
        self.places.len()
    }

    /// A seat; `None` outside the plan.
    pub fn seat(&self, seat: SeatIx) -> Option<SeatWords<'_>> {
        let (section, row, number) = *self.places.get(seat.at())?;
        let section = &self.plan.sections[section as usize];
        let row = &section.rows[row as usize];
        let seat = &row.seats[number as usize];
        let tier = &self.plan.tiers[usize::from(seat.tier)];
        Some(SeatWords {
            section: &section.id,
            row: &row.label,
            number: &seat.number,
            tier: &tier.id,
            price_minor: tier.price_minor,
        })
    }

    /// A seat's public id, or `#<index>` outside the plan, so that evidence is kept of that too.
    pub fn seat_id(&self, seat: SeatIx) -> String {
        self.seat(seat).map_or_else(|| format!("#{}", seat.0), |words| words.id())
    }
}

/// Terms by event.
pub type TermsByEvent = BTreeMap<EventNo, Arc<EventTerms>>;

/// The recently used terms of one shard's events.
#[derive(Debug, Default)]
pub(crate) struct TermsCache {
    known: TermsByEvent,
}

impl TermsCache {
    /// Terms of every event that the records name.
    pub(crate) async fn of<S: FeedSource>(
        &mut self,
        source: &S,
        records: &[LedgerRecord],
    ) -> Result<&TermsByEvent, GridError> {
        if self.known.len() > EVENTS_MAX {
            self.known.clear();
        }
        for record in records {
            if let Change::PlanReplaced { plan_version } = record.change {
                // The plan now has more seats; those known keep their numbers.
                self.known.retain(|event, terms| {
                    *event != record.event || terms.plan_version() >= plan_version
                });
            }
            if let Entry::Vacant(unknown) = self.known.entry(record.event) {
                let terms = EventTerms::new(&source.plan(record.event).await?);
                unknown.insert(Arc::new(terms));
            }
            if let Change::PlanReplaced { plan_version } = record.change
                && self.known[&record.event].plan_version() < plan_version
            {
                // A replica that has not applied it yet answered; the next look asks again.
                self.known.remove(&record.event);
                return Err(GridError::NoLeader);
            }
        }
        Ok(&self.known)
    }
}
