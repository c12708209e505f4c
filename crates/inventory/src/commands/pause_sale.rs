//! PauseSale and ResumeSale: the stop switch. What is held may still be ordered and paid. Repeating
//! either is harmless.

use super::{Effect, Scope, waitlist};
use crate::{Change, Outcome, Refusal, SaleChange};

pub(crate) fn pause(s: &mut Scope<'_>) -> Result<Effect, Refusal> {
    set(s, true, SaleChange::Paused)?;
    Ok(s.effect(Outcome::SalePaused))
}

pub(crate) fn resume(s: &mut Scope<'_>) -> Result<Effect, Refusal> {
    set(s, false, SaleChange::Resumed)?;
    waitlist::serve(s);
    Ok(s.effect(Outcome::SaleResumed))
}

fn set(s: &mut Scope<'_>, paused: bool, change: SaleChange) -> Result<(), Refusal> {
    if s.event.paused == paused {
        return Ok(());
    }
    s.need_room(1)?;
    s.begin_change();
    s.event.paused = paused;
    s.record(Change::SaleChanged(change));
    Ok(())
}
