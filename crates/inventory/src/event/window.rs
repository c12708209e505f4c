//! Which ends of the sale's window the ledger has been told of, and when the others come.

use serde::{Deserialize, Serialize};

use super::Event;
use crate::Sale;

/// Which ends of the sale's window are in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct WindowTold {
    pub(crate) opened: bool,
    pub(crate) closed: bool,
}

impl WindowTold {
    /// What lies in the past needs no telling.
    pub(crate) fn at(sale: &Sale, at_ms: u64) -> Self {
        Self { opened: sale.opens_at_ms <= at_ms, closed: sale.closes_at_ms <= at_ms }
    }

    /// Ends still to be told.
    pub(crate) fn left(self) -> u64 {
        u64::from(!self.opened) + u64::from(!self.closed)
    }
}

impl Event {
    /// Whether the sale begins at this turn, which is not told yet.
    pub(crate) fn opens_with(&self, turn_ms: u64) -> bool {
        !self.told.opened && self.sale.opens_at_ms == turn_ms
    }

    /// Times at which the window's ends come that are not told yet.
    pub(crate) fn turns(&self) -> impl Iterator<Item = u64> + use<> {
        let opens = (!self.told.opened).then_some(self.sale.opens_at_ms);
        let closes = (!self.told.closed).then_some(self.sale.closes_at_ms);
        opens.into_iter().chain(closes)
    }
}
