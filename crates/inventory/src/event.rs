//! One event's part of the state: its sale, seats, holds, orders, payments and refunds.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::seats::SeatChange;
use crate::share::SharedMap;
use crate::{
    EventNo, Order, Payment, Plan, PlanIndex, PricedSeat, Refund, Sale, SeatIx, SeatStatus,
    SeatTable,
};

/// An event whose sale was opened in this shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub(crate) no: EventNo,
    pub(crate) sale: Arc<Sale>,
    pub(crate) plan: Arc<Plan>,
    pub(crate) index: Arc<PlanIndex>,
    pub(crate) seats: SeatTable,
    pub(crate) holds: SharedMap<u64, Hold>,
    pub(crate) orders: SharedMap<u64, Order>,
    pub(crate) payments: SharedMap<u64, Payment>,
    pub(crate) refunds: SharedMap<u64, Refund>,
    /// Payments whose end is not known.
    pub(crate) pending_payments: BTreeSet<u64>,
    /// Refunds to carry out.
    pub(crate) pending_refunds: BTreeSet<u64>,
    /// How recent holds ended, so that "expired" is not answered with "unknown".
    pub(crate) ended: SharedMap<u64, HoldEnd>,
    pub(crate) version: u64,
    pub(crate) next_no: u64,
}

/// Seats taken for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Number within the event.
    pub no: u64,
    /// Its seats with frozen prices, in plan order.
    pub seats: Vec<PricedSeat>,
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
}

/// Ended holds remembered per event, the latest ones.
const ENDED_HOLDS_MAX: usize = 65_536;

impl Hold {
    /// Sum of the frozen prices.
    pub fn total_minor(&self) -> i64 {
        total_minor(&self.seats)
    }
}

/// Sum of frozen prices; fits by the plan's limits.
pub(crate) fn total_minor(seats: &[PricedSeat]) -> i64 {
    seats.iter().map(|s| s.price_minor).sum()
}

impl Event {
    pub(crate) fn open(no: EventNo, sale: Sale, plan: Plan) -> Self {
        let index = PlanIndex::new(&plan);
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
            ended: SharedMap::default(),
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

    /// A live hold.
    pub fn hold(&self, no: u64) -> Option<&Hold> {
        self.holds.get(&no)
    }

    /// How a hold that is no longer live ended, if it is remembered.
    pub fn hold_end(&self, no: u64) -> Option<HoldEnd> {
        self.ended.get(&no).copied()
    }

    /// Live holds, by number.
    pub fn holds(&self) -> impl Iterator<Item = &Hold> {
        self.holds.values()
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
}
