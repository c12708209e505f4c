//! What may be taken from a gateway's notification: the kind of event and the id of the object.
//!
//! Anyone can post to a webhook address, so nothing here says whether the event is true; the
//! caller reads the object from the gateway and acts on that alone.

/// The kind of event that a notification claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// Money was reserved.
    PaymentWaitingForCapture,
    /// Money was taken.
    PaymentSucceeded,
    /// The payment came to nothing.
    PaymentCanceled,
    /// Money went back.
    RefundSucceeded,
}

impl EventKind {
    /// Whether the object is a refund; else it is a payment.
    pub fn is_refund(self) -> bool {
        match self {
            Self::RefundSucceeded => true,
            Self::PaymentWaitingForCapture | Self::PaymentSucceeded | Self::PaymentCanceled => {
                false
            }
        }
    }
}

/// A hint to read an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// What is claimed to have happened.
    pub kind: EventKind,
    /// The gateway's id of the payment or, for refund events, of the refund. Safe to put into an
    /// address path: letters, digits, `-` and `_` only, at most 128.
    pub provider_ref: String,
    /// The gateway's id of the payment, for refund events as well where the body names it.
    pub payment_ref: Option<String>,
    /// Our payment id as the body claims it. Good for finding our record quickly, for no more.
    pub payment_id: Option<String>,
}

/// Why a body is not a usable notification.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotificationError {
    /// Larger than any true notification.
    #[error("notification of {bytes} bytes is larger than {bytes_max}")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// Not the gateway's form.
    #[error("notification is malformed: {detail}")]
    Malformed {
        /// What is wrong.
        detail: String,
    },
    /// The gateway's form, but an event that nobody here acts upon.
    #[error("notification of an event that is not handled: {event}")]
    UnknownEvent {
        /// The event's name, cut to 64 characters.
        event: String,
    },
}

/// Why a notification does not count as the gateway's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Forged {
    /// It carries no signature.
    #[error("notification is not signed")]
    Unsigned,
    /// The signature does not fit the body under any of our keys.
    #[error("notification has a wrong signature")]
    WrongSignature,
    /// Signed too long ago, or in the future: perhaps a recorded one, sent again.
    #[error("notification was signed at another time")]
    Stale,
}
