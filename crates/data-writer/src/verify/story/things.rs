//! Holds, orders, payments and refunds as the ledger tells of them. Small: a year has millions.

/// Who has a seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::verify) enum SeatOwner {
    /// Nobody.
    #[default]
    Nobody,
    /// A hold.
    Hold(u64),
    /// An order.
    Order(u64),
    /// The organiser keeps it back.
    Blocked,
    /// An order gave it back. Free or kept back: the ledger does not tell which.
    Returned,
    /// The organiser took it out of the sale for good.
    Withdrawn,
}

impl SeatOwner {
    /// Whether somebody holds or owns it.
    pub(super) fn is_taken(self) -> bool {
        matches!(self, Self::Hold(_) | Self::Order(_))
    }

    pub(super) fn may_be_free(self) -> bool {
        matches!(self, Self::Nobody | Self::Returned)
    }

    pub(super) fn may_be_blocked(self) -> bool {
        matches!(self, Self::Blocked | Self::Returned)
    }
}

/// A hold that lives, or had an order.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct HoldState {
    /// Seats it still has.
    pub(super) held: u32,
    /// Their prices.
    pub(super) total_minor: i64,
    pub(super) order: Option<u64>,
    /// The payment whose money waits for its answer.
    pub(super) offered_for: Option<u64>,
}

/// An order.
#[derive(Debug, Clone, Copy)]
pub(in crate::verify) struct OrderState {
    pub(in crate::verify) hold: u64,
    pub(in crate::verify) total_minor: i64,
    pub(in crate::verify) status: OrderWord,
    /// Seats at placing, less those that it gave back for good.
    pub(super) seats: u32,
    /// Seats sold to it and not taken back.
    pub(super) sold: u32,
    /// Seats taken from it that others come for.
    pub(super) moving: u32,
    /// It gave seats back for good.
    pub(super) gave_back: bool,
    /// The payment that bought them.
    pub(super) bought_by: Option<u64>,
    /// A refund of its money has succeeded.
    pub(super) money_back: bool,
}

impl OrderState {
    /// Whether money settled it, or it costs nothing.
    pub(super) fn is_paid_for(&self) -> bool {
        self.bought_by.is_some() || self.total_minor == 0
    }
}

/// An order's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::verify) enum OrderWord {
    Pending,
    Paid,
    Cancelled,
    Expired,
    RefundPending,
    Refunded,
    PartiallyRefunded,
}

impl OrderWord {
    pub(super) fn of(word: &str) -> Option<Self> {
        Some(match word {
            "pending_payment" => Self::Pending,
            "paid" => Self::Paid,
            "cancelled" => Self::Cancelled,
            "expired" => Self::Expired,
            "refund_pending" => Self::RefundPending,
            "refunded" => Self::Refunded,
            "partially_refunded" => Self::PartiallyRefunded,
            _ => return None,
        })
    }

    pub(in crate::verify) fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending_payment",
            Self::Paid => "paid",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::RefundPending => "refund_pending",
            Self::Refunded => "refunded",
            Self::PartiallyRefunded => "partially_refunded",
        }
    }

    /// Ended without seats and without money.
    pub(super) fn gave_up(self) -> bool {
        matches!(self, Self::Cancelled | Self::Expired)
    }
}

/// What became of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::verify) enum PaymentEnd {
    Pending,
    Canceled,
    Confirmed,
    Retaken,
    Refunded,
    /// Money came and waits for other seats to be taken or declined.
    Offered,
    /// Other seats were taken for it.
    Swapped,
}

impl PaymentEnd {
    pub(super) fn of(word: &str) -> Option<Self> {
        Some(match word {
            "canceled" => Self::Canceled,
            "confirmed" => Self::Confirmed,
            "retaken" => Self::Retaken,
            "refunded" => Self::Refunded,
            "succeeded" => Self::Offered,
            "swapped" => Self::Swapped,
            _ => return None,
        })
    }

    /// Whether a payment that stands here may end so.
    pub(super) fn may_become(self, end: Self) -> bool {
        match self {
            // A gateway may take its "no" back; money that came is final.
            Self::Pending | Self::Canceled => !matches!(end, Self::Pending | Self::Swapped),
            Self::Offered => matches!(end, Self::Swapped | Self::Refunded),
            Self::Confirmed | Self::Retaken | Self::Refunded | Self::Swapped => false,
        }
    }

    /// Whether the money bought seats.
    pub(super) fn bought(self) -> bool {
        matches!(self, Self::Confirmed | Self::Retaken | Self::Swapped)
    }

    /// `status` and `settled_as` of `grid.payment`.
    pub(in crate::verify) fn words(self) -> (&'static str, Option<&'static str>) {
        match self {
            // The table tells of an end only when the money has become something.
            Self::Pending | Self::Offered => ("pending", None),
            Self::Canceled => ("canceled", None),
            Self::Confirmed => ("succeeded", Some("confirmed")),
            Self::Retaken => ("succeeded", Some("retaken")),
            Self::Refunded => ("succeeded", Some("refunded")),
            Self::Swapped => ("succeeded", Some("swapped")),
        }
    }
}

/// A payment.
#[derive(Debug, Clone, Copy)]
pub(in crate::verify) struct PaymentState {
    pub(in crate::verify) order: u64,
    pub(in crate::verify) amount_minor: i64,
    pub(in crate::verify) end: PaymentEnd,
    pub(in crate::verify) captured_minor: i64,
    /// The hold of the seats offered for it.
    pub(super) offer: Option<u64>,
    /// Sum of refunds that were decided.
    pub(super) decided_minor: i64,
    /// Sum of refunds that succeeded.
    pub(super) returned_minor: i64,
}

/// A refund.
#[derive(Debug, Clone, Copy)]
pub(in crate::verify) struct RefundState {
    pub(in crate::verify) payment: u64,
    pub(in crate::verify) amount_minor: i64,
    pub(in crate::verify) status: &'static str,
}
