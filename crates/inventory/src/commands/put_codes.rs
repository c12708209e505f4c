//! PutCodes: promo and presale codes, as hashes with limits. Repeating it is harmless.

use super::{Effect, Scope};
use crate::outbox::room_of_codes;
use crate::plan::{PLAN_TIERS_MAX, PRICE_MINOR_MAX};
use crate::{Change, Code, CodeKind, Detail, Discount, Outcome, PutCodes, Refusal, SaleChange};

/// Codes in one command.
const CODES_PER_COMMAND_MAX: usize = 1_000;

pub(crate) fn apply(s: &mut Scope<'_>, c: &PutCodes) -> Result<Effect, Refusal> {
    let number = 1..=CODES_PER_COMMAND_MAX;
    if !number.contains(&c.codes.len()) || !c.codes.iter().all(in_range) {
        return Err(Refusal::OutOfRange);
    }
    s.event.codes.check_room(&c.codes)?;
    s.need_room(room_of_codes(c.codes.len()))?;

    s.begin_change();
    c.codes.iter().for_each(|code| s.event.codes.put(code));
    let change = SaleChange::CodesPut { codes: c.codes.len() as u32 };
    s.record_with(Change::SaleChanged(change), Detail::Codes(c.codes.clone()));
    Ok(s.effect(Outcome::CodesPut))
}

fn in_range(code: &Code) -> bool {
    let kind = match code.kind {
        CodeKind::Promo(Discount { per_seat_minor, basis_points }) => {
            (0..=PRICE_MINOR_MAX).contains(&per_seat_minor) && basis_points <= 10_000
        }
        CodeKind::Presale => true,
    };
    kind && code.from_ms < code.until_ms
        && code.tiers.len() <= PLAN_TIERS_MAX
        && code.budget_minor.is_none_or(|minor| minor >= 0)
}
