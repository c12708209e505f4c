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
}

/// A hold that lives, or had an order.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct HoldState {
    /// Seats it still has.
    pub(super) held: u32,
    /// Their prices.
    pub(super) total_minor: i64,
    pub(super) order: Option<u64>,
}

/// An order.
#[derive(Debug, Clone, Copy)]
pub(in crate::verify) struct OrderState {
    pub(in crate::verify) hold: u64,
    pub(in crate::verify) total_minor: i64,
    pub(in crate::verify) status: OrderWord,
    /// Seats at placing.
    pub(super) seats: u32,
    /// Seats sold to it and not taken back.
    pub(super) sold: u32,
    /// The payment that bought them.
    pub(super) bought_by: Option<u64>,
    /// A refund of its money has succeeded.
    pub(super) money_back: bool,
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
}

impl PaymentEnd {
    pub(super) fn of(word: &str) -> Option<Self> {
        Some(match word {
            "canceled" => Self::Canceled,
            "confirmed" => Self::Confirmed,
            "retaken" => Self::Retaken,
            "refunded" => Self::Refunded,
            _ => return None,
        })
    }

    /// `status` and `settled_as` of `grid.payment`.
    pub(in crate::verify) fn words(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Pending => ("pending", None),
            Self::Canceled => ("canceled", None),
            Self::Confirmed => ("succeeded", Some("confirmed")),
            Self::Retaken => ("succeeded", Some("retaken")),
            Self::Refunded => ("succeeded", Some("refunded")),
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
    /// Sum of refunds that succeeded.
    pub(super) returned_minor: i64,
    /// Whether a refund was decided.
    pub(super) has_refund: bool,
}

/// A refund.
#[derive(Debug, Clone, Copy)]
pub(in crate::verify) struct RefundState {
    pub(in crate::verify) payment: u64,
    pub(in crate::verify) amount_minor: i64,
    pub(in crate::verify) status: &'static str,
}
