//! The bodies of `POST /events/{id}/holds` and `PATCH /holds/{id}` and their way from names to
//! indices. Pure: every fault is a pointer into the body.

use http_api::{FieldError, Money, Problem, code_hash};
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
/// Characters of a promo or presale code.
const CODE_CHARS_MAX: usize = 64;

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

/// How to change a hold: other seats (one of `seats`, `best` and `area`), or more time.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HoldChange {
    /// Exactly these seats instead, by id; those that stay keep their price.
    seats: Option<Vec<String>>,
    /// The best seats instead, the hold's own counting as free.
    best: Option<BestRequest>,
    /// Places in a standing area instead.
    area: Option<AreaRequest>,
    /// `true` asks for more time.
    extend: Option<bool>,
}

/// What a change asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asked {
    Seats(Choice),
    MoreTime,
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
    /// How many of them for wheelchairs; the others sit beside those.
    #[serde(default)]
    accessible_seats: u16,
    /// Prefer places that leave no single free seat behind.
    #[serde(default = "yes")]
    prevent_orphans: bool,
    /// Side by side or not at all; otherwise `not_enough_adjacent`.
    #[serde(default)]
    together: bool,
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
        choice((&self.seats, &self.best, &self.area), plan)
    }

    /// Hashes of promo and presale code.
    pub(crate) fn codes(&self, plan: &PlanView) -> Result<(Option<u128>, Option<u128>), Problem> {
        let hash = |pointer: &str, code: &Option<String>| match code.as_deref() {
            None => Ok(None),
            Some(code) if (1..=CODE_CHARS_MAX).contains(&code.trim().chars().count()) => {
                Ok(Some(code_hash(plan.event_id(), code)))
            }
            Some(_) => Err(Problem::invalid_at(pointer, "Must have 1 to 64 characters")),
        };
        let promo = hash("/promo_code", &self.promo_code)?;
        Ok((promo, hash("/presale_code", &self.presale_code)?))
    }
}

impl HoldChange {
    /// What is asked for, in the plan's own numbers.
    pub(crate) fn asked(&self, plan: &PlanView) -> Result<Asked, Problem> {
        let seats = (&self.seats, &self.best, &self.area);
        match (self.extend, seats) {
            (None, _) => choice(seats, plan).map(Asked::Seats),
            (Some(true), (None, None, None)) => Ok(Asked::MoreTime),
            (Some(false), _) => Err(Problem::invalid_at("/extend", "Must be true")),
            (Some(true), _) => Err(Problem::invalid_at("", "Give other seats or extend, not both")),
        }
    }
}

type Given<'a> = (&'a Option<Vec<String>>, &'a Option<BestRequest>, &'a Option<AreaRequest>);

fn choice(given: Given<'_>, plan: &PlanView) -> Result<Choice, Problem> {
    match given {
        (Some(seats), None, None) => named(seats, plan).map(Choice::Seats),
        (None, Some(best), None) => best.wish(plan).map(Choice::Best),
        (None, None, Some(area)) => area.choice(plan),
        (_, _, _) => Err(Problem::invalid_at("", "Give exactly one of seats, best and area")),
    }
}

impl AreaRequest {
    fn choice(&self, plan: &PlanView) -> Result<Choice, Problem> {
        if self.quantity == 0 || usize::from(self.quantity) > SEATS_MAX {
            return Err(Problem::invalid_at("/area/quantity", "Must be 1 to 100"));
        }
        match plan.section(&self.id).filter(|section| plan.is_area(*section)) {
            Some(section) => Ok(Choice::Area { section, quantity: self.quantity }),
            None => {
                let name: String = self.id.chars().take(ERROR_NAME_CHARS_MAX).collect();
                Err(Problem::invalid_at("/area/id", format!("The event has no area {name}")))
            }
        }
    }
}

fn named(ids: &[String], plan: &PlanView) -> Result<Vec<SeatIx>, Problem> {
    if ids.is_empty() || ids.len() > SEATS_MAX {
        return Err(Problem::invalid_at("/seats", "Must have 1 to 100 seats"));
    }
    let mut seats = Vec::with_capacity(ids.len());
    let mut errors = vec![];
    for (at, id) in ids.iter().enumerate() {
        let fault = match plan.find(id) {
            Some(seat) if seats.contains(&seat) => "The seat occurs twice",
            Some(seat) if plan.is_area_place(seat) => "Places of an area are held by quantity",
            Some(seat) => {
                seats.push(seat);
                continue;
            }
            None => "There is no such seat",
        };
        errors.push(FieldError::at(format!("/seats/{at}"), fault));
    }
    errors.truncate(ERRORS_MAX);
    if errors.is_empty() { Ok(seats) } else { Err(Problem::invalid(errors)) }
}

impl BestRequest {
    fn wish(&self, plan: &PlanView) -> Result<Best, Problem> {
        if self.number == 0 || usize::from(self.number) > SEATS_MAX {
            return Err(Problem::invalid_at("/best/number", "Must be 1 to 100"));
        }
        if self.accessible_seats > self.number {
            let detail = "Must not be more than number";
            return Err(Problem::invalid_at("/best/accessible_seats", detail));
        }
        Ok(Best {
            number: self.number,
            tiers: positions(&self.tiers, "/best/tiers", |id| plan.tier(id))?,
            sections: positions(&self.sections, "/best/sections", |id| plan.section(id))?,
            max_price_minor: self.ceiling_minor(plan)?,
            prevent_orphans: self.prevent_orphans,
            accessible: self.accessible_seats,
            together: self.together,
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

/// Names to positions; a name said twice counts once.
fn positions(
    names: &[String],
    pointer: &str,
    find: impl Fn(&str) -> Option<u16>,
) -> Result<Vec<u16>, Problem> {
    if names.len() > SEATS_MAX {
        return Err(Problem::invalid_at(pointer, "Must have 100 names at most"));
    }
    let mut places = Vec::with_capacity(names.len());
    for (at, name) in names.iter().enumerate() {
        let missing = || Problem::invalid_at(format!("{pointer}/{at}"), "No such name here");
        let place = find(name).ok_or_else(missing)?;
        if !places.contains(&place) {
            places.push(place);
        }
    }
    Ok(places)
}
