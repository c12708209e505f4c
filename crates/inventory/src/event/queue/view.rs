//! What may be told of the waiting room: a place to its owner, the draw to everybody. Reads only; the
//! seed is told after the draw and never before.

use serde::{Deserialize, Serialize};

use super::{Drawn, DrawnPlace, Stand};
use crate::{Event, QueueRules};

/// Places of the draw told at once.
const LIST_MAX: usize = 10_000;

/// A place in the waiting room, for its owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueStand {
    /// Whose it is.
    pub person: u128,
    /// What they brought along.
    pub salt: u128,
    /// Where it stands.
    pub stand: Stand,
    /// In the line: how many turns come up to its own at most. Before the draw: how many are there.
    pub ahead: u64,
    /// How turns come.
    pub rules: QueueRules,
    /// When the sale opens, milliseconds since 1970.
    pub opens_at_ms: u64,
    /// Seats that are free.
    pub free: u32,
    /// Whether no seat is free or held.
    pub sold_out: bool,
}

/// The draw, for everybody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrawView {
    /// SHA-256 of the seed.
    pub commitment: [u8; 32],
    /// The seed, after the draw.
    pub seed: Option<[u8; 32]>,
    /// What everybody brought along, chained; complete after the draw.
    pub crowd: [u8; 32],
    /// The draw, once made.
    pub drawn: Option<Drawn>,
    /// How turns come.
    pub rules: QueueRules,
    /// Who waits now.
    pub waiting: u64,
    /// When the sale opens, milliseconds since 1970.
    pub opens_at_ms: u64,
    /// Numbers after the asked one, in the order of coming; none before the draw.
    pub list: Vec<DrawnPlace>,
}

impl Event {
    /// Whether holds need a turn.
    pub fn has_queue(&self) -> bool {
        self.queue.is_some()
    }

    /// A place in the waiting room.
    pub fn queue_place(&self, no: u64) -> Option<QueueStand> {
        let queue = self.queue.as_ref()?;
        let place = queue.place(no)?;
        let ahead = match place.stand {
            Stand::Waiting { position } => queue.ahead(position),
            Stand::Present => queue.waiting_count() as u64,
            Stand::Turn { .. } => 0,
        };
        Some(QueueStand {
            person: place.person,
            salt: place.salt,
            stand: place.stand,
            ahead,
            rules: queue.rules,
            opens_at_ms: self.sale.opens_at_ms,
            free: self.seats.total().free,
            sold_out: self.is_sold_out(),
        })
    }

    /// The draw with at most `limit` of its places after number `after`.
    pub fn draw(&self, after: u64, limit: usize) -> Option<DrawView> {
        let queue = self.queue.as_ref()?;
        let list = queue.list();
        let from = usize::try_from(after).unwrap_or(usize::MAX).min(list.len());
        Some(DrawView {
            commitment: queue.commitment(),
            seed: queue.told_seed(),
            crowd: queue.crowd(),
            drawn: queue.drawn(),
            rules: queue.rules,
            waiting: queue.waiting_count() as u64,
            opens_at_ms: self.sale.opens_at_ms,
            list: list.iter_from(from).take(limit.min(LIST_MAX)).copied().collect(),
        })
    }
}
