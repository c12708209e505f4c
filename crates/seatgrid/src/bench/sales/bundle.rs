//! Sales that go through their steps together: one bundle of commands a step. A step whose outcome is
//! unknown is sent again under its keys, so that every sale happens once, whatever breaks meanwhile.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use inventory::{
    Actor, Choice, Command, Envelope, GatewayResult, HoldSeats, Outcome, PlaceOrder, RecordPayment,
    Refusal, RequestKey, Settle, StartPayment, Subject,
};
use parking_lot::Mutex;
use processing_unit::{Grid, ShardId};
use tokio::time::Instant;
use uuid::Uuid;

use super::Tally;
use super::stage::Places;

/// How long one attempt of a step may take.
const ATTEMPT_MAX: Duration = Duration::from_secs(5);
/// The pause before a step is sent again.
const PAUSE: Duration = Duration::from_millis(100);
/// Steps of a sale.
const STEPS: usize = 5;

/// Sells all places, whose moment was `due`; a step is tried for so long.
pub(super) async fn sell(
    grid: &Grid,
    places: Places,
    (due, patience): (Instant, Duration),
    tally: &Mutex<Tally>,
) {
    let Places { event, shard, seats } = places;
    let hold = |seat| Command::Hold(HoldSeats::of(event, 1, Choice::Seats(vec![seat])));
    let mut sales: Vec<Sale> =
        seats.into_iter().map(|seat| Sale { command: hold(seat), settle: None }).collect();
    for _ in 0..STEPS {
        if sales.is_empty() {
            return;
        }
        let outcomes = match step(grid, shard, &sales, (patience, tally)).await {
            Ok(outcomes) => outcomes,
            Err(fault) => return fail(tally, sales.len() as u64, fault),
        };
        let answered = sales.into_iter().zip(outcomes);
        sales = answered.filter_map(|(sale, outcome)| sale.next(outcome, (due, tally))).collect();
    }
}

/// One sale under way.
struct Sale {
    command: Command,
    /// Settles its payment, once that has begun.
    settle: Option<Settle>,
}

/// One command of each sale, until all are answered.
async fn step(
    grid: &Grid,
    shard: ShardId,
    sales: &[Sale],
    (patience, tally): (Duration, &Mutex<Tally>),
) -> Result<Vec<Outcome>, String> {
    let envelopes: Vec<Envelope> =
        sales.iter().map(|sale| envelope(sale.command.clone())).collect();
    let give_up = Instant::now() + patience;
    loop {
        let deadline = Instant::now() + ATTEMPT_MAX;
        match grid.shard_commands(shard, &envelopes, deadline.into()).await {
            Ok(replies) => return Ok(replies.into_iter().map(|reply| reply.outcome).collect()),
            Err(error) if Instant::now() >= give_up => return Err(error.to_string()),
            Err(_) => {
                tally.lock().repeated += envelopes.len() as u64;
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

impl Sale {
    /// With its next command; `None` at its end.
    fn next(self, outcome: Outcome, (due, tally): (Instant, &Mutex<Tally>)) -> Option<Self> {
        let and_then = |command| Some(Self { command, settle: self.settle.clone() });
        match outcome {
            Outcome::Held(held) => {
                let contact = b"sealed".to_vec();
                and_then(Command::PlaceOrder(PlaceOrder { hold: held.hold, contact, buyer: None }))
            }
            Outcome::OrderPlaced(placed) => {
                let (provider, method) = ("bench".to_owned(), "bank_card".to_owned());
                let order = placed.order;
                and_then(Command::StartPayment(StartPayment { order, provider, method }))
            }
            Outcome::PaymentStarted(started) => {
                let (payment, amount_minor) = (started.payment, started.amount_minor);
                let provider_ref = format!("ref-{payment}");
                let confirmation_url = "http://127.0.0.1/pay".to_owned();
                let record = RecordPayment { payment, provider_ref, confirmation_url };
                let result = GatewayResult::Captured { amount_minor };
                let settle = Some(Settle { payment, result });
                Some(Self { command: Command::RecordPayment(record), settle })
            }
            Outcome::PaymentRecorded => {
                let settle = self.settle?;
                Some(Self { command: Command::Settle(settle), settle: None })
            }
            Outcome::Settled(_) => {
                tally.lock().sold(due.elapsed());
                None
            }
            Outcome::Refused(Refusal::PersistenceBacklog) => {
                tally.lock().refused += 1;
                None
            }
            other => {
                fail(tally, 1, format!("{other:?}"));
                None
            }
        }
    }
}

fn fail(tally: &Mutex<Tally>, sales: u64, fault: String) {
    let mut tally = tally.lock();
    tally.failed += sales;
    tally.first_fault.get_or_insert(fault);
}

fn envelope(command: Command) -> Envelope {
    let id = Uuid::now_v7().as_u128();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let made_at_ms = Some(now.as_millis() as u64);
    let actor = Actor { subject: Subject::Guest, ip: None };
    Envelope { key: Some(RequestKey { id, hash: 1, made_at_ms }), actor, command }
}
