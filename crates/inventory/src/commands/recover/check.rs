//! Whether what came back refers to what came back: the rules index by these numbers.

use std::collections::BTreeSet;

use crate::snapshot::EventV2;
use crate::{HoldPurpose, PricedSeat, SeatStatus};

/// Names the first reference into nothing, or number that is there twice or was never given out.
pub(super) fn references(parts: &EventV2) -> Result<(), String> {
    let seats = parts.plan.seat_count();
    if parts.seats.len() != seats {
        return Err(format!("{} of {seats} seats came back", parts.seats.len()));
    }
    let in_plan = |of: &[PricedSeat]| of.iter().all(|priced| priced.seat.at() < seats);
    let removed = |seat: &crate::SeatIx| {
        parts.seats.get(seat.at()).is_some_and(|known| known.0 == SeatStatus::Blocked)
    };
    ensure(parts.removed.iter().all(removed), || "a removed seat is not blocked".into())?;
    let mut numbers = BTreeSet::new();
    let mut known = |what: &str, no: u64| {
        let new = no > 0 && no < parts.next_no && numbers.insert(no);
        ensure(new, || format!("{what} {no} is there twice or was never given out"))
    };
    for hold in &parts.holds {
        known("hold", hold.no)?;
        ensure(in_plan(&hold.seats), || format!("hold {} has a seat outside the plan", hold.no))?;
    }
    for order in &parts.orders {
        known("order", order.no)?;
        let inside = in_plan(&order.seats) && in_plan(&order.left);
        ensure(inside, || format!("order {} has a seat outside the plan", order.no))?;
    }
    parts.payments.iter().try_for_each(|payment| known("payment", payment.no))?;
    parts.refunds.iter().try_for_each(|refund| known("refund", refund.no))?;
    parts.waitlist.iter().try_for_each(|entry| known("place", entry.no))?;
    each_other(parts)
}

fn each_other(parts: &EventV2) -> Result<(), String> {
    let orders: BTreeSet<u64> = parts.orders.iter().map(|order| order.no).collect();
    let payments: BTreeSet<u64> = parts.payments.iter().map(|payment| payment.no).collect();
    let refunds: BTreeSet<u64> = parts.refunds.iter().map(|refund| refund.no).collect();
    for order in &parts.orders {
        let here = order.payments.iter().all(|no| payments.contains(no))
            && order.refunds.iter().all(|no| refunds.contains(no));
        ensure(here, || format!("order {} has a payment or refund that is not there", order.no))?;
    }
    for hold in &parts.holds {
        let here = hold.order.is_none_or(|no| orders.contains(&no));
        ensure(here, || format!("hold {} has an order that is not there", hold.no))?;
        // Late money is asked for again, and answered anew.
        let offered = matches!(hold.purpose, HoldPurpose::Offer { .. });
        ensure(!offered, || format!("hold {} is an offer", hold.no))?;
    }
    let mut tiers = parts.waitlist.iter().flat_map(|entry| &entry.wish.tiers);
    let known = tiers.all(|tier| usize::from(*tier) < parts.plan.tiers.len());
    ensure(known, || "somebody waits for a tier outside the plan".into())
}

fn ensure(holds: bool, message: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(message()) }
}
