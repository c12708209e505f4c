//! The hall that all rivals sell: the names of its seats, in the order of the plan.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// A hall of one event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hall {
    /// The event's id in addresses.
    pub event: String,
    /// Ids of the seats.
    pub seats: Vec<String>,
}

impl Hall {
    /// A hall of rows of fifty.
    #[must_use]
    pub fn plain(event: &str, seats: u32) -> Self {
        let name = |no: u32| format!("A-{}-{}", no / 50 + 1, no % 50 + 1);
        Self { event: event.to_owned(), seats: (0..seats).map(name).collect() }
    }

    pub(crate) fn numbers(&self) -> HashMap<String, i32> {
        self.seats.iter().cloned().zip(0..).collect()
    }
}
