//! What a hold freezes: each seat's price after a promo code, the fee, and whom it counts against.

use super::Scope;
use crate::event::CodeUse;
use crate::{Discount, FrozenTerms, PricedSeat, PricedSeats, Refusal, SeatIx};

/// Who asks, with which codes.
#[derive(Clone, Copy)]
pub(super) struct Asker {
    pub(super) person: Option<u128>,
    pub(super) promo: Option<u128>,
    /// Only when it is what lets the asker in.
    pub(super) presale: Option<u128>,
}

/// The seats at their prices now. `kept` are seats that keep the price that they were held at.
pub(super) fn freeze(
    s: &Scope<'_>,
    asker: Asker,
    seats: &[SeatIx],
    kept: &[PricedSeat],
) -> Result<(PricedSeats, FrozenTerms), Refusal> {
    if let Some(hash) = asker.presale {
        let code = s.event.codes.presale(hash, s.at_ms)?;
        if !seats.iter().all(|seat| fits(s, code, *seat)) {
            return Err(Refusal::CodeNotValid);
        }
    }
    let promo = asker.promo.map(|hash| s.event.codes.promo(hash, s.at_ms)).transpose()?;
    let mut terms = FrozenTerms {
        person: asker.person,
        promo: asker.promo,
        presale: asker.presale,
        fee: s.event.sale.rules.fee,
        ..FrozenTerms::default()
    };
    let one = |seat: &SeatIx| {
        let one = price(s, promo, *seat, kept);
        if promo.is_some_and(|(code, _)| fits(s, code, *seat)) {
            let full_minor = s.event.index.price_minor(*seat);
            terms.promo_seats += 1;
            terms.discount_minor += (full_minor - one.price_minor).max(0);
        }
        one
    };
    let priced: PricedSeats = seats.iter().map(one).collect();
    if promo.is_some() && terms.promo_seats == 0 {
        return Err(Refusal::CodeNotValid);
    }
    Ok((priced, terms))
}

fn fits(s: &Scope<'_>, code: &CodeUse, seat: SeatIx) -> bool {
    code.fits(s.event.index.tier_of(seat))
}

fn price(
    s: &Scope<'_>,
    promo: Option<(&CodeUse, Discount)>,
    seat: SeatIx,
    kept: &[PricedSeat],
) -> PricedSeat {
    if let Some(known) = kept.iter().find(|known| known.seat == seat) {
        return *known;
    }
    let full = s.event.priced(seat);
    match promo {
        Some((code, discount)) if fits(s, code, seat) => {
            PricedSeat { seat, price_minor: full.price_minor - discount.on(full.price_minor) }
        }
        Some(_) | None => full,
    }
}
