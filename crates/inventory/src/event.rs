//! One event's part of the state: its sale, seats, holds, orders, payments and refunds.

mod codes;
mod people;
mod queue;
mod staff;
mod waiting;
mod window;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use codes::CodeUse;
pub(crate) use codes::{CODES_MAX, Codes};
pub(crate) use people::{COOLING_MAX, OWN_LIMITS_MAX, People, PeopleForm, Use as PersonUse};
pub use queue::{DrawView, Drawn, DrawnPlace, QueueStand, Stand};
pub(crate) use queue::{PLACES_MAX as QUEUE_PLACES_MAX, Place as QueuePlace, Queue, QueueForm};
pub use staff::CancelProgress;
pub(crate) use window::WindowTold;

use crate::seats::SeatChange;
use crate::share::{SharedMap, SharedSet};
use crate::{
    Best, EventNo, FrozenTerms, Order, Payment, Plan, PlanIndex, PricedSeat, PricedSeats, Refund,
    Sale, SeatIx, SeatStatus, SeatTable,
};

/// An event whose sale was opened in this shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub(crate) no: EventNo,
    pub(crate) sale: Arc<Sale>,
    pub(crate) plan: Arc<Plan>,
    pub(crate) index: Arc<PlanIndex>,
    pub(crate) seats: SeatTable,
    pub(crate) holds: SharedMap<u64, Arc<Hold>>,
    pub(crate) orders: SharedMap<u64, Order>,
    pub(crate) payments: SharedMap<u64, Payment>,
    pub(crate) refunds: SharedMap<u64, Refund>,
    /// Payments whose end is not known.
    pub(crate) pending_payments: BTreeSet<u64>,
    /// Refunds to carry out.
    pub(crate) pending_refunds: BTreeSet<u64>,
    /// Orders that ended unpaid and are remembered; follows from the shard's timers.
    pub(crate) ended_orders: EndedOrders,
    /// How recent holds ended, so that "expired" is not answered with "unknown".
    pub(crate) ended: SharedMap<u64, HoldEnd>,
    /// The window that the sale was opened with, once another is set.
    pub(crate) first_window: Option<(u64, u64)>,
    /// Which of the window's ends the ledger has been told of.
    pub(crate) told: WindowTold,
    /// Whether holds are granted at all.
    pub(crate) paused: bool,
    /// Whether the event is cancelled, and if so, whether something is left to undo.
    pub(crate) cancel: Option<Cancel>,
    /// Seats that never come back; all of them blocked.
    pub(crate) removed: SharedSet<SeatIx>,
    pub(crate) people: People,
    pub(crate) codes: Codes,
    /// Places in the waiting list, oldest first: waiting, or with a hold offered.
    pub(crate) waitlist: SharedMap<u64, WaitEntry>,
    /// Numbers of places that wait.
    pub(crate) waiting: BTreeSet<u64>,
    /// The waiting room, if holds need a turn.
    pub(crate) queue: Option<Arc<Queue>>,
    /// How many waiting places want each tier.
    pub(crate) wanted: Vec<u32>,
    /// Seats were brought back from the database at this version: what was told before may have
    /// been lost, so whoever knows an older one is told everything.
    pub(crate) map_floor: u64,
    pub(crate) version: u64,
    pub(crate) next_no: u64,
}

/// Seats taken for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Number within the event.
    pub no: u64,
    /// Its seats with frozen prices, in plan order.
    pub seats: PricedSeats,
    /// When it was granted, milliseconds since 1970.
    pub granted_at_ms: u64,
    /// When it ends.
    pub expires_at_ms: u64,
    /// The order made from it.
    pub order: Option<u64>,
    /// Which rung of best available found it.
    pub step: Option<crate::HoldStep>,
    /// Whether all seats are neighbours in one row.
    pub adjacent: bool,
    /// What was frozen with the prices.
    pub terms: FrozenTerms,
    /// How often it was given more time.
    pub extensions: u8,
    /// Whom it was made for.
    pub purpose: HoldPurpose,
}

/// Why a hold exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum HoldPurpose {
    /// A shopper asked for it.
    #[default]
    Sale,
    /// The waiting list's turn came.
    Waitlist {
        /// The place in the list.
        entry: u64,
    },
    /// Other seats for money that came late.
    Offer {
        /// The payment.
        payment: u64,
    },
}

/// A place in the waiting list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitEntry {
    /// Number within the event; lower is earlier.
    pub no: u64,
    /// Who waits.
    pub person: u128,
    /// For what.
    pub wish: Best,
    /// The sealed contact.
    pub contact: Vec<u8>,
    /// Since when, milliseconds since 1970.
    pub joined_at_ms: u64,
    /// The hold that it was given.
    pub hold: Option<u64>,
}

/// How far a cancelled event is undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Cancel {
    /// Holds and orders are left, orders above this number.
    Running { orders_done: u64 },
    /// Nothing is left but refunds at the gateway.
    Done,
}

/// How a hold ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum HoldEnd {
    /// The shopper gave it back.
    Released,
    /// Its deadline passed.
    Expired,
    /// Its seats were sold to its order.
    Sold,
    /// The organiser took a seat of it, or the whole event, away.
    Withdrawn,
}

/// Ended holds remembered per event, the latest ones.
pub(crate) const ENDED_HOLDS_MAX: usize = 65_536;

/// How many orders that ended unpaid an event remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct EndedOrders {
    pub(crate) all: usize,
    /// Those of which a payment was begun.
    pub(crate) paying: usize,
}

impl Hold {
    /// What its seats cost, with fees.
    pub fn total_minor(&self) -> i64 {
        self.terms.total_minor(&self.seats)
    }

    /// The payment whose money the seats are offered for.
    pub fn offered_for(&self) -> Option<u64> {
        match self.purpose {
            HoldPurpose::Offer { payment } => Some(payment),
            HoldPurpose::Sale | HoldPurpose::Waitlist { .. } => None,
        }
    }
}

impl Event {
    pub(crate) fn open(no: EventNo, sale: Sale, plan: Plan, at_ms: u64) -> Self {
        let index = PlanIndex::new(&plan);
        let (told, wanted) = (WindowTold::at(&sale, at_ms), vec![0; index.tier_count()]);
        Self {
            no,
            seats: SeatTable::all_free(&index, 1),
            sale: Arc::new(sale),
            plan: Arc::new(plan),
            index: Arc::new(index),
            holds: SharedMap::default(),
            orders: SharedMap::default(),
            payments: SharedMap::default(),
            refunds: SharedMap::default(),
            pending_payments: BTreeSet::new(),
            pending_refunds: BTreeSet::new(),
            ended_orders: EndedOrders::default(),
            ended: SharedMap::default(),
            first_window: None,
            told,
            paused: false,
            cancel: None,
            removed: SharedSet::default(),
            people: People::default(),
            codes: Codes::default(),
            waitlist: SharedMap::default(),
            waiting: BTreeSet::new(),
            queue: None,
            wanted,
            map_floor: 0,
            version: 1,
            next_no: 1,
        }
    }

    /// The event's number.
    pub fn no(&self) -> EventNo {
        self.no
    }

    /// The terms of the sale.
    pub fn sale(&self) -> &Arc<Sale> {
        &self.sale
    }

    /// The plan.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// The plan's dense index.
    pub fn index(&self) -> &Arc<PlanIndex> {
        &self.index
    }

    /// The seats.
    pub fn seats(&self) -> &SeatTable {
        &self.seats
    }

    /// Grows by one with every change.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Who knows an older version is told all seats, not changes.
    pub fn map_floor(&self) -> u64 {
        self.map_floor
    }

    /// Whether the sale is paused.
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    /// Whether the event is cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.cancel.is_some()
    }

    /// Seats that were taken out of the sale for good.
    pub fn removed(&self) -> impl Iterator<Item = SeatIx> + '_ {
        self.removed.iter().copied()
    }

    /// A code's use, by hash.
    pub fn code(&self, hash: u128) -> Option<&CodeUse> {
        self.codes.get(hash)
    }

    /// Seats that a person holds and owns.
    pub fn seats_of(&self, person: u128) -> u32 {
        self.people.seats_of(person)
    }

    /// A place in the waiting list with how many wait before it.
    pub fn wait_entry(&self, no: u64) -> Option<(&WaitEntry, usize)> {
        Some((self.waitlist.get(&no)?, self.waiting.range(..no).count()))
    }

    /// How many places wait.
    pub fn waiting_count(&self) -> usize {
        self.waiting.len()
    }

    /// A live hold.
    pub fn hold(&self, no: u64) -> Option<&Hold> {
        self.holds.get(&no).map(Arc::as_ref)
    }

    /// How a hold that is no longer live ended, if it is remembered.
    pub fn hold_end(&self, no: u64) -> Option<HoldEnd> {
        self.ended.get(&no).copied()
    }

    /// Live holds, by number.
    pub fn holds(&self) -> impl Iterator<Item = &Hold> {
        self.holds.values().map(Arc::as_ref)
    }

    /// An order.
    pub fn order(&self, no: u64) -> Option<&Order> {
        self.orders.get(&no)
    }

    /// Orders, by number.
    pub fn orders(&self) -> impl Iterator<Item = &Order> {
        self.orders.values()
    }

    /// A payment.
    pub fn payment(&self, no: u64) -> Option<&Payment> {
        self.payments.get(&no)
    }

    /// Payments, by number.
    pub fn payments(&self) -> impl Iterator<Item = &Payment> {
        self.payments.values()
    }

    /// A refund.
    pub fn refund(&self, no: u64) -> Option<&Refund> {
        self.refunds.get(&no)
    }

    /// Refunds, by number.
    pub fn refunds(&self) -> impl Iterator<Item = &Refund> {
        self.refunds.values()
    }

    /// Payments whose end is not known.
    pub fn pending_payments(&self) -> impl Iterator<Item = &Payment> {
        self.pending_payments.iter().map(|no| &self.payments[no])
    }

    /// Refunds to carry out.
    pub fn pending_refunds(&self) -> impl Iterator<Item = &Refund> {
        self.pending_refunds.iter().map(|no| &self.refunds[no])
    }

    /// The next number for a hold, order, payment or refund.
    pub(crate) fn take_no(&mut self) -> u64 {
        let no = self.next_no;
        self.next_no += 1;
        no
    }

    /// Counts an order that ended unpaid and is remembered.
    pub(crate) fn note_ended(&mut self, order: u64) {
        self.ended_orders.all += 1;
        self.ended_orders.paying += usize::from(self.was_paying(order));
    }

    /// Counts it no longer: its time to be forgotten has come.
    pub(crate) fn drop_ended(&mut self, order: u64) {
        self.ended_orders.all -= 1;
        self.ended_orders.paying -= usize::from(self.was_paying(order));
    }

    /// Orders beside those that ended unpaid: pending, owning, and those that owned.
    pub(crate) fn kept_orders(&self) -> usize {
        self.orders.len() - self.ended_orders.all
    }

    /// Whether a payment of an order was ever begun.
    pub(crate) fn was_paying(&self, order: u64) -> bool {
        self.orders.get(&order).is_some_and(|order| !order.payments.is_empty())
    }

    /// Remembers how a hold ended, forgetting the oldest above the limit.
    pub(crate) fn remember_end(&mut self, no: u64, end: HoldEnd) {
        self.ended.insert(no, end);
        if self.ended.len() > ENDED_HOLDS_MAX {
            self.ended.pop_first();
        }
    }

    /// Moves several seats at the event's current version.
    pub(crate) fn set_seats(
        &mut self,
        seats: &[PricedSeat],
        from: (SeatStatus, u64),
        to: (SeatStatus, u64),
    ) {
        for priced in seats {
            let change = SeatChange { from, to, version: self.version };
            self.seats.set(&self.index, priced.seat, change);
        }
    }

    /// Whether every one of the seats is free.
    pub(crate) fn all_free(&self, seats: &[PricedSeat]) -> bool {
        seats.iter().all(|s| self.seats.status(s.seat) == SeatStatus::Free)
    }

    /// The seat with its price as of now.
    pub(crate) fn priced(&self, seat: SeatIx) -> PricedSeat {
        PricedSeat { seat, price_minor: self.index.price_minor(seat) }
    }

    /// Whether the seats, in plan order, are neighbours in one row, or places of areas.
    pub(crate) fn adjacent(&self, seats: &[PricedSeat]) -> bool {
        seats.windows(2).all(|pair| {
            let (a, b) = (self.index.place(pair[0].seat), self.index.place(pair[1].seat));
            let side_by_side = a.row == b.row && a.bit + 1 == b.bit;
            side_by_side || a.section == b.section && self.index.in_area(pair[0].seat)
        })
    }
}
