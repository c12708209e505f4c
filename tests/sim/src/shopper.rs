//! Shoppers: each asks for seats, thinks, orders, pays, gives up, asks again under the same key when
//! it was told nothing, and writes down what it was told.
//!
//! They use the product's client, so routes, parking and retries are the product's.

use std::sync::Arc;
use std::time::{Duration, Instant};

use inventory::{
    Actor, Best, Choice, Command, Envelope, EventNo, ExtendHold, GatewayResult, Held, HoldId,
    HoldSeats, OrderId, Outcome, PaymentId, PlaceOrder, ReleaseHold, Reply, RequestKey, SeatIx,
    Settle, StartPayment, Subject, SwapSeats,
};
use parking_lot::Mutex;
use processing_unit::{Grid, GridError, HoldAnswer};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::hall::SEATS;
use crate::history::{History, Operation, Read};
use crate::trace::Trace;

/// Patience with one attempt.
const ATTEMPT: Duration = Duration::from_secs(2);
/// Attempts under one key before a shopper goes away without an answer.
const ATTEMPTS_MAX: u32 = 6;

/// One shopper.
pub struct Shopper {
    pub number: usize,
    pub grid: Grid,
    pub events: Vec<EventNo>,
    pub history: History,
    pub trace: Trace,
    /// Set when no new requests may be begun.
    pub closing: Arc<Mutex<bool>>,
    random: StdRng,
}

impl Shopper {
    pub fn new(seed: u64, number: usize, grid: Grid, shared: &Shared) -> Self {
        let Shared { events, history, trace, closing } = shared.clone();
        let random = StdRng::seed_from_u64(seed);
        history.come();
        Self { number, grid, events, history, trace, closing, random }
    }

    /// Shops until the doors close.
    pub async fn run(mut self) {
        while !*self.closing.lock() {
            self.visit().await;
            let pause = self.random.random_range(5..400);
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        self.history.go();
    }

    async fn visit(&mut self) {
        let event = self.events[self.random.random_range(0..self.events.len())];
        let choice = self.choice();
        let wish = Command::Hold(HoldSeats::of(event, 1, choice));
        let Some(Outcome::Held(held)) = self.ask(event, wish).await else { return };
        let held = &(held, self.trace.elapsed());
        self.think(held).await;
        let held_id = held.0.hold;
        match self.random.random_range(0..10) {
            0 => {}
            1 | 2 => {
                let _ = self.ask(event, release(held_id)).await;
                // A tab that was left open.
                if self.random.random_bool(0.3) {
                    let _ = self.ask(event, extend(held_id)).await;
                }
            }
            3 => {
                let choice = self.choice();
                let swap = SwapSeats { hold: held_id, plan_version: 1, choice };
                let _ = self.ask(event, Command::SwapSeats(swap)).await;
                self.buy(held).await;
            }
            4 => {
                // Sometimes once more than the sale allows.
                for _ in 0..self.random.random_range(1..=3) {
                    let _ = self.ask(event, extend(held_id)).await;
                }
                self.buy(held).await;
            }
            _ => self.buy(held).await,
        }
    }

    /// Buys what is held since a moment.
    async fn buy(&mut self, held: &(Held, Duration)) {
        let event = held.0.hold.event;
        let order = PlaceOrder { hold: held.0.hold, contact: vec![1], buyer: None };
        let placed = self.ask(event, Command::PlaceOrder(order)).await;
        let Some(Outcome::OrderPlaced(placed)) = placed else { return };
        self.think(held).await;
        if self.random.random_bool(0.1) {
            let cancel = inventory::CancelOrder { order: placed.order };
            let _ = self.ask(event, Command::CancelOrder(cancel)).await;
            return;
        }
        let start = start_payment(placed.order);
        let started = self.ask(event, start).await;
        let Some(Outcome::PaymentStarted(payment)) = started else { return };
        self.think(held).await;
        let amount_minor = payment.amount_minor;
        let result = match self.random.random_range(0..10) {
            0 => GatewayResult::Canceled { reason: "declined".into() },
            1 => GatewayResult::Mismatched { amount_minor },
            _ => GatewayResult::Captured { amount_minor },
        };
        let _ = self.ask(event, settle(payment.payment, result)).await;
    }

    /// Now and then so long that the hold ends, or until its very last moment; sometimes looks at the
    /// hold meanwhile.
    async fn think(&mut self, (held, since): &(Held, Duration)) {
        let long = self.random.random_bool(0.15);
        let pause = if long { 4_000..9_000 } else { 0..300 };
        let mut pause = Duration::from_millis(self.random.random_range(pause));
        if self.random.random_bool(0.1) {
            let lives = Duration::from_millis(held.expires_at_ms - held.at_ms);
            let early = if self.random.random_bool(0.7) { 0..12 } else { 0..120 };
            let early = Duration::from_millis(self.random.random_range(early));
            let last = (*since + lives).saturating_sub(self.trace.elapsed() + early);
            pause = if last.is_zero() { pause } else { last };
        }
        tokio::time::sleep(pause).await;
        if self.random.random_bool(0.3) {
            let asked = self.trace.elapsed();
            let answer = self.grid.hold(held.hold, Instant::now() + ATTEMPT).await;
            if let Ok(HoldAnswer::Live { version, .. }) = answer {
                self.history.read(Read { event: held.hold.event, asked, version });
            }
        }
    }

    fn choice(&mut self) -> Choice {
        let number = self.random.random_range(1..=3);
        if self.random.random_bool(0.3) {
            return Choice::Best(Best { number, ..Best::default() });
        }
        let first = self.random.random_range(0..SEATS - u32::from(number));
        Choice::Seats((first..first + u32::from(number)).map(SeatIx).collect())
    }

    /// One request with all its attempts; its outcome, if the shopper learnt it.
    async fn ask(&mut self, event: EventNo, command: Command) -> Option<Outcome> {
        let id: u128 = self.random.random();
        let key = RequestKey { id, hash: id as u64, made_at_ms: None };
        let actor = Actor { subject: Subject::Guest, ip: None };
        let envelope = Envelope { key: Some(key), actor, command: command.clone() };
        let place = self.history.ask(Operation {
            event,
            command,
            asked: self.trace.elapsed(),
            ended: None,
            unresolved: false,
            replies: Vec::new(),
        });
        let mut known = None;
        for attempt in 0..ATTEMPTS_MAX {
            let patience = self.random.random_range(ATTEMPT / 10..ATTEMPT);
            let answer = self.grid.command(event, &envelope, Instant::now() + patience).await;
            self.note(place, attempt, &answer);
            self.history.answer(place, self.trace.elapsed(), answer.clone());
            if let Ok(reply) = answer {
                known = Some(reply.outcome);
                // A button pressed twice: the answer must be the same.
                if !self.random.random_bool(0.2) {
                    break;
                }
            } else if self.random.random_bool(0.05) {
                // The browser is closed; nobody knows what became of it.
                break;
            }
        }
        known
    }

    fn note(&self, place: usize, attempt: u32, answer: &Result<Reply, GridError>) {
        let number = self.number;
        match answer {
            Ok(Reply { version, replayed, outcome }) => self.trace.note(format_args!(
                "shopper {number} request {place}.{attempt}: {version} {replayed} {outcome:?}"
            )),
            Err(error) => {
                self.trace
                    .note(format_args!("shopper {number} request {place}.{attempt}: {error}"));
            }
        }
    }
}

/// What all shoppers share.
#[derive(Clone)]
pub struct Shared {
    pub events: Vec<EventNo>,
    pub history: History,
    pub trace: Trace,
    pub closing: Arc<Mutex<bool>>,
}

fn release(hold: HoldId) -> Command {
    Command::ReleaseHold(ReleaseHold { hold })
}

fn extend(hold: HoldId) -> Command {
    Command::ExtendHold(ExtendHold { hold })
}

fn start_payment(order: OrderId) -> Command {
    let (provider, method) = ("sandbox".into(), "card".into());
    Command::StartPayment(StartPayment { order, provider, method })
}

fn settle(payment: PaymentId, result: GatewayResult) -> Command {
    Command::Settle(Settle { payment, result })
}
