//! One event's story. Each kind of record is a small rule: what must be so before it, and what is so
//! after it.

use std::collections::HashMap;

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
    pub(in crate::verify) seats: HashMap<Box<str>, SeatOwner>,
    holds: HashMap<u64, HoldState>,
    pub(in crate::verify) orders: HashMap<u64, OrderState>,
    pub(in crate::verify) payments: HashMap<u64, PaymentState>,
    pub(in crate::verify) refunds: HashMap<u64, RefundState>,
    pub(super) touched_orders: Vec<u64>,
    pub(super) touched_payments: Vec<u64>,
}

impl EventStory {
    pub(in crate::verify) fn is_judged(&self) -> bool {
        self.standing == Standing::Told
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
        match row.kind {
            "hold_granted" => self.grant(row),
            "hold_released" | "hold_expired" => self.release(row),
            "order_placed" => self.place_order(row),
            "payment_started" => self.start_payment(row),
            "payment_recorded" => self.record_payment(row),
            "payment_settled" => self.settle(row),
            "seat_sold" => self.sell(row),
            "refund_pending" | "refund_failed" | "refund_succeeded" | "refund_dead" => {
                self.refund(row)
            }
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

    fn grant(&mut self, row: &Fields<'_>) -> Taken {
        let (seat, hold) = (need(row.seat_id, "seat")?, number(row.hold_id, "hold")?);
        let owner = self.owner(seat);
        if owner != SeatOwner::Nobody {
            let what = format!("seat {seat} is given to hold {hold}, but {} has it", told(owner));
            return Err((Wrong::Seat, what));
        }
        self.set(seat, SeatOwner::Hold(hold));
        let state = self.holds.entry(hold).or_default();
        state.held += 1;
        state.total_minor += row.amount_minor.unwrap_or(0);
        Ok(Some(()))
    }

    fn release(&mut self, row: &Fields<'_>) -> Taken {
        let (seat, hold) = (need(row.seat_id, "seat")?, number(row.hold_id, "hold")?);
        let owner = self.owner(seat);
        if owner != SeatOwner::Hold(hold) {
            let what = format!("hold {hold} lets seat {seat} go, but {} has it", told(owner));
            return Err((Wrong::Seat, what));
        }
        self.set(seat, SeatOwner::Nobody);
        self.leave_hold(hold);
        if row.kind == "hold_expired" && row.subject != "system" {
            let what = format!("hold {hold} expired at the request of {}", row.subject);
            return Err((Wrong::Story, what));
        }
        Ok(Some(()))
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
            bought_by: None,
            money_back: false,
        };
        let contradiction = (state.total_minor != total_minor).then(|| {
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
        let bought = order.bought_by.is_some();
        let allowed = match status {
            OrderWord::Paid => bought,
            OrderWord::Cancelled | OrderWord::Expired => before == OrderWord::Pending,
            OrderWord::Refunded | OrderWord::PartiallyRefunded => order.money_back,
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

    fn sell(&mut self, row: &Fields<'_>) -> Taken {
        let (seat, no) = (need(row.seat_id, "seat")?, number(row.order_id, "order")?);
        let owner = self.owner(seat);
        let order = self.orders.get_mut(&no);
        let unknown = || (Wrong::Story, format!("seat {seat} is sold to order {no}, never placed"));
        let order = order.ok_or_else(unknown)?;
        let hold = order.hold;
        let retaken = order.bought_by.and_then(|payment| self.payments.get(&payment));
        let retaken = retaken.is_some_and(|payment| payment.end == PaymentEnd::Retaken);
        let rightful = match owner {
            SeatOwner::Hold(holder) => holder == hold && !retaken,
            SeatOwner::Nobody => retaken,
            SeatOwner::Order(_) => false,
        };
        order.sold += 1;
        let paid = order.bought_by.is_some();
        self.touched_orders.push(no);
        self.set(seat, SeatOwner::Order(no));
        if matches!(owner, SeatOwner::Hold(_)) {
            self.leave_hold(hold);
        }
        if !rightful {
            let what = format!("seat {seat} is sold to order {no}, but {} has it", told(owner));
            return Err((Wrong::Seat, what));
        }
        if !paid {
            let what = format!("seat {seat} is sold to order {no} without a settled payment");
            return Err((Wrong::Money, what));
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
            let payment = self.payments.get(&no);
            let lost = payment.is_some_and(|p| p.end == PaymentEnd::Refunded && !p.has_refund);
            if lost {
                let what =
                    format!("the money of payment {no} bought nothing and is not given back");
                found.push((Wrong::Money, what));
            }
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
        match order.status {
            OrderWord::Paid if order.sold != order.seats => {
                let (sold, seats) = (order.sold, order.seats);
                Some((Wrong::Seat, format!("order {no} is paid and has {sold} of {seats} seats")))
            }
            OrderWord::Pending if held == 0 => {
                Some((Wrong::Seat, format!("order {no} lost its seats and goes on")))
            }
            status if status.gave_up() && held > 0 => {
                Some((Wrong::Seat, format!("order {no} is {} and keeps seats", status.as_str())))
            }
            _ => None,
        }
    }

    /// One seat fewer in a hold; a hold without seats and without an order is forgotten.
    fn leave_hold(&mut self, no: u64) {
        let Some(hold) = self.holds.get_mut(&no) else { return };
        hold.held = hold.held.saturating_sub(1);
        match hold.order {
            Some(order) => self.touched_orders.push(order),
            None if hold.held == 0 => {
                self.holds.remove(&no);
            }
            None => {}
        }
    }

    pub(in crate::verify) fn owner(&self, seat: &str) -> SeatOwner {
        self.seats.get(seat).copied().unwrap_or_default()
    }

    fn set(&mut self, seat: &str, owner: SeatOwner) {
        match self.seats.get_mut(seat) {
            Some(known) => *known = owner,
            None => {
                self.seats.insert(seat.into(), owner);
            }
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

fn told(owner: SeatOwner) -> String {
    match owner {
        SeatOwner::Nobody => "nobody".to_owned(),
        SeatOwner::Hold(no) => format!("hold {no}"),
        SeatOwner::Order(no) => format!("order {no}"),
    }
}

fn need<'a>(value: Option<&'a str>, what: &str) -> Result<&'a str, Contradiction> {
    value.ok_or_else(|| (Wrong::Story, format!("names no {what}")))
}

pub(super) fn number(id: Option<&str>, what: &str) -> Result<u64, Contradiction> {
    let no = need(id, what)?.rsplit_once('-').and_then(|(_, no)| no.parse().ok());
    no.ok_or_else(|| (Wrong::Story, format!("names a {what} that is none")))
}

pub(super) fn money(row: &Fields<'_>) -> Result<i64, Contradiction> {
    row.amount_minor.ok_or_else(|| (Wrong::Money, "names no amount".to_owned()))
}
