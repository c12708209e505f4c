//! Answers questions from the shard's state. Pure but for waiting: each answer is a function of
//! the state under the leader's lease, and a long poll only decides when to ask it again.

use std::future::Future;
use std::pin::Pin as Pinned;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use grid_node::{QueryError, QueryHandler, Shard};
use inventory::{
    Event, EventNo, FeedPosition, HoldId, Order, OrderId, OrderStatus, Payment, PaymentId,
    RefundId, SeatStatus, SeatTable, State, WaitId, codec,
};

use crate::ShardMachine;

mod queue;
mod staff;

use crate::query::{
    Answer, CheckedEvent, CheckedSeat, EventSummary, Feed, HoldAnswer, MapChanges, OpenPayment,
    OpenRefund, OrderAnswer, PaymentAnswer, PendingMoney, PlanAnswer, Query, SeatMap, ShardSummary,
    WaitAnswer,
};

/// Most payments or refunds told at once, whatever is asked for.
const PENDING_MAX: usize = 10_000;
/// Most ledger rows told at once, whatever is asked for; one log entry may exceed it.
const FEED_ROWS_MAX: u32 = 50_000;
/// Left of a waiting question's time for the answer to travel.
const ANSWER_MARGIN: Duration = Duration::from_millis(50);
/// A seat map is told as changes only while they are fewer than one seat in so many.
const FULL_MAP_SHARE: usize = 8;

/// The unit's answering side.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Reader;

impl QueryHandler<ShardMachine> for Reader {
    fn query(
        &self,
        shard: Arc<Shard<ShardMachine>>,
        body: Bytes,
        deadline: Instant,
    ) -> Pinned<Box<dyn Future<Output = Result<Bytes, QueryError>> + Send>> {
        Box::pin(async move {
            let answer = match codec::decode::<Query>(&body) {
                Ok(query) => answer(&shard, &query, deadline).await?,
                Err(_) => Answer::Invalid,
            };
            Ok(codec::encode(&answer).into())
        })
    }
}

async fn answer(
    shard: &Shard<ShardMachine>,
    query: &Query,
    deadline: Instant,
) -> Result<Answer, QueryError> {
    if let Query::Plan { event } = query {
        return Ok(shard.read(|machine| plan(machine.state(), *event)));
    }
    let mut applied = shard.watch_applied();
    let last_moment = deadline.checked_sub(ANSWER_MARGIN).unwrap_or(deadline);
    let give_up = last_moment.min(Instant::now() + wait(query));
    loop {
        applied.borrow_and_update();
        let ready = shard.read_fresh(deadline, |machine| ready(machine.state(), query)).await?;
        let patience = give_up.saturating_duration_since(Instant::now());
        if ready || patience.is_zero() {
            break;
        }
        // Time out or news: both lead to another look.
        let _ = tokio::time::timeout(patience, applied.changed()).await;
    }
    Ok(shard.read_fresh(deadline, |machine| look(machine.state(), query)).await?)
}

fn wait(query: &Query) -> Duration {
    match query {
        Query::SeatMap { wait_ms, .. } | Query::Feed { wait_ms, .. } => {
            Duration::from_millis(u64::from(*wait_ms))
        }
        Query::Plan { .. }
        | Query::Hold(_)
        | Query::Order(_)
        | Query::Payment(_)
        | Query::PendingMoney { .. }
        | Query::Shard
        | Query::Check { .. }
        | Query::WaitEntry(_)
        | Query::Sale { .. }
        | Query::Codes { .. }
        | Query::Turns { .. }
        | Query::QueuePlace(_)
        | Query::Draw { .. }
        | Query::Beside { .. }
        | Query::Expiries { .. } => Duration::ZERO,
    }
}

/// Whether a waiting question has something to tell.
fn ready(state: &State, query: &Query) -> bool {
    match query {
        Query::SeatMap { event, known, .. } => {
            state.event(*event).is_none_or(|e| known.is_none_or(|known| e.version() != known))
        }
        Query::Feed { after, .. } => state.feed_end() > *after,
        Query::Plan { .. }
        | Query::Hold(_)
        | Query::Order(_)
        | Query::Payment(_)
        | Query::PendingMoney { .. }
        | Query::Shard
        | Query::Check { .. }
        | Query::WaitEntry(_)
        | Query::Sale { .. }
        | Query::Codes { .. }
        | Query::Turns { .. }
        | Query::QueuePlace(_)
        | Query::Draw { .. }
        | Query::Beside { .. }
        | Query::Expiries { .. } => true,
    }
}

fn look(state: &State, query: &Query) -> Answer {
    match query {
        Query::Plan { event } => plan(state, *event),
        Query::SeatMap { event, known, .. } => seat_map(state, *event, *known),
        Query::Hold(id) => hold(state, *id),
        Query::Order(id) => order(state, *id),
        Query::Payment(id) => payment(state, *id),
        Query::Feed { after, rows_max, .. } => feed(state, *after, *rows_max),
        Query::PendingMoney { limit } => pending_money(state, *limit),
        Query::Shard => summary(state),
        Query::Check { event } => check(state, *event),
        Query::WaitEntry(id) => wait_entry(state, *id),
        Query::Sale { event } => staff::sale(state, *event),
        Query::Codes { event } => staff::codes(state, *event),
        Query::Turns { limit } => staff::turns(state, *limit),
        Query::QueuePlace(id) => queue::place(state, *id),
        Query::Draw { event, after, limit } => queue::draw(state, *event, (*after, *limit)),
        Query::Beside { event } => staff::beside(state, *event),
        Query::Expiries { event } => staff::expiries(state, *event),
    }
}

fn plan(state: &State, no: EventNo) -> Answer {
    state.event(no).map_or(Answer::NotFound, |event| {
        let (sale, plan) = (event.sale().clone(), event.plan().clone());
        Answer::Plan(PlanAnswer { event: no, sale, plan })
    })
}

fn seat_map(state: &State, no: EventNo, known: Option<u64>) -> Answer {
    let Some(event) = state.event(no) else { return Answer::NotFound };
    let seats = event.seats();
    let limit = seats.len() / FULL_MAP_SHARE;
    // A known version from before a restart of the asker may be ahead of nothing: tell all.
    let since = known
        .filter(|known| (event.map_floor()..=event.version()).contains(known))
        .map(|known| seats.changed_since(known).take(limit + 1).collect::<Vec<_>>());
    let changes = match since {
        Some(changed) if changed.len() <= limit => MapChanges::Since(changed),
        Some(_) | None => MapChanges::Full(bitmap(seats)),
    };
    Answer::SeatMap(SeatMap {
        version: event.version(),
        at_ms: clock_ms(),
        total: seats.total(),
        sections: seats.sections().to_vec(),
        tiers: seats.tiers().to_vec(),
        changes,
    })
}

/// Two bits a seat, the first seat in the lowest bits.
fn bitmap(seats: &SeatTable) -> Vec<u8> {
    let mut bytes = vec![0; seats.len().div_ceil(4)];
    for (at, status) in seats.statuses().enumerate() {
        bytes[at / 4] |= (status as u8) << (at % 4 * 2);
    }
    bytes
}

fn hold(state: &State, id: HoldId) -> Answer {
    let Some(event) = state.event(id.event) else { return Answer::NotFound };
    match (event.hold(id.no), event.hold_end(id.no)) {
        (Some(hold), _) => Answer::Hold(HoldAnswer::Live {
            hold: Box::new(hold.clone()),
            version: event.version(),
            at_ms: clock_ms(),
        }),
        (None, Some(end)) => Answer::Hold(HoldAnswer::Ended(end)),
        (None, None) => Answer::NotFound,
    }
}

fn wait_entry(state: &State, id: WaitId) -> Answer {
    let found = state.event(id.event).and_then(|event| Some((event, event.wait_entry(id.no)?)));
    let Some((event, (entry, before))) = found else { return Answer::NotFound };
    Answer::WaitEntry(Box::new(WaitAnswer {
        entry: entry.clone(),
        before: u32::try_from(before).unwrap_or(u32::MAX),
        hold: entry.hold.and_then(|no| event.hold(no)).cloned(),
        version: event.version(),
        at_ms: clock_ms(),
    }))
}

fn order(state: &State, id: OrderId) -> Answer {
    let found = state.event(id.event).and_then(|event| Some((event, event.order(id.no)?)));
    let Some((event, order)) = found else { return Answer::NotFound };
    let payments = order.payments.iter().filter_map(|no| event.payment(*no));
    let refunds = order.refunds.iter().filter_map(|no| event.refund(*no));
    Answer::Order(Box::new(OrderAnswer {
        order: order.clone(),
        payments: payments.cloned().collect(),
        refunds: refunds.cloned().collect(),
        version: event.version(),
        at_ms: clock_ms(),
    }))
}

fn payment(state: &State, id: PaymentId) -> Answer {
    let found = state.event(id.event).and_then(|event| {
        let payment = event.payment(id.no)?;
        Some((event, payment, event.order(payment.order)?))
    });
    let Some((event, payment, order)) = found else { return Answer::NotFound };
    Answer::Payment(PaymentAnswer {
        payment: payment.clone(),
        hold: HoldId { event: id.event, no: order.hold },
        pay_until_ms: order.expires_at_ms,
        version: event.version(),
    })
}

fn feed(state: &State, after: FeedPosition, rows_max: u32) -> Answer {
    let rows_max = rows_max.clamp(1, FEED_ROWS_MAX);
    let mut records: Vec<inventory::LedgerRecord> = Vec::new();
    let (mut rows, mut more) = (0, false);
    for record in state.feed_after(after) {
        let new_entry =
            records.last().is_none_or(|r| r.position.log_index != record.position.log_index);
        if new_entry && rows >= rows_max {
            more = true;
            break;
        }
        rows += record.change.row_count();
        records.push(record.clone());
    }
    Answer::Feed(Feed {
        records,
        more,
        acknowledged: state.acknowledged(),
        at_ms: clock_ms(),
        complete_ms: state.at_ms(),
        bound: state.bound(),
    })
}

fn pending_money(state: &State, limit: u32) -> Answer {
    let limit = (limit as usize).min(PENDING_MAX);
    let payments = state.events().flat_map(|e| e.pending_payments().map(move |p| (e, p)));
    let payments = payments.take(limit).map(|(event, payment)| OpenPayment {
        id: PaymentId { event: event.no(), no: payment.no },
        payment: payment.clone(),
        order: OrderId { event: event.no(), no: payment.order },
        currency: event.sale().currency,
        pay_until_ms: pay_until_ms(event.order(payment.order), payment),
    });
    let refunds = state.events().flat_map(|e| e.pending_refunds().map(move |r| (e, r)));
    let refunds = refunds.take(limit).map(|(event, refund)| open_refund(event, refund));
    let (payments, refunds) = (payments.collect(), refunds.collect());
    Answer::PendingMoney(PendingMoney { payments, refunds })
}

/// Until when a payment is wanted: up to its order's deadline, and no more once that order has ended.
fn pay_until_ms(order: Option<&Order>, payment: &Payment) -> u64 {
    match order {
        Some(order) if order.status == OrderStatus::PendingPayment => order.expires_at_ms,
        Some(order) => order.expires_at_ms.min(payment.started_at_ms),
        None => 0,
    }
}

fn open_refund(event: &Event, refund: &inventory::Refund) -> OpenRefund {
    let payment = event.payment(refund.payment);
    OpenRefund {
        id: RefundId { event: event.no(), no: refund.no },
        refund: refund.clone(),
        provider: payment.map_or_else(String::new, |p| p.provider.clone()),
        provider_ref: payment.and_then(|p| p.provider_ref.clone()),
        currency: event.sale().currency,
    }
}

fn summary(state: &State) -> Answer {
    let (outbox_records, outbox_reserved) = state.ledger_room();
    let oldest_ms = state.feed().next().map(|record| record.at_ms);
    let events = state.events().map(|event| EventSummary {
        event: event.no(),
        event_id: event.sale().event_id.clone(),
        version: event.version(),
        seats: event.seats().total(),
        holds: event.holds().count() as u64,
    });
    Answer::Shard(ShardSummary {
        events: events.collect(),
        outbox_records,
        outbox_reserved,
        outbox_age_ms: oldest_ms.map_or(0, |at_ms| clock_ms().saturating_sub(at_ms)),
        keys: state.key_count() as u64,
        outbox_records_max: state.ledger_records_max(),
        outbox_taken: state.ledger_taken(),
        outbox_silent_ms: state.persisted_ms().map_or(0, |at_ms| clock_ms().saturating_sub(at_ms)),
    })
}

fn check(state: &State, no: EventNo) -> Answer {
    let Some(event) = state.event(no) else { return Answer::NotFound };
    let seats = event.seats();
    let seat = |at: usize| {
        let ix = inventory::SeatIx(at as u32);
        let (status, holder) = (seats.status(ix), seats.holder(ix));
        CheckedSeat {
            status,
            hold: (status == SeatStatus::Held).then_some(holder),
            order: (status == SeatStatus::Sold).then_some(holder),
            version: seats.version(ix),
        }
    };
    Answer::Check(Box::new(CheckedEvent {
        event: no,
        event_id: event.sale().event_id.clone(),
        version: event.version(),
        position: state.feed_end(),
        seats: (0..seats.len()).map(seat).collect(),
        orders: event.orders().cloned().collect(),
        payments: event.payments().cloned().collect(),
        refunds: event.refunds().cloned().collect(),
        holds: event.holds().cloned().collect(),
    }))
}

/// The leader's clock; only ever told to the asker, never used by the rules.
fn clock_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
