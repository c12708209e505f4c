//! SetPersonLimit: staff gives one person (a household, a company) another limit of seats.

use super::{Effect, Scope};
use crate::{Change, Detail, Outcome, Refusal, SaleChange, SetPersonLimit};

pub(crate) fn apply(s: &mut Scope<'_>, c: &SetPersonLimit) -> Result<Effect, Refusal> {
    s.need_room(1)?;
    s.event.people.set_limit(c.person, c.max)?;

    s.begin_change();
    let change = Change::SaleChanged(SaleChange::PersonLimitSet { max: c.max });
    s.record_with(change, Detail::Person(c.person));
    Ok(s.effect(Outcome::PersonLimitSet))
}
