//! Acknowledge: PostgreSQL has everything up to here, so the outbox forgets it (invariant I10). That it
//! came at all says that PostgreSQL takes rows, also where nothing happens.

use super::Effect;
use crate::{Acknowledge, Outcome, State};

pub(crate) fn apply(state: &mut State, c: &Acknowledge) -> Effect {
    state.outbox.acknowledge(c.up_to, state.at_ms);
    Effect { version: 0, outcome: Outcome::Acknowledged }
}
