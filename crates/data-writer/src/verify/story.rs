//! What the records say happened, replayed event by event: a seat has one owner, a sale has its
//! money, a release has its cause. Knows only the ledger's words, none of the grid's rules code, so
//! that a fault in the rules shows here instead of hiding.

mod event;
mod money;
mod seats;
mod things;

use std::collections::HashMap;

use super::Record;
use super::fault::{Place, VerifyReport, Wrong};
use crate::resync::GAP_KIND;

pub(super) use event::EventStory;
pub(super) use things::SeatOwner;

/// The status of a ledger row whose record was parked.
const QUARANTINED: &str = "quarantined";

/// A contradiction: what kind, and in one sentence.
pub(super) type Contradiction = (Wrong, String);

/// The stories of all shards.
#[derive(Debug, Default)]
pub(super) struct Story {
    shards: HashMap<u32, ShardStory>,
}

#[derive(Debug, Default)]
struct ShardStory {
    /// A record was changed or is missing: what follows cannot be judged.
    distrusted: bool,
    /// The log entry that is being read; its end is when its changes must fit together.
    entry: Option<Place>,
    events: HashMap<String, EventStory>,
    /// Events that the entry changed.
    touched: Vec<String>,
}

impl Story {
    /// The next record, which its chain vouches for.
    pub(super) fn take(&mut self, record: &Record<'_>, report: &mut VerifyReport) {
        self.shards.entry(record.key.shard).or_default().take(record, report);
    }

    /// A record of the shard cannot be believed.
    pub(super) fn distrust(&mut self, shard: u32) {
        self.shards.entry(shard).or_default().distrusted = true;
    }

    /// The story of an event, if it can be judged.
    pub(super) fn judged(&mut self, event_id: &str) -> Option<&mut EventStory> {
        let trusted = self.shards.values_mut().filter(|shard| !shard.distrusted);
        let found = trusted.filter_map(|shard| shard.events.get_mut(event_id));
        found.filter(|event| event.is_judged()).last()
    }

    /// Every event whose story can be judged.
    pub(super) fn all_judged(&self) -> impl Iterator<Item = (&String, &EventStory)> {
        let trusted = self.shards.values().filter(|shard| !shard.distrusted);
        trusted.flat_map(|shard| &shard.events).filter(|(_, event)| event.is_judged())
    }

    /// Ends the last log entry of every shard.
    pub(super) fn close(&mut self, report: &mut VerifyReport) {
        for shard in self.shards.values_mut() {
            shard.close_entry(report);
        }
    }

    /// Counts.
    pub(super) fn finish(&mut self, report: &mut VerifyReport) {
        self.close(report);
        for shard in self.shards.values() {
            for event in shard.events.values() {
                if shard.distrusted || !event.is_judged() {
                    report.events_not_judged += 1;
                } else {
                    report.events += 1;
                    event.count(report);
                }
            }
        }
    }
}

impl ShardStory {
    fn take(&mut self, record: &Record<'_>, report: &mut VerifyReport) {
        let place = record.place();
        let same_entry = self.entry.is_some_and(|entry| {
            (entry.incarnation, entry.log_index) == (place.incarnation, place.log_index)
        });
        if !same_entry {
            self.close_entry(report);
        }
        self.entry = Some(place);
        if self.distrusted {
            return;
        }
        if record.fields.kind == GAP_KIND {
            report.gaps.push(format!("{place}: records are {}", record.fields.status));
            self.events.values_mut().for_each(EventStory::give_up);
            return;
        }
        let event_id = record.fields.event_id;
        if !self.events.contains_key(event_id) {
            self.events.insert(event_id.to_owned(), EventStory::default());
        }
        let Some(event) = self.events.get_mut(event_id) else { return };
        if record.fields.status == QUARANTINED {
            event.give_up();
            return;
        }
        match event.take(&record.fields) {
            Ok(Some(())) => {}
            Ok(None) => {
                *report.unknown_kinds.entry(record.fields.kind.to_owned()).or_default() += 1;
                event.give_up();
            }
            Err((wrong, what)) => report.add(wrong, Some(place), what),
        }
        if event.is_touched() && self.touched.last().is_none_or(|last| last != event_id) {
            self.touched.push(event_id.to_owned());
        }
    }

    /// At its end the changes of a log entry must fit together.
    fn close_entry(&mut self, report: &mut VerifyReport) {
        let Some(entry) = self.entry else { return };
        for event_id in self.touched.drain(..) {
            let Some(event) = self.events.get_mut(&event_id) else { continue };
            for (wrong, what) in event.close_entry() {
                report.add(wrong, Some(entry), what);
            }
        }
    }
}
