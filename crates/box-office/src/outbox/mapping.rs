//! What is told to whom: from a turn of a waiting list and from rows of the ledger to notices. Pure.

use std::collections::BTreeMap;

use processing_unit::Turn;
use serde_json::{Value, json};
use sqlx::FromRow;

/// A notice to write.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fresh {
    pub(super) about: String,
    pub(super) event_id: String,
    pub(super) kind: &'static str,
    pub(super) facts: Value,
    pub(super) contact: Vec<u8>,
    pub(super) sealed_to: String,
    pub(super) once: String,
    pub(super) at_ms: i64,
}

/// A row of the ledger that somebody may have to be told of.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub(crate) struct LedgerRow {
    pub(crate) log_index: i64,
    pub(crate) ordinal: i32,
    pub(crate) event_id: String,
    pub(crate) kind: String,
    pub(crate) status: String,
    pub(crate) order_id: Option<String>,
    pub(crate) hold_id: Option<String>,
    pub(crate) payment_id: Option<String>,
    pub(crate) refund_id: Option<String>,
    pub(crate) seat_id: Option<String>,
    pub(crate) amount_minor: Option<i64>,
    pub(crate) at_ms: i64,
    /// The order's, where there is one.
    pub(crate) contact: Option<Vec<u8>>,
    /// The hold that the order came from.
    pub(crate) order_hold: Option<String>,
    /// What has become of the order by now.
    pub(crate) order_status: Option<String>,
    pub(crate) currency: Option<String>,
}

/// What somebody whose turn has come is told.
pub(super) fn of_turn(turn: &Turn) -> Fresh {
    let (event, entry, hold) = (turn.event, &turn.entry, &turn.hold);
    let about = inventory::WaitId { event, no: entry.no }.to_string();
    let hold_id = inventory::HoldId { event, no: hold.no }.to_string();
    Fresh {
        once: format!("turn {about} {hold_id}"),
        facts: json!({ "hold_id": hold_id, "until_ms": hold.expires_at_ms,
            "number": hold.seats.len() }),
        kind: "turn_came",
        event_id: turn.event_id.clone(),
        contact: entry.contact.clone(),
        sealed_to: format!("wait:{}-{:032x}", event.0, entry.person),
        at_ms: i64::try_from(hold.granted_at_ms).unwrap_or(i64::MAX),
        about,
    }
}

/// One notice for what happened to one owner in one log entry.
pub(super) fn of_ledger(shard: i32, rows: &[LedgerRow]) -> Vec<Fresh> {
    let mut at_once: BTreeMap<(i64, &'static str, String), Fresh> = BTreeMap::new();
    for row in rows {
        let Some((kind, about)) = kind_and_owner(row) else { continue };
        let fresh = at_once.entry((row.log_index, kind, about.clone())).or_insert_with(|| Fresh {
            // The first row's place names it, since an entry may come in two parts.
            once: format!("ledger {shard} {}-{} {kind} {about}", row.log_index, row.ordinal),
            kind,
            event_id: row.event_id.clone(),
            facts: facts(row),
            contact: row.contact.clone().unwrap_or_default(),
            sealed_to: row.order_hold.as_ref().map_or_else(String::new, |id| format!("hold:{id}")),
            at_ms: row.at_ms,
            about,
        });
        if let (Some(seat), Some(seats)) = (&row.seat_id, fresh.facts["seats"].as_array_mut()) {
            seats.push(json!(seat));
        }
    }
    at_once.into_values().collect()
}

/// What to tell and whom; `None` for what concerns nobody outside.
fn kind_and_owner(row: &LedgerRow) -> Option<(&'static str, String)> {
    let order = row.order_id.clone();
    // The order may have gone on since: money that comes a moment late takes its seats again.
    let is = |status: &str| row.order_status.as_deref() == Some(status);
    match (row.kind.as_str(), row.status.as_str()) {
        ("seat_sold", _) => Some(("purchase_confirmed", order?)),
        ("seat_removed", "reassigned") => Some(("seats_moved", order?)),
        ("seat_removed", _) => Some(("seats_removed", order?)),
        ("seat_refunded", "event_cancelled") => Some(("event_cancelled", order?)),
        ("seat_refunded", _) => Some(("seats_refunded", order?)),
        ("refund_pending", _) => Some(("refund_started", order?)),
        ("refund_succeeded", _) => Some(("money_returned", order?)),
        ("refund_dead", _) => Some(("refund_failed", order?)),
        ("order_expired", _) if is("paid") => None,
        ("order_expired", _) => Some(("hold_expired", order?)),
        // A payment that ends because its order did, or beside another one, is no news.
        ("payment_settled", "canceled") => {
            is("pending_payment").then_some(())?;
            Some(("payment_failed", order?))
        }
        ("payment_settled", "retaken" | "refunded" | "succeeded") => Some(("payment_late", order?)),
        ("hold_withdrawn", _) => Some(("hold_withdrawn", row.hold_id.clone()?)),
        (_, _) => None,
    }
}

fn facts(row: &LedgerRow) -> Value {
    let (amount_minor, currency) = (row.amount_minor, &row.currency);
    match (&row.refund_id, &row.payment_id) {
        (Some(refund), _) => {
            json!({ "refund_id": refund, "amount_minor": amount_minor, "currency": currency })
        }
        (None, Some(payment)) => json!({ "payment_id": payment, "settled_as": row.status,
            "amount_minor": amount_minor, "currency": currency }),
        (None, None) => json!({ "seats": [] }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(kind: &str, status: &str, seat: &str) -> LedgerRow {
        LedgerRow {
            log_index: 7,
            ordinal: 0,
            event_id: "gala".into(),
            kind: kind.into(),
            status: status.into(),
            order_id: Some("o1-5".into()),
            hold_id: Some("h1-4".into()),
            payment_id: None,
            refund_id: None,
            seat_id: Some(seat.into()),
            amount_minor: Some(100),
            at_ms: 9,
            contact: Some(vec![1]),
            order_hold: Some("h1-4".into()),
            order_status: Some("pending_payment".into()),
            currency: Some("RUB".into()),
        }
    }

    #[test]
    fn what_happened_to_one_owner_at_once_is_one_notice() {
        let rows = [
            row("seat_removed", "removed", "A-1-1"),
            row("seat_removed", "removed", "A-1-2"),
            row("seat_removed", "reassigned", "A-1-3"),
            row("hold_withdrawn", "free", "A-1-4"),
            row("seat_sold", "sold", "A-1-5"),
        ];
        let told = of_ledger(2, &rows);
        let words: Vec<_> =
            told.iter().map(|one| (one.kind, one.about.as_str(), &one.facts)).collect();
        assert_eq!(
            words,
            [
                ("hold_withdrawn", "h1-4", &json!({"seats": ["A-1-4"]})),
                ("purchase_confirmed", "o1-5", &json!({"seats": ["A-1-5"]})),
                ("seats_moved", "o1-5", &json!({"seats": ["A-1-3"]})),
                ("seats_removed", "o1-5", &json!({"seats": ["A-1-1", "A-1-2"]})),
            ]
        );
        assert_eq!(told[3].sealed_to, "hold:h1-4");
        assert_eq!(of_ledger(2, &rows), told, "and the same however often it is looked at");
    }

    #[test]
    fn causes_have_words_of_their_own() {
        for (kind, status, word) in [
            ("seat_refunded", "event_cancelled", Some("event_cancelled")),
            ("seat_refunded", "refunded", Some("seats_refunded")),
            ("refund_succeeded", "succeeded", Some("money_returned")),
            ("refund_pending", "pending", Some("refund_started")),
            ("refund_failed", "pending", None),
            ("refund_dead", "dead", Some("refund_failed")),
            ("order_expired", "expired", Some("hold_expired")),
            ("payment_settled", "canceled", Some("payment_failed")),
            ("payment_settled", "confirmed", None),
            ("payment_settled", "retaken", Some("payment_late")),
            ("payment_settled", "refunded", Some("payment_late")),
            ("payment_settled", "succeeded", Some("payment_late")),
            ("payment_settled", "swapped", None),
        ] {
            let found = kind_and_owner(&row(kind, status, "A-1-1"));
            assert_eq!(found.map(|(word, _)| word), word, "{kind} {status}");
        }
    }

    #[test]
    fn a_payment_that_ends_with_its_order_and_a_hold_whose_order_is_paid_are_no_news() {
        for (kind, word, status) in [
            ("payment_settled", "canceled", "expired"),
            ("payment_settled", "canceled", "cancelled"),
            ("payment_settled", "canceled", "paid"),
            ("order_expired", "expired", "paid"),
        ] {
            let mut row = row(kind, word, "A-1-1");
            row.order_status = Some(status.into());
            assert_eq!(kind_and_owner(&row), None, "{kind} of an order that is {status}");
        }
    }
}
