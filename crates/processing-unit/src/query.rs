//! Questions to a unit that change nothing, and their answers. All are answered by the shard's
//! leader under its quorum lease, so an answer is never older than what was acknowledged before
//! the question was asked; `Plan` may be answered by any replica, since a plan never changes.

use std::sync::Arc;

use inventory::{
    CodeUse, EventNo, FeedPosition, Hold, HoldEnd, HoldId, LedgerRecord, Order, OrderId, Payment,
    PaymentId, Plan, QueueId, Refund, Sale, SeatCounts, SeatIx, SeatStatus, WaitEntry, WaitId,
};
use serde::{Deserialize, Serialize};

mod queue;
mod staff;

pub use queue::{DrawAnswer, PlaceAnswer};
pub use staff::{BesideAnswer, Expiries, RefundCounts, SaleAnswer, Turn};

/// A question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Query {
    /// An event's terms and plan.
    Plan {
        /// The event.
        event: EventNo,
    },
    /// An event's seats, complete or as changes.
    SeatMap {
        /// The event.
        event: EventNo,
        /// The version the asker has; `None` for all seats.
        known: Option<u64>,
        /// How long to wait for a newer version than `known`, in milliseconds; 0 answers at once.
        wait_ms: u32,
    },
    /// One hold.
    Hold(HoldId),
    /// One order with its payments and refunds.
    Order(OrderId),
    /// One payment.
    Payment(PaymentId),
    /// What PostgreSQL does not have yet.
    Feed {
        /// Everything up to here, inclusive, is known.
        after: FeedPosition,
        /// About how many ledger rows at most; never cuts a log entry in two.
        rows_max: u32,
        /// How long to wait for a first record, in milliseconds.
        wait_ms: u32,
    },
    /// Payments and refunds whose end is not known.
    PendingMoney {
        /// Most of each.
        limit: u32,
    },
    /// What the shard holds, in figures.
    Shard,
    /// One event whole, for comparison with the tables.
    Check {
        /// The event.
        event: EventNo,
    },
    /// One place in a waiting list.
    WaitEntry(WaitId),
    /// An event's sale as staff sees it.
    Sale {
        /// The event.
        event: EventNo,
    },
    /// An event's codes with their use.
    Codes {
        /// The event.
        event: EventNo,
    },
    /// Places of waiting lists whose turn has come, in the whole shard.
    Turns {
        /// Most of them.
        limit: u32,
    },
    /// One place in a waiting room.
    QueuePlace(QueueId),
    /// The draw of an event's waiting room.
    Draw {
        /// The event.
        event: EventNo,
        /// Places after this number are told.
        after: u64,
        /// Most of them.
        limit: u32,
    },
    /// What an event's sale has beside its terms, codes and contents.
    Beside {
        /// The event.
        event: EventNo,
    },
    /// When an event's held seats come back.
    Expiries {
        /// The event.
        event: EventNo,
    },
}

/// An answer, of the variant that the question asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// There is no such thing here.
    NotFound,
    /// The bytes were no question.
    Invalid,
    /// To [`Query::Plan`].
    Plan(PlanAnswer),
    /// To [`Query::SeatMap`].
    SeatMap(SeatMap),
    /// To [`Query::Hold`].
    Hold(HoldAnswer),
    /// To [`Query::Order`].
    Order(Box<OrderAnswer>),
    /// To [`Query::Payment`].
    Payment(PaymentAnswer),
    /// To [`Query::Feed`].
    Feed(Feed),
    /// To [`Query::PendingMoney`].
    PendingMoney(PendingMoney),
    /// To [`Query::Shard`].
    Shard(ShardSummary),
    /// To [`Query::Check`].
    Check(Box<CheckedEvent>),
    /// To [`Query::WaitEntry`].
    WaitEntry(Box<WaitAnswer>),
    /// To [`Query::Sale`].
    Sale(Box<SaleAnswer>),
    /// To [`Query::Codes`].
    Codes(Vec<CodeUse>),
    /// To [`Query::Turns`].
    Turns(Vec<Turn>),
    /// To [`Query::QueuePlace`].
    QueuePlace(PlaceAnswer),
    /// To [`Query::Draw`].
    Draw(Box<DrawAnswer>),
    /// To [`Query::Beside`].
    Beside(Box<BesideAnswer>),
    /// To [`Query::Expiries`].
    Expiries(Expiries),
}

/// One place in a waiting list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitAnswer {
    /// The place.
    pub entry: WaitEntry,
    /// How many wait before it.
    pub before: u32,
    /// The hold that it was given, while that lives.
    pub hold: Option<Hold>,
    /// The event's version.
    pub version: u64,
    /// The leader's time, milliseconds since 1970.
    pub at_ms: u64,
}

/// An event's terms and plan; immutable per plan version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanAnswer {
    /// The event.
    pub event: EventNo,
    /// Its terms.
    pub sale: Arc<Sale>,
    /// Its plan.
    pub plan: Arc<Plan>,
}

/// Seats of an event as of one version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatMap {
    /// The event's version.
    pub version: u64,
    /// The leader's time of the answer, milliseconds since 1970.
    pub at_ms: u64,
    /// Counts of the event.
    pub total: SeatCounts,
    /// Counts by section, in plan order.
    pub sections: Vec<SeatCounts>,
    /// Counts by tier, in plan order.
    pub tiers: Vec<SeatCounts>,
    /// The seats.
    pub changes: MapChanges,
}

/// How a seat map is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum MapChanges {
    /// All seats, two bits each in plan order: seat i in byte i/4, bits (i mod 4)*2 and up;
    /// 0 free, 1 held, 2 sold, 3 blocked.
    Full(Vec<u8>),
    /// Only the seats that changed since the known version, in plan order.
    Since(Vec<(SeatIx, SeatStatus)>),
}

/// One hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum HoldAnswer {
    /// It lives.
    Live {
        /// The hold.
        hold: Box<Hold>,
        /// The event's version.
        version: u64,
        /// The leader's time, milliseconds since 1970.
        at_ms: u64,
    },
    /// It has ended like this.
    Ended(HoldEnd),
}

/// One order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderAnswer {
    /// The order.
    pub order: Order,
    /// Its payments, oldest first.
    pub payments: Vec<Payment>,
    /// Its refunds, oldest first.
    pub refunds: Vec<Refund>,
    /// The event's version.
    pub version: u64,
    /// The leader's time, milliseconds since 1970.
    pub at_ms: u64,
}

/// One payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentAnswer {
    /// The payment.
    pub payment: Payment,
    /// The hold of its order, for the token check.
    pub hold: HoldId,
    /// The order's deadline, milliseconds since 1970.
    pub pay_until_ms: u64,
    /// The event's version.
    pub version: u64,
}

/// A piece of the change feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feed {
    /// Records after the asked position, in order; whole log entries.
    pub records: Vec<LedgerRecord>,
    /// Whether more were waiting.
    pub more: bool,
    /// What the shard itself believes PostgreSQL to have.
    pub acknowledged: FeedPosition,
    /// The leader's clock, milliseconds since 1970.
    pub at_ms: u64,
    /// The time of the last command that is in the state, milliseconds since 1970: whatever commits
    /// later, under whichever leader, has this time or a later one. With no record left, all before
    /// it is told.
    pub complete_ms: u64,
    /// The database that the shard is written to, once a writer has said so.
    pub bound: Option<u128>,
}

/// Payments and refunds that somebody must ask the gateway about.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PendingMoney {
    /// Payments whose end is not known.
    pub payments: Vec<OpenPayment>,
    /// Refunds to carry out.
    pub refunds: Vec<OpenRefund>,
}

/// A payment whose end is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenPayment {
    /// Its id.
    pub id: PaymentId,
    /// The payment.
    pub payment: Payment,
    /// Its order's id.
    pub order: OrderId,
    /// ISO 4217 letters.
    pub currency: [u8; 3],
    /// The order's deadline, milliseconds since 1970; in the past once the order has ended.
    pub pay_until_ms: u64,
}

/// A refund to carry out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenRefund {
    /// Its id; also the idempotency key at the gateway.
    pub id: inventory::RefundId,
    /// The refund.
    pub refund: Refund,
    /// The provider's name.
    pub provider: String,
    /// The gateway's id of the payment; `None` if it was never known.
    pub provider_ref: Option<String>,
    /// ISO 4217 letters.
    pub currency: [u8; 3],
}

/// What a shard holds, in figures.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ShardSummary {
    /// Its events.
    pub events: Vec<EventSummary>,
    /// Records in the outbox.
    pub outbox_records: u64,
    /// Records promised to holds and payments.
    pub outbox_reserved: u64,
    /// Age of the oldest record in the outbox, in milliseconds; 0 when empty.
    pub outbox_age_ms: u64,
    /// Idempotency keys remembered.
    pub keys: u64,
    /// Most records of the outbox, promised ones included.
    pub outbox_records_max: u64,
    /// How long ago a writer last said that PostgreSQL takes rows, in milliseconds; 0 where none has.
    pub outbox_silent_ms: u64,
    /// Room taken, in records, as the rules count it: large records take several.
    pub outbox_taken: u64,
}

/// An event in figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventSummary {
    /// Its number.
    pub event: EventNo,
    /// Its public id.
    pub event_id: String,
    /// Its version.
    pub version: u64,
    /// Its seats.
    pub seats: SeatCounts,
    /// Live holds.
    pub holds: u64,
}

/// One event whole, as of one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckedEvent {
    /// Its number.
    pub event: EventNo,
    /// Its public id.
    pub event_id: String,
    /// Its version.
    pub version: u64,
    /// The newest record of the outbox, or what is acknowledged when it is empty: rows in
    /// PostgreSQL are comparable once its checkpoint has reached this.
    pub position: FeedPosition,
    /// All seats in plan order.
    pub seats: Vec<CheckedSeat>,
    /// All remembered orders.
    pub orders: Vec<Order>,
    /// All remembered payments.
    pub payments: Vec<Payment>,
    /// All refunds.
    pub refunds: Vec<Refund>,
    /// All live holds.
    pub holds: Vec<Hold>,
}

/// One seat for comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckedSeat {
    /// Its status.
    pub status: SeatStatus,
    /// The hold that has it, when held.
    pub hold: Option<u64>,
    /// The order that owns it, when sold.
    pub order: Option<u64>,
    /// The event's version at its last change.
    pub version: u64,
}
