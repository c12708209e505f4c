//! Which free seats are owed to those who wait, by tier. Derived from the waiting list and kept in
//! step with it, so that a hold asks with a few words per row.

use super::Event;
use crate::{Best, SeatIx};

impl Event {
    /// Whether seats for wheelchairs and companions are sold to everybody.
    pub(crate) fn everybody(&self, at_ms: u64) -> bool {
        self.sale.rules.accessible_public_at_ms.is_some_and(|from_ms| from_ms <= at_ms)
    }

    /// Whether a wish of the waiting list takes seats of a tier.
    pub(crate) fn wants(&self, wish: &Best, tier: u16) -> bool {
        let price_minor = self.index.tier_price_minor(tier);
        (wish.tiers.is_empty() || wish.tiers.contains(&tier))
            && wish.max_price_minor.is_none_or(|max| price_minor <= max)
    }

    /// Counts a wish in or out.
    pub(crate) fn count_wish(&mut self, wish: &Best, joins: bool) {
        for tier in 0..self.wanted.len() {
            if self.wants(wish, tier as u16) {
                let count = &mut self.wanted[tier];
                *count = if joins { *count + 1 } else { *count - 1 };
            }
        }
    }

    /// Counts all wishes anew: prices or tiers have changed.
    pub(crate) fn count_wishes(&mut self) {
        self.wanted = vec![0; self.index.tier_count()];
        let all: Vec<Best> = self.waiting.iter().map(|no| self.waitlist[no].wish.clone()).collect();
        all.iter().for_each(|wish| self.count_wish(wish, true));
    }

    /// Seats of a row that best available may offer, as bits.
    pub(crate) fn offered_bits(&self, row: usize, at_ms: u64) -> u128 {
        let place = &self.index.rows()[row];
        match (place.area, self.everybody(at_ms)) {
            (true, _) => 0,
            (false, true) => u128::MAX,
            (false, false) => place.open,
        }
    }

    /// Seats of a row that are owed to those who wait, as bits.
    pub(crate) fn kept_bits(&self, row: usize, at_ms: u64) -> u128 {
        if self.waiting.is_empty() {
            return 0;
        }
        let tiers = self.index.rows()[row].tiers.iter();
        let wanted = tiers.filter(|(tier, _)| self.wanted[usize::from(*tier)] > 0);
        self.offered_bits(row, at_ms) & wanted.fold(0, |bits, (_, of_tier)| bits | of_tier)
    }

    /// Whether a seat is owed to those who wait.
    pub(crate) fn is_kept(&self, seat: SeatIx, at_ms: u64) -> bool {
        let place = self.index.place(seat);
        self.kept_bits(place.row as usize, at_ms) >> place.bit & 1 == 1
    }
}
