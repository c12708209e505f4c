//! Seat maps: the router's copies of what the shards say, one per event in use.
//!
//! `plan` and `view` are immutable values, `known` is the newest view of one event with its age, `map`
//! asks for a newer one when readers want it, `ring` turns views into the live stream, `registry` owns
//! the maps and their tasks. Nothing here takes or frees a seat.

mod known;
mod map;
mod plan;
mod registry;
mod ring;
mod view;

#[cfg(test)]
mod tests;

use std::time::Duration;

pub(crate) use map::{Age, EventMap, Snapshot};
pub(crate) use plan::{PlanView, SeatFacts, fee_on};
pub(crate) use registry::{EVENT_ID_LEN_MAX, SeatMaps};
pub(crate) use ring::Subscription;
pub(crate) use view::MapView;

/// The limits of seat maps; what each is for stands in the configuration.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MapLimits {
    pub(crate) maps_max: usize,
    pub(crate) seats_max: usize,
    pub(crate) idle: Duration,
    pub(crate) age_max: Duration,
    pub(crate) stale_max: Duration,
    pub(crate) poll_wait: Duration,
    pub(crate) poll_pause: Duration,
    pub(crate) tick: Duration,
}
