//! A grid of one process: real `inventory::State`s behind the writer's source, driven by commands.
//! Only consensus and network are missing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use data_writer::{FeedSource, RecoverTarget, SaleStanding};
use inventory::{
    Acknowledge, Actor, Bind, Command, Envelope, EventNo, FeedPosition, OpenSale, Outcome, Plan,
    RecoverEvent, Row, Sale, SaleRules, Seat, SeatIx, SeatStatus, Section, SectionKind, Stamp,
    State, Tier,
};
use parking_lot::Mutex;
use processing_unit::{
    BesideAnswer, CheckedEvent, CheckedSeat, Feed, GridError, Pin, PlanAnswer, ShardId,
};

pub use crate::seller::{GUEST, Seller};

/// The time of the first command: 2026-11-21T10:00:00Z.
pub const BEGIN_MS: u64 = 1_795_255_200_000;

/// Shards by number, with a clock and a log of their own.
#[derive(Clone, Default)]
pub struct MemoryGrid {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    shards: Mutex<BTreeMap<ShardId, ShardLog>>,
    pins: Mutex<BTreeMap<String, Pin>>,
    deaf: AtomicBool,
    pieces_left: AtomicU32,
    /// Shards that were founded anew beside living ones.
    anew: Mutex<BTreeSet<ShardId>>,
}

struct ShardLog {
    state: State,
    index: u64,
    clock_ms: u64,
}

impl MemoryGrid {
    /// Pins and opens an event with so many rows of ten seats.
    pub fn open(&self, event_id: &str, shard: ShardId, rows: usize) -> Seller {
        self.open_as(event_id, shard, (sale(event_id), plan(rows)))
    }

    /// Pins and opens an event on these terms.
    pub fn open_as(&self, event_id: &str, shard: ShardId, terms: (Sale, Plan)) -> Seller {
        let (sale, plan) = terms;
        let number = self.inner.pins.lock().len() as u32 + 1;
        self.inner.pins.lock().insert(event_id.to_owned(), Pin { number, shard });
        let seller = Seller { grid: self.clone(), shard, event: EventNo(number) };
        let command = OpenSale { event: seller.event, sale, plan };
        let outcome = seller.apply(Actor::SYSTEM, Command::OpenSale(command));
        assert_eq!(outcome, Outcome::SaleOpened);
        seller
    }

    /// Applies commands as one log entry, each with its outcome.
    pub fn entry(&self, shard: ShardId, commands: &[(Actor, Command)]) -> Vec<Outcome> {
        let mut shards = self.inner.shards.lock();
        let log = shards.entry(shard).or_insert_with(|| ShardLog {
            state: State::new(),
            index: 0,
            clock_ms: BEGIN_MS,
        });
        log.index += 1;
        log.clock_ms += 7;
        let stamp = Stamp { log_index: log.index, at_ms: log.clock_ms };
        let apply = |(actor, command): &(Actor, Command)| {
            let envelope = Envelope { key: None, actor: *actor, command: command.clone() };
            log.state.apply(stamp, &envelope).outcome
        };
        commands.iter().map(apply).collect()
    }

    /// Lets time pass in a shard.
    pub fn tick(&self, shard: ShardId, ms: u64) {
        if let Some(log) = self.inner.shards.lock().get_mut(&shard) {
            log.clock_ms += ms;
        }
    }

    pub fn read<R>(&self, shard: ShardId, look: impl FnOnce(&State) -> R) -> R {
        look(&self.inner.shards.lock()[&shard].state)
    }

    /// All acknowledgements are lost from now on, or no longer.
    pub fn lose_acknowledgements(&self, lose: bool) {
        self.inner.deaf.store(lose, Ordering::SeqCst);
    }

    /// Another grid under the same name: its shards are empty, its pins the same.
    pub fn forget_everything(&self) {
        self.inner.shards.lock().clear();
        self.inner.pins.lock().clear();
    }

    /// A new grid under another log, whose clock goes on: what follows the loss of every disk.
    pub fn lose_all_disks(&self) {
        self.inner.pins.lock().clear();
        for log in self.inner.shards.lock().values_mut() {
            (log.state, log.index) = (State::new(), 0);
        }
    }

    /// One shard alone is lost and founded anew beside the others.
    pub fn lose_shard(&self, shard: ShardId) {
        let mut shards = self.inner.shards.lock();
        let log = shards.get_mut(&shard).expect("it has something to lose");
        (log.state, log.index) = (State::new(), 0);
        self.inner.anew.lock().insert(shard);
    }

    /// The pin of an event.
    pub fn pin_of(&self, event_id: &str) -> Pin {
        self.inner.pins.lock()[event_id]
    }

    /// Stops taking pieces after so many, as if whoever gives them had died.
    pub fn take_pieces(&self, pieces: u32) {
        self.inner.pieces_left.store(pieces, Ordering::SeqCst);
    }

    fn feed_now(&self, shard: ShardId, after: FeedPosition, rows_max: u32) -> Feed {
        let shards = self.inner.shards.lock();
        let Some(log) = shards.get(&shard) else {
            return Feed {
                records: Vec::new(),
                more: false,
                acknowledged: FeedPosition::default(),
                at_ms: BEGIN_MS,
                complete_ms: 0,
                bound: None,
            };
        };
        let mut records: Vec<inventory::LedgerRecord> = Vec::new();
        let (mut rows, mut more) = (0, false);
        for record in log.state.feed_after(after) {
            let last = records.last().map(|r| r.position.log_index);
            if rows >= rows_max && last != Some(record.position.log_index) {
                more = true;
                break;
            }
            rows += record.change.row_count();
            records.push(record.clone());
        }
        let acknowledged = log.state.acknowledged();
        let (at_ms, complete_ms) = (log.clock_ms, log.state.at_ms());
        Feed { records, more, acknowledged, at_ms, complete_ms, bound: log.state.bound() }
    }
}

impl FeedSource for MemoryGrid {
    async fn pins(&self) -> Result<Vec<(String, Pin)>, GridError> {
        Ok(self.inner.pins.lock().iter().map(|(id, pin)| (id.clone(), *pin)).collect())
    }

    async fn feed(
        &self,
        shard: ShardId,
        after: FeedPosition,
        rows_max: u32,
        wait: Duration,
    ) -> Result<Feed, GridError> {
        let deadline = Instant::now() + wait;
        let mut looks = tokio::time::interval(Duration::from_millis(2));
        loop {
            let feed = self.feed_now(shard, after, rows_max);
            if !feed.records.is_empty() || Instant::now() >= deadline {
                return Ok(feed);
            }
            looks.tick().await;
        }
    }

    async fn acknowledge(&self, shard: ShardId, up_to: FeedPosition) -> Result<(), GridError> {
        if self.inner.deaf.load(Ordering::SeqCst) {
            return Err(GridError::Unknown);
        }
        self.entry(shard, &[(Actor::SYSTEM, Command::Acknowledge(Acknowledge { up_to }))]);
        Ok(())
    }

    async fn bind(&self, shard: ShardId, from: Option<u128>, to: u128) -> Result<(), GridError> {
        let command = Command::Bind(Bind { from, to });
        match self.entry(shard, &[(Actor::SYSTEM, command)]).remove(0) {
            Outcome::Bound => Ok(()),
            other => Err(GridError::Protocol(format!("{other:?}"))),
        }
    }

    async fn plan(&self, event: EventNo) -> Result<PlanAnswer, GridError> {
        let shards = self.inner.shards.lock();
        let found = shards.values().find_map(|log| log.state.event(event));
        let found = found.ok_or(GridError::NotFound)?;
        Ok(PlanAnswer { event, sale: found.sale().clone(), plan: found.plan().clone() })
    }

    async fn check(&self, event: EventNo) -> Result<CheckedEvent, GridError> {
        let shards = self.inner.shards.lock();
        let log = shards.values().find(|log| log.state.event(event).is_some());
        let log = log.ok_or(GridError::NotFound)?;
        let found = log.state.event(event).ok_or(GridError::NotFound)?;
        let seats = found.seats();
        let seat = |at: usize| {
            let ix = SeatIx(at as u32);
            let (status, holder) = (seats.status(ix), seats.holder(ix));
            CheckedSeat {
                status,
                hold: (status == SeatStatus::Held).then_some(holder),
                order: (status == SeatStatus::Sold).then_some(holder),
                version: seats.version(ix),
            }
        };
        Ok(CheckedEvent {
            event,
            event_id: found.sale().event_id.clone(),
            version: found.version(),
            position: log.state.feed_end(),
            seats: (0..seats.len()).map(seat).collect(),
            orders: found.orders().cloned().collect(),
            payments: found.payments().cloned().collect(),
            refunds: found.refunds().cloned().collect(),
            holds: found.holds().cloned().collect(),
        })
    }

    async fn standing(&self, event: EventNo) -> Result<SaleStanding, GridError> {
        let shards = self.inner.shards.lock();
        let found = shards.values().find_map(|log| log.state.event(event));
        let found = found.ok_or(GridError::NotFound)?;
        let codes = found.codes().map(|used| used.code.clone()).collect();
        let beside = BesideAnswer {
            removed: found.removed().collect(),
            limits: found.own_limits().collect(),
            places: found.places().cloned().collect(),
        };
        let (paused, cancelled) = (found.is_paused(), found.is_cancelled());
        Ok(SaleStanding { paused, cancelled, codes, beside })
    }
}

impl RecoverTarget for MemoryGrid {
    async fn events(&self, shard: ShardId) -> Result<BTreeSet<EventNo>, GridError> {
        let shards = self.inner.shards.lock();
        let log = shards.get(&shard);
        Ok(log.into_iter().flat_map(|log| log.state.events().map(|e| e.no())).collect())
    }

    async fn pin_to(&self, event_id: &str, shard: ShardId) -> Result<Pin, GridError> {
        let mut pins = self.inner.pins.lock();
        let number = pins.len() as u32 + 1;
        Ok(*pins.entry(event_id.to_owned()).or_insert(Pin { number, shard }))
    }

    async fn founded_anew(&self, shard: ShardId) -> Result<bool, GridError> {
        Ok(self.inner.anew.lock().contains(&shard))
    }

    async fn renumber(&self, event_id: &str, from: u32) -> Result<Pin, GridError> {
        let mut pins = self.inner.pins.lock();
        let pin = pins[event_id];
        if pin.number != from {
            return Ok(pin);
        }
        let number = pins.len() as u32 + 1;
        pins.insert(format!("lost-event-{from}"), pin);
        pins.insert(event_id.to_owned(), Pin { number, ..pin });
        Ok(Pin { number, ..pin })
    }

    async fn recover(&self, shard: ShardId, piece: RecoverEvent) -> Result<Outcome, GridError> {
        let left = |left: u32| left.checked_sub(1);
        if self.inner.pieces_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, left).is_err() {
            return Err(GridError::TooLarge);
        }
        Ok(self.entry(shard, &[(Actor::SYSTEM, Command::Recover(piece))]).remove(0))
    }
}

/// Terms in which holds live for ten minutes.
pub fn sale(event_id: &str) -> Sale {
    Sale {
        event_id: event_id.to_owned(),
        name: "Дмитрий Зуев, piano".to_owned(),
        starts_at_ms: BEGIN_MS + 90 * 24 * 3_600_000,
        currency: *b"RUB",
        opens_at_ms: BEGIN_MS,
        closes_at_ms: BEGIN_MS + 80 * 24 * 3_600_000,
        hold_ttl_ms: 600_000,
        per_hold_max: 10,
        rules: SaleRules::default(),
    }
}

/// Rows of ten seats, the first row dearer.
pub fn plan(rows: usize) -> Plan {
    let tier = |id: &str, price_minor| Tier { id: id.into(), name: id.into(), price_minor };
    let seat = |row: usize, n: usize| Seat {
        number: n.to_string().into(),
        tier: u16::from(row > 0),
        x: n as i32 * 100,
        y: row as i32 * 100,
        accessible: false,
        companion: false,
    };
    let row = |row: usize| Row {
        label: (row + 1).to_string(),
        seats: (1..=10).map(|n| seat(row, n)).collect(),
    };
    let section = Section {
        id: "A".into(),
        name: "Stalls".into(),
        rows: (0..rows).map(row).collect(),
        kind: SectionKind::Seated,
    };
    Plan {
        version: 1,
        tiers: vec![tier("gold", 500_000), tier("silver", 250_050)],
        sections: vec![section],
        focal: None,
    }
}
