//! What is still to be moved for each operation, worked out once per state: the controller looks ten
//! times a second while something is under way, and the state changes far more rarely.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::meta::MetaState;
use crate::planner::{self, Change, Scope};

/// Plans made from one state.
#[derive(Debug, Default)]
pub(super) struct Plans {
    revision: u64,
    /// By operation: as many as run.
    made: BTreeMap<u64, Arc<[Change]>>,
}

impl Plans {
    /// The plan of an operation for a state.
    pub fn get(&mut self, state: &MetaState, operation: u64, scope: &Scope) -> Arc<[Change]> {
        if self.revision != state.revision() {
            self.revision = state.revision();
            self.made.clear();
        }
        let made = self.made.entry(operation);
        Arc::clone(made.or_insert_with(|| planner::plan(state, scope).into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::tests::lines::{founded, join, run};

    #[test]
    fn a_plan_is_made_once_per_state() {
        let mut state = founded(3);
        let mut plans = Plans::default();
        let scope = Scope::Evacuate { node: 1, fewer: true };
        let first = plans.get(&state, 1, &scope);
        assert!(!first.is_empty());
        assert!(Arc::ptr_eq(&first, &plans.get(&state, 1, &scope)), "not made again");
        let other = plans.get(&state, 2, &Scope::Everything);
        assert!(!Arc::ptr_eq(&first, &other), "each operation has its own");
        run(&mut state, join(9, None));
        assert!(!Arc::ptr_eq(&first, &plans.get(&state, 1, &scope)), "the state has changed");
    }
}
