//! An event as staff writes it, and as its row has it. Pure: checks and conversions.

use http_api::time::now_ms;
use http_api::{Code, Money, Problem};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::checks::Faults;
use super::entries::Kind;
use super::rules_form::RulesForm;
use crate::catalogue::{EventRecord, RulesRecord, StoredPlan, TierRecord};
use crate::clock::text_signed as text;
use crate::publisher::check_terms;

/// The table of events. Its bill is a table of its own.
pub(super) const KIND: Kind = Kind {
    table: "event",
    columns: "name, description, venue_id, plan_id, plan, starts_at, status, currency, tiers, rules,
        sale_opens_at, sale_closes_at, short_notice_reason, per_person_max, per_hold_max, hold_ttl_s",
    missing: Code::EventNotFound,
};

/// A sale opens at least so long before the event, unless a reason is given.
const NOTICE_MS: i64 = 60 * 24 * 60 * 60 * 1_000;
/// Longest reason, in characters.
const REASON_CHARS_MAX: usize = 500;
/// Longest name, in bytes, as the rules have it.
const NAME_BYTES_MAX: usize = 200;
/// Artists on one bill.
const ARTISTS_MAX: usize = 50;
/// Seats that one person, and one hold, may have when nothing is said.
const SEATS_DEFAULT: u32 = 6;
/// How long a hold lasts when nothing is said.
const HOLD_TTL_DEFAULT_S: u32 = 300;

/// An event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventForm {
    pub(super) name: String,
    #[serde(default)]
    pub(super) description: String,
    /// In the order of the bill.
    #[serde(default)]
    pub(super) artist_ids: Vec<String>,
    pub(super) venue_id: String,
    /// The plan to copy; may be absent only where an event has its plan already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) plan_id: Option<String>,
    pub(super) starts_at: String,
    #[serde(default = "rouble")]
    pub(super) currency: String,
    /// Price tiers; those that the plan names are all here.
    pub(super) tiers: Vec<TierForm>,
    pub(super) sale: WindowForm,
    #[serde(default)]
    pub(super) limits: LimitsForm,
    /// How long a hold lasts, 5 to 1,800.
    #[serde(default = "hold_ttl_default")]
    pub(super) hold_ttl_s: u32,
    #[serde(default)]
    pub(super) rules: RulesForm,
}

/// A price tier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TierForm {
    id: String,
    name: String,
    price: Money,
}

/// When holds are granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WindowForm {
    /// RFC 3339.
    pub(super) opens_at: String,
    /// RFC 3339; when the event starts if left out.
    #[serde(default)]
    pub(super) closes_at: Option<String>,
    /// Needed when the sale opens less than 60 days before the event.
    #[serde(default)]
    pub(super) short_notice_reason: Option<String>,
}

/// How many seats one may take, 1 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LimitsForm {
    per_person: u32,
    per_hold: u32,
}

impl Default for LimitsForm {
    fn default() -> Self {
        Self { per_person: SEATS_DEFAULT, per_hold: SEATS_DEFAULT }
    }
}

fn rouble() -> String {
    "RUB".into()
}

const fn hold_ttl_default() -> u32 {
    HOLD_TTL_DEFAULT_S
}

/// What must hold of an event beside its form.
pub(super) struct Demands {
    /// Whether opening or start moved, so that the time between counts anew.
    pub(super) notice: bool,
}

impl EventForm {
    /// The event as a record, if nothing is wrong with the form.
    pub(super) fn checked(&self, demands: &Demands) -> Result<EventRecord, Problem> {
        let mut faults = Faults::default();
        faults.text("/name", &self.name, 1..=NAME_BYTES_MAX);
        if self.name.len() > NAME_BYTES_MAX {
            faults.add("/name", "must have 200 bytes at most, which are 100 Cyrillic letters");
        }
        faults.text("/description", &self.description, 0..=10_000);
        self.check_bill(&mut faults);
        faults.number("/limits/per_person", self.limits.per_person, 1..=100);
        faults.number("/limits/per_hold", self.limits.per_hold, 1..=100);
        faults.number("/hold_ttl_s", self.hold_ttl_s, 5..=1_800);
        if self.currency.parse::<payments::Currency>().is_err() {
            faults.add("/currency", "must be three capital letters, such as RUB");
        }
        let tiers = self.tiers(&mut faults);
        let rules = self.rules.record(&self.currency, &mut faults);
        let (starts_at_ms, opens_at_ms, closes_at_ms) = self.times(demands, &mut faults);
        let record = EventRecord {
            id: "new".into(),
            name: self.name.trim().to_owned(),
            description: self.description.clone(),
            artists: self.artist_ids.clone(),
            venue: self.venue_id.clone(),
            starts_at_ms,
            currency: self.currency.clone(),
            tiers,
            opens_at_ms,
            closes_at_ms,
            per_person_max: self.limits.per_person.cast_signed(),
            per_hold_max: self.limits.per_hold.cast_signed(),
            hold_ttl_s: self.hold_ttl_s.cast_signed(),
            rules,
            codes: Vec::new(),
        };
        if faults.is_empty()
            && let Err(reason) = check_terms(&record)
        {
            faults.add("/rules", reason);
        }
        faults.end().map(|()| record)
    }

    fn check_bill(&self, faults: &mut Faults) {
        if self.artist_ids.len() > ARTISTS_MAX {
            faults.add("/artist_ids", "must have 50 artists at most");
        }
        for (at, id) in self.artist_ids.iter().enumerate() {
            if self.artist_ids[..at].contains(id) {
                faults.add(format!("/artist_ids/{at}"), "stands there twice");
            }
        }
    }

    fn tiers(&self, faults: &mut Faults) -> Vec<TierRecord> {
        let record = |(at, tier): (usize, &TierForm)| {
            let price = format!("/tiers/{at}/price");
            TierRecord {
                id: tier.id.clone(),
                name: tier.name.clone(),
                price_minor: faults.money(&price, &tier.price, &self.currency),
            }
        };
        self.tiers.iter().enumerate().map(record).collect()
    }

    /// Start, opening and end of the sale, milliseconds since 1970.
    fn times(&self, demands: &Demands, faults: &mut Faults) -> (i64, i64, i64) {
        let starts = faults.time("/starts_at", &self.starts_at);
        let opens = faults.time("/sale/opens_at", &self.sale.opens_at);
        let closes = self.sale.closes_at.as_ref();
        let closes = closes.map_or(starts, |text| faults.time("/sale/closes_at", text));
        if !faults.is_empty() {
            return (starts, opens, closes);
        }
        if opens >= closes {
            faults.add("/sale/closes_at", "must be after opens_at");
        }
        let reason = self.sale.reason();
        if reason.is_some_and(|reason| reason.chars().count() > REASON_CHARS_MAX) {
            faults.add("/sale/short_notice_reason", "must have 500 characters at most");
        }
        if demands.notice && starts.saturating_sub(opens) < NOTICE_MS && reason.is_none() {
            let detail = "is needed when the sale opens less than 60 days before the event";
            faults.add("/sale/short_notice_reason", detail);
        }
        (starts, opens, closes)
    }

    /// The row's columns; the plan stays as it is where none is given.
    pub(super) fn record(&self, event: &EventRecord, plan: Option<&StoredPlan>) -> Value {
        let mut record = json!({
            "name": event.name, "description": event.description, "venue_id": event.venue,
            "plan_id": self.plan_id, "starts_at": text(event.starts_at_ms),
            "currency": event.currency, "tiers": event.tiers, "rules": event.rules,
            "sale_opens_at": text(event.opens_at_ms), "sale_closes_at": text(event.closes_at_ms),
            "short_notice_reason": self.sale.reason(), "per_person_max": event.per_person_max,
            "per_hold_max": event.per_hold_max, "hold_ttl_s": event.hold_ttl_s,
        });
        if let Some(plan) = plan {
            record["plan"] = json!(plan);
        }
        record
    }
}

impl WindowForm {
    fn reason(&self) -> Option<&str> {
        let reason = self.short_notice_reason.as_deref().map(str::trim);
        reason.filter(|reason| !reason.is_empty())
    }
}

/// An event's row in the words of the form.
pub(super) fn of_row(row: &Value, artist_ids: &[String]) -> Value {
    let currency = row["currency"].as_str().unwrap_or_default();
    let bytes = currency.as_bytes().try_into().unwrap_or(*b"RUB");
    let money = |minor: i64| Money::from_minor(minor, bytes);
    let tiers: Vec<TierRecord> = serde_json::from_value(row["tiers"].clone()).unwrap_or_default();
    let tier = |tier: TierRecord| TierForm {
        id: tier.id,
        name: tier.name,
        price: money(tier.price_minor),
    };
    let rules: RulesRecord = serde_json::from_value(row["rules"].clone()).unwrap_or_default();
    let mut document = json!({
        "name": row["name"], "description": row["description"], "artist_ids": artist_ids,
        "venue_id": row["venue_id"], "starts_at": time(&row["starts_at"]), "currency": currency,
        "tiers": tiers.into_iter().map(tier).collect::<Vec<_>>(),
        "sale": {"opens_at": time(&row["sale_opens_at"]), "closes_at": time(&row["sale_closes_at"]),
            "short_notice_reason": row["short_notice_reason"]},
        "limits": {"per_person": row["per_person_max"], "per_hold": row["per_hold_max"]},
        "hold_ttl_s": row["hold_ttl_s"], "rules": RulesForm::of(&rules, bytes),
    });
    if !row["plan_id"].is_null() {
        document["plan_id"] = row["plan_id"].clone();
    }
    document
}

/// PostgreSQL's words for a moment, in ours.
fn time(value: &Value) -> Option<String> {
    let moment: jiff::Timestamp = value.as_str()?.parse().ok()?;
    Some(text(moment.as_millisecond()))
}

/// Whether a window is over already.
pub(super) fn is_over(event: &EventRecord) -> bool {
    event.closes_at_ms <= i64::try_from(now_ms()).unwrap_or(i64::MAX)
}
