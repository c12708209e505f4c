//! What can be asked of a shard: one variant per command, one file of rules per variant.
//!
//! Commands carry numbers, not names: routers turn seat ids into indices with the immutable plan.

mod money;
mod queue;
mod recovery;
mod sale;
mod shopping;
mod staff;

use serde::{Deserialize, Serialize};

pub use money::{
    AnswerOffer, GatewayResult, RecordPayment, RecordRefund, RefundResult, RefundSeats,
    RetryRefund, Settle, StartPayment,
};
pub use queue::{EnterQueue, OpenQueue, QueueRules, TakeTurn};
pub use recovery::{Bind, LimitOutbox, RecoverBegin, RecoverEvent, RecoverPiece, RecoveredThings};
pub use sale::{
    Code, CodeKind, Discount, Extension, Fee, GuestIdentity, HoldBudget, OpenSale, PutCodes,
    ReplacePlan, Sale, SaleRules, SetWindow,
};
pub use shopping::{
    Best, CancelOrder, Choice, ExtendHold, HoldSeats, JoinWaitlist, LeaveWaitlist, PlaceOrder,
    ReleaseHold, SwapSeats,
};
pub use staff::{
    BlockSeats, CancelEvent, Fence, PauseSale, ReassignSeats, RemoveSeats, ResumeSale, SeatSet,
    SetPersonLimit, UnblockSeats, Unfence,
};

use crate::{EventNo, FeedPosition};

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
    /// Grants no holds until the sale is resumed.
    PauseSale(PauseSale),
    /// Grants holds again.
    ResumeSale(ResumeSale),
    /// Marks an event as living in another shard.
    Fence(Fence),
    /// Lets a fenced event be opened here again.
    Unfence(Unfence),
    /// Exchanges a hold's seats in one step.
    SwapSeats(SwapSeats),
    /// Gives a hold more time.
    ExtendHold(ExtendHold),
    /// Gives one person another limit of seats.
    SetPersonLimit(SetPersonLimit),
    /// Moves the times between which holds are granted.
    SetWindow(SetWindow),
    /// Adds or changes promo and presale codes.
    PutCodes(PutCodes),
    /// Keeps free seats back.
    BlockSeats(BlockSeats),
    /// Gives blocked seats to the public.
    UnblockSeats(UnblockSeats),
    /// Takes seats out of the sale for good, from their owners too.
    RemoveSeats(RemoveSeats),
    /// Moves an order to other seats.
    ReassignSeats(ReassignSeats),
    /// Extends or corrects the plan.
    ReplacePlan(ReplacePlan),
    /// Waits for seats to come back.
    JoinWaitlist(JoinWaitlist),
    /// Waits no longer.
    LeaveWaitlist(LeaveWaitlist),
    /// Takes or declines the seats offered for late money.
    AnswerOffer(AnswerOffer),
    /// Takes seats back from an order and gives their money back.
    RefundSeats(RefundSeats),
    /// Tries a refund again that was given up.
    RetryRefund(RetryRefund),
    /// Ends an event: holds, orders, then refunds, in bounded steps.
    CancelEvent(CancelEvent),
    /// Says which database the shard is written to.
    Bind(Bind),
    /// Brings an event back from the database, piece by piece.
    Recover(RecoverEvent),
    /// Says how many records may wait for the database.
    LimitOutbox(LimitOutbox),
    /// Puts a waiting room in front of a sale.
    OpenQueue(OpenQueue),
    /// Takes a place in the waiting room.
    EnterQueue(EnterQueue),
    /// Takes a turn that has come.
    TakeTurn(TakeTurn),
}

impl Command {
    /// The event that it is about; `None` when it is about the whole shard.
    pub fn event(&self) -> Option<EventNo> {
        let event = match self {
            Self::ExpireHolds | Self::Acknowledge(_) | Self::Bind(_) | Self::LimitOutbox(_) => {
                return None;
            }
            Self::OpenSale(c) => c.event,
            Self::Hold(c) => c.event,
            Self::ReleaseHold(c) => c.hold.event,
            Self::SwapSeats(c) => c.hold.event,
            Self::ExtendHold(c) => c.hold.event,
            Self::PlaceOrder(c) => c.hold.event,
            Self::CancelOrder(c) => c.order.event,
            Self::StartPayment(c) => c.order.event,
            Self::RecordPayment(c) => c.payment.event,
            Self::Settle(c) => c.payment.event,
            Self::AnswerOffer(c) => c.payment.event,
            Self::RecordRefund(c) => c.refund.event,
            Self::RefundSeats(c) => c.order.event,
            Self::RetryRefund(c) => c.refund.event,
            Self::JoinWaitlist(c) => c.event,
            Self::LeaveWaitlist(c) => c.entry.event,
            Self::PauseSale(c) => c.event,
            Self::ResumeSale(c) => c.event,
            Self::Fence(c) => c.event,
            Self::Unfence(c) => c.event,
            Self::SetPersonLimit(c) => c.event,
            Self::SetWindow(c) => c.event,
            Self::PutCodes(c) => c.event,
            Self::BlockSeats(c) => c.event,
            Self::UnblockSeats(c) => c.event,
            Self::RemoveSeats(c) => c.event,
            Self::ReassignSeats(c) => c.order.event,
            Self::ReplacePlan(c) => c.event,
            Self::CancelEvent(c) => c.event,
            Self::Recover(c) => c.event,
            Self::OpenQueue(c) => c.event,
            Self::EnterQueue(c) => c.event,
            Self::TakeTurn(c) => c.place.event,
        };
        Some(event)
    }
}

/// Trims the outbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledge {
    /// Everything up to here, inclusive, is committed in PostgreSQL.
    pub up_to: FeedPosition,
}
