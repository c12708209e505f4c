//! Orders, payments and refunds as the shard remembers them.

use serde::{Deserialize, Serialize};

use crate::{Fee, PricedSeat};

/// An order: seats at frozen prices, waiting for or backed by money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Number within the event.
    pub no: u64,
    /// The hold it came from.
    pub hold: u64,
    /// Its seats in plan order: those it waits for or owns, or had when it ended unpaid.
    pub seats: Vec<PricedSeat>,
    /// Seats that it owned or wanted and let go: taken back, or exchanged for others.
    pub left: Vec<PricedSeat>,
    /// Sum of the prices with fees, as placed.
    pub total_minor: i64,
    /// What was frozen with the prices.
    pub terms: FrozenTerms,
    /// The hold of other seats offered to it for late money.
    pub offer: Option<u64>,
    /// Where it stands.
    pub status: OrderStatus,
    /// The buyer's sealed contact.
    pub contact: Vec<u8>,
    /// The buying account, if any.
    pub buyer: Option<u128>,
    /// When it was placed, milliseconds since 1970.
    pub created_at_ms: u64,
    /// The deadline of its hold.
    pub expires_at_ms: u64,
    /// When money made it paid.
    pub paid_at_ms: Option<u64>,
    /// Its payments' numbers, oldest first.
    pub payments: Vec<u64>,
    /// Its refunds' numbers, oldest first.
    pub refunds: Vec<u64>,
    /// The event's version at its last change.
    pub version: u64,
}

/// What a hold froze beside its prices; goes over to its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FrozenTerms {
    /// The person whose limits it counts against.
    pub person: Option<u128>,
    /// The promo code it used, by hash.
    pub promo: Option<u128>,
    /// How many seats the promo code made cheaper.
    pub promo_seats: u16,
    /// How much the promo code took off, in minor units.
    pub discount_minor: i64,
    /// The presale code that let it in, by hash.
    pub presale: Option<u128>,
    /// The fee on each seat.
    pub fee: Fee,
}

impl FrozenTerms {
    /// What these seats cost with their fees.
    pub fn total_minor(&self, seats: &[PricedSeat]) -> i64 {
        seats.iter().map(|seat| seat.price_minor + self.fee.on(seat.price_minor)).sum()
    }
}

/// An order's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderStatus {
    /// Its seats are held until the deadline.
    PendingPayment,
    /// Its seats are sold to it.
    Paid,
    /// The shopper gave it up.
    Cancelled,
    /// The deadline passed without money.
    Expired,
    /// Money came that bought nothing; it is on its way back.
    RefundPending,
    /// All its money went back.
    Refunded,
    /// Some seats' money went back.
    PartiallyRefunded,
}

impl OrderStatus {
    /// The word used in HTTP and in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PendingPayment => "pending_payment",
            Self::Paid => "paid",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::RefundPending => "refund_pending",
            Self::Refunded => "refunded",
            Self::PartiallyRefunded => "partially_refunded",
        }
    }

    /// Whether it was paid and owns its seats.
    pub const fn owns_seats(self) -> bool {
        match self {
            Self::Paid | Self::PartiallyRefunded => true,
            Self::PendingPayment
            | Self::Cancelled
            | Self::Expired
            | Self::RefundPending
            | Self::Refunded => false,
        }
    }
}

/// One attempt to pay an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// Number within the event.
    pub no: u64,
    /// Its order's number.
    pub order: u64,
    /// The provider's name.
    pub provider: String,
    /// The method's name.
    pub method: String,
    /// How much, in minor units.
    pub amount_minor: i64,
    /// The gateway's id, once known.
    pub provider_ref: Option<String>,
    /// Where the shopper pays, once known.
    pub confirmation_url: Option<String>,
    /// Where it stands.
    pub status: PaymentStatus,
    /// What the captured money became; `None` also while other seats are offered for it.
    pub settled_as: Option<SettledAs>,
    /// How much the gateway took, in minor units.
    pub captured_minor: Option<i64>,
    /// Why it was canceled.
    pub cancel_reason: Option<String>,
    /// When it was started, milliseconds since 1970.
    pub started_at_ms: u64,
    /// When it ended.
    pub settled_at_ms: Option<u64>,
    /// The event's version at its last change.
    pub version: u64,
}

/// A payment's status, in the gateway's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PaymentStatus {
    /// Its end is not known yet.
    Pending,
    /// Money was taken.
    Succeeded,
    /// No money was taken.
    Canceled,
}

impl PaymentStatus {
    /// The word used in HTTP and in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Succeeded => "succeeded",
            Self::Canceled => "canceled",
        }
    }
}

/// What captured money became: exactly one of these (invariant I18).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SettledAs {
    /// The held seats.
    Confirmed,
    /// The same seats, which had returned and were still free.
    Retaken,
    /// A refund.
    Refunded,
    /// Other seats, offered and taken.
    Swapped,
}

impl SettledAs {
    /// The word used in HTTP and in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Retaken => "retaken",
            Self::Refunded => "refunded",
            Self::Swapped => "swapped",
        }
    }

    /// Whether the money bought seats.
    pub fn bought(self) -> bool {
        match self {
            Self::Confirmed | Self::Retaken | Self::Swapped => true,
            Self::Refunded => false,
        }
    }
}

/// Money on its way back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// Number within the event.
    pub no: u64,
    /// Grows when the gateway ended it for good without paying: event, number and this one make
    /// the idempotency key at the gateway. From 0.
    pub key_no: u32,
    /// The payment it gives back.
    pub payment: u64,
    /// That payment's order.
    pub order: u64,
    /// How much, in minor units.
    pub amount_minor: i64,
    /// Where it stands.
    pub status: RefundStatus,
    /// Attempts that failed.
    pub attempts: u32,
    /// The last failure, for people.
    pub last_error: Option<String>,
    /// When it was decided, milliseconds since 1970.
    pub created_at_ms: u64,
    /// The event's version at its last change.
    pub version: u64,
}

/// A refund's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefundStatus {
    /// To be carried out, or tried again.
    Pending,
    /// The gateway confirmed it.
    Succeeded,
    /// Given up; a person must look.
    Dead,
}

impl RefundStatus {
    /// The word used in HTTP and in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Succeeded => "succeeded",
            Self::Dead => "dead",
        }
    }
}
