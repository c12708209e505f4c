//! ReleaseHold: the shopper gives the seats back early; an order made from the hold is cancelled.

use super::{Effect, Scope, waitlist};
use crate::event::HoldEnd;
use crate::{OrderStatus, Outcome, Refusal, ReleaseHold};

pub(crate) fn apply(s: &mut Scope<'_>, c: &ReleaseHold) -> Result<Effect, Refusal> {
    s.live_hold(c.hold.no)?;

    s.let_go(c.hold.no, HoldEnd::Released, OrderStatus::Cancelled);
    waitlist::serve(s);
    Ok(s.effect(Outcome::Released))
}
