//! What is asked about money: payments, their end, refunds.

use serde::{Deserialize, Serialize};

use crate::{OrderId, PaymentId, RefundId, SeatIx};

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
    /// The money was taken, but the gateway's object contradicts our record (currency, order,
    /// reference): it never buys anything and goes back.
    Mismatched {
        /// How much, in minor units.
        amount_minor: i64,
    },
}

/// Notes what became of a refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordRefund {
    /// The refund.
    pub refund: RefundId,
    /// What happened.
    pub result: RefundResult,
    /// Failed attempts known when this one began, so that a repeated report counts once; `None`
    /// counts always.
    pub attempt: Option<u32>,
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
    /// The gateway canceled it for good under its key; it is tried again under a new one.
    Canceled {
        /// Why, for people; 200 bytes at most.
        error: String,
    },
}

/// Answers the offer of other seats for late money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerOffer {
    /// The payment whose money bought nothing yet.
    pub payment: PaymentId,
    /// Whether to take the seats; otherwise the money goes back.
    pub accept: bool,
}

/// Takes seats back from an order and gives their money back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundSeats {
    /// The order.
    pub order: OrderId,
    /// Which of its seats; empty means all.
    pub seats: Vec<SeatIx>,
    /// How much of each seat's price goes back, in hundredths of a percent: 0 to 10,000.
    pub share_basis_points: u16,
    /// Whether the fee goes back in the same share.
    pub with_fee: bool,
    /// Whether the seats are kept back instead of sold again.
    pub block: bool,
}

/// Tries a refund again that was given up, under a new key at the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryRefund {
    /// The refund.
    pub refund: RefundId,
}
