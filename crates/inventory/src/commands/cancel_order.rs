//! CancelOrder: the shopper gives an unpaid order up. Money that comes later is refunded.

use super::{Effect, Scope, waitlist};
use crate::event::HoldEnd;
use crate::{CancelOrder, OrderStatus, Outcome, Refusal};

pub(crate) fn apply(s: &mut Scope<'_>, c: &CancelOrder) -> Result<Effect, Refusal> {
    let order = s.event.orders.get(&c.order.no).ok_or(Refusal::OrderNotFound)?;
    if order.status != OrderStatus::PendingPayment {
        return Err(Refusal::OrderState { status: order.status });
    }
    let hold = order.hold;
    s.live_hold(hold)?;

    s.let_go(hold, HoldEnd::Released, OrderStatus::Cancelled);
    waitlist::serve(s);
    Ok(s.effect(Outcome::OrderCancelled))
}
