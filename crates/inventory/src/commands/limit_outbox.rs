//! LimitOutbox: how many records may wait for PostgreSQL. Logged, so that all replicas refuse at the
//! same record. A limit below what waits takes nothing back: what was promised is kept, and nothing new
//! is until there is room.

use super::Effect;
use crate::{LEDGER_RECORDS_LIMITS, LimitOutbox, Outcome, Refusal, State};

pub(crate) fn apply(state: &mut State, c: &LimitOutbox) -> Result<Effect, Refusal> {
    if !LEDGER_RECORDS_LIMITS.contains(&c.records_max) {
        return Err(Refusal::OutOfRange);
    }

    state.ledger_records_max = c.records_max;
    Ok(Effect { version: 0, outcome: Outcome::OutboxLimited })
}
