//! Who has which seat: holds given and ended, seats sold, taken back, kept back, added.

use super::super::fault::Wrong;
use super::event::{EventStory, Taken, need, number};
use super::things::{PaymentEnd, SeatOwner};
use crate::chain::Fields;

impl EventStory {
    pub(super) fn grant(&mut self, row: &Fields<'_>) -> Taken {
        let (seat, hold) = (need(row.seat_id, "seat")?, number(row.hold_id, "hold")?);
        let owner = self.owner(seat);
        self.set(seat, SeatOwner::Hold(hold));
        let offered_for = self.offering.take();
        let state = self.holds.entry(hold).or_default();
        state.held += 1;
        state.total_minor += row.amount_minor.unwrap_or(0);
        if let Some(payment) = offered_for {
            state.offered_for = Some(payment);
            self.payments.entry(payment).and_modify(|known| known.offer = Some(hold));
        }
        if !owner.may_be_free() {
            let what = format!("seat {seat} is given to hold {hold}, but {} has it", told(owner));
            return Err((Wrong::Seat, what));
        }
        if self.cancelled {
            let what = format!("seat {seat} is given to hold {hold} of a cancelled event");
            return Err((Wrong::Seat, what));
        }
        Ok(Some(()))
    }

    pub(super) fn release(&mut self, row: &Fields<'_>) -> Taken {
        let (seat, hold) = (need(row.seat_id, "seat")?, number(row.hold_id, "hold")?);
        let owner = self.owner(seat);
        if owner != SeatOwner::Hold(hold) {
            let what = format!("hold {hold} lets seat {seat} go, but {} has it", told(owner));
            return Err((Wrong::Seat, what));
        }
        self.set(seat, SeatOwner::Nobody);
        self.leave_hold(hold, row.amount_minor);
        if row.kind == "hold_expired" && row.subject != "system" {
            let what = format!("hold {hold} expired at the request of {}", row.subject);
            return Err((Wrong::Story, what));
        }
        Ok(Some(()))
    }

    pub(super) fn extend(&mut self, row: &Fields<'_>) -> Taken {
        let (seat, hold) = (need(row.seat_id, "seat")?, number(row.hold_id, "hold")?);
        let owner = self.owner(seat);
        if owner == SeatOwner::Hold(hold) {
            return Ok(Some(()));
        }
        let what = format!("hold {hold} is given more time, but {} has seat {seat}", told(owner));
        Err((Wrong::Seat, what))
    }

    pub(super) fn sell(&mut self, row: &Fields<'_>) -> Taken {
        let (seat, no) = (need(row.seat_id, "seat")?, number(row.order_id, "order")?);
        let owner = self.owner(seat);
        let order = self.orders.get_mut(&no);
        let unknown = || (Wrong::Story, format!("seat {seat} is sold to order {no}, never placed"));
        let order = order.ok_or_else(unknown)?;
        let payment = order.bought_by.and_then(|payment| self.payments.get(&payment));
        let end = payment.map(|payment| payment.end);
        // Seats given for others that were taken come from nobody, and may have been kept back.
        let moved = order.moving > 0;
        order.moving = order.moving.saturating_sub(1);
        let rightful = match owner {
            SeatOwner::Hold(holder) => match end {
                Some(PaymentEnd::Swapped) => payment.and_then(|p| p.offer) == Some(holder),
                end => holder == order.hold && end != Some(PaymentEnd::Retaken),
            },
            SeatOwner::Nobody | SeatOwner::Returned => moved || end == Some(PaymentEnd::Retaken),
            SeatOwner::Blocked => moved,
            SeatOwner::Order(_) | SeatOwner::Withdrawn => false,
        };
        order.sold += 1;
        let paid = order.is_paid_for();
        self.touched_orders.push(no);
        self.set(seat, SeatOwner::Order(no));
        if let SeatOwner::Hold(holder) = owner {
            self.leave_hold(holder, row.amount_minor);
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

    /// An order no longer owns a seat, or is about to get another one for it.
    pub(super) fn give_back(&mut self, row: &Fields<'_>) -> Taken {
        let (seat, no) = (need(row.seat_id, "seat")?, number(row.order_id, "order")?);
        let owner = self.owner(seat);
        let order = self.orders.get_mut(&no);
        let unknown = || (Wrong::Story, format!("seat {seat} leaves order {no}, never placed"));
        let order = order.ok_or_else(unknown)?;
        if owner != SeatOwner::Order(no) {
            let what = format!("order {no} gives seat {seat} back, but {} has it", told(owner));
            return Err((Wrong::Seat, what));
        }
        order.sold = order.sold.saturating_sub(1);
        if row.status == "reassigned" {
            order.moving += 1;
        } else {
            order.seats = order.seats.saturating_sub(1);
            order.gave_back = true;
        }
        self.touched_orders.push(no);
        self.set(seat, SeatOwner::Returned);
        Ok(Some(()))
    }

    /// Seats that nobody has: kept back, given free again, taken out of the sale, added to it.
    pub(super) fn keep(&mut self, row: &Fields<'_>) -> Taken {
        let seat = need(row.seat_id, "seat")?;
        let owner = self.owner(seat);
        let (allowed, becomes) = match row.kind {
            "seat_blocked" => (owner.may_be_free(), SeatOwner::Blocked),
            "seat_unblocked" => (owner.may_be_blocked(), SeatOwner::Nobody),
            "seat_added" => (!self.seats.contains_key(seat), SeatOwner::Nobody),
            _ => (!owner.is_taken(), SeatOwner::Withdrawn),
        };
        self.set(seat, becomes);
        if allowed {
            return Ok(Some(()));
        }
        let what = format!("{} of seat {seat}, but {} has it", row.kind, told(owner));
        Err((Wrong::Seat, what))
    }

    /// Somebody who waited got a hold, told just before.
    pub(super) fn serve(&mut self, row: &Fields<'_>) -> Taken {
        let hold = number(row.hold_id, "hold")?;
        if self.holds.contains_key(&hold) {
            return Ok(Some(()));
        }
        Err((Wrong::Story, format!("the waiting list gave hold {hold}, never granted")))
    }

    /// One seat fewer in a hold; a hold without seats and without an order is forgotten.
    fn leave_hold(&mut self, no: u64, price_minor: Option<i64>) {
        let Some(hold) = self.holds.get_mut(&no) else { return };
        hold.held = hold.held.saturating_sub(1);
        // A hold whose seats are exchanged goes on with those that it has then.
        hold.total_minor -= price_minor.unwrap_or(0);
        self.touched_payments.extend(hold.offered_for);
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
}

fn told(owner: SeatOwner) -> String {
    match owner {
        SeatOwner::Nobody | SeatOwner::Returned => "nobody".to_owned(),
        SeatOwner::Hold(no) => format!("hold {no}"),
        SeatOwner::Order(no) => format!("order {no}"),
        SeatOwner::Blocked | SeatOwner::Withdrawn => "the organiser".to_owned(),
    }
}
