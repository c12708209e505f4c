//! Every refusal and failure of the grid has the status and code that the contract names.

use axum::response::IntoResponse;
use http_api::{Code, from_grid, from_refusal};
use inventory::{
    EventNo, OrderStatus, PaymentId, RefundStatus, Refusal, SeatIx, SeatStatus, WaitId,
};
use processing_unit::GridError;
use serde_json::{Value, json};

async fn told(problem: http_api::Problem) -> (u16, Value, bool) {
    let response = problem.into_response();
    let (status, retry) =
        (response.status().as_u16(), response.headers().contains_key("retry-after"));
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.expect("a body");
    (status, serde_json::from_slice(&bytes).expect("JSON"), retry)
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table, a line for each refusal")]
async fn refusals_by_table() {
    let payment = PaymentId { event: EventNo(1), no: 5 };
    let taken = vec![(SeatIx(3), SeatStatus::Held), (SeatIx(4), SeatStatus::Sold)];
    let seats =
        json!({"seats": [{"id": "B-4-3", "status": "held"}, {"id": "B-4-4", "status": "sold"}]});
    let opens_at = json!({"opens_at": "1970-01-01T00:00:00.000Z"});
    let reason = json!({"detail": "x"});
    let limit = json!({"limit": 6, "scope": "hold"});
    let paid = json!({"order_status": "paid"});
    let person = json!({"limit": 4, "has": 3, "scope": "person"});
    let until = json!({"until": "1970-01-01T00:00:00.000Z"});
    let wrong = json!({"seats": [{"id": "B-4-3", "status": "held"}]});
    let pending = json!({"refund_status": "pending"});
    let entry = WaitId { event: EventNo(1), no: 6 };
    #[rustfmt::skip]
    let table = [
        (Refusal::IdempotencyConflict, 422, "idempotency_conflict", json!({})),
        (Refusal::IdempotencyWindowExpired, 409, "idempotency_window_expired", json!({})),
        (Refusal::EventNotFound, 404, "event_not_found", json!({})),
        (Refusal::SaleDiffers, 412, "version_mismatch", json!({})),
        (Refusal::SaleInvalid { reason: "x".into() }, 400, "invalid_request", reason),
        (Refusal::SaleNotOpen { opens_at_ms: 0 }, 409, "sale_not_open", opens_at),
        (Refusal::SaleClosed, 409, "sale_closed", json!({})),
        (Refusal::PlanChanged { version: 4 }, 412, "version_mismatch", json!({"plan_version": 4})),
        (Refusal::SeatsInvalid, 400, "invalid_request", json!({})),
        (Refusal::LimitPerHold { max: 6 }, 409, "limit_per_person", limit),
        (Refusal::SeatTaken { seats: taken }, 409, "seat_taken", seats),
        (Refusal::NotEnoughSeats, 409, "not_enough_seats", json!({})),
        (Refusal::PersistenceBacklog, 503, "persistence_backlog", json!({})),
        (Refusal::HoldNotFound, 404, "hold_not_found", json!({})),
        (Refusal::HoldExpired, 410, "hold_expired", json!({})),
        (Refusal::OrderNotFound, 404, "order_not_found", json!({})),
        (Refusal::OrderState { status: OrderStatus::Paid }, 409, "order_state", paid),
        (Refusal::PaymentPending { payment }, 409, "payment_pending", json!({"payment": "p1-5"})),
        (Refusal::PaymentAttempts, 409, "order_state", json!({})),
        (Refusal::PaymentNotFound, 404, "payment_not_found", json!({})),
        (Refusal::RefundNotFound, 404, "refund_not_found", json!({})),
        (Refusal::TooLong, 400, "invalid_request", json!({})),
        (Refusal::TextInvalid, 400, "invalid_request", json!({})),
        (Refusal::SalePaused, 409, "sale_paused", json!({})),
        (Refusal::EventCancelled, 409, "event_cancelled", json!({})),
        (Refusal::EventMoved, 503, "no_leader", json!({})),
        (Refusal::EventPresent, 412, "version_mismatch", json!({})),
        (Refusal::TooMany, 503, "overloaded", json!({})),
        (Refusal::LimitPerPerson { max: 4, has: 3 }, 409, "limit_per_person", person),
        (Refusal::HoldBudget { until_ms: 0 }, 429, "rate_limited", until),
        (Refusal::ExtensionNotAllowed, 409, "extension_not_allowed", json!({})),
        (Refusal::CodeUnknown, 409, "code_invalid", json!({})),
        (Refusal::CodeNotValid, 409, "code_invalid", json!({})),
        (Refusal::CodeUsedUp, 409, "code_used_up", json!({})),
        (Refusal::CompanionAlone, 409, "companion_alone", json!({})),
        (Refusal::SeatsWrong { seat: SeatIx(3), status: SeatStatus::Held }, 409, "seat_taken", wrong),
        (Refusal::PlanLosesSeat { seat: SeatIx(3) }, 412, "version_mismatch", json!({"seat": "B-4-3"})),
        (Refusal::WaitlistOff, 409, "waitlist_state", json!({})),
        (Refusal::WaitlistTwice { entry }, 409, "waitlist_state", json!({"entry": "w1-6"})),
        (Refusal::SeatsFree, 409, "waitlist_state", json!({})),
        (Refusal::KeptForWaitlist, 409, "not_enough_seats", json!({})),
        (Refusal::WaitNotFound, 404, "not_found", json!({})),
        (Refusal::NoOffer, 409, "offer_gone", json!({})),
        (Refusal::RefundState { status: RefundStatus::Pending }, 409, "order_state", pending),
        (Refusal::QueueRequired, 403, "queue_required", json!({})),
        (Refusal::QueueOff, 404, "not_found", json!({})),
        (Refusal::QueuePlaceNotFound, 404, "not_found", json!({})),
        (Refusal::OutOfRange, 400, "invalid_request", json!({})),
        (Refusal::NotEnoughAdjacent, 409, "not_enough_adjacent", json!({})),
    ];
    for (refusal, status, code, facts) in table {
        let problem = from_refusal(&refusal, |seat| format!("B-4-{}", seat.0));
        let (got, body, retry) = told(problem).await;
        assert_eq!((got, body["code"].as_str()), (status, Some(code)), "{refusal:?}");
        for (name, value) in facts.as_object().expect("an object") {
            assert_eq!(&body[name], value, "{refusal:?}");
        }
        assert_eq!(retry, matches!(status, 429 | 503), "{refusal:?}");
    }
}

#[tokio::test]
async fn failures_by_table() {
    #[rustfmt::skip]
    let table = [
        (GridError::NoLeader, 503, "no_leader"),
        (GridError::Overloaded, 503, "overloaded"),
        (GridError::Unknown, 503, "outcome_unknown"),
        (GridError::NotActive, 503, "version_inactive"),
        (GridError::TooLarge, 413, "too_large"),
        (GridError::NotFound, 404, "hold_not_found"),
        (GridError::Protocol("x".into()), 500, "internal"),
    ];
    for (error, status, code) in table {
        let (got, body, retry) = told(from_grid(error.clone(), Code::HoldNotFound)).await;
        assert_eq!((got, body["code"].as_str()), (status, Some(code)), "{error}");
        assert_eq!(retry, matches!(status, 429 | 503), "{error}");
    }
}
