//! The waiting room in snapshots: what cannot be derived.

use serde::{Deserialize, Serialize};

use super::{Drawn, DrawnPlace, Place, Queue, Stand};
use crate::QueueRules;

/// What a snapshot has of a [`Queue`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct QueueForm {
    rules: QueueRules,
    seed: [u8; 32],
    crowd: [u8; 32],
    drawn: Option<Drawn>,
    places: Vec<Place>,
    list: Vec<DrawnPlace>,
    next_no: u64,
    next_position: u64,
    credit: u64,
    credited_at_ms: u64,
}

impl From<&Queue> for QueueForm {
    fn from(queue: &Queue) -> Self {
        Self {
            rules: queue.rules,
            seed: queue.seed,
            crowd: queue.crowd,
            drawn: queue.drawn,
            places: queue.places.values().cloned().collect(),
            list: queue.list.iter().copied().collect(),
            next_no: queue.next_no,
            next_position: queue.next_position,
            credit: queue.credit,
            credited_at_ms: queue.credited_at_ms,
        }
    }
}

impl From<QueueForm> for Queue {
    fn from(form: QueueForm) -> Self {
        let mut queue = Self {
            crowd: form.crowd,
            drawn: form.drawn,
            list: form.list.into_iter().collect(),
            next_no: form.next_no,
            next_position: form.next_position,
            credit: form.credit,
            credited_at_ms: form.credited_at_ms,
            ..Self::new(form.rules, form.seed)
        };
        for place in form.places {
            match place.stand {
                Stand::Present => {}
                Stand::Waiting { position } => {
                    queue.line.insert(position, place.no);
                }
                Stand::Turn { until_ms, .. } => {
                    queue.turns.insert((until_ms, place.no));
                }
            }
            queue.by_person.insert(place.person, place.no);
            queue.places.insert(place.no, place);
        }
        queue
    }
}
