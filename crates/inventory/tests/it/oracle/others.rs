//! What concerns the whole shard: opening, fences, recovery of a second event, the database's name,
//! acknowledgements; and the keys that make a retry safe.

use inventory::*;

use super::{Answer, EVENT, Oracle};

/// The other event that may be opened or recovered.
pub const OTHER: EventNo = EventNo(2);

/// The shard without its first event.
#[derive(Default)]
pub struct Others {
    pub fenced: Vec<EventNo>,
    /// The other event's version, once it lives here.
    pub here: Option<u64>,
    /// The name that it was opened with.
    name: String,
    /// Pieces taken of it, and the seats among them; its window's ends that are to come.
    staged: Option<(u32, usize)>,
    /// Records promised to the ends of the other event's window.
    pub promised: u64,
    pub bound: Option<u128>,
    keys: Vec<Known>,
    floor: u64,
}

struct Known {
    id: u128,
    hash: u64,
    seen: u64,
    reply: Reply,
}

/// The other event's terms and plan: four seats, open until far in the future.
pub fn other(sale: &Sale) -> (Sale, Plan) {
    let sale = Sale {
        event_id: "other".into(),
        name: "Other".into(),
        opens_at_ms: 1,
        closes_at_ms: u64::MAX / 2,
        rules: SaleRules::default(),
        ..sale.clone()
    };
    let mut plan = crate::harness::hall();
    plan.sections.remove(0);
    (sale, plan)
}

impl Others {
    pub fn missing(&self, event: Option<EventNo>) -> Refusal {
        let fenced = event.is_some_and(|no| self.fenced.contains(&no));
        if fenced { Refusal::EventMoved } else { Refusal::EventNotFound }
    }

    /// The earlier answer of a key, or why it is refused.
    pub fn earlier(&self, key: &RequestKey, now: u64) -> Option<Reply> {
        let refused = |refusal| {
            Some(Reply { version: 0, replayed: false, outcome: Outcome::Refused(refusal) })
        };
        if let Some(known) = self.keys.iter().find(|one| one.id == key.id) {
            if known.hash != key.hash {
                return refused(Refusal::IdempotencyConflict);
            }
            return Some(Reply { replayed: true, ..known.reply.clone() });
        }
        let made = key.made_at_ms.filter(|made| *made <= now + 60_000)?;
        let old = made + 900_000 < now || made < self.floor;
        if old { refused(Refusal::IdempotencyWindowExpired) } else { None }
    }

    pub fn remember(&mut self, key: &RequestKey, now: u64, reply: &Reply) {
        if !matches!(reply.outcome, Outcome::Refused(_)) {
            self.keys.retain(|one| one.seen + 960_000 >= now);
            self.keys.push(Known { id: key.id, hash: key.hash, seen: now, reply: reply.clone() });
        }
    }
}

impl Oracle {
    /// The answer to a command about the whole shard or about another event's being here.
    pub fn of_the_shard(&mut self, command: &Command) -> Option<Answer> {
        let of_shard = |outcome| Ok((0, outcome));
        Some(match command {
            Command::ExpireHolds => of_shard(self.expire()),
            Command::Acknowledge(_) => {
                self.heard = Some(self.now);
                of_shard(Outcome::Acknowledged)
            }
            Command::LimitOutbox(c) => {
                if c.records_max < 10_000 || c.records_max > 10_000_000 {
                    return Some(Err(Refusal::OutOfRange));
                }
                self.ledger_max = c.records_max;
                of_shard(Outcome::OutboxLimited)
            }
            Command::OpenSale(c) => self.open(c),
            Command::Fence(c) => self.fence(c.event).map(|outcome| (0, outcome)),
            Command::Unfence(c) => {
                self.others.fenced.retain(|known| *known != c.event);
                of_shard(Outcome::Unfenced)
            }
            Command::Bind(c) => {
                let known = self.others.bound;
                if known != Some(c.to) && known != c.from {
                    return Some(Err(Refusal::OtherDatabase));
                }
                self.others.bound = Some(c.to);
                of_shard(Outcome::Bound)
            }
            Command::Recover(c) => self.recover(c).map(|pieces| (0, Outcome::Recovered { pieces })),
            _ => return None,
        })
    }

    /// The first records are in the database.
    pub fn acknowledge(&mut self, records: usize) {
        self.ledger.drain(..records);
    }

    fn fence(&mut self, event: EventNo) -> Result<Outcome, Refusal> {
        if event == EVENT || event == OTHER && self.others.here.is_some() {
            return Err(Refusal::EventPresent);
        }
        if !self.others.fenced.contains(&event) {
            self.others.fenced.push(event);
        }
        Ok(Outcome::Fenced)
    }

    fn open(&mut self, c: &OpenSale) -> Answer {
        let (sale, plan) = other(&self.sale);
        let sale = Sale { name: self.others.name.clone(), ..sale };
        if c.event == EVENT {
            // The model only asks with other terms.
            return Err(Refusal::SaleDiffers);
        }
        if let Some(version) = self.others.here {
            // An older version of the plan is taken for one that was replaced since.
            let same = c.sale == sale && (c.plan == plan || c.plan.version < plan.version);
            let known = Ok((version, Outcome::SaleOpened));
            return if same { known } else { Err(Refusal::SaleDiffers) };
        }
        if self.others.staged.is_some() {
            return Err(Refusal::EventPresent);
        }
        if self.others.fenced.contains(&OTHER) {
            return Err(Refusal::EventMoved);
        }
        if c.sale.name.is_empty() {
            return Err(Refusal::SaleInvalid { reason: "name must have 1 to 200 bytes".into() });
        }
        if c.plan.version == 0 {
            let reason = "plan: version must be 1 or more".into();
            return Err(Refusal::SaleInvalid { reason });
        }
        self.need_room(3)?;
        if !self.is_fine(self.turns()) {
            return Err(Refusal::PersistenceBacklog);
        }
        (self.others.here, self.others.promised) = (Some(1), 1);
        self.others.name.clone_from(&c.sale.name);
        self.note("SaleOpened 2".into());
        Ok((1, Outcome::SaleOpened))
    }

    fn recover(&mut self, c: &RecoverEvent) -> Result<u32, Refusal> {
        let invalid = |reason: String| Err(Refusal::RecoveryInvalid { reason });
        if self.others.here.is_some() {
            let finish = c.piece == RecoverPiece::Finish;
            return if finish { Ok(0) } else { Err(Refusal::EventPresent) };
        }
        if self.others.fenced.contains(&OTHER) {
            return Err(Refusal::EventMoved);
        }
        if let RecoverPiece::Begin(begin) = &c.piece {
            if c.number != 0 {
                return Err(Refusal::OutOfRange);
            }
            if begin.sale.opens_at_ms >= begin.sale.closes_at_ms {
                return invalid("the sale closes before it opens".into());
            }
            self.others.staged = Some((1, 0));
            return Ok(1);
        }
        if c.number == 0 {
            return Err(Refusal::OutOfRange);
        }
        let (pieces, seats) = self.others.staged.ok_or(Refusal::EventNotFound)?;
        if c.number < pieces {
            return Ok(pieces);
        }
        if c.number > pieces {
            return Err(Refusal::OutOfRange);
        }
        let more = match &c.piece {
            RecoverPiece::Seats(more) => more.len(),
            RecoverPiece::Begin(_) | RecoverPiece::Things(_) => 0,
            RecoverPiece::Finish => {
                if seats != 4 {
                    return invalid(format!("{seats} of 4 seats came back"));
                }
                self.need_room(1)?;
                self.others.staged = None;
                (self.others.here, self.others.promised) = (Some(5 + RECOVERY_MARGIN), 1);
                self.others.name = other(&self.sale).0.name;
                self.others.floor = self.others.floor.max(self.now);
                return Ok(0);
            }
        };
        self.others.staged = Some((pieces + 1, seats + more));
        Ok(pieces + 1)
    }
}
