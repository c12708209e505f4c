//! What a comparison found, for people and for machines.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

/// Differences listed; all are counted.
const LISTED_MAX: usize = 1_000;

/// The outcome of a comparison.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Report {
    /// The differences found, the first 1,000.
    pub differences: Vec<Difference>,
    /// How many there are.
    pub differences_total: u64,
    /// Whether the sale went on all the time, so that differences may be younger than the tables.
    pub moving: bool,
    /// What was compared.
    pub counts: Counts,
    /// Sold seats of each event, according to the tables.
    pub sold_by_event: BTreeMap<String, u64>,
}

/// What was compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// Events.
    pub events: u64,
    /// Seats.
    pub seats: u64,
    /// Orders that the grid remembers.
    pub orders: u64,
    /// Payments that the grid remembers.
    pub payments: u64,
    /// Refunds.
    pub refunds: u64,
    /// Unpaid orders that ended long ago and are in the tables only.
    pub forgotten_orders: u64,
    /// Parked records that wait for a person.
    pub quarantine: u64,
}

/// A kind of thing that is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Thing {
    /// An event's terms.
    Event,
    /// A seat.
    Seat,
    /// An order.
    Order,
    /// A seat of an order.
    OrderSeat,
    /// A payment.
    Payment,
    /// A refund.
    Refund,
    /// An event's sums.
    Sums,
    /// A seat with more than one owner.
    DoubleSold,
}

impl Thing {
    fn as_str(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Seat => "seat",
            Self::Order => "order",
            Self::OrderSeat => "order seat",
            Self::Payment => "payment",
            Self::Refund => "refund",
            Self::Sums => "sums",
            Self::DoubleSold => "double sold",
        }
    }
}

/// One difference. A side that has no such thing, or no value, says `null`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The event.
    pub event_id: String,
    /// What differs.
    pub thing: Thing,
    /// Which one.
    pub id: String,
    /// The field; `*` when one side has no such thing.
    pub field: &'static str,
    /// What the grid says.
    pub grid: Option<String>,
    /// What the tables say.
    pub tables: Option<String>,
}

impl Difference {
    /// The tables have a thing that the grid does not.
    pub(super) fn only_in_tables(event_id: &str, thing: Thing, id: &str) -> Self {
        Self::whole(event_id, thing, id, (None, Some("present".to_owned())))
    }

    /// The grid has a thing that the tables do not.
    pub(super) fn only_in_grid(event_id: &str, thing: Thing, id: &str) -> Self {
        Self::whole(event_id, thing, id, (Some("present".to_owned()), None))
    }

    pub(super) fn double_sold(event_id: &str, seat_id: &str, owners: i64) -> Self {
        let sides = (Some("1".to_owned()), Some(owners.to_string()));
        Self { field: "owners", ..Self::whole(event_id, Thing::DoubleSold, seat_id, sides) }
    }

    fn whole(
        event_id: &str,
        thing: Thing,
        id: &str,
        sides: (Option<String>, Option<String>),
    ) -> Self {
        let (grid, tables) = sides;
        let (event_id, id) = (event_id.to_owned(), id.to_owned());
        Self { event_id, thing, id, field: "*", grid, tables }
    }
}

impl Report {
    /// Whether grid and tables say the same.
    pub fn is_clean(&self) -> bool {
        self.differences_total == 0
    }

    /// Sold seats of an event according to the tables; `None` for an event that is not there.
    pub fn sold_seats(&self, event_id: &str) -> Option<u64> {
        self.sold_by_event.get(event_id).copied()
    }

    pub(super) fn add(&mut self, found: Vec<Difference>, same_moment: bool) {
        self.differences_total += found.len() as u64;
        self.moving |= !found.is_empty() && !same_moment;
        let room = LISTED_MAX.saturating_sub(self.differences.len());
        self.differences.extend(found.into_iter().take(room));
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        let (grid, tables) = (side(&self.grid), side(&self.tables));
        let (thing, field) = (self.thing.as_str(), self.field);
        write!(f, "{}: {thing} {}: {field}: grid {grid}, tables {tables}", self.event_id, self.id)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { events, seats, orders, payments, refunds, forgotten_orders, quarantine } =
            self.counts;
        for difference in &self.differences {
            writeln!(f, "{difference}")?;
        }
        let listed = self.differences.len() as u64;
        if listed < self.differences_total {
            writeln!(f, "and {} more", self.differences_total - listed)?;
        }
        if self.moving {
            writeln!(f, "the sale went on meanwhile: differences may be younger than the tables")?;
        }
        writeln!(
            f,
            "compared {events} events, {seats} seats, {orders} orders, {payments} payments, \
             {refunds} refunds; {forgotten_orders} ended orders are in the tables only; \
             {quarantine} records in quarantine"
        )?;
        match self.differences_total {
            0 => f.write_str("grid and tables agree"),
            n => write!(f, "{n} differences"),
        }
    }
}
