//! What is told of a waiting room: a place to its owner, the draw to everybody.

use inventory::{DrawView, QueueStand};
use serde::{Deserialize, Serialize};

/// One place in a waiting room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceAnswer {
    /// The place.
    pub place: QueueStand,
    /// The leader's time, milliseconds since 1970.
    pub at_ms: u64,
}

/// The draw of a waiting room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrawAnswer {
    /// The draw.
    pub draw: DrawView,
    /// The leader's time, milliseconds since 1970.
    pub at_ms: u64,
}
