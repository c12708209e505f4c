//! What can be asked of a shard: one variant per command, one file of rules per variant.
//!
//! Commands carry numbers, not names: routers turn seat ids into indices with the immutable plan.

use serde::{Deserialize, Serialize};

use crate::{EventNo, FeedPosition, HoldId, OrderId, PaymentId, Plan, RefundId, SeatIx};

/// A command with its key and its author, as it is committed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// Makes a retry safe; `None` only for commands that are idempotent by themselves.
    pub key: Option<RequestKey>,
    /// Who asked, for the ledger.
    pub actor: Actor,
    /// What is asked.
    pub command: Command,
}

/// A request's idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestKey {
    /// The UUID.
    pub id: u128,
    /// Hash of what was asked: the same key must not come with another body.
    pub hash: u64,
    /// The time inside a version 7 UUID, milliseconds since 1970; `None` for other versions.
    pub made_at_ms: Option<u64>,
}

/// Who asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The opaque subject.
    pub subject: Subject,
    /// Client address, IPv4 mapped into IPv6.
    pub ip: Option<[u8; 16]>,
}

impl Actor {
    /// The system itself: timers, pollers, staff tools.
    pub const SYSTEM: Self = Self { subject: Subject::System, ip: None };
}

/// The kind of author; persons appear by opaque id only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Subject {
    /// Timers, pollers, gateways.
    System,
    /// A shopper without an account.
    Guest,
    /// An account.
    Person(u128),
}

/// Everything that can change a shard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Opens an event's sale with its plan.
    OpenSale(OpenSale),
    /// Takes seats for a while.
    Hold(HoldSeats),
    /// Gives a hold back.
    ReleaseHold(ReleaseHold),
    /// Turns a hold into an order awaiting payment.
    PlaceOrder(PlaceOrder),
    /// Gives an unpaid order up.
    CancelOrder(CancelOrder),
    /// Starts one payment attempt.
    StartPayment(StartPayment),
    /// Notes what the gateway answered to the creation of a payment.
    RecordPayment(RecordPayment),
    /// Ends a payment: the only way money turns into seats or a refund.
    Settle(Settle),
    /// Notes what became of a refund.
    RecordRefund(RecordRefund),
    /// Ends holds whose deadline has passed.
    ExpireHolds,
    /// Trims the outbox up to what PostgreSQL has.
    Acknowledge(Acknowledge),
}

/// Opens an event's sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenSale {
    /// The event's number.
    pub event: EventNo,
    /// Its terms.
    pub sale: Sale,
    /// Its plan.
    pub plan: Plan,
}

/// The terms of an event's sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sale {
    /// The event's public id.
    pub event_id: String,
    /// Its name.
    pub name: String,
    /// When it starts, milliseconds since 1970.
    pub starts_at_ms: u64,
    /// ISO 4217 letters.
    pub currency: [u8; 3],
    /// When holds begin to be granted.
    pub opens_at_ms: u64,
    /// When holds stop being granted.
    pub closes_at_ms: u64,
    /// How long a hold lives; 5 s to 30 min.
    pub hold_ttl_ms: u32,
    /// Most seats in one hold; 1 to 100.
    pub per_hold_max: u16,
}

/// Takes seats: all or nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldSeats {
    /// The event.
    pub event: EventNo,
    /// The plan version that the indices refer to.
    pub plan_version: u32,
    /// Which seats.
    pub choice: Choice,
}

/// How the seats are chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Choice {
    /// Exactly these.
    Seats(Vec<SeatIx>),
    /// The best that are free.
    Best(Best),
}

/// A wish for the best free seats.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Best {
    /// How many, 1 or more.
    pub number: u16,
    /// Wanted tiers by position; empty means any.
    pub tiers: Vec<u16>,
    /// Wanted sections by position; empty means any.
    pub sections: Vec<u16>,
    /// Highest price of one seat in minor units.
    pub max_price_minor: Option<i64>,
    /// Prefer places that leave no single free seat behind.
    pub prevent_orphans: bool,
}

/// Gives a hold back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseHold {
    /// The hold.
    pub hold: HoldId,
}

/// Turns a hold into an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceOrder {
    /// The hold.
    pub hold: HoldId,
    /// The buyer's contact, sealed outside the grid; 4 KiB at most.
    pub contact: Vec<u8>,
    /// The account that buys; `None` for a guest.
    pub buyer: Option<u128>,
}

/// Gives an unpaid order up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelOrder {
    /// The order.
    pub order: OrderId,
}

/// Starts one payment attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartPayment {
    /// The order to pay.
    pub order: OrderId,
    /// The provider's name; 32 bytes at most.
    pub provider: String,
    /// The method's name; 32 bytes at most.
    pub method: String,
}

/// Notes the gateway's answer to the creation of a payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordPayment {
    /// The payment.
    pub payment: PaymentId,
    /// The gateway's own id for it; 128 bytes at most.
    pub provider_ref: String,
    /// Where the shopper pays; 1 KiB at most.
    pub confirmation_url: String,
}

/// Ends a payment as the gateway says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settle {
    /// The payment.
    pub payment: PaymentId,
    /// What the gateway says, read back from it.
    pub result: GatewayResult,
}

/// A payment's end at the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum GatewayResult {
    /// The money was taken.
    Captured {
        /// How much, in minor units of the event's currency.
        amount_minor: i64,
    },
    /// No money was taken.
    Canceled {
        /// The gateway's reason, a short word.
        reason: String,
    },
}

/// Notes what became of a refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordRefund {
    /// The refund.
    pub refund: RefundId,
    /// What happened.
    pub result: RefundResult,
}

/// One attempt's end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefundResult {
    /// The gateway gave the money back.
    Succeeded,
    /// It did not; it is tried again.
    Failed {
        /// Why, for people; 200 bytes at most.
        error: String,
    },
    /// It never will; a person must look.
    Dead {
        /// Why, for people; 200 bytes at most.
        error: String,
    },
}

/// Trims the outbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledge {
    /// Everything up to here, inclusive, is committed in PostgreSQL.
    pub up_to: FeedPosition,
}
