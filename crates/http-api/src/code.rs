//! The table of stable problem codes. Clients branch on the code, so a code is never renamed and
//! never gets another status.

use http::StatusCode;

/// What the contract says about one code.
struct Row {
    code: &'static str,
    status: u16,
    title: &'static str,
    /// After how many seconds a retry makes sense, at least and at most.
    retry_after_s: Option<(u32, u32)>,
}

/// Turns the table below into the enum and its look-ups, so that a code is written once.
macro_rules! codes {
    ($($name:ident: $status:literal $code:literal, $retry:expr, $title:literal;)+) => {
        /// A problem's stable code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = $title] $name,)+
        }

        impl Code {
            /// Every code, in the order of the table.
            pub const fn all() -> &'static [Self] {
                &[$(Self::$name,)+]
            }

            const fn row(self) -> Row {
                match self {
                    $(Self::$name => Row {
                        code: $code,
                        status: $status,
                        title: $title,
                        retry_after_s: $retry,
                    },)+
                }
            }
        }
    };
}

/// Retrying does not help.
const NO: Option<(u32, u32)> = None;
/// The cause passes by itself within moments.
const SOON: Option<(u32, u32)> = Some((1, 3));
/// The cause lasts a while.
const LATER: Option<(u32, u32)> = Some((5, 15));

codes! {
    InvalidRequest: 400 "invalid_request", NO, "The request is not valid";
    IdempotencyKeyRequired: 400 "idempotency_key_required", NO, "An Idempotency-Key is required";
    Unauthenticated: 401 "unauthenticated", NO, "Sign in first";
    Forbidden: 403 "forbidden", NO, "This is not allowed";
    Csrf: 403 "csrf", NO, "The request did not come from our page";
    QueueRequired: 403 "queue_required", NO, "A turn in the waiting room is needed";
    EventNotFound: 404 "event_not_found", NO, "There is no such event";
    HoldNotFound: 404 "hold_not_found", NO, "There is no such hold";
    OrderNotFound: 404 "order_not_found", NO, "There is no such order";
    PaymentNotFound: 404 "payment_not_found", NO, "There is no such payment";
    RefundNotFound: 404 "refund_not_found", NO, "There is no such refund";
    TicketNotFound: 404 "ticket_not_found", NO, "There is no such ticket";
    ArtistNotFound: 404 "artist_not_found", NO, "There is no such artist";
    VenueNotFound: 404 "venue_not_found", NO, "There is no such venue";
    PlanNotFound: 404 "plan_not_found", NO, "There is no such plan";
    NotFound: 404 "not_found", NO, "There is nothing at this address";
    MethodNotAllowed: 405 "method_not_allowed", NO, "The address has no such method";
    RequestTimeout: 408 "request_timeout", NO, "The request did not arrive in time";
    SeatTaken: 409 "seat_taken", NO, "Some of the seats are not free";
    NotEnoughAdjacent: 409 "not_enough_adjacent", NO, "Not so many free seats side by side";
    NotEnoughSeats: 409 "not_enough_seats", NO, "Not so many free seats";
    LimitPerPerson: 409 "limit_per_person", NO, "That is above the limit";
    SaleNotOpen: 409 "sale_not_open", NO, "The sale is not open yet";
    SaleClosed: 409 "sale_closed", NO, "The sale is over";
    SalePaused: 409 "sale_paused", NO, "The sale is paused";
    EventCancelled: 409 "event_cancelled", NO, "The event is cancelled";
    CodeInvalid: 409 "code_invalid", NO, "The code does not work here and now";
    CodeUsedUp: 409 "code_used_up", NO, "The code was used as often as it may be";
    ExtensionNotAllowed: 409 "extension_not_allowed", NO, "The hold cannot be extended";
    CompanionAlone: 409 "companion_alone", NO, "These seats go with a wheelchair seat";
    WaitlistState: 409 "waitlist_state", NO, "The waiting list does not allow this";
    OfferGone: 409 "offer_gone", NO, "Nothing is offered for this payment";
    PriceChanged: 409 "price_changed", NO, "The price has changed";
    EventState: 409 "event_state", NO, "The event does not allow this";
    OrderState: 409 "order_state", NO, "The order does not allow this";
    PaymentPending: 409 "payment_pending", NO, "A payment of the order is under way";
    PaymentRefused: 409 "payment_refused", NO, "The payment provider refused the payment";
    IdempotencyWindowExpired: 409 "idempotency_window_expired", NO, "The key is too old";
    Taken: 409 "taken", NO, "It belongs to somebody else";
    OnlyWayIn: 409 "only_way_in", NO, "There would be no way to sign in";
    RefundRefused: 409 "refund_refused", NO, "These tickets are not taken back";
    RefusedUnsafe: 409 "refused_unsafe", NO, "That would cost service or data now";
    HoldExpired: 410 "hold_expired", NO, "The hold has expired";
    VersionMismatch: 412 "version_mismatch", NO, "It has changed meanwhile";
    TooLarge: 413 "too_large", NO, "The request is too large";
    UnsupportedMediaType: 415 "unsupported_media_type", NO, "The body must be application/json";
    IdempotencyConflict: 422 "idempotency_conflict", NO, "The key came with another body";
    PreconditionRequired: 428 "precondition_required", NO, "If-Match is required";
    RateLimited: 429 "rate_limited", SOON, "Too many requests";
    Internal: 500 "internal", NO, "Something went wrong on our side";
    Overloaded: 503 "overloaded", SOON, "Too busy right now; nothing happened";
    PersistenceBacklog: 503 "persistence_backlog", LATER, "New holds wait until records are safe";
    NoLeader: 503 "no_leader", SOON, "The shard has no leader right now; nothing happened";
    VersionInactive: 503 "version_inactive", LATER, "An upgrade is under way; nothing happened";
    DatabaseUnavailable: 503 "database_unavailable", LATER, "The database is not available";
    Unavailable: 503 "unavailable", SOON, "A part of the service is away; nothing happened";
    OutcomeUnknown: 503 "outcome_unknown", SOON, "The outcome is unknown; retry with the same key";
    Draining: 503 "draining", SOON, "This server is about to stop";
}

impl Code {
    /// The code as it is written.
    pub const fn as_str(self) -> &'static str {
        self.row().code
    }

    /// Its HTTP status.
    pub fn status(self) -> StatusCode {
        StatusCode::from_u16(self.row().status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Its short sentence, the same at every occurrence.
    pub const fn title(self) -> &'static str {
        self.row().title
    }

    /// The whole seconds between which `Retry-After` is drawn, so that a crowd does not come back
    /// in one second. `None` where a retry does not help.
    pub const fn retry_after_s(self) -> Option<(u32, u32)> {
        self.row().retry_after_s
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_differ_and_busy_ones_say_when_to_come_back() {
        let names: BTreeSet<&str> = Code::all().iter().map(|code| code.as_str()).collect();
        assert_eq!(names.len(), Code::all().len());
        for code in Code::all() {
            let busy = matches!(code.status().as_u16(), 429 | 503);
            assert_eq!(code.retry_after_s().is_some(), busy, "{code:?}");
            assert!(code.status().is_client_error() || code.status().is_server_error(), "{code:?}");
        }
    }
}
