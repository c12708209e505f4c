//! `grid.writer_quarantine`: records that the database will never take, kept whole for a person.

use http_api::to_hex;
use std::borrow::Cow;

use inventory::{EventNo, LedgerRecord, codec};
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::{Checkpoint, int4, int8};
use crate::EventTerms;
use crate::batch::Batch;
use crate::ledger::{kind, ledger_rows};
use crate::rows::LedgerRow;

/// Characters kept of the database's message.
const ERROR_CHARS_MAX: usize = 1_000;
/// What a parked record's ledger rows say they became.
const STATUS: &str = "quarantined";

/// Why a record is parked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The database's code, or `map` when the record did not get that far.
    pub(crate) sqlstate: String,
    /// Its message.
    pub(crate) error: String,
}

/// The ledger keeps a row for each of the record's, so that it has no gap, but only what is sure to
/// be taken: texts without NUL, which PostgreSQL cannot store.
pub(super) fn ledger_only(record: &LedgerRecord, terms: Option<&EventTerms>) -> Batch {
    let rows = terms.map_or_else(|| rows_without_terms(record), |t| ledger_rows(record, t));
    let ledger = rows.into_iter().map(|row| LedgerRow {
        event_id: without_nul(&row.event_id),
        status: Cow::Borrowed(STATUS),
        ..row
    });
    Batch { ledger: ledger.collect(), ..Batch::default() }
}

fn rows_without_terms(record: &LedgerRecord) -> Vec<LedgerRow> {
    let EventNo(event) = record.event;
    let row = |ordinal: u32| LedgerRow {
        position: inventory::FeedPosition {
            log_index: record.position.log_index,
            ordinal: record.position.ordinal + ordinal,
        },
        event_id: format!("#{event}"),
        kind: kind(&record.change).into(),
        order_id: None,
        seat_id: None,
        hold_id: None,
        payment_id: None,
        refund_id: None,
        amount_minor: None,
        at_ms: record.at_ms,
        subject: "system".to_owned(),
        ip: None,
        status: Cow::Borrowed(STATUS),
    };
    (0..record.change.row_count()).map(row).collect()
}

pub(super) async fn insert(
    transaction: &mut PgConnection,
    at: &Checkpoint,
    record: &LedgerRecord,
    fault: &Fault,
) -> Result<(), sqlx::Error> {
    let error: String = without_nul(&fault.error).chars().take(ERROR_CHARS_MAX).collect();
    sqlx::query(
        "INSERT INTO grid.writer_quarantine (shard_id, incarnation, log_index, ordinal, sqlstate,
             error, payload)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(int4(at.shard))
    .bind(int8(at.incarnation))
    .bind(int8(record.position.log_index))
    .bind(int4(record.position.ordinal))
    .bind(&fault.sqlstate)
    .bind(error)
    .bind(payload(record))
    .execute(transaction)
    .await
    .map(drop)
}

pub(super) async fn size(connection: &mut PgConnection) -> Result<u64, sqlx::Error> {
    let size: i64 =
        sqlx::query_scalar("SELECT count(*) FROM grid.writer_quarantine WHERE resolved_at IS NULL")
            .fetch_one(connection)
            .await?;
    Ok(size.unsigned_abs())
}

/// `record` to read, `encoded` (hexadecimal, the grid's own form) to try again with exactly. What only
/// recovery needs is not for reading. JSON values have no numbers of 128 bits: a record that names such
/// an id is told in words.
fn payload(record: &LedgerRecord) -> Value {
    let told = LedgerRecord { detail: None, ..record.clone() };
    let readable =
        serde_json::to_value(&told).unwrap_or_else(|_| Value::String(format!("{:?}", told.change)));
    json!({ "record": readable_json(readable), "encoded": to_hex(&codec::encode(record)) })
}

fn readable_json(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(without_nul(&text)),
        Value::Array(values) => Value::Array(values.into_iter().map(readable_json).collect()),
        Value::Object(map) => {
            Value::Object(map.into_iter().map(|(key, v)| (key, readable_json(v))).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    }
}

fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use inventory::{Actor, Change, Detail, FeedPosition};

    use super::*;

    fn placed(buyer: u128) -> LedgerRecord {
        let change = Change::OrderPlaced {
            order: 5,
            hold: 4,
            total_minor: 100,
            expires_at_ms: 9,
            contact: vec![],
            buyer: Some(buyer),
            seats: Vec::new().into(),
        };
        LedgerRecord {
            position: FeedPosition { log_index: 1, ordinal: 0 },
            at_ms: 1,
            event: EventNo(1),
            version: 1,
            actor: Actor::SYSTEM,
            change,
            detail: Some(Box::new(Detail::Person(u128::MAX))),
        }
    }

    #[test]
    fn a_parked_record_can_be_read_whatever_ids_it_names() {
        assert_eq!(payload(&placed(7))["record"]["change"]["OrderPlaced"]["buyer"], 7);
        let told = payload(&placed(u128::MAX))["record"].to_string();
        assert!(told.contains("OrderPlaced") && told.contains(&u128::MAX.to_string()), "{told}");
    }

    #[test]
    fn a_parked_record_is_kept_whole_for_another_try() {
        let record = placed(u128::MAX);
        let payload = payload(&record);
        let hex = payload["encoded"].as_str().expect("a text");
        let bytes: Vec<u8> = (0..hex.len() / 2)
            .map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).expect("hexadecimal"))
            .collect();
        assert_eq!(codec::decode::<LedgerRecord>(&bytes), Ok(record));
    }
}
