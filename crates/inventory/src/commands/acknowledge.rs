//! Acknowledge: PostgreSQL has everything up to here, so the outbox forgets it (invariant I10).

use super::Effect;
use crate::{Acknowledge, Outcome, State};

pub(crate) fn apply(state: &mut State, c: &Acknowledge) -> Effect {
    state.outbox.acknowledge(c.up_to);
    Effect { version: 0, outcome: Outcome::Acknowledged }
}
