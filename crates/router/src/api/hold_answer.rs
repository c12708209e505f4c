//! The body of every answer about a hold. Pure: from outcomes to names.

use http_api::Money;
use http_api::time::rfc3339_ms;
use inventory::{EventNo, Extension, Held, Hold, HoldId, HoldStep, OrderId, PricedSeat};
use serde::Serialize;
use utoipa::ToSchema;

use crate::seatmap::{PlanView, SeatFacts};

/// A hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct HoldAnswer {
    id: String,
    /// Proof of possession; told once, when the hold is granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    event_id: String,
    seats: Vec<HeldSeat>,
    /// Whether all seats are neighbours in one row.
    next_to_each_other: bool,
    /// How best available found them: `adjacent_no_orphan`, `adjacent`,
    /// `neighbouring_rows` or `split`.
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<&'static str>,
    /// The part of the total that is not seats' prices.
    fees: Money,
    total: Money,
    expires_at: String,
    /// Seconds until then, for countdowns that need no common clock.
    expires_in: u64,
    version: u64,
    status: &'static str,
    /// The order that was made from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<String>,
    /// How often it may still be given more time, where the sale allows that at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    extensions_left: Option<u8>,
}

/// A held seat with its frozen price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct HeldSeat {
    id: String,
    section: String,
    row: String,
    number: String,
    tier: String,
    price: Money,
    /// Whether it is a place of a standing area, whose row and number say nothing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    area: bool,
}

impl HoldAnswer {
    /// To the shopper who got it.
    pub(crate) fn granted(plan: &PlanView, held: &Held, token: String, version: u64) -> Self {
        Self {
            id: held.hold.to_string(),
            token: Some(token),
            event_id: plan.event_id().to_owned(),
            seats: seats(plan, &held.seats),
            next_to_each_other: held.adjacent,
            step: held.step.map(HoldStep::as_str),
            fees: fees(plan, &held.seats, held.total_minor),
            total: plan.money(held.total_minor),
            expires_at: rfc3339_ms(held.expires_at_ms),
            expires_in: left_s(held.expires_at_ms, held.at_ms),
            version,
            status: "held",
            order_id: None,
            extensions_left: plan.sale.rules.extension.map(|of| of.times_max),
        }
    }

    /// What a swap answered first, told again: seats, prices and times are those of the swap. How often
    /// the hold may still be given more time is not part of that outcome.
    pub(crate) fn swapped(plan: &PlanView, held: &Held, version: u64) -> Self {
        let granted = Self::granted(plan, held, String::new(), version);
        Self { token: None, extensions_left: None, ..granted }
    }

    /// The same hold with the times that an extension answered first.
    pub(crate) fn extended(
        self,
        (until_ms, at_ms): (u64, u64),
        (left, version): (u8, u64),
    ) -> Self {
        Self {
            expires_at: rfc3339_ms(until_ms),
            expires_in: left_s(until_ms, at_ms),
            extensions_left: Some(left),
            version,
            ..self
        }
    }

    /// To the shopper who has it, as of the leader's time `at_ms`.
    pub(crate) fn live(plan: &PlanView, hold: &Hold, version: u64, at_ms: u64) -> Self {
        let event: EventNo = plan.event;
        Self {
            id: HoldId { event, no: hold.no }.to_string(),
            token: None,
            event_id: plan.event_id().to_owned(),
            seats: seats(plan, &hold.seats),
            next_to_each_other: hold.adjacent,
            step: hold.step.map(HoldStep::as_str),
            fees: fees(plan, &hold.seats, hold.total_minor()),
            total: plan.money(hold.total_minor()),
            expires_at: rfc3339_ms(hold.expires_at_ms),
            expires_in: left_s(hold.expires_at_ms, at_ms),
            version,
            status: "held",
            order_id: hold.order.map(|no| OrderId { event, no }.to_string()),
            extensions_left: plan.sale.rules.extension.map(|of| left(of, hold.extensions)),
        }
    }
}

/// What is paid beside the seats' prices.
fn fees(plan: &PlanView, seats: &[PricedSeat], total_minor: i64) -> Money {
    plan.money(total_minor - seats.iter().map(|seat| seat.price_minor).sum::<i64>())
}

fn left(of: Extension, taken: u8) -> u8 {
    of.times_max.saturating_sub(taken)
}

/// Whole seconds left, never more than there are.
fn left_s(expires_at_ms: u64, at_ms: u64) -> u64 {
    expires_at_ms.saturating_sub(at_ms) / 1_000
}

fn seats(plan: &PlanView, seats: &[PricedSeat]) -> Vec<HeldSeat> {
    let one = |priced: &PricedSeat| {
        let SeatFacts { id, section, row, number, tier } = plan.seat(priced.seat);
        HeldSeat {
            id: id.to_owned(),
            section: section.to_owned(),
            row: row.to_owned(),
            number: number.to_owned(),
            tier: tier.to_owned(),
            price: plan.money(priced.price_minor),
            area: plan.is_area_place(priced.seat),
        }
    };
    seats.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::left_s;

    /// D52: the countdown is the leader's time to the deadline, whatever clock the client has, and ends
    /// at nothing.
    #[test]
    fn d52_the_countdown_needs_no_clock_of_the_client() {
        for (expires_at_ms, at_ms, seconds) in [
            (1_800_000_300_000, 1_800_000_000_000, 300),
            (1_800_000_300_000, 1_800_000_000_001, 299),
            (1_800_000_300_000, 1_800_000_299_999, 0),
            (1_800_000_300_000, 1_800_000_300_000, 0),
            (1_800_000_300_000, 1_900_000_000_000, 0),
        ] {
            assert_eq!(left_s(expires_at_ms, at_ms), seconds, "{expires_at_ms} at {at_ms}");
        }
    }
}
