//! Bind: which database the shard is written to, so that no other one is taken for it. Repeating it
//! is harmless.

use super::Effect;
use crate::{Bind, Outcome, Refusal, State};

pub(crate) fn apply(state: &mut State, c: &Bind) -> Result<Effect, Refusal> {
    if state.bound != Some(c.to) && state.bound != c.from {
        return Err(Refusal::OtherDatabase);
    }

    state.bound = Some(c.to);
    Ok(Effect { version: 0, outcome: Outcome::Bound })
}
