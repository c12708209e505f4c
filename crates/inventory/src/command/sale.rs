//! The terms of a sale: what is fixed when it opens, and what may change later.

use serde::{Deserialize, Serialize};

use crate::{EventNo, Plan};

/// Opens an event's sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenSale {
    /// The event's number.
    pub event: EventNo,
    /// Its terms.
    pub sale: Sale,
    /// Its plan.
    pub plan: Plan,
}

/// The terms of an event's sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sale {
    /// The event's public id.
    pub event_id: String,
    /// Its name.
    pub name: String,
    /// When it starts, milliseconds since 1970.
    pub starts_at_ms: u64,
    /// ISO 4217 letters.
    pub currency: [u8; 3],
    /// When holds begin to be granted.
    pub opens_at_ms: u64,
    /// When holds stop being granted.
    pub closes_at_ms: u64,
    /// How long a hold lives; 5 s to 30 min.
    pub hold_ttl_ms: u32,
    /// Most seats in one hold; 1 to 100.
    pub per_hold_max: u16,
    /// Everything that a simple sale does without.
    pub rules: SaleRules,
}

/// The finer terms of a sale; the default allows and limits nothing beyond [`Sale`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SaleRules {
    /// Most seats that one person may hold and own together.
    pub per_person_max: Option<u16>,
    /// How many holds a person may take in a while, so that nobody cycles holds for hours.
    pub hold_budget: Option<HoldBudget>,
    /// How a hold may be given more time.
    pub extension: Option<Extension>,
    /// What is added to each seat's price.
    pub fee: Fee,
    /// How long other seats are offered for late money; `None` refunds it at once.
    pub offer_ttl_ms: Option<u32>,
    /// How long seats are held for the head of the waiting list; `None` means no waiting list.
    pub waitlist_ttl_ms: Option<u32>,
    /// From when seats for wheelchairs and companions are sold to everybody.
    pub accessible_public_at_ms: Option<u64>,
    /// As whom a shopper without an account counts.
    pub guests: GuestIdentity,
}

/// What makes two requests of guests one person to the limits. The rules only see persons: whoever
/// sends commands reads this and says which person it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum GuestIdentity {
    /// The token that the first hold gave: many may shop from one address.
    #[default]
    Token,
    /// The client's address: stricter, and wrong for a house behind one address.
    Address,
}

/// Holds a person may take within a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldBudget {
    /// How many, 1 or more.
    pub holds_max: u16,
    /// The while, counted from the first of them; 1 s to 24 h.
    pub cool_down_ms: u32,
}

/// More time for a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extension {
    /// How much each time; 1 s to 30 min.
    pub by_ms: u32,
    /// How often, 1 to 10.
    pub times_max: u8,
}

/// A fee on each seat, frozen with its price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Fee {
    /// A fixed part in minor units, 0 or more.
    pub per_seat_minor: i64,
    /// A part of the price in hundredths of a percent, 0 to 10,000.
    pub basis_points: u16,
}

impl Fee {
    /// The fee on one seat, in minor units, halves rounded up.
    pub fn on(self, price_minor: i64) -> i64 {
        let part = i128::from(price_minor) * i128::from(self.basis_points);
        // A price is at most 10^12, so the part fits.
        self.per_seat_minor + ((part + 5_000) / 10_000) as i64
    }
}

/// Moves the sale's window; what is held or sold stays so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetWindow {
    /// The event.
    pub event: EventNo,
    /// When holds begin to be granted, milliseconds since 1970.
    pub opens_at_ms: u64,
    /// When holds stop being granted.
    pub closes_at_ms: u64,
}

/// Adds codes, or gives known ones other terms; what they were used for stays counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutCodes {
    /// The event.
    pub event: EventNo,
    /// The codes, 1 to 1,000.
    pub codes: Vec<Code>,
}

/// A promo or presale code. The grid knows only its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Code {
    /// Hash of the code's text with the event, 128 bits.
    pub hash: u128,
    /// What it does.
    pub kind: CodeKind,
    /// From when it works, milliseconds since 1970.
    pub from_ms: u64,
    /// Until when, exclusive.
    pub until_ms: u64,
    /// Tiers it works for by position; empty means all.
    pub tiers: Vec<u16>,
    /// Most seats held and sold under it.
    pub seats_max: Option<u32>,
    /// Most money given away under it, in minor units.
    pub budget_minor: Option<i64>,
}

/// What a code does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CodeKind {
    /// Makes seats cheaper.
    Promo(Discount),
    /// Lets its owner in before the sale opens.
    Presale,
}

/// What is taken off a seat's price, which never goes below nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Discount {
    /// A fixed part in minor units, 0 or more.
    pub per_seat_minor: i64,
    /// A part of the price in hundredths of a percent, 0 to 10,000.
    pub basis_points: u16,
}

impl Discount {
    /// What is taken off one seat of this price, in minor units; the part is rounded down.
    pub fn on(self, price_minor: i64) -> i64 {
        let part = i128::from(price_minor) * i128::from(self.basis_points) / 10_000;
        (self.per_seat_minor + part as i64).min(price_minor)
    }
}

/// Extends or corrects the plan of an open sale. A seat's index never changes its meaning: the new
/// plan has all seats of the old one at their places, and new ones after them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplacePlan {
    /// The event.
    pub event: EventNo,
    /// The plan, one version above the current one.
    pub plan: Plan,
}
