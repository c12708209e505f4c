//! The body of `POST /events/{id}/holds` and its way from names to indices. Pure: every fault is a
//! pointer into the body.

use http_api::{FieldError, Money, Problem};
use inventory::{Best, Choice, SeatIx};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::seatmap::PlanView;

/// Seats in one request, whatever the event allows.
pub(crate) const SEATS_MAX: usize = 100;
/// Faults told at once.
const ERRORS_MAX: usize = 20;
/// Characters of the client's own words in a fault.
const ERROR_NAME_CHARS_MAX: usize = 32;

/// What to hold: exactly one of `seats`, `best` and `area`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HoldRequest {
    /// Exactly these seats, by id.
    seats: Option<Vec<String>>,
    /// The best free seats under a wish.
    best: Option<BestRequest>,
    /// Places in a standing area.
    area: Option<AreaRequest>,
    /// A promo code.
    promo_code: Option<String>,
    /// A code for the time before the open sale.
    presale_code: Option<String>,
}

/// A wish for the best free seats.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BestRequest {
    /// How many, 1 to 100.
    number: u16,
    /// Wanted tiers; none means any.
    #[serde(default)]
    tiers: Vec<String>,
    /// The highest price of one seat.
    max_price: Option<Money>,
    /// Wanted sections; none means any.
    #[serde(default)]
    sections: Vec<String>,
    /// How many of them for wheelchairs.
    #[serde(default)]
    accessible_seats: u16,
    /// Prefer places that leave no single free seat behind.
    #[serde(default = "yes")]
    prevent_orphans: bool,
}

/// Places in a standing area.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AreaRequest {
    /// The area's id.
    id: String,
    /// How many places, 1 to 100.
    quantity: u16,
}

fn yes() -> bool {
    true
}

impl HoldRequest {
    /// The choice in the plan's own numbers.
    pub(crate) fn choice(&self, plan: &PlanView) -> Result<Choice, Problem> {
        let codes = [("/promo_code", &self.promo_code), ("/presale_code", &self.presale_code)];
        if let Some((pointer, _)) = codes.into_iter().find(|(_, code)| code.is_some()) {
            return Err(Problem::invalid_at(pointer, "This sale takes no codes"));
        }
        match (&self.seats, &self.best, &self.area) {
            (Some(seats), None, None) => named(seats, plan).map(Choice::Seats),
            (None, Some(best), None) => best.wish(plan).map(Choice::Best),
            (None, None, Some(area)) => Err(area.fault()),
            (_, _, _) => Err(Problem::invalid_at("", "Give exactly one of seats, best and area")),
        }
    }
}

impl AreaRequest {
    /// Plans have seated sections only, so whatever is asked for does not exist.
    fn fault(&self) -> Problem {
        if self.quantity == 0 || usize::from(self.quantity) > SEATS_MAX {
            return Problem::invalid_at("/area/quantity", "Must be 1 to 100");
        }
        let name: String = self.id.chars().take(ERROR_NAME_CHARS_MAX).collect();
        Problem::invalid_at("/area/id", format!("The event has no area {name}"))
    }
}

fn named(ids: &[String], plan: &PlanView) -> Result<Vec<SeatIx>, Problem> {
    if ids.is_empty() || ids.len() > SEATS_MAX {
        return Err(Problem::invalid_at("/seats", "Must have 1 to 100 seats"));
    }
    let mut seats = Vec::with_capacity(ids.len());
    let mut errors = vec![];
    for (at, id) in ids.iter().enumerate() {
        match plan.find(id) {
            Some(seat) if seats.contains(&seat) => {
                errors.push(FieldError::at(format!("/seats/{at}"), "The seat occurs twice"));
            }
            Some(seat) => seats.push(seat),
            None => errors.push(FieldError::at(format!("/seats/{at}"), "There is no such seat")),
        }
    }
    errors.truncate(ERRORS_MAX);
    if errors.is_empty() { Ok(seats) } else { Err(Problem::invalid(errors)) }
}

impl BestRequest {
    fn wish(&self, plan: &PlanView) -> Result<Best, Problem> {
        if self.number == 0 || usize::from(self.number) > SEATS_MAX {
            return Err(Problem::invalid_at("/best/number", "Must be 1 to 100"));
        }
        if self.accessible_seats > 0 {
            let detail = "Accessible seats are chosen by their ids";
            return Err(Problem::invalid_at("/best/accessible_seats", detail));
        }
        Ok(Best {
            number: self.number,
            tiers: positions(&self.tiers, "/best/tiers", |id| plan.tier(id))?,
            sections: positions(&self.sections, "/best/sections", |id| plan.section(id))?,
            max_price_minor: self.ceiling_minor(plan)?,
            prevent_orphans: self.prevent_orphans,
            accessible: 0,
        })
    }

    fn ceiling_minor(&self, plan: &PlanView) -> Result<Option<i64>, Problem> {
        let Some(ceiling) = &self.max_price else { return Ok(None) };
        if ceiling.currency.as_bytes() != plan.sale.currency {
            let detail = "Must be the event's currency";
            return Err(Problem::invalid_at("/best/max_price/currency", detail));
        }
        let wrong = |error: http_api::MoneyError| {
            Problem::invalid_at("/best/max_price/value", error.to_string())
        };
        ceiling.minor().map(Some).map_err(wrong)
    }
}

/// Names to positions; a name may occur twice, which changes nothing.
fn positions(
    names: &[String],
    pointer: &str,
    find: impl Fn(&str) -> Option<u16>,
) -> Result<Vec<u16>, Problem> {
    if names.len() > SEATS_MAX {
        return Err(Problem::invalid_at(pointer, "Must have 100 names at most"));
    }
    let place = |(at, name): (usize, &String)| {
        find(name)
            .ok_or_else(|| Problem::invalid_at(format!("{pointer}/{at}"), "No such name here"))
    };
    names.iter().enumerate().map(place).collect()
}
