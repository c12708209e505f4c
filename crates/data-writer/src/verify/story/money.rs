//! The part of an event's story that is about money: payments, what they became, refunds.

use super::super::fault::Wrong;
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
            returned_minor: 0,
            has_refund: false,
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
        // A gateway may take its "no" back; money that came is final.
        if !matches!(payment.end, PaymentEnd::Pending | PaymentEnd::Canceled) {
            return Err((Wrong::Money, format!("payment {no} was settled twice")));
        }
        payment.end = end;
        payment.captured_minor = money(row)?;
        let (order_no, asked, captured) =
            (payment.order, payment.amount_minor, payment.captured_minor);
        self.touched_payments.push(no);
        if !matches!(end, PaymentEnd::Confirmed | PaymentEnd::Retaken) {
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
        payment.has_refund = true;
        let new = RefundState { payment: pays, amount_minor, status };
        let before = self.refunds.insert(no, new);
        if before.is_none() && row.kind != "refund_pending" {
            return Err((Wrong::Story, format!("refund {no} was never decided")));
        }
        if before.is_some_and(|before| before.status == "succeeded") {
            return Err((Wrong::Money, format!("refund {no} was given back twice")));
        }
        if status == "succeeded" {
            payment.returned_minor += amount_minor;
            if let Some(order) = self.orders.get_mut(&payment.order) {
                order.money_back = true;
            }
        }
        if payment.returned_minor > payment.captured_minor {
            let (back, taken) = (payment.returned_minor, payment.captured_minor);
            return Err((
                Wrong::Money,
                format!("payment {pays} took {taken} and gave back {back}"),
            ));
        }
        Ok(Some(()))
    }
}
