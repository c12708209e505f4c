//! The events' pins: an event's number is in every id of it, so each gets its old one again. Numbers are
//! given out in turn; the ones between, and some above the highest, go to names that nobody asks for, so
//! that no new event takes the number of one that the tables had not heard of yet.

use std::collections::BTreeMap;

use processing_unit::ShardId;

use super::load::Written;
use super::{RecoverError, RecoverTarget};

/// Numbers above the highest known that no new event gets: more events than are opened in the time by
/// which tables lag.
const NUMBERS_MARGIN: u32 = 100;

/// The name that takes a number in the place of an event that is not known.
fn stand_in(number: u32) -> String {
    format!("lost-event-{number}")
}

/// Pins that are missing: number, name, shard, in the order of numbers.
pub(super) type Missing = Vec<(u32, String, ShardId)>;

/// What is not pinned yet. Refuses a grid whose numbers are other events'.
pub(super) async fn missing<S: RecoverTarget>(
    target: &S,
    written: &[Written],
) -> Result<Missing, RecoverError> {
    let wanted: BTreeMap<u32, &Written> = written.iter().map(|e| (e.number.0, e)).collect();
    let pins = target.pins().await?;
    let taken: BTreeMap<u32, &str> =
        pins.iter().map(|(id, pin)| (pin.number, id.as_str())).collect();
    for (number, event) in &wanted {
        let other = taken.get(number).filter(|id| ***id != event.event_id);
        if let Some(other) = other {
            return Err(RecoverError::Refused(format!(
                "the grid has given the number {number} of event {} to {other}: empty the units once \
                 more and recover before anything else reaches them",
                event.event_id
            )));
        }
    }
    let moved = pins.iter().find_map(|(id, pin)| {
        let event = written.iter().find(|event| event.event_id == *id)?;
        (event.shard != pin.shard || event.number.0 != pin.number).then_some((event, pin))
    });
    if let Some((event, pin)) = moved {
        return Err(RecoverError::Refused(format!(
            "event {} is pinned to shard {} as number {}, the tables have it in shard {} as number {}",
            event.event_id, pin.shard, pin.number, event.shard, event.number.0
        )));
    }
    let last = wanted.keys().next_back().copied().unwrap_or(0);
    let free = (1..=last + NUMBERS_MARGIN).filter(|number| !taken.contains_key(number));
    let pin = |number| {
        // Stand-ins are spread as the events are; they hold nothing.
        let spread = &written[number as usize % written.len()];
        wanted.get(&number).map_or_else(
            || (number, stand_in(number), spread.shard),
            |event| (number, event.event_id.clone(), event.shard),
        )
    };
    Ok(free.map(pin).collect())
}

/// Pins them, in turn.
pub(super) async fn restore<S: RecoverTarget>(
    target: &S,
    missing: Missing,
) -> Result<(), RecoverError> {
    for (number, id, shard) in missing {
        let pin = target.pin_to(&id, shard).await?;
        if pin.number != number {
            return Err(RecoverError::Refused(format!(
                "{id} has got number {} instead of {number}: somebody else uses the grid",
                pin.number
            )));
        }
    }
    Ok(())
}
