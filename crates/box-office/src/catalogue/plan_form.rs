//! The stored form of a hall's plan: JSON in PostgreSQL, in the shape of the staff call that makes
//! plans. Separate from the plan of the rules, so that each can change without the other.

use inventory::{Plan, Row, Seat, Section, SectionKind, Tier};
use serde::{Deserialize, Serialize};

use super::TierRecord;

/// A plan as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredPlan {
    /// Grows with every replacement, from 1.
    pub(crate) version: u32,
    /// In selling order.
    pub(crate) sections: Vec<StoredSection>,
    /// Where best available looks from, in hundredths of a unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) focal: Option<(i32, i32)>,
}

/// A section of seated rows, or a general-admission area with a capacity instead of rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredSection {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) rows: Vec<StoredRow>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) area: Option<StoredArea>,
}

/// Places that are sold by quantity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredArea {
    pub(crate) capacity: u32,
    pub(crate) tier: String,
}

/// A row from left to right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredRow {
    pub(crate) label: String,
    pub(crate) seats: Vec<StoredSeat>,
}

/// A seat. Places on the drawing are hundredths of a unit, so that no float is ever compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredSeat {
    pub(crate) number: String,
    pub(crate) tier: String,
    pub(crate) x: i32,
    pub(crate) y: i32,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) accessible: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) companion: bool,
}

/// A seat names a tier that the event does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("seat {seat} names tier {tier}, which the event does not have")]
pub(crate) struct NoTier {
    seat: String,
    tier: String,
}

impl StoredPlan {
    /// The stored form of a plan that is in force.
    pub(crate) fn of(plan: &Plan) -> Self {
        let section = |section: &Section| of_section(plan, section);
        Self {
            version: plan.version,
            sections: plan.sections.iter().map(section).collect(),
            focal: plan.focal,
        }
    }

    /// Seats and places of areas.
    pub(crate) fn seat_count(&self) -> usize {
        let of = |section: &StoredSection| match &section.area {
            Some(area) => area.capacity as usize,
            None => section.rows.iter().map(|row| row.seats.len()).sum(),
        };
        self.sections.iter().map(of).sum()
    }

    /// The plan that the rules sell from.
    pub(crate) fn to_plan(&self, tiers: &[TierRecord]) -> Result<Plan, NoTier> {
        let sections = self.sections.iter().map(|section| to_section(section, tiers));
        let tiers = tiers.iter().map(|tier| Tier {
            id: tier.id.clone(),
            name: tier.name.clone(),
            price_minor: tier.price_minor,
        });
        Ok(Plan {
            version: self.version,
            tiers: tiers.collect(),
            sections: sections.collect::<Result<_, _>>()?,
            focal: self.focal,
        })
    }
}

fn of_section(plan: &Plan, section: &Section) -> StoredSection {
    let tier = |at: u16| plan.tiers.get(usize::from(at)).map_or("", |tier| &tier.id).to_owned();
    let (id, name) = (section.id.clone(), section.name.clone());
    if section.kind == SectionKind::Area {
        let mut places = section.rows.iter().flat_map(|row| &row.seats);
        let tier = places.next().map_or_else(String::new, |first| tier(first.tier));
        let capacity = section.rows.iter().map(|row| row.seats.len()).sum::<usize>();
        let area = StoredArea { capacity: u32::try_from(capacity).unwrap_or(u32::MAX), tier };
        return StoredSection { id, name, rows: Vec::new(), area: Some(area) };
    }
    let seat = |seat: &Seat| StoredSeat {
        number: seat.number.to_string(),
        tier: tier(seat.tier),
        x: seat.x,
        y: seat.y,
        accessible: seat.accessible,
        companion: seat.companion,
    };
    let row = |row: &Row| StoredRow {
        label: row.label.clone(),
        seats: row.seats.iter().map(seat).collect(),
    };
    StoredSection { id, name, rows: section.rows.iter().map(row).collect(), area: None }
}

fn to_section(section: &StoredSection, tiers: &[TierRecord]) -> Result<Section, NoTier> {
    if let Some(area) = &section.area {
        let tier = tier_at(tiers, &area.tier, || section.id.clone())?;
        return Ok(Section::area(&section.id, &section.name, area.capacity, tier));
    }
    let row = |row: &StoredRow| {
        let seats = row.seats.iter().map(|seat| to_seat(section, row, seat, tiers));
        Ok(Row { label: row.label.clone(), seats: seats.collect::<Result<_, _>>()? })
    };
    Ok(Section {
        id: section.id.clone(),
        name: section.name.clone(),
        rows: section.rows.iter().map(row).collect::<Result<_, _>>()?,
        kind: SectionKind::Seated,
    })
}

fn to_seat(
    section: &StoredSection,
    row: &StoredRow,
    seat: &StoredSeat,
    tiers: &[TierRecord],
) -> Result<Seat, NoTier> {
    let id = || format!("{}-{}-{}", section.id, row.label, seat.number);
    Ok(Seat {
        number: seat.number.as_str().into(),
        tier: tier_at(tiers, &seat.tier, id)?,
        x: seat.x,
        y: seat.y,
        accessible: seat.accessible,
        companion: seat.companion,
    })
}

/// The position of a tier among the event's; `seat` says who names it.
fn tier_at(tiers: &[TierRecord], id: &str, seat: impl Fn() -> String) -> Result<u16, NoTier> {
    let at = tiers.iter().position(|tier| tier.id == id);
    at.map(|at| at as u16).ok_or_else(|| NoTier { seat: seat(), tier: id.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_in_force_is_stored_as_it_was_read() {
        let text = r#"{"version":3,"focal":[5,-7],"sections":[
            {"id":"A","name":"Stalls","rows":[{"label":"1","seats":[
                {"number":"1","tier":"back","x":10,"y":20,"accessible":true},
                {"number":"2","tier":"front","x":30,"y":20,"companion":true}]}]},
            {"id":"F","name":"Floor","area":{"capacity":300,"tier":"front"}}]}"#;
        let stored: StoredPlan = serde_json::from_str(text).unwrap();
        let tiers = ["front", "back"].map(|id| TierRecord {
            id: id.into(),
            name: id.into(),
            price_minor: 100,
        });
        let plan = stored.to_plan(&tiers).unwrap();
        assert_eq!((plan.check(), StoredPlan::of(&plan)), (Ok(()), stored));
    }
}
