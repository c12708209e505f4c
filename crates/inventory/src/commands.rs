//! One file per command: its refusals as a flat ladder, then its effect. What several commands
//! share is here, in [`Scope`].

pub(crate) mod acknowledge;
mod best;
pub(crate) mod cancel_order;
pub(crate) mod expire_holds;
pub(crate) mod hold;
pub(crate) mod open_sale;
pub(crate) mod place_order;
pub(crate) mod record_payment;
pub(crate) mod record_refund;
pub(crate) mod release_hold;
pub(crate) mod settle;
pub(crate) mod start_payment;

use std::collections::BTreeSet;

use crate::event::HoldEnd;
use crate::outbox::Outbox;
use crate::share::SharedSet;
use crate::{
    Actor, Change, Event, EventNo, FeedPosition, Hold, LedgerRecord, OrderStatus, Outcome, Refusal,
    SeatStatus,
};

/// Records a live hold may still write: order placed, order changed, its end, seats sold.
pub(crate) const HOLD_ROOM: u64 = 4;
/// Records an open payment may still write: recorded, settled, seats sold, order changed, refund
/// decided, refund ended, order changed.
pub(crate) const PAYMENT_ROOM: u64 = 7;
/// How long an unpaid order that has ended is remembered for late money; gateways allow an hour.
pub(crate) const ORDER_KEPT_MS: u64 = 2 * 60 * 60 * 1_000;

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
    pub(crate) at_ms: u64,
    pub(crate) actor: Actor,
    pub(crate) ledger_records_max: u64,
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
        self.outbox.push(LedgerRecord {
            position: FeedPosition::default(),
            at_ms: self.at_ms,
            event: self.event.no,
            version: self.event.version,
            actor: self.actor,
            change,
        });
    }

    /// Refuses unless so many records fit.
    pub(crate) fn need_room(&self, records: u64) -> Result<(), Refusal> {
        if self.outbox.has_room(records, self.ledger_records_max) {
            Ok(())
        } else {
            Err(Refusal::PersistenceBacklog)
        }
    }

    /// A live hold, or the reason why it is not.
    pub(crate) fn live_hold(&self, no: u64) -> Result<&Hold, Refusal> {
        match self.event.holds.get(&no) {
            Some(hold) if self.at_ms < hold.expires_at_ms => Ok(hold),
            Some(_) => Err(Refusal::HoldExpired),
            None => match self.event.ended.get(&no) {
                Some(HoldEnd::Expired) => Err(Refusal::HoldExpired),
                Some(HoldEnd::Released | HoldEnd::Sold) | None => Err(Refusal::HoldNotFound),
            },
        }
    }

    /// Takes a hold out of every table; its seats keep their status.
    pub(crate) fn remove_hold(&mut self, no: u64, end: HoldEnd) -> Hold {
        let hold = self.event.holds.remove(&no).expect("the caller saw the hold live");
        let was = self.deadlines.remove(&(hold.expires_at_ms, self.event.no, no));
        // invariant: I9
        assert!(was, "hold {no} had no deadline");
        self.outbox.unreserve(HOLD_ROOM);
        self.event.remember_end(no, end);
        hold
    }

    /// Ends a hold without a sale: seats free again, its order (if any) ended with `order_status`.
    pub(crate) fn let_go(&mut self, no: u64, end: HoldEnd, order_status: OrderStatus) {
        self.begin_change();
        let hold = self.remove_hold(no, end);
        let held = (SeatStatus::Held, no);
        self.event.set_seats(&hold.seats, held, (SeatStatus::Free, 0));
        self.record(match end {
            HoldEnd::Expired => Change::HoldExpired { hold: no, seats: hold.seats },
            HoldEnd::Released | HoldEnd::Sold => {
                Change::HoldReleased { hold: no, seats: hold.seats }
            }
        });
        if let Some(order) = hold.order {
            self.change_order(order, order_status);
            self.forget.insert((self.at_ms + ORDER_KEPT_MS, self.event.no, order));
        }
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
