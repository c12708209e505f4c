//! The waiting room of one event: who is in it, in which order their turns come, who has one now.
//!
//! Whoever is there when the sale opens takes part in one draw; whoever comes later stands behind, in
//! the order of coming. The draw follows from a seed that was committed to before anybody came and
//! from what everybody brought along, so that anybody can make it again. Turns come at a steady rate
//! by the log's time. Knows nothing of seats but whether some are free.

mod draw;
mod form;
mod view;

use serde::{Deserialize, Serialize};

pub(crate) use draw::commitment;
pub(crate) use form::QueueForm;
pub use view::{DrawView, QueueStand};

use crate::share::{SharedMap, SharedQueue, SharedSet};
use crate::{QueueRules, Refusal};

/// Places in one event's waiting room.
pub(crate) const PLACES_MAX: usize = 100_000;
/// Turns that come or end in one step.
const STEP_MAX: usize = 4_096;
/// Turns come this often at most, in milliseconds, those of the while together: a log entry each.
const STEP_EVERY_MS: u64 = 200;
/// Parts of one admission in which time is counted.
const WHOLE: u64 = 1_000;

/// One event's waiting room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Queue {
    pub(crate) rules: QueueRules,
    seed: [u8; 32],
    /// What everybody brought along, chained in the order of coming, until the draw.
    crowd: [u8; 32],
    drawn: Option<Drawn>,
    places: SharedMap<u64, Place>,
    by_person: SharedMap<u128, u64>,
    /// Places by their position in the line, once drawn.
    line: SharedMap<u64, u64>,
    /// (until, place) of turns.
    turns: SharedSet<(u64, u64)>,
    /// Who took part in the draw, in the order of coming.
    list: SharedQueue<DrawnPlace>,
    next_no: u64,
    next_position: u64,
    /// Thousandths of admissions that may be made at once.
    credit: u64,
    credited_at_ms: u64,
}

/// The draw that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drawn {
    /// When, milliseconds since 1970.
    pub at_ms: u64,
    /// How many took part: the places 1 up to this.
    pub places: u64,
}

/// One who took part in the draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrawnPlace {
    /// What they brought along.
    pub salt: u128,
    /// Where they came out, from 1.
    pub position: u64,
}

/// Where a place stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stand {
    /// In front of the draw.
    Present,
    /// In the line; lower positions come first.
    Waiting {
        /// Never given twice.
        position: u64,
    },
    /// The turn has come.
    Turn {
        /// Until when, milliseconds since 1970.
        until_ms: u64,
        /// Whether it was taken; otherwise it ends soon and the place goes to the end, once.
        taken: bool,
    },
}

/// A place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) no: u64,
    pub(crate) person: u128,
    pub(crate) salt: u128,
    pub(crate) stand: Stand,
    /// Whether its turn passed once without anybody there.
    pub(crate) sent_back: bool,
}

impl Queue {
    pub(crate) fn new(rules: QueueRules, seed: [u8; 32]) -> Self {
        Self {
            rules,
            seed,
            crowd: draw::NOBODY,
            drawn: None,
            places: SharedMap::default(),
            by_person: SharedMap::default(),
            line: SharedMap::default(),
            turns: SharedSet::default(),
            list: SharedQueue::default(),
            next_no: 1,
            next_position: 1,
            credit: 0,
            credited_at_ms: 0,
        }
    }

    /// Whether it was opened with these terms.
    pub(crate) fn is_same(&self, rules: QueueRules, seed: [u8; 32]) -> bool {
        self.rules == rules && self.seed == seed
    }

    pub(crate) fn commitment(&self) -> [u8; 32] {
        commitment(&self.seed)
    }

    /// The seed, once it has served.
    pub(crate) fn told_seed(&self) -> Option<[u8; 32]> {
        self.drawn.map(|_| self.seed)
    }

    pub(crate) fn crowd(&self) -> [u8; 32] {
        self.crowd
    }

    pub(crate) fn drawn(&self) -> Option<Drawn> {
        self.drawn
    }

    pub(crate) fn list(&self) -> &SharedQueue<DrawnPlace> {
        &self.list
    }

    pub(crate) fn place(&self, no: u64) -> Option<&Place> {
        self.places.get(&no)
    }

    /// Places that wait for their turn or the draw.
    pub(crate) fn waiting_count(&self) -> usize {
        self.places.len() - self.turns.len()
    }

    /// Turns in front of a position, its own among them: at most so many come before it has had its.
    pub(crate) fn ahead(&self, position: u64) -> u64 {
        let first = self.line.first_key_value().map_or(position, |(first, _)| *first);
        position.saturating_sub(first) + 1
    }

    /// The person's place: the one they have, or a new one at the end.
    pub(crate) fn enter(&mut self, person: u128, salt: u128) -> Result<u64, Refusal> {
        if let Some(no) = self.by_person.get(&person) {
            return Ok(*no);
        }
        if self.places.len() >= PLACES_MAX {
            return Err(Refusal::TooMany);
        }
        let no = self.next_no;
        self.next_no += 1;
        let stand = if self.drawn.is_some() {
            self.stand_behind(no)
        } else {
            self.crowd = draw::joined(&self.crowd, no, salt);
            Stand::Present
        };
        self.places.insert(no, Place { no, person, salt, stand, sent_back: false });
        self.by_person.insert(person, no);
        Ok(no)
    }

    fn stand_behind(&mut self, no: u64) -> Stand {
        let position = self.next_position;
        self.next_position += 1;
        self.line.insert(position, no);
        Stand::Waiting { position }
    }

    /// Draws the order of everybody present, once.
    pub(crate) fn draw(&mut self, at_ms: u64) {
        let places = self.places.len() as u64;
        let mut positions = vec![0; self.places.len()];
        for no in draw::order(&self.seed, &self.crowd, places) {
            let stand = self.stand_behind(no);
            if let Stand::Waiting { position } = stand {
                positions[no as usize - 1] = position;
            }
            if let Some(place) = self.places.get_mut(&no) {
                place.stand = stand;
            }
        }
        let salts = self.places.values().map(|place| place.salt);
        let list = salts.zip(positions).map(|(salt, position)| DrawnPlace { salt, position });
        self.list = list.collect();
        self.drawn = Some(Drawn { at_ms, places });
        (self.credit, self.credited_at_ms) = (self.credit_max(), at_ms);
    }

    /// A second's turns: more are never given at once.
    fn credit_max(&self) -> u64 {
        u64::from(self.rules.admit_per_s) * WHOLE
    }

    /// Ends turns whose time is over, and gives turns as the rate allows while seats are free.
    pub(crate) fn step(&mut self, at_ms: u64, sells: bool) {
        for _ in 0..STEP_MAX {
            let Some((until_ms, no)) = self.turns.first().copied() else { break };
            if until_ms > at_ms {
                break;
            }
            self.end_turn(until_ms, no);
        }
        let passed_ms = at_ms.saturating_sub(self.credited_at_ms);
        let earned = passed_ms.saturating_mul(u64::from(self.rules.admit_per_s));
        self.credit = self.credit.saturating_add(earned).min(self.credit_max());
        self.credited_at_ms = at_ms;
        if !sells {
            return;
        }
        let number = (self.credit / WHOLE).min(STEP_MAX as u64);
        for _ in 0..number {
            let Some((_, no)) = self.line.pop_first() else { break };
            self.credit -= WHOLE;
            let until_ms = at_ms + u64::from(self.rules.claim_ttl_ms);
            self.set_turn(no, until_ms, false);
        }
    }

    fn set_turn(&mut self, no: u64, until_ms: u64, taken: bool) {
        let place = self.places.get_mut(&no).expect("whoever is in the line has a place");
        place.stand = Stand::Turn { until_ms, taken };
        self.turns.insert((until_ms, no));
    }

    /// Whoever was not there goes to the end, once; otherwise the place is free.
    fn end_turn(&mut self, until_ms: u64, no: u64) {
        self.turns.remove(&(until_ms, no));
        let place = &self.places[&no];
        let used = place.sent_back || matches!(place.stand, Stand::Turn { taken: true, .. });
        if used {
            let person = place.person;
            self.places.remove(&no);
            self.by_person.remove(&person);
            return;
        }
        let stand = self.stand_behind(no);
        if let Some(place) = self.places.get_mut(&no) {
            (place.stand, place.sent_back) = (stand, true);
        }
    }

    /// When [`Queue::step`] has something to do, milliseconds since 1970.
    pub(crate) fn next_ms(&self, sells: bool) -> Option<u64> {
        let ends = self.turns.first().map(|(until_ms, _)| *until_ms);
        let waits = sells && self.line.first_key_value().is_some();
        let comes = waits.then(|| {
            let missing = WHOLE.saturating_sub(self.credit);
            let wait_ms = missing.div_ceil(u64::from(self.rules.admit_per_s)).max(STEP_EVERY_MS);
            self.credited_at_ms + wait_ms
        });
        [ends, comes].into_iter().flatten().min()
    }

    /// Whether the person has a turn.
    pub(crate) fn has_turn(&self, person: u128, at_ms: u64) -> bool {
        let place = self.by_person.get(&person).and_then(|no| self.places.get(no));
        place.is_some_and(|place| match place.stand {
            Stand::Turn { until_ms, .. } => at_ms < until_ms,
            Stand::Present | Stand::Waiting { .. } => false,
        })
    }

    /// Takes the person's turn, if it has come: it lasts from now on. Until when.
    pub(crate) fn take_turn(&mut self, person: u128, at_ms: u64) -> Option<u64> {
        let no = *self.by_person.get(&person)?;
        match self.places[&no].stand {
            Stand::Turn { until_ms, taken } if at_ms < until_ms => {
                if taken {
                    return Some(until_ms);
                }
                self.turns.remove(&(until_ms, no));
                let until_ms = at_ms + u64::from(self.rules.turn_ttl_ms);
                self.set_turn(no, until_ms, true);
                Some(until_ms)
            }
            Stand::Turn { .. } | Stand::Present | Stand::Waiting { .. } => None,
        }
    }

    /// Empties the room: the sale is over. That the draw was made, and when, stays. Before the draw
    /// numbers begin anew, since it takes those from 1 to as many as are present.
    pub(crate) fn clear(&mut self) {
        if self.drawn.is_none() {
            self.crowd = draw::NOBODY;
            self.next_no = 1;
        }
        self.places = SharedMap::default();
        self.by_person = SharedMap::default();
        self.line = SharedMap::default();
        self.turns = SharedSet::default();
        self.list = SharedQueue::default();
    }

    /// Whether every place is where it says, once.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        let mut persons = 0;
        for place in self.places.values() {
            persons += usize::from(self.by_person.get(&place.person) == Some(&place.no));
            let right = match place.stand {
                Stand::Present => self.drawn.is_none(),
                Stand::Waiting { position } => self.line.get(&position) == Some(&place.no),
                Stand::Turn { until_ms, .. } => self.turns.contains(&(until_ms, place.no)),
            };
            if !right {
                return Err("a place of the waiting room is not where it stands");
            }
        }
        if persons != self.places.len() || self.by_person.len() != persons {
            return Err("a person has two places in the waiting room");
        }
        let present = if self.drawn.is_some() { 0 } else { self.places.len() };
        if self.line.len() + self.turns.len() + present == self.places.len() {
            Ok(())
        } else {
            Err("the waiting room's line has somebody without a place")
        }
    }
}
