//! The rules of seats: the state that a shard replicates and the commands that change it.
//!
//! Flow: a typed [`Command`] in an [`Envelope`] is committed to a shard's log by the grid, then every
//! replica calls [`State::apply`] with it, and the leader sends the [`Reply`] back. Nothing else
//! changes the state.
//!
//! This crate must never know a clock, a random number, I/O, async, floats, or an order that could
//! differ between two replicas. Time is the `at_ms` of the entry and never decreases.
#![deny(clippy::float_arithmetic, clippy::disallowed_types, clippy::disallowed_methods)]

mod bound;
pub mod codec;
mod command;
mod commands;
mod event;
mod ids;
mod invariants;
mod keys;
mod order;
mod outbox;
mod outcome;
mod plan;
mod priced;
mod row;
mod seats;
mod share;
mod snapshot;
mod state;
mod v1;

pub use bound::{Counts, LEDGER_RECORD_BYTES, Part};
pub use command::{
    Acknowledge, Actor, AnswerOffer, Best, Bind, BlockSeats, CancelEvent, CancelOrder, Choice,
    Code, CodeKind, Command, Discount, EnterQueue, Envelope, ExtendHold, Extension, Fee, Fence,
    GatewayResult, GuestIdentity, HoldBudget, HoldSeats, JoinWaitlist, LeaveWaitlist, LimitOutbox,
    OpenQueue, OpenSale, PauseSale, PlaceOrder, PutCodes, QueueRules, ReassignSeats, RecordPayment,
    RecordRefund, RecoverBegin, RecoverEvent, RecoverPiece, RecoveredThings, RefundResult,
    RefundSeats, ReleaseHold, RemoveSeats, ReplacePlan, RequestKey, ResumeSale, RetryRefund, Sale,
    SaleRules, SeatSet, SetPersonLimit, SetWindow, Settle, StartPayment, Subject, SwapSeats,
    TakeTurn, UnblockSeats, Unfence,
};
pub use commands::{ENDED_ORDERS_MAX, RECOVERY_MARGIN, WHOLE_BASIS_POINTS};
pub use event::{
    CancelProgress, CodeUse, DrawView, Drawn, DrawnPlace, Event, Hold, HoldEnd, HoldPurpose,
    QueueStand, Stand, WaitEntry,
};
pub use ids::{
    EventNo, HoldId, IdError, OrderId, PaymentId, QueueId, RefundId, SeatIx, TicketId, WaitId,
};
pub use keys::{KEY_HORIZON_MS, KEY_SKEW_MS, KEYS_MAX};
pub use order::{
    FrozenTerms, Order, OrderStatus, Payment, PaymentStatus, Refund, RefundStatus, SettledAs,
};
pub use outbox::{
    BACKLOG_AGE_MAX_MS, BACKLOG_FULL_PERCENT, Backlog, Change, Detail, FeedPosition, HoldDetail,
    LedgerRecord, PricedSeat, ReturnCause, SaleChange, WaitChange,
};
pub use outcome::{Held, HoldStep, OrderPlaced, Outcome, PaymentStarted, Refusal, Reply, Settled};
pub use plan::{
    PLAN_SEATS_MAX, Plan, PlanError, PlanIndex, ROW_SEATS_MAX, Row, Seat, Section, SectionKind,
    Tier,
};
pub use priced::PricedSeats;
pub use seats::{SeatCounts, SeatStatus, SeatTable};
pub use snapshot::{Frozen, RestoreError};
pub use state::{EXPIRE_BATCH_MAX, LEDGER_RECORDS_LIMITS, LEDGER_RECORDS_MAX, Stamp, State};
