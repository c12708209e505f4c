//! ExtendHold: a hold, and the order made from it, get more time, as often as the sale allows.

use std::sync::Arc;

use super::{Effect, Scope};
use crate::{Change, Detail, ExtendHold, Extension, Hold, HoldDetail, Outcome, Refusal};

pub(crate) fn apply(s: &mut Scope<'_>, c: &ExtendHold) -> Result<Effect, Refusal> {
    let hold = Hold::clone(s.live_hold(c.hold.no)?);
    let Extension { by_ms, times_max } = allowed(s, &hold)?;
    s.need_room(1)?;

    s.begin_change();
    let expires_at_ms = hold.expires_at_ms + u64::from(by_ms);
    let timer = |at_ms| (at_ms, s.event.no, hold.no);
    s.deadlines.remove(&timer(hold.expires_at_ms));
    s.deadlines.insert(timer(expires_at_ms));
    let extensions = hold.extensions + 1;
    let version = s.event.version;
    if let Some(order) = hold.order.and_then(|no| s.event.orders.get_mut(&no)) {
        (order.expires_at_ms, order.version) = (expires_at_ms, version);
    }
    let left = times_max.saturating_sub(extensions);
    let detail = Detail::Hold(HoldDetail { extensions, ..HoldDetail::from(&hold) });
    let change = Change::HoldExtended {
        hold: hold.no,
        order: hold.order,
        expires_at_ms,
        seats: hold.seats.clone(),
    };
    s.record_with(change, detail);
    // The seats' rows carry the deadline, so their version grows with it.
    let held = (crate::SeatStatus::Held, hold.no);
    s.event.set_seats(&hold.seats, held, held);
    s.event.holds.insert(hold.no, Arc::new(Hold { expires_at_ms, extensions, ..hold }));
    Ok(s.effect(Outcome::Extended { expires_at_ms, at_ms: s.at_ms, left }))
}

fn allowed(s: &Scope<'_>, hold: &Hold) -> Result<Extension, Refusal> {
    let extension = s.event.sale.rules.extension;
    extension
        .filter(|of| hold.extensions < of.times_max && hold.offered_for().is_none())
        .ok_or(Refusal::ExtensionNotAllowed)
}
