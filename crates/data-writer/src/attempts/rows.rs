//! Attempts and decisions as ledger rows. Pure. Times are the routers', in whatever order they come;
//! only into a month that the chain has left none may fall, since months are archived as pieces of the
//! chain.

use std::borrow::Cow;

use http_api::{ATTEMPTS_MAX, Attempt, AttemptBatch};
use inventory::FeedPosition;

use super::{Decision, Verdict};
use crate::rows::LedgerRow;
use crate::sink::month_of;

/// Longest text of an attempt, in bytes: ids and codes are far shorter.
const TEXT_BYTES_MAX: usize = 100;
/// Longest reason kept, in characters.
const REASON_CHARS_MAX: usize = 500;

/// Why a batch is none.
pub(super) fn check(batch: &AttemptBatch) -> Result<(), &'static str> {
    if batch.attempts.len() > ATTEMPTS_MAX {
        return Err("a batch has 5000 attempts at most");
    }
    if batch.number == 0 {
        return Err("batches are numbered from 1");
    }
    if batch.attempts.iter().all(is_sane) { Ok(()) } else { Err("an attempt is not one") }
}

fn is_sane(attempt: &Attempt) -> bool {
    let word = |text: &str| {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        (1..=TEXT_BYTES_MAX).contains(&text.len()) && text.bytes().all(plain)
    };
    let short = |text: &str| text.len() <= TEXT_BYTES_MAX && !text.contains('\0');
    let is_person = uuid::Uuid::try_parse(&attempt.subject).is_ok();
    word(&attempt.kind)
        && attempt.kind.ends_with("_refused")
        && word(&attempt.status)
        && (attempt.subject == "guest" || is_person)
        && short(&attempt.event_id)
        && attempt.hold_id.as_deref().is_none_or(short)
        && attempt.order_id.as_deref().is_none_or(short)
}

/// The rows of a batch as the entry `log_index`, none before the month that begins at `floor_ms`.
pub(crate) fn attempt_rows(batch: &AttemptBatch, log_index: u64, floor_ms: u64) -> Vec<LedgerRow> {
    let (mut floor_ms, mut at_ms) = (floor_ms, floor_ms);
    let mut rows = Vec::with_capacity(batch.attempts.len() + 2);
    for attempt in &batch.attempts {
        at_ms = floor_ms.max(attempt.at_ms);
        floor_ms = month_of(at_ms).unsigned_abs();
        let row = blank(at_ms, attempt.kind.clone().into_owned(), attempt.status.clone().into());
        rows.push(LedgerRow {
            event_id: attempt.event_id.clone(),
            order_id: attempt.order_id.clone(),
            hold_id: attempt.hold_id.clone(),
            subject: attempt.subject.clone().into_owned(),
            ip: attempt.ip,
            ..row
        });
    }
    let left_out = [("attempts_lost", batch.lost), ("attempts_sampled_out", batch.sampled_out)];
    for (kind, count) in left_out.into_iter().filter(|(_, count)| *count > 0) {
        let row = blank(at_ms, kind.to_owned(), "counted".to_owned());
        rows.push(LedgerRow { amount_minor: i64::try_from(count).ok(), ..row });
    }
    for (ordinal, row) in (0..).zip(&mut rows) {
        row.position = FeedPosition { log_index, ordinal };
    }
    rows
}

/// The row of an operator's decision; `event_id` is that of the parked record.
pub(crate) fn decision_row(
    decision: &Decision,
    event_id: &str,
    log_index: u64,
    at_ms: u64,
) -> LedgerRow {
    let (kind, reason) = match &decision.verdict {
        Verdict::Retry => ("quarantine_retried", "retried"),
        Verdict::Discard(reason) => ("quarantine_discarded", reason.as_str()),
    };
    let who = format!("operator {}: {reason}", decision.by);
    let status: String = who.replace('\0', " ").chars().take(REASON_CHARS_MAX).collect();
    let row = blank(at_ms, kind.to_owned(), status);
    LedgerRow {
        position: FeedPosition { log_index, ordinal: 0 },
        event_id: event_id.replace('\0', " "),
        amount_minor: Some(decision.id),
        subject: "operator".to_owned(),
        ..row
    }
}

/// A row of the system that names nothing yet.
pub(crate) fn blank(at_ms: u64, kind: String, status: String) -> LedgerRow {
    LedgerRow {
        position: FeedPosition::default(),
        event_id: String::new(),
        kind: Cow::Owned(kind),
        order_id: None,
        seat_id: None,
        hold_id: None,
        payment_id: None,
        refund_id: None,
        amount_minor: None,
        at_ms,
        subject: "system".to_owned(),
        ip: None,
        status: Cow::Owned(status),
    }
}
