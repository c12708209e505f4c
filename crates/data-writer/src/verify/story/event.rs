//! One event's story and its orders. Each kind of record is a small rule: what must be so before it,
//! and what is so after it.

use std::collections::HashMap;

use inventory::{EventNo, HoldId};

use super::super::fault::{VerifyReport, Wrong};
use super::Contradiction;
use super::things::{
    HoldState, OrderState, OrderWord, PaymentEnd, PaymentState, RefundState, SeatOwner,
};
use crate::chain::Fields;

/// `None` for a kind that is not known here.
pub(super) type Taken = Result<Option<()>, Contradiction>;

/// Whether the story is complete so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Standing {
    /// Its sale was not opened in the records.
    #[default]
    NoBeginning,
    /// All is known.
    Told,
    /// Something is missing from it.
    GivenUp,
}

/// An event's seats, orders and money as the records tell.
#[derive(Debug, Default)]
pub(in crate::verify) struct EventStory {
    standing: Standing,
    /// The event's number, as its first hold tells.
    number: Option<EventNo>,
    pub(in crate::verify) seats: HashMap<Box<str>, SeatOwner>,
    pub(super) holds: HashMap<u64, HoldState>,
    pub(in crate::verify) orders: HashMap<u64, OrderState>,
    pub(in crate::verify) payments: HashMap<u64, PaymentState>,
    pub(in crate::verify) refunds: HashMap<u64, RefundState>,
    pub(super) touched_orders: Vec<u64>,
    pub(super) touched_payments: Vec<u64>,
    /// A payment whose money waits for other seats: the next hold has them.
    pub(super) offering: Option<u64>,
    /// The event was cancelled: nobody is given seats any more.
    pub(super) cancelled: bool,
}

impl EventStory {
    pub(in crate::verify) fn is_judged(&self) -> bool {
        self.standing == Standing::Told
    }

    /// Whether a thing of an event with this number is one of this event.
    pub(in crate::verify) fn is_numbered(&self, number: EventNo) -> bool {
        self.number == Some(number)
    }

    /// From here on nothing can be said of the event; what is known is let go.
    pub(super) fn give_up(&mut self) {
        *self = Self { standing: Standing::GivenUp, ..Self::default() };
    }

    pub(super) fn is_touched(&self) -> bool {
        !(self.touched_orders.is_empty() && self.touched_payments.is_empty())
    }

    /// The next record.
    pub(super) fn take(&mut self, row: &Fields<'_>) -> Taken {
        if row.kind == "sale_opened" {
            return self.open();
        }
        if self.standing != Standing::Told {
            return Ok(Some(()));
        }
        if self.number.is_none()
            && let Some(hold) = row.hold_id
        {
            self.number = hold.parse::<HoldId>().ok().map(|hold| hold.event);
        }
        match row.kind {
            "hold_granted" => self.grant(row),
            "hold_released" | "hold_expired" | "hold_withdrawn" => self.release(row),
            "hold_extended" => self.extend(row),
            "seat_sold" => self.sell(row),
            "seat_refunded" | "seat_removed" => self.give_back(row),
            "seat_blocked" | "seat_unblocked" | "seat_withdrawn" | "seat_added" => self.keep(row),
            "order_placed" => self.place_order(row),
            "payment_started" => self.start_payment(row),
            "payment_recorded" => self.record_payment(row),
            "payment_settled" => self.settle(row),
            "refund_pending" | "refund_failed" | "refund_succeeded" | "refund_dead" => {
                self.refund(row)
            }
            "event_cancelled" => self.cancel(),
            "waitlist_served" => self.serve(row),
            // They tell why something is allowed, and change no owner and no money.
            // The three that begin with sale_ and end with set or put were written until kinds of
            // administrators' changes became one.
            "admin_change"
            | "sale_paused"
            | "sale_resumed"
            | "sale_window_set"
            | "sale_window_opened"
            | "sale_window_closed"
            | "sale_codes_put"
            | "sale_person_limit_set"
            | "plan_replaced"
            | "waitlist_joined"
            | "waitlist_left" => Ok(Some(())),
            kind => match kind.strip_prefix("order_").and_then(OrderWord::of) {
                Some(status) => self.move_order(row, status),
                None => Ok(None),
            },
        }
    }

    fn open(&mut self) -> Taken {
        match self.standing {
            Standing::NoBeginning => {
                self.standing = Standing::Told;
                Ok(Some(()))
            }
            Standing::Told => Err((Wrong::Story, "the sale was opened twice".into())),
            Standing::GivenUp => Ok(Some(())),
        }
    }

    fn place_order(&mut self, row: &Fields<'_>) -> Taken {
        let (order, hold) = (number(row.order_id, "order")?, number(row.hold_id, "hold")?);
        let total_minor = money(row)?;
        let Some(state) = self.holds.get_mut(&hold) else {
            return Err((Wrong::Story, format!("order {order} is made from no hold")));
        };
        if let Some(other) = state.order {
            return Err((Wrong::Story, format!("hold {hold} has order {other} already")));
        }
        state.order = Some(order);
        let new = OrderState {
            hold,
            total_minor,
            status: OrderWord::Pending,
            seats: state.held,
            sold: 0,
            moving: 0,
            gave_back: false,
            bought_by: None,
            money_back: false,
        };
        // Fees come on top of the seats' prices; the ledger has only the sum.
        let contradiction = (state.total_minor > total_minor).then(|| {
            let held = state.total_minor;
            (Wrong::Money, format!("order {order} costs {total_minor}, its seats {held}"))
        });
        if self.orders.insert(order, new).is_some() {
            return Err((Wrong::Story, format!("order {order} was placed twice")));
        }
        contradiction.map_or(Ok(Some(())), Err)
    }

    fn move_order(&mut self, row: &Fields<'_>, status: OrderWord) -> Taken {
        let no = number(row.order_id, "order")?;
        let order = self.orders.get_mut(&no);
        let order = order.ok_or_else(|| (Wrong::Story, format!("order {no} was never placed")))?;
        let before = order.status;
        order.status = status;
        let allowed = match status {
            OrderWord::Paid => order.is_paid_for(),
            OrderWord::Cancelled | OrderWord::Expired => before == OrderWord::Pending,
            OrderWord::Refunded => order.money_back || (order.gave_back && order.sold == 0),
            OrderWord::PartiallyRefunded => order.gave_back,
            OrderWord::RefundPending => before != OrderWord::Pending,
            OrderWord::Pending => false,
        };
        self.touched_orders.push(no);
        if allowed {
            return Ok(Some(()));
        }
        let (from, to) = (before.as_str(), status.as_str());
        let wrong = if status == OrderWord::Paid { Wrong::Money } else { Wrong::Story };
        Err((wrong, format!("order {no} went from {from} to {to} without a reason")))
    }

    fn cancel(&mut self) -> Taken {
        if std::mem::replace(&mut self.cancelled, true) {
            return Err((Wrong::Story, "the event was cancelled twice".into()));
        }
        Ok(Some(()))
    }

    /// What must be so at the end of a log entry.
    pub(super) fn close_entry(&mut self) -> Vec<Contradiction> {
        let mut found = Vec::new();
        let orders = std::mem::take(&mut self.touched_orders);
        for no in orders {
            found.extend(self.order_fault(no));
        }
        for no in std::mem::take(&mut self.touched_payments) {
            found.extend(self.payment_fault(no));
        }
        if let Some(no) = self.offering.take() {
            let what = format!("the money of payment {no} waits for seats that nobody offered");
            found.push((Wrong::Money, what));
        }
        found.dedup();
        found
    }

    fn order_fault(&mut self, no: u64) -> Option<Contradiction> {
        let order = *self.orders.get(&no)?;
        let hold = self.holds.get(&order.hold);
        let held = hold.map_or(0, |hold| hold.held);
        if held == 0 && hold.is_some() {
            self.holds.remove(&order.hold);
        }
        let owns = matches!(order.status, OrderWord::Paid | OrderWord::PartiallyRefunded);
        let (status, sold, seats) = (order.status.as_str(), order.sold, order.seats);
        match order.status {
            _ if owns && (sold != seats || order.moving > 0) => {
                let what = format!("order {no} is {status} and has {sold} of {seats} seats");
                Some((Wrong::Seat, what))
            }
            _ if !owns && sold > 0 => {
                Some((Wrong::Seat, format!("order {no} is {status} and owns {sold} seats")))
            }
            OrderWord::Pending if held == 0 => {
                Some((Wrong::Seat, format!("order {no} lost its seats and goes on")))
            }
            word if word.gave_up() && held > 0 => {
                Some((Wrong::Seat, format!("order {no} is {status} and keeps seats")))
            }
            _ => None,
        }
    }

    /// Adds the event to the counts.
    pub(super) fn count(&self, report: &mut VerifyReport) {
        let sold = self.seats.values().filter(|owner| matches!(owner, SeatOwner::Order(_)));
        report.seats_sold += sold.count() as u64;
        report.orders += self.orders.len() as u64;
        report.payments += self.payments.len() as u64;
        let open = self.payments.values().filter(|p| p.end == PaymentEnd::Pending).count();
        let back = self.refunds.values().filter(|refund| refund.status == "pending").count();
        report.open_money += (open + back) as u64;
    }
}

pub(super) fn need<'a>(value: Option<&'a str>, what: &str) -> Result<&'a str, Contradiction> {
    value.ok_or_else(|| (Wrong::Story, format!("names no {what}")))
}

pub(super) fn number(id: Option<&str>, what: &str) -> Result<u64, Contradiction> {
    let no = need(id, what)?.rsplit_once('-').and_then(|(_, no)| no.parse().ok());
    no.ok_or_else(|| (Wrong::Story, format!("names a {what} that is none")))
}

pub(super) fn money(row: &Fields<'_>) -> Result<i64, Contradiction> {
    row.amount_minor.ok_or_else(|| (Wrong::Money, "names no amount".to_owned()))
}
