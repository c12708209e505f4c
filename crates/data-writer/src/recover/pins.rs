//! The events' pins: an event's number is in every id of it, so each gets its old one again. Numbers are
//! given out in turn; the ones between, and some above the highest, go to names that nobody asks for, so
//! that no new event takes the number of one that the tables had not heard of yet.

use std::collections::{BTreeMap, BTreeSet};

use processing_unit::{STAND_IN, ShardId};

use super::load::Written;
use super::{RecoverError, RecoverTarget};

/// Numbers above the highest known that no new event gets: more events than are opened in the time by
/// which tables lag.
const NUMBERS_MARGIN: u32 = 100;

/// The name that takes a number in the place of an event that is not known.
fn stand_in(number: u32) -> String {
    format!("{STAND_IN}{number}")
}

/// What is to be done so that every event has the number of its ids, and no new event an old one.
pub(super) enum Numbers {
    /// The grid began from nothing: these are pinned in turn, by number, name, shard.
    Restore(Vec<(u32, String, ShardId)>),
    /// The grid lives, with all pins that it ever had. These were opened in the lost time: their
    /// orders and payments begin anew, and must not meet those that gateways know under the old number.
    Renumber(Vec<(String, u32)>),
}

/// Looks at what is pinned. Refuses a grid whose numbers are other events'.
pub(super) async fn look<S: RecoverTarget>(
    target: &S,
    written: &[Written],
    lost: &BTreeSet<ShardId>,
) -> Result<Numbers, RecoverError> {
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
    let mut anew = BTreeSet::new();
    for shard in lost {
        if target.founded_anew(*shard).await? {
            anew.insert(*shard);
        }
    }
    if !anew.is_empty() {
        let known = |id: &String| written.iter().any(|event| event.event_id == *id);
        let unwritten = pins.iter().filter(|(id, pin)| {
            anew.contains(&pin.shard) && !known(id) && !id.starts_with(STAND_IN)
        });
        return Ok(Numbers::Renumber(
            unwritten.map(|(id, pin)| (id.clone(), pin.number)).collect(),
        ));
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
    Ok(Numbers::Restore(free.map(pin).collect()))
}

impl Numbers {
    /// Does it, in turn; done again it changes nothing that is as it should be.
    pub(super) async fn settle<S: RecoverTarget>(self, target: &S) -> Result<(), RecoverError> {
        match self {
            Self::Restore(missing) => restore(target, missing).await,
            Self::Renumber(unwritten) => {
                for (id, from) in unwritten {
                    target.renumber(&id, from).await?;
                }
                Ok(())
            }
        }
    }
}

async fn restore<S: RecoverTarget>(
    target: &S,
    missing: Vec<(u32, String, ShardId)>,
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
