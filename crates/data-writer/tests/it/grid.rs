//! A grid of one process: real `inventory::State`s behind the writer's source, driven by commands.
//! Only consensus and network are missing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use data_writer::{FeedSource, RecoverTarget};
use inventory::{
    Acknowledge, Actor, Best, Bind, Choice, Command, Envelope, EventNo, FeedPosition,
    GatewayResult, HoldId, HoldSeats, OpenSale, OrderId, Outcome, PaymentId, PlaceOrder, Plan,
    RecordPayment, RecordRefund, RecoverEvent, RefundId, RefundResult, ReleaseHold, Row, Sale,
    SaleRules, Seat, SeatIx, SeatStatus, Section, SectionKind, Settle, Stamp, StartPayment, State,
    Subject, Tier,
};
use parking_lot::Mutex;
use processing_unit::{CheckedEvent, CheckedSeat, Feed, GridError, Pin, PlanAnswer, ShardId};

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
}

struct ShardLog {
    state: State,
    index: u64,
    clock_ms: u64,
}

/// One client of one event, whose commands each make a log entry.
#[derive(Clone)]
pub struct Seller {
    pub grid: MemoryGrid,
    pub shard: ShardId,
    pub event: EventNo,
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
        Feed { records, more, acknowledged, at_ms: log.clock_ms, bound: log.state.bound() }
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

    async fn recover(&self, shard: ShardId, piece: RecoverEvent) -> Result<Outcome, GridError> {
        let left = |left: u32| left.checked_sub(1);
        if self.inner.pieces_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, left).is_err() {
            return Err(GridError::TooLarge);
        }
        Ok(self.entry(shard, &[(Actor::SYSTEM, Command::Recover(piece))]).remove(0))
    }
}

/// A shopper from an address.
pub const GUEST: Actor = Actor {
    subject: Subject::Guest,
    ip: Some([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 7]),
};

impl Seller {
    /// One command, one log entry.
    pub fn apply(&self, actor: Actor, command: Command) -> Outcome {
        self.grid.entry(self.shard, &[(actor, command)]).remove(0)
    }

    pub fn hold(&self, seats: &[u32]) -> HoldId {
        let seats = seats.iter().map(|ix| SeatIx(*ix)).collect();
        self.held(Choice::Seats(seats))
    }

    pub fn hold_best(&self, number: u16) -> HoldId {
        self.held(Choice::Best(Best { number, ..Best::default() }))
    }

    fn held(&self, choice: Choice) -> HoldId {
        let command = HoldSeats::of(self.event, 1, choice);
        match self.apply(GUEST, Command::Hold(command)) {
            Outcome::Held(held) => held.hold,
            other => panic!("not held: {other:?}"),
        }
    }

    pub fn release(&self, hold: HoldId) {
        let outcome = self.apply(GUEST, Command::ReleaseHold(ReleaseHold { hold }));
        assert_eq!(outcome, Outcome::Released);
    }

    pub fn order(&self, hold: HoldId) -> OrderId {
        let command = PlaceOrder { hold, contact: b"sealed".to_vec(), buyer: Some(77) };
        match self.apply(GUEST, Command::PlaceOrder(command)) {
            Outcome::OrderPlaced(placed) => placed.order,
            other => panic!("no order: {other:?}"),
        }
    }

    pub fn pay(&self, order: OrderId) -> (PaymentId, i64) {
        let command =
            StartPayment { order, provider: "sandbox".into(), method: "bank_card".into() };
        match self.apply(GUEST, Command::StartPayment(command)) {
            Outcome::PaymentStarted(started) => (started.payment, started.amount_minor),
            other => panic!("no payment: {other:?}"),
        }
    }

    pub fn record_payment(&self, payment: PaymentId, provider_ref: &str) {
        let command = RecordPayment {
            payment,
            provider_ref: provider_ref.to_owned(),
            confirmation_url: "http://127.0.0.1/pay".into(),
        };
        let outcome = self.apply(Actor::SYSTEM, Command::RecordPayment(command));
        assert_eq!(outcome, Outcome::PaymentRecorded);
    }

    pub fn settle(&self, payment: PaymentId, result: GatewayResult) -> inventory::Settled {
        match self.apply(Actor::SYSTEM, Command::Settle(Settle { payment, result })) {
            Outcome::Settled(settled) => settled,
            other => panic!("not settled: {other:?}"),
        }
    }

    pub fn refund(&self, refund: RefundId, result: RefundResult) {
        let command = RecordRefund { refund, result, attempt: None };
        let outcome = self.apply(Actor::SYSTEM, Command::RecordRefund(command));
        assert_eq!(outcome, Outcome::RefundRecorded);
    }

    /// Hold, order, payment, capture.
    pub fn sell(&self, number: u16) -> OrderId {
        self.sell_held(self.hold_best(number))
    }

    pub fn sell_held(&self, hold: HoldId) -> OrderId {
        let order = self.order(hold);
        let (payment, amount_minor) = self.pay(order);
        self.record_payment(payment, &format!("ref-{payment}"));
        self.settle(payment, GatewayResult::Captured { amount_minor });
        order
    }

    /// Lets every hold's deadline pass.
    pub fn expire_all(&self) {
        self.grid.tick(self.shard, 700_000);
        self.apply(Actor::SYSTEM, Command::ExpireHolds);
    }

    /// Something of everything that can happen to seats and money.
    pub fn story(&self) {
        self.sell_held(self.hold(&[0, 1]));
        self.release(self.hold_best(3));
        let late = self.order(self.hold(&[30, 31]));
        let (late_payment, late_amount) = self.pay(late);
        let lost = self.order(self.hold(&[40]));
        let (lost_payment, lost_amount) = self.pay(lost);
        let canceled = self.order(self.hold(&[35]));
        let (canceled_payment, _) = self.pay(canceled);
        self.settle(canceled_payment, GatewayResult::Canceled { reason: "declined".into() });
        let given_up = self.order(self.hold(&[36]));
        let cancel = inventory::CancelOrder { order: given_up };
        assert_eq!(self.apply(GUEST, Command::CancelOrder(cancel)), Outcome::OrderCancelled);
        self.expire_all();
        // Its seats are still free: they are taken again.
        self.settle(late_payment, GatewayResult::Captured { amount_minor: late_amount });
        // Somebody else has the seat: the money goes back, at the second try.
        self.hold(&[40]);
        let lost = self.settle(lost_payment, GatewayResult::Captured { amount_minor: lost_amount });
        let refund = lost.refund.expect("money that buys nothing is refunded");
        self.refund(refund, RefundResult::Failed { error: "gateway away".into() });
        self.refund(refund, RefundResult::Succeeded);
        self.sell(1);
        self.hold_best(2);
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
