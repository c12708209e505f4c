//! Fence and Unfence: whether an event that is not open here may be opened here. An event that moves
//! before its sale opens is fenced in the shard that it leaves, so that no late OpenSale brings it
//! up twice (invariant I7).

use super::Effect;
use crate::{EventNo, Outcome, Refusal, State};

/// Events fenced in one shard.
pub(crate) const FENCED_MAX: usize = 100_000;

pub(crate) fn fence(state: &mut State, event: EventNo) -> Result<Effect, Refusal> {
    if state.events.get(&event).is_some() {
        return Err(Refusal::EventPresent);
    }
    if state.fenced.len() >= FENCED_MAX {
        return Err(Refusal::TooMany);
    }

    state.fenced.insert(event);
    Ok(Effect { version: 0, outcome: Outcome::Fenced })
}

pub(crate) fn unfence(state: &mut State, event: EventNo) -> Effect {
    state.fenced.remove(&event);
    Effect { version: 0, outcome: Outcome::Unfenced }
}
