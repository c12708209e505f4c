//! The part of an event's story that is about money: payments, what they became, refunds.

use super::super::fault::Wrong;
use super::Contradiction;
use super::event::{EventStory, Taken, money, number};
use super::things::{PaymentEnd, PaymentState, RefundState};
use crate::chain::Fields;

impl EventStory {
    pub(super) fn start_payment(&mut self, row: &Fields<'_>) -> Taken {
        let (no, order_no) = (number(row.payment_id, "payment")?, number(row.order_id, "order")?);
        let amount_minor = money(row)?;
        let new = PaymentState {
            order: order_no,
            amount_minor,
            end: PaymentEnd::Pending,
            captured_minor: 0,
            offer: None,
            decided_minor: 0,
            returned_minor: 0,
        };
        if self.payments.insert(no, new).is_some() {
            return Err((Wrong::Story, format!("payment {no} was started twice")));
        }
        let Some(order) = self.orders.get(&order_no) else {
            return Err((
                Wrong::Story,
                format!("payment {no} pays order {order_no}, never placed"),
            ));
        };
        if order.total_minor != amount_minor {
            let total = order.total_minor;
            let what = format!("payment {no} asks {amount_minor} for an order of {total}");
            return Err((Wrong::Money, what));
        }
        Ok(Some(()))
    }

    pub(super) fn record_payment(&mut self, row: &Fields<'_>) -> Taken {
        let no = number(row.payment_id, "payment")?;
        match self.payments.get(&no) {
            Some(_) => Ok(Some(())),
            None => Err((Wrong::Story, format!("payment {no} was never started"))),
        }
    }

    pub(super) fn settle(&mut self, row: &Fields<'_>) -> Taken {
        let no = number(row.payment_id, "payment")?;
        let Some(end) = PaymentEnd::of(row.status) else { return Ok(None) };
        let payment = self.payments.get_mut(&no);
        let unknown = || (Wrong::Story, format!("payment {no} was never started"));
        let payment = payment.ok_or_else(unknown)?;
        if !payment.end.may_become(end) {
            return Err((Wrong::Money, format!("payment {no} was settled twice")));
        }
        payment.end = end;
        payment.captured_minor = money(row)?;
        let (order_no, asked, captured) =
            (payment.order, payment.amount_minor, payment.captured_minor);
        self.touched_payments.push(no);
        self.offering = (end == PaymentEnd::Offered).then_some(no);
        if !end.bought() {
            return Ok(Some(()));
        }
        self.touched_orders.push(order_no);
        let order = self.orders.get_mut(&order_no);
        let unknown = || (Wrong::Money, format!("payment {no} buys an order that is not there"));
        let order = order.ok_or_else(unknown)?;
        if let Some(other) = order.bought_by.replace(no) {
            return Err((Wrong::Money, format!("order {order_no} was bought by {other} and {no}")));
        }
        if asked != captured {
            let what = format!("payment {no} bought seats with {captured} instead of {asked}");
            return Err((Wrong::Money, what));
        }
        Ok(Some(()))
    }

    pub(super) fn refund(&mut self, row: &Fields<'_>) -> Taken {
        let (no, pays) = (number(row.refund_id, "refund")?, number(row.payment_id, "payment")?);
        let amount_minor = money(row)?;
        let status = match row.kind {
            "refund_succeeded" => "succeeded",
            "refund_dead" => "dead",
            _ => "pending",
        };
        let unknown =
            || (Wrong::Money, format!("refund {no} gives back payment {pays}, never made"));
        let payment = self.payments.get_mut(&pays).ok_or_else(unknown)?;
        let new = RefundState { payment: pays, amount_minor, status };
        let before = self.refunds.insert(no, new);
        if before.is_none() {
            payment.decided_minor += amount_minor;
        }
        if status == "succeeded" {
            payment.returned_minor += amount_minor;
            if let Some(order) = self.orders.get_mut(&payment.order) {
                order.money_back = true;
            }
        }
        let (back, taken) = (payment.returned_minor, payment.captured_minor);
        match before {
            None if row.kind != "refund_pending" => {
                Err((Wrong::Story, format!("refund {no} was never decided")))
            }
            Some(before) if before.status == "succeeded" => {
                Err((Wrong::Money, format!("refund {no} was given back twice")))
            }
            _ if back > taken || payment.decided_minor > taken => {
                let back = back.max(payment.decided_minor);
                Err((Wrong::Money, format!("payment {pays} took {taken} and gave back {back}")))
            }
            Some(before) if before.amount_minor != amount_minor => {
                let decided = before.amount_minor;
                let what = format!("refund {no} of {decided} became one of {amount_minor}");
                Err((Wrong::Money, what))
            }
            _ => Ok(Some(())),
        }
    }

    /// What must be so of a payment at the end of a log entry that touched it.
    pub(super) fn payment_fault(&self, no: u64) -> Option<Contradiction> {
        let payment = self.payments.get(&no)?;
        let offered = payment.offer.is_some_and(|hold| self.holds.contains_key(&hold));
        let what = match payment.end {
            PaymentEnd::Refunded if payment.decided_minor == 0 => {
                "bought nothing and is not given back"
            }
            PaymentEnd::Offered if !offered && self.offering.is_none() => {
                "waits for seats that are gone"
            }
            _ => return None,
        };
        Some((Wrong::Money, format!("the money of payment {no} {what}")))
    }
}
