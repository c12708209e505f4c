//! I7: an event belongs to one shard for ever, under one number, and two events never share a
//! number, whichever unit is asked.

use std::collections::BTreeMap;

use grid_node::{MetaState, Pin};

use super::Check;
use crate::network::HostId;

/// See the module.
#[derive(Default)]
pub struct Pins(BTreeMap<String, Pin>);

impl Check for Pins {
    fn name(&self) -> &'static str {
        "I7 one shard an event"
    }

    fn registry(&mut self, host: HostId, state: &MetaState) -> Result<(), String> {
        for (event, pin) in state.pins() {
            let known = *self.0.entry(event.to_owned()).or_insert(pin);
            if known != pin {
                return Err(format!("unit {host}: {event} was {known:?} and is {pin:?}"));
            }
            let twice = |(other, its): (&String, &Pin)| other != event && its.number == pin.number;
            if self.0.iter().any(twice) {
                return Err(format!("number {} names two events", pin.number));
            }
        }
        Ok(())
    }
}
