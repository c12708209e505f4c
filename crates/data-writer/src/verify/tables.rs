//! What the tables say beside what the ledger says, of every event whose story could be judged.
//! Columns that the ledger does not carry (names, dates, the sealed contact) are not its business.

use std::collections::{HashMap, HashSet};

use futures_util::StreamExt;
use inventory::{HoldId, OrderId, PaymentId, RefundId};
use sqlx::PgConnection;

use super::binary::{Tuple, Tuples};
use super::database::VerifyError;
use super::fault::{VerifyReport, Wrong};
use super::story::{EventStory, SeatOwner, Story};

/// In the place of an id that is none of the event; numbers begin with 1.
const NOBODYS: u64 = 0;

/// A row's id, and the first thing that it says differently.
type Judged = Result<(), String>;
type Judge = fn(&EventStory, Tuple<'_>) -> Result<(String, Judged), VerifyError>;

/// A table, the columns after `event_id`, how many they are in all, and who judges them.
const TABLES: [(&str, &str, i16, Judge); 5] = [
    ("seat", "seat_id, status, hold_id, order_id", 5, seat),
    ("sale_order", "order_id, hold_id, status, total_minor", 5, order),
    ("order_seat", "order_id, seat_id, status", 4, order_seat),
    (
        "payment",
        "payment_id, order_id, status, settled_as, amount_minor, captured_minor",
        7,
        payment,
    ),
    ("refund", "refund_id, payment_id, amount_minor, status", 5, refund),
];

/// Compares everything; all tables must be of the ledger's snapshot.
pub(super) async fn compare(
    story: &mut Story,
    report: &mut VerifyReport,
    snapshot: &mut PgConnection,
) -> Result<(), VerifyError> {
    let known: Vec<String> =
        sqlx::query_scalar("SELECT event_id FROM grid.event").fetch_all(&mut *snapshot).await?;
    let known: HashSet<String> = known.into_iter().collect();
    for table in TABLES {
        let seen = stream((story, &known), report, snapshot, table).await?;
        for (event_id, event) in story.all_judged() {
            let expected = match table.0 {
                "seat" => None,
                "sale_order" => Some(event.orders.len()),
                "order_seat" => None,
                "payment" => Some(event.payments.len()),
                _ => Some(event.refunds.len()),
            };
            let found = seen.get(event_id).copied().unwrap_or(0);
            if expected.is_some_and(|expected| expected != found) {
                let (name, expected) = (table.0, expected.unwrap_or(0));
                let what =
                    format!("{event_id}: {found} rows in grid.{name}, the ledger knows {expected}");
                report.add(Wrong::Table, None, what);
            }
        }
    }
    Ok(())
}

/// Judges each row, and counts those that the ledger knows, by event. Of seats only the owned are.
async fn stream(
    (story, known): (&mut Story, &HashSet<String>),
    report: &mut VerifyReport,
    snapshot: &mut PgConnection,
    table: (&str, &str, i16, Judge),
) -> Result<HashMap<String, usize>, VerifyError> {
    let (name, columns, count, judge) = table;
    let copy =
        format!("COPY (SELECT event_id, {columns} FROM grid.{name}) TO STDOUT (FORMAT binary)");
    let mut seen = HashMap::new();
    let mut messages = snapshot.copy_out_raw(&copy).await?;
    while let Some(message) = messages.next().await {
        let message = message?;
        let mut tuples = Tuples::of(&message)?;
        while let Some(mut tuple) = tuples.next(count)? {
            let event_id = tuple.text()?;
            if !known.contains(event_id) {
                let what = format!("{event_id}: a row in grid.{name} is of no event");
                report.add(Wrong::Table, None, what);
            }
            let Some(event) = story.judged(event_id) else { continue };
            report.table_rows += 1;
            let (id, judged) = judge(event, tuple)?;
            if let Err(difference) = judged {
                let what = format!("{event_id}: grid.{name} {id}: {difference}");
                report.add(Wrong::Table, None, what);
            }
            match seen.get_mut(event_id) {
                Some(count) => *count += 1,
                None => {
                    seen.insert(event_id.to_owned(), 1);
                }
            }
        }
    }
    Ok(seen)
}

fn seat(event: &EventStory, mut row: Tuple<'_>) -> Result<(String, Judged), VerifyError> {
    let id = row.text()?;
    let (status, hold, order) = (row.text()?, row.optional_text()?, row.optional_text()?);
    let expected = match event.owner(id) {
        SeatOwner::Returned if status == "blocked" => ("blocked", None, None),
        SeatOwner::Nobody | SeatOwner::Returned => ("free", None, None),
        SeatOwner::Blocked | SeatOwner::Withdrawn => ("blocked", None, None),
        SeatOwner::Hold(no) => ("held", Some(no), None),
        SeatOwner::Order(no) => ("sold", None, Some(no)),
    };
    let named = |found: Option<Option<u64>>| found.map(|no| no.unwrap_or(NOBODYS));
    let found = (status, named(hold.map(|id| hold_no(event, id))), {
        named(order.map(|id| order_no(event, id)))
    });
    Ok((id.to_owned(), same(&found, &expected)))
}

fn order(event: &EventStory, mut row: Tuple<'_>) -> Result<(String, Judged), VerifyError> {
    let id = row.text()?;
    let found = (hold_no(event, row.text()?), row.text()?, row.int8()?);
    let judged = match order_no(event, id).and_then(|no| event.orders.get(&no)) {
        None => Err("the ledger does not know it".to_owned()),
        Some(order) => same(&found, &(Some(order.hold), order.status.as_str(), order.total_minor)),
    };
    Ok((id.to_owned(), judged))
}

fn order_seat(event: &EventStory, mut row: Tuple<'_>) -> Result<(String, Judged), VerifyError> {
    let (order, seat, status) = (row.text()?, row.text()?, row.text()?);
    let no = order_no(event, order);
    let owns = no.map(SeatOwner::Order) == Some(event.owner(seat));
    let judged = match (owns, status == "sold") {
        _ if no.is_none_or(|no| !event.orders.contains_key(&no)) => {
            Err("the ledger does not know the order".to_owned())
        }
        (true, true) | (false, false) => Ok(()),
        (true, false) => Err(format!("is {status}, the ledger says sold")),
        (false, true) => Err("is sold, the ledger says that the order does not own it".to_owned()),
    };
    Ok((format!("{order}/{seat}"), judged))
}

fn payment(event: &EventStory, mut row: Tuple<'_>) -> Result<(String, Judged), VerifyError> {
    let id = row.text()?;
    let order = order_no(event, row.text()?);
    let (status, settled_as) = (row.text()?, row.optional_text()?);
    let (amount, captured) = (row.int8()?, row.optional_int8()?);
    let judged = match payment_no(event, id).and_then(|no| event.payments.get(&no)) {
        None => Err("the ledger does not know it".to_owned()),
        Some(payment) => {
            let (word, became) = payment.end.words();
            let taken = became.map(|_| payment.captured_minor);
            let expected = (Some(payment.order), word, became, payment.amount_minor, taken);
            same(&(order, status, settled_as, amount, captured), &expected)
        }
    };
    Ok((id.to_owned(), judged))
}

fn refund(event: &EventStory, mut row: Tuple<'_>) -> Result<(String, Judged), VerifyError> {
    let id = row.text()?;
    let found = (payment_no(event, row.text()?), row.int8()?, row.text()?);
    let refund = id.parse::<RefundId>().ok().filter(|id| event.is_numbered(id.event));
    let judged = match refund.and_then(|id| event.refunds.get(&id.no)) {
        None => Err("the ledger does not know it".to_owned()),
        Some(refund) => same(&found, &(Some(refund.payment), refund.amount_minor, refund.status)),
    };
    Ok((id.to_owned(), judged))
}

/// The number in a hold's id, if it is one of this event.
fn hold_no(event: &EventStory, id: &str) -> Option<u64> {
    let id = id.parse::<HoldId>().ok().filter(|id| event.is_numbered(id.event));
    id.map(|id| id.no)
}

/// The same of an order's.
fn order_no(event: &EventStory, id: &str) -> Option<u64> {
    let id = id.parse::<OrderId>().ok().filter(|id| event.is_numbered(id.event));
    id.map(|id| id.no)
}

/// The same of a payment's.
fn payment_no(event: &EventStory, id: &str) -> Option<u64> {
    let id = id.parse::<PaymentId>().ok().filter(|id| event.is_numbered(id.event));
    id.map(|id| id.no)
}

fn same<T: PartialEq + std::fmt::Debug>(found: &T, expected: &T) -> Judged {
    if found == expected {
        return Ok(());
    }
    Err(format!("says {found:?}, the ledger says {expected:?}"))
}
