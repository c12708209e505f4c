//! One event and the parts of the shard that its commands may touch, with what several commands do
//! alike: recording, granting a hold, ending one.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::settle;
use crate::event::{HoldEnd, HoldPurpose};
use crate::outbox::Outbox;
use crate::share::SharedSet;
use crate::{
    Actor, Backlog, Change, Detail, Event, EventNo, FeedPosition, FrozenTerms, Hold, HoldDetail,
    HoldStep, LedgerRecord, OrderStatus, Outcome, PricedSeats, Refusal, SaleRules, SeatStatus,
};

/// Records a live hold may still write: order placed, order changed, its end, seats sold.
pub(crate) const HOLD_ROOM: u64 = 4;
/// Records an open payment may still write: recorded, settled, seats sold, order changed, refund
/// decided, refund ended, order changed.
const PAYMENT_ROOM: u64 = 7;
/// And where other seats are offered for late money: hold granted, its order's change, its end,
/// settled again, and its own [`HOLD_ROOM`].
const OFFER_ROOM: u64 = 8;
/// How long an unpaid order that has ended is remembered for late money; gateways allow an hour.
pub(crate) const ORDER_KEPT_MS: u64 = 2 * 60 * 60 * 1_000;
/// Unpaid orders that have ended and are remembered, in one shard. At half of it only those with a
/// payment still are: without one no money can come late. No payment begins in an event that has as
/// many with one as places are left, so that none is forgotten whose money may come (invariants I13,
/// I18), and no event takes the last places from all others.
pub const ENDED_ORDERS_MAX: usize = 100_000;

/// Room promised to each open payment, offer and refund of a sale.
pub(crate) fn payment_room(rules: &SaleRules) -> u64 {
    if rules.offer_ttl_ms.is_some() { PAYMENT_ROOM + OFFER_ROOM } else { PAYMENT_ROOM }
}

/// What a command did, with the event's version after it.
pub(crate) struct Effect {
    pub(crate) version: u64,
    pub(crate) outcome: Outcome,
}

/// One event and the parts of the shard that its commands may touch.
pub(crate) struct Scope<'a> {
    pub(crate) event: &'a mut Event,
    pub(crate) outbox: &'a mut Outbox,
    pub(crate) deadlines: &'a mut BTreeSet<(u64, EventNo, u64)>,
    pub(crate) forget: &'a mut SharedSet<(u64, EventNo, u64)>,
    pub(crate) turns: &'a mut BTreeSet<(u64, EventNo)>,
    pub(crate) cancelling: &'a mut BTreeSet<EventNo>,
    pub(crate) queues: &'a mut BTreeSet<EventNo>,
    pub(crate) at_ms: u64,
    pub(crate) actor: Actor,
    pub(crate) ledger_records_max: u64,
}

/// A hold to be granted on seats that the caller saw free.
pub(super) struct NewHold {
    pub(super) seats: PricedSeats,
    pub(super) terms: FrozenTerms,
    pub(super) step: Option<HoldStep>,
    pub(super) ttl_ms: u32,
    pub(super) purpose: HoldPurpose,
    pub(super) order: Option<u64>,
}

impl Scope<'_> {
    /// An effect at the event's version now.
    pub(crate) fn effect(&self, outcome: Outcome) -> Effect {
        Effect { version: self.event.version, outcome }
    }

    /// Starts a change: everything it touches carries the new version.
    pub(crate) fn begin_change(&mut self) {
        self.event.version += 1;
    }

    /// Puts a change into the outbox at the event's version.
    pub(crate) fn record(&mut self, change: Change) {
        self.put(change, None);
    }

    /// As [`Scope::record`], with what recovery needs beside it.
    pub(crate) fn record_with(&mut self, change: Change, detail: Detail) {
        self.put(change, Some(Box::new(detail)));
    }

    fn put(&mut self, change: Change, detail: Option<Box<Detail>>) {
        self.outbox.push(LedgerRecord {
            position: FeedPosition::default(),
            at_ms: self.at_ms,
            event: self.event.no,
            version: self.event.version,
            actor: self.actor,
            change,
            detail,
        });
    }

    /// Refuses unless so many records fit.
    pub(crate) fn need_room(&self, records: u64) -> Result<(), Refusal> {
        if self.has_room(records) { Ok(()) } else { Err(Refusal::PersistenceBacklog) }
    }

    /// Whether so many records fit.
    pub(super) fn has_room(&self, records: u64) -> bool {
        self.outbox.has_room(records, self.ledger_records_max)
    }

    /// Whether the sale should have begun and waits until PostgreSQL has caught up. What has begun
    /// never waits again.
    pub(crate) fn opening_waits(&self) -> bool {
        let event = &*self.event;
        !event.told.opened
            && self.at_ms >= event.sale.opens_at_ms
            && self.outbox.backlog(self.at_ms, self.ledger_records_max) != Backlog::Fine
    }

    /// Room promised to each open payment, offer and refund.
    pub(crate) fn payment_room(&self) -> u64 {
        payment_room(&self.event.sale.rules)
    }

    /// A live hold, or the reason why it is not.
    pub(crate) fn live_hold(&self, no: u64) -> Result<&Arc<Hold>, Refusal> {
        match self.event.holds.get(&no) {
            Some(hold) if self.at_ms < hold.expires_at_ms => Ok(hold),
            Some(_) => Err(Refusal::HoldExpired),
            None => match self.event.ended.get(&no) {
                Some(HoldEnd::Expired) => Err(Refusal::HoldExpired),
                Some(HoldEnd::Released | HoldEnd::Sold | HoldEnd::Withdrawn) | None => {
                    Err(Refusal::HoldNotFound)
                }
            },
        }
    }

    /// Grants a hold within a change that the caller began, counting its person and codes. Room
    /// for what it may write was asked for by the caller, or is promised regardless (offers).
    pub(super) fn grant(&mut self, new: NewHold) -> Arc<Hold> {
        let no = self.event.take_no();
        let NewHold { seats, terms, step, ttl_ms, purpose, order } = new;
        self.event.set_seats(&seats, (SeatStatus::Free, 0), (SeatStatus::Held, no));
        self.event.people.take(terms.person, seats.len());
        let hold = Arc::new(Hold {
            no,
            adjacent: self.event.adjacent(&seats),
            seats,
            granted_at_ms: self.at_ms,
            expires_at_ms: self.at_ms + u64::from(ttl_ms),
            order,
            step,
            terms,
            extensions: 0,
            purpose,
        });
        if hold.offered_for().is_none() {
            self.event.codes.take(&terms, hold.seats.len());
        }
        self.outbox.reserve(HOLD_ROOM);
        self.deadlines.insert((hold.expires_at_ms, self.event.no, no));
        let (expires_at_ms, seats) = (hold.expires_at_ms, hold.seats.clone());
        let detail = Detail::Hold(HoldDetail::from(&*hold));
        self.record_with(Change::HoldGranted { hold: no, expires_at_ms, seats }, detail);
        self.event.holds.insert(no, Arc::clone(&hold));
        hold
    }

    /// Takes a hold out of every table; its seats keep their status.
    pub(crate) fn remove_hold(&mut self, no: u64, end: HoldEnd) -> Arc<Hold> {
        let hold = self.event.holds.remove(&no).expect("the caller saw the hold live");
        let was = self.deadlines.remove(&(hold.expires_at_ms, self.event.no, no));
        // invariant: I9
        assert!(was, "hold {no} had no deadline");
        self.outbox.unreserve(HOLD_ROOM);
        self.event.remember_end(no, end);
        if let HoldPurpose::Waitlist { entry } = hold.purpose {
            self.event.waitlist.remove(&entry);
        }
        if hold.offered_for().is_none() {
            self.event.codes.give_back(&hold.terms, hold.seats.len());
        }
        hold
    }

    /// Ends a hold without a sale: seats free again, its order (if any) ended with `order_status`,
    /// money that waited for its answer on its way back.
    pub(crate) fn let_go(&mut self, no: u64, end: HoldEnd, order_status: OrderStatus) {
        self.begin_change();
        let hold = self.remove_hold(no, end);
        let held = (SeatStatus::Held, no);
        self.event.set_seats(&hold.seats, held, (SeatStatus::Free, 0));
        self.event.people.give_back(hold.terms.person, hold.seats.len());
        let (offered_for, seats) = (hold.offered_for(), hold.seats.clone());
        let asked_by = self.actor;
        if end == HoldEnd::Expired {
            // Whoever's command found it overdue, it was the time that ended it.
            self.actor = Actor::SYSTEM;
        }
        self.record(match end {
            HoldEnd::Expired => Change::HoldExpired { hold: no, seats },
            HoldEnd::Withdrawn => Change::HoldWithdrawn { hold: no, seats },
            HoldEnd::Released | HoldEnd::Sold => Change::HoldReleased { hold: no, seats },
        });
        match (offered_for, hold.order) {
            (Some(payment), _) => settle::refund_offer(self, payment),
            (None, Some(order)) => {
                self.change_order(order, order_status);
                self.keep_ended(order);
            }
            (None, None) => {}
        }
        self.actor = asked_by;
    }

    /// Remembers an order that has ended unpaid for a while, if there is room for one like it.
    fn keep_ended(&mut self, no: u64) {
        if self.event.was_paying(no) || self.forget.len() < ENDED_ORDERS_MAX / 2 {
            self.event.note_ended(no);
            self.forget.insert((self.at_ms + ORDER_KEPT_MS, self.event.no, no));
        } else {
            self.event.orders.remove(&no);
        }
    }

    /// Whether a payment may begin, as far as remembering its order goes once that has ended.
    pub(crate) fn may_end_unpaid(&self) -> bool {
        let left = ENDED_ORDERS_MAX.saturating_sub(self.forget.len());
        self.event.ended_orders.paying < left
    }

    /// Gives an order a status, if it does not have it yet.
    pub(crate) fn change_order(&mut self, no: u64, status: OrderStatus) {
        let version = self.event.version;
        let order = self.event.orders.get_mut(&no).expect("orders outlive what refers to them");
        if order.status == status {
            return;
        }
        order.status = status;
        order.version = version;
        self.record(Change::OrderChanged { order: no, status });
    }
}
