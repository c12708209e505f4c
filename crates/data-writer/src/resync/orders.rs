//! The tables' orders beside the grid's: whether they are the same orders at all, and which ones the grid
//! has forgotten since they ended in the lost time. Pure.

use std::collections::BTreeMap;

use inventory::{Order, OrderId, OrderStatus};
use processing_unit::CheckedEvent;

use crate::batch::Batch;
use crate::recover::load::OrderLine;
use crate::rows::OrderChange;

/// The first order that both have and that is another's: its time or its sealed contact differs.
pub(super) fn foreign<'a>(checked: &CheckedEvent, tables: &'a [OrderLine]) -> Option<&'a str> {
    let grid: BTreeMap<String, &Order> = checked
        .orders
        .iter()
        .map(|order| (OrderId { event: checked.event, no: order.no }.to_string(), order))
        .collect();
    let differs = |row: &&OrderLine| {
        grid.get(&row.order_id).is_some_and(|order| {
            order.created_at_ms != row.created_ms.unsigned_abs() || order.contact != row.contact
        })
    };
    tables.iter().find(differs).map(|row| row.order_id.as_str())
}

/// Ends orders that wait for money in the tables and are gone in the grid: it forgets only what ended
/// unpaid, two hours later. How each ended is lost; all that end so let their seats go.
pub(super) fn end_forgotten(
    checked: &CheckedEvent,
    tables: &[OrderLine],
    at_ms: u64,
    batch: &mut Batch,
) {
    let waits = |row: &&OrderLine| row.status == OrderStatus::PendingPayment.as_str();
    for row in tables.iter().filter(waits) {
        let Ok(id) = row.order_id.parse::<OrderId>() else { continue };
        if checked.orders.iter().any(|order| order.no == id.no) {
            continue;
        }
        let version = checked.version;
        let ended = OrderChange {
            status: OrderStatus::Expired,
            paid_at_ms: None,
            expires_at_ms: None,
            version,
            at_ms,
        };
        batch.order_changes.insert(id, ended);
        batch.released.insert(id, version);
    }
}
