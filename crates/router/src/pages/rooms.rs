//! Which events have a waiting room, as pages tell it: asked of the grid once in a while for each event
//! that is looked at, so that a crowd at a page is one question. A page may be wrong for that while; who
//! may hold is decided by the rules alone.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use inventory::EventNo;
use parking_lot::Mutex;
use processing_unit::{Grid, GridError};

/// How long an answer is told without asking again.
const KNOWN_FOR: Duration = Duration::from_secs(2);
/// How long a page waits for the answer; without one it shows what was known.
const WITHIN: Duration = Duration::from_millis(300);
/// Events remembered; beyond it all are forgotten, which only costs questions.
const KEPT_MAX: usize = 512;

/// When an event was asked about, and what was known by then.
#[derive(Debug, Clone, Copy)]
struct Known {
    asked_at: Instant,
    has_room: bool,
}

/// What is known of waiting rooms.
#[derive(Debug, Default)]
pub(crate) struct Rooms {
    known: Mutex<HashMap<EventNo, Known>>,
}

impl Rooms {
    /// Whether the event has a waiting room, as far as is known.
    pub(crate) async fn has(&self, grid: &Grid, event: EventNo) -> bool {
        let now = Instant::now();
        let before = match self.begin(event, now) {
            Ok(known) => return known,
            Err(before) => before,
        };
        // One place is enough to learn that there is a room.
        let has_room = match grid.draw(event, (0, 1), now + WITHIN).await {
            Ok(_) => true,
            Err(GridError::NotFound) => false,
            Err(_) => before,
        };
        self.known.lock().insert(event, Known { asked_at: now, has_room });
        has_room
    }

    /// What is known and young enough; else what was known, and the caller is the one who asks. Others
    /// who come meanwhile are told the same and ask nobody.
    fn begin(&self, event: EventNo, now: Instant) -> Result<bool, bool> {
        let mut known = self.known.lock();
        if known.len() >= KEPT_MAX && !known.contains_key(&event) {
            known.clear();
        }
        let entry = known.get(&event).copied();
        if let Some(entry) = entry.filter(|entry| now - entry.asked_at < KNOWN_FOR) {
            return Ok(entry.has_room);
        }
        let has_room = entry.is_some_and(|entry| entry.has_room);
        known.insert(event, Known { asked_at: now, has_room });
        Err(has_room)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_is_one_question_and_an_old_answer_stands_until_the_next() {
        let (rooms, event, start) = (Rooms::default(), EventNo(7), Instant::now());
        assert_eq!(rooms.begin(event, start), Err(false), "the first one asks");
        assert_eq!(rooms.begin(event, start), Ok(false), "the second one does not");
        let answer = Known { asked_at: start, has_room: true };
        rooms.known.lock().insert(event, answer);
        assert_eq!(rooms.begin(event, start + KNOWN_FOR / 2), Ok(true));
        assert_eq!(rooms.begin(event, start + KNOWN_FOR), Err(true), "asked anew");
        for other in 0..=KEPT_MAX as u32 {
            let _ = rooms.begin(EventNo(1_000 + other), start);
        }
        assert!(rooms.known.lock().len() <= KEPT_MAX, "bounded");
    }
}
