//! Promo and presale codes of one event with what they were used for.

use serde::{Deserialize, Serialize};

use crate::share::SharedMap;
use crate::{Code, CodeKind, Discount, FrozenTerms, Refusal};

/// Codes of one event.
pub(crate) const CODES_MAX: usize = 10_000;

/// A code and its use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeUse {
    /// Its terms.
    pub code: Code,
    /// Seats held under it now.
    pub held_seats: u32,
    /// Money that those would give away, in minor units.
    pub held_minor: i64,
    /// Seats ever sold under it.
    pub sold_seats: u32,
    /// Money given away for good.
    pub sold_minor: i64,
}

impl CodeUse {
    /// Whether so many seats and so much money more are within its limits.
    fn has_room(&self, seats: u32, minor: i64) -> bool {
        let seats = self.held_seats + self.sold_seats + seats;
        let minor = self.held_minor + self.sold_minor + minor;
        self.code.seats_max.is_none_or(|max| seats <= max)
            && self.code.budget_minor.is_none_or(|max| minor <= max)
    }

    /// Whether it works for a tier.
    pub(crate) fn fits(&self, tier: u16) -> bool {
        self.code.tiers.is_empty() || self.code.tiers.contains(&tier)
    }

    fn works_at(&self, at_ms: u64) -> bool {
        (self.code.from_ms..self.code.until_ms).contains(&at_ms)
    }
}

/// All codes of one event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Codes {
    by_hash: SharedMap<u128, CodeUse>,
}

impl FromIterator<CodeUse> for Codes {
    fn from_iter<I: IntoIterator<Item = CodeUse>>(codes: I) -> Self {
        Self { by_hash: codes.into_iter().map(|known| (known.code.hash, known)).collect() }
    }
}

impl Codes {
    pub(crate) fn get(&self, hash: u128) -> Option<&CodeUse> {
        self.by_hash.get(&hash)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &CodeUse> {
        self.by_hash.values()
    }

    /// Whether so many unknown codes more fit.
    pub(crate) fn check_room(&self, codes: &[Code]) -> Result<(), Refusal> {
        let new = codes.iter().filter(|code| self.by_hash.get(&code.hash).is_none()).count();
        if self.by_hash.len() + new <= CODES_MAX { Ok(()) } else { Err(Refusal::TooMany) }
    }

    /// Adds a code or changes its terms; its use stays counted.
    pub(crate) fn put(&mut self, code: &Code) {
        if let Some(known) = self.by_hash.get_mut(&code.hash) {
            known.code = code.clone();
            return;
        }
        let fresh = CodeUse {
            code: code.clone(),
            held_seats: 0,
            held_minor: 0,
            sold_seats: 0,
            sold_minor: 0,
        };
        self.by_hash.insert(code.hash, fresh);
    }

    /// A promo code that works now.
    pub(crate) fn promo(&self, hash: u128, at_ms: u64) -> Result<(&CodeUse, Discount), Refusal> {
        let known = self.get(hash).ok_or(Refusal::CodeUnknown)?;
        match known.code.kind {
            CodeKind::Promo(discount) if known.works_at(at_ms) => Ok((known, discount)),
            CodeKind::Promo(_) => Err(Refusal::CodeNotValid),
            CodeKind::Presale => Err(Refusal::CodeUnknown),
        }
    }

    /// A presale code that works now.
    pub(crate) fn presale(&self, hash: u128, at_ms: u64) -> Result<&CodeUse, Refusal> {
        let known = self.get(hash).ok_or(Refusal::CodeUnknown)?;
        match known.code.kind {
            CodeKind::Presale if known.works_at(at_ms) => Ok(known),
            CodeKind::Presale => Err(Refusal::CodeNotValid),
            CodeKind::Promo(_) => Err(Refusal::CodeUnknown),
        }
    }

    /// Refuses a use beyond the limits of its codes.
    pub(crate) fn check_use(&self, terms: &FrozenTerms, seats: usize) -> Result<(), Refusal> {
        let fits = |(hash, seats, minor): (u128, u32, i64)| {
            self.by_hash.get(&hash).is_some_and(|known| known.has_room(seats, minor))
        };
        if uses(terms, seats).all(fits) { Ok(()) } else { Err(Refusal::CodeUsedUp) }
    }

    /// Counts a hold's use.
    pub(crate) fn take(&mut self, terms: &FrozenTerms, seats: usize) {
        self.each(terms, seats, |known, seats, minor| {
            known.held_seats += seats;
            known.held_minor += minor;
        });
    }

    /// Counts a use that came to nothing.
    pub(crate) fn give_back(&mut self, terms: &FrozenTerms, seats: usize) {
        self.each(terms, seats, |known, seats, minor| {
            assert!(known.held_seats >= seats, "a code gives back more seats than it had");
            known.held_seats -= seats;
            known.held_minor -= minor;
        });
    }

    /// Counts a sale, whatever the limits say: they held when the price was promised.
    pub(crate) fn sell(&mut self, terms: &FrozenTerms, seats: usize) {
        self.each(terms, seats, |known, seats, minor| {
            known.sold_seats += seats;
            known.sold_minor += minor;
        });
    }

    fn each(&mut self, terms: &FrozenTerms, seats: usize, change: impl Fn(&mut CodeUse, u32, i64)) {
        for (hash, seats, minor) in uses(terms, seats) {
            if let Some(known) = self.by_hash.get_mut(&hash) {
                change(known, seats, minor);
            }
        }
    }
}

/// (code, seats, money) of a hold of so many seats.
fn uses(terms: &FrozenTerms, seats: usize) -> impl Iterator<Item = (u128, u32, i64)> {
    let promo = terms.promo.map(|hash| (hash, u32::from(terms.promo_seats), terms.discount_minor));
    let presale = terms.presale.map(|hash| (hash, seats as u32, 0));
    promo.into_iter().chain(presale)
}
