//! Answers about waiting rooms. Pure.

use inventory::{EventNo, QueueId, State};

use super::clock_ms;
use crate::query::{Answer, DrawAnswer, PlaceAnswer};

pub(super) fn place(state: &State, id: QueueId) -> Answer {
    let place = state.event(id.event).and_then(|event| event.queue_place(id.no));
    place.map_or(Answer::NotFound, |place| {
        Answer::QueuePlace(PlaceAnswer { place, at_ms: clock_ms() })
    })
}

pub(super) fn draw(state: &State, no: EventNo, (after, limit): (u64, u32)) -> Answer {
    let draw = state.event(no).and_then(|event| event.draw(after, limit as usize));
    draw.map_or(Answer::NotFound, |draw| {
        Answer::Draw(Box::new(DrawAnswer { draw, at_ms: clock_ms() }))
    })
}
