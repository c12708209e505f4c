//! A plan as the edge needs it: seat ids in both directions and the rendered answer. Built once per
//! event, since a plan never changes while its sale is open.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::HeaderValue;
use http_api::Money;
use inventory::{EventNo, Plan, Sale, Seat, SeatIx, Section, SectionKind, Tier};
use processing_unit::PlanAnswer;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{etag, gzip};

/// Hundredths of a unit on the drawing, as plans store places.
const PLACES_PER_UNIT: f64 = 100.0;

/// One event's plan with its look-ups.
#[derive(Debug)]
pub(crate) struct PlanView {
    pub(crate) event: EventNo,
    pub(crate) sale: Arc<Sale>,
    pub(crate) plan: Arc<Plan>,
    /// The answer to `GET …/plan`.
    pub(crate) json: Bytes,
    pub(crate) etag: HeaderValue,
    /// The same compressed, once somebody asked for it so.
    pub(crate) packed: OnceLock<Bytes>,
    ids: Vec<Arc<str>>,
    by_id: HashMap<Arc<str>, SeatIx>,
    places: Vec<Place>,
    /// Per seat the rendered members before its status, one after the other.
    heads: Vec<u8>,
    /// Where each seat's head ends in `heads`.
    head_ends: Vec<u32>,
}

/// Where a seat is: positions in the plan.
#[derive(Debug, Clone, Copy)]
struct Place {
    section: u16,
    row: u16,
    seat: u16,
}

/// A seat in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct SeatFacts<'a> {
    pub(crate) id: &'a str,
    pub(crate) section: &'a str,
    pub(crate) row: &'a str,
    pub(crate) number: &'a str,
    pub(crate) tier: &'a str,
}

impl PlanView {
    pub(crate) fn new(answer: PlanAnswer) -> Self {
        let PlanAnswer { event, sale, plan } = answer;
        let json = Bytes::from(plan_json(&sale, &plan).to_string());
        let etag = etag::tag(&format!("{}-{:x}", plan.version, etag::fingerprint(&json)));
        let ids: Vec<Arc<str>> = plan
            .seats()
            .map(|(section, row, seat)| {
                format!("{}-{}-{}", section.id, row.label, seat.number).into()
            })
            .collect();
        let by_id = ids.iter().cloned().zip((0..).map(SeatIx)).collect();
        let places = places(&plan);
        let (heads, head_ends) = (Vec::new(), Vec::new());
        let packed = OnceLock::new();
        let mut view =
            Self { event, sale, plan, json, etag, packed, ids, by_id, places, heads, head_ends };
        view.render_heads();
        view
    }

    fn render_heads(&mut self) {
        let (mut heads, mut ends) = (Vec::new(), Vec::with_capacity(self.ids.len()));
        for at in 0..self.ids.len() {
            let facts = self.seat(SeatIx(at as u32));
            // Only text: it cannot fail, and an empty head would show at once.
            let text = serde_json::to_string(&facts).unwrap_or_default();
            heads.extend_from_slice(text.trim_end_matches('}').as_bytes());
            heads.extend_from_slice(b",\"status\":\"");
            ends.push(heads.len() as u32);
        }
        (self.heads, self.head_ends) = (heads, ends);
    }

    /// The compressed answer to `GET …/plan`; made at the first call.
    pub(crate) fn packed(&self) -> &Bytes {
        self.packed.get_or_init(|| gzip::packed(&self.json, gzip::SMALLEST))
    }

    pub(crate) fn event_id(&self) -> &str {
        &self.sale.event_id
    }

    pub(crate) fn seat_count(&self) -> usize {
        self.ids.len()
    }

    /// The seat with this id.
    pub(crate) fn find(&self, id: &str) -> Option<SeatIx> {
        self.by_id.get(id).copied()
    }

    /// A seat's id; empty for an index outside the plan.
    pub(crate) fn id(&self, seat: SeatIx) -> &str {
        self.ids.get(seat.at()).map_or("", |id| id)
    }

    /// A seat in words. The seat is one of this plan.
    pub(crate) fn seat(&self, ix: SeatIx) -> SeatFacts<'_> {
        let place = self.places[ix.at()];
        let section = &self.plan.sections[usize::from(place.section)];
        let row = &section.rows[usize::from(place.row)];
        let seat = &row.seats[usize::from(place.seat)];
        let tier = &self.plan.tiers[usize::from(seat.tier)].id;
        let id = &self.ids[ix.at()];
        SeatFacts { id, section: &section.id, row: &row.label, number: &seat.number, tier }
    }

    /// Position of a seat's tier.
    pub(crate) fn tier_of(&self, ix: SeatIx) -> Option<usize> {
        let place = self.places.get(ix.at())?;
        let row = &self.plan.sections[usize::from(place.section)].rows[usize::from(place.row)];
        Some(usize::from(row.seats[usize::from(place.seat)].tier))
    }

    /// The rendered members of a seat up to the opening quote of its status.
    pub(crate) fn head(&self, at: usize) -> &[u8] {
        let from = if at == 0 { 0 } else { self.head_ends[at - 1] as usize };
        &self.heads[from..self.head_ends[at] as usize]
    }

    /// Bytes of all heads together.
    pub(crate) fn heads_len(&self) -> usize {
        self.heads.len()
    }

    /// Whether the seat is a place of a standing area.
    pub(crate) fn is_area_place(&self, ix: SeatIx) -> bool {
        let place = self.places.get(ix.at());
        place.is_some_and(|place| self.is_area(place.section))
    }

    /// Whether the section is sold by quantity.
    pub(crate) fn is_area(&self, section: u16) -> bool {
        self.plan.sections[usize::from(section)].kind == SectionKind::Area
    }

    /// Position of a tier by its id.
    pub(crate) fn tier(&self, id: &str) -> Option<u16> {
        let at = self.plan.tiers.iter().position(|tier| tier.id == id)?;
        u16::try_from(at).ok()
    }

    /// Position of a section by its id.
    pub(crate) fn section(&self, id: &str) -> Option<u16> {
        let at = self.plan.sections.iter().position(|section| section.id == id)?;
        u16::try_from(at).ok()
    }

    /// An amount in the event's currency.
    pub(crate) fn money(&self, minor: i64) -> Money {
        Money::from_minor(minor, self.sale.currency)
    }
}

fn places(plan: &Plan) -> Vec<Place> {
    let mut places = Vec::with_capacity(plan.seat_count());
    for (section, s) in plan.sections.iter().zip(0..) {
        for (row, r) in section.rows.iter().zip(0..) {
            places.extend((0..row.seats.len()).map(|at| Place {
                section: s,
                row: r,
                seat: at as u16,
            }));
        }
    }
    places
}

fn plan_json(sale: &Sale, plan: &Plan) -> Value {
    let tiers = plan.tiers.iter().map(|tier| {
        let price = Money::from_minor(tier.price_minor, sale.currency);
        let mut tier_json = json!({"id": tier.id, "name": tier.name, "price": price});
        if let Some(fee) = fee_on(sale, tier) {
            tier_json["fee"] = json!(fee);
        }
        tier_json
    });
    let sections = plan.sections.iter().map(|section| match section.kind {
        SectionKind::Seated => seated_json(plan, section),
        SectionKind::Area => area_json(plan, section),
    });
    let mut document = json!({
        "event_id": sale.event_id,
        "version": plan.version,
        "seat_count": plan.seat_count(),
        "tiers": tiers.collect::<Vec<_>>(),
        "sections": sections.collect::<Vec<_>>(),
    });
    if let Some((x, y)) = plan.focal {
        document["focal"] = json!({"x": units(x), "y": units(y)});
    }
    document
}

/// What is paid on top for a seat of a tier, where there is a fee.
pub(crate) fn fee_on(sale: &Sale, tier: &Tier) -> Option<Money> {
    let fee = sale.rules.fee.on(tier.price_minor);
    (fee != 0).then(|| Money::from_minor(fee, sale.currency))
}

fn seated_json(plan: &Plan, section: &Section) -> Value {
    let rows = section.rows.iter().map(|row| {
        let seats = row.seats.iter().map(|seat| seat_json(plan, seat));
        json!({"label": row.label, "seats": seats.collect::<Vec<_>>()})
    });
    let rows: Vec<Value> = rows.collect();
    json!({"id": section.id, "name": section.name, "kind": "seated", "rows": rows})
}

/// Nobody chooses a place of an area, so its rows are not told; in plan order it takes as many
/// places as its capacity.
fn area_json(plan: &Plan, section: &Section) -> Value {
    let capacity: usize = section.rows.iter().map(|row| row.seats.len()).sum();
    let first = section.rows.iter().flat_map(|row| &row.seats).next();
    let tier = first.map(|seat| &plan.tiers[usize::from(seat.tier)].id);
    json!({"id": section.id, "name": section.name, "kind": "area", "capacity": capacity,
        "tier": tier})
}

fn units(hundredths: i32) -> f64 {
    f64::from(hundredths) / PLACES_PER_UNIT
}

fn seat_json(plan: &Plan, seat: &Seat) -> Value {
    json!({
        "number": seat.number,
        "tier": plan.tiers[usize::from(seat.tier)].id,
        "x": units(seat.x),
        "y": units(seat.y),
        "accessible": seat.accessible,
    })
}
