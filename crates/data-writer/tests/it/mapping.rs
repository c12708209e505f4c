//! Records as rows: what each change becomes in the ledger, what is coalesced, and the bytes that
//! are hashed.

use std::collections::BTreeMap;
use std::sync::Arc;

use data_writer::{
    Batch, ChainKey, EventTerms, FailureClass, FeedSource, GENESIS, LedgerRow, MapError, SeatState,
    TermsByEvent, class_of_sqlstate, form, next_hash,
};
use inventory::{Change, LedgerRecord, OrderStatus, PricedSeat, SeatIx};

use crate::grid::{MemoryGrid, Seller};

pub async fn terms(seller: &Seller) -> TermsByEvent {
    let answer = seller.grid.plan(seller.event).await.expect("open");
    BTreeMap::from([(seller.event, Arc::new(EventTerms::new(&answer)))])
}

pub fn records(seller: &Seller) -> Vec<LedgerRecord> {
    seller.grid.read(seller.shard, |state| state.feed().cloned().collect())
}

fn line(row: &LedgerRow) -> String {
    let text = |part: &Option<String>| part.clone().unwrap_or_else(|| "-".into());
    let amount = row.amount_minor.map_or_else(|| "-".into(), |minor| minor.to_string());
    let ids = [&row.order_id, &row.seat_id, &row.hold_id, &row.payment_id, &row.refund_id];
    let ids: Vec<String> = ids.map(text).to_vec();
    format!("{} {} {amount} {} {}", row.kind, ids.join(" "), row.subject, row.status)
}

#[tokio::test]
async fn each_change_has_its_ledger_rows() {
    let seller = MemoryGrid::default().open("gala", 1, 5);
    let order = seller.order(seller.hold(&[0, 1]));
    let (payment, amount_minor) = seller.pay(order);
    seller.record_payment(payment, "2d9f");
    let captured = inventory::GatewayResult::Captured { amount_minor };
    seller.settle(payment, captured);
    seller.release(seller.hold(&[12]));
    let late = seller.order(seller.hold(&[13]));
    let (late_payment, amount_minor) = seller.pay(late);
    seller.expire_all();
    seller.hold(&[13]);
    let captured = inventory::GatewayResult::Captured { amount_minor };
    let refund = seller.settle(late_payment, captured).refund.expect("refunded");
    let failed = inventory::RefundResult::Failed { error: "away".into() };
    seller.refund(refund, failed);
    seller.refund(refund, inventory::RefundResult::Succeeded);

    let batch = Batch::of(&records(&seller), &terms(&seller).await).expect("maps");
    let lines: Vec<String> = batch.ledger.iter().map(line).collect();
    assert_eq!(
        lines,
        [
            "sale_opened - - - - - - system open",
            "hold_granted - A-1-1 h1-1 - - 500000 guest held",
            "hold_granted - A-1-2 h1-1 - - 500000 guest held",
            "order_placed o1-2 - h1-1 - - 1000000 guest pending_payment",
            "payment_started o1-2 - - p1-3 - 1000000 guest pending",
            "payment_recorded o1-2 - - p1-3 - - system recorded",
            "payment_settled o1-2 - - p1-3 - 1000000 system confirmed",
            "order_paid o1-2 - - - - - system paid",
            "seat_sold o1-2 A-1-1 - - - 500000 system sold",
            "seat_sold o1-2 A-1-2 - - - 500000 system sold",
            "hold_granted - A-2-3 h1-4 - - 250050 guest held",
            "hold_released - A-2-3 h1-4 - - 250050 guest free",
            "hold_granted - A-2-4 h1-5 - - 250050 guest held",
            "order_placed o1-6 - h1-5 - - 250050 guest pending_payment",
            "payment_started o1-6 - - p1-7 - 250050 guest pending",
            "hold_expired - A-2-4 h1-5 - - 250050 system free",
            "order_expired o1-6 - - - - - system expired",
            "hold_granted - A-2-4 h1-8 - - 250050 guest held",
            "payment_settled o1-6 - - p1-7 - 250050 system refunded",
            "refund_pending o1-6 - - p1-7 r1-9 250050 system pending",
            "order_refund_pending o1-6 - - - - - system refund_pending",
            "refund_failed o1-6 - - p1-7 r1-9 250050 system pending",
            "refund_succeeded o1-6 - - p1-7 r1-9 250050 system succeeded",
            "order_refunded o1-6 - - - - - system refunded",
        ]
    );
    assert_eq!(batch.ledger[1].ip, Some("192.0.2.7".parse().expect("address")));
    let places: Vec<_> = batch.ledger.iter().map(|row| row.position).collect();
    assert_eq!(places, crate::tables::told(&seller.grid, 1), "numbered as the grid numbers");
}

#[tokio::test]
async fn seats_and_orders_are_coalesced_to_their_last_state() {
    let seller = MemoryGrid::default().open("gala", 1, 2);
    for _ in 0..5 {
        seller.release(seller.hold(&[4]));
    }
    let hold = seller.hold(&[4]);
    let order = seller.sell(1);
    let batch = Batch::of(&records(&seller), &terms(&seller).await).expect("maps");
    assert_eq!(batch.seats.len(), 20, "every seat of the plan once");
    let held = batch.seats[&(seller.event, SeatIx(4))].state;
    assert!(matches!(held, SeatState::Held { hold: no, .. } if no == hold.no));
    assert_eq!(batch.orders[&order].standing.status, OrderStatus::Paid);
    assert!(batch.orders[&order].standing.paid_at_ms.is_some());
    assert!(batch.order_changes.is_empty() && batch.payment_changes.is_empty());
    assert!(batch.order_seats.values().all(|row| row.status == "sold"));
    assert_eq!(batch.payments.len(), 1);
}

#[tokio::test]
async fn what_was_placed_earlier_is_only_changed() {
    let seller = MemoryGrid::default().open("gala", 1, 2);
    let order = seller.order(seller.hold(&[7]));
    let (payment, _) = seller.pay(order);
    let known = records(&seller).len();
    seller.record_payment(payment, "ref");
    seller.expire_all();
    let batch = Batch::of(&records(&seller)[known..], &terms(&seller).await).expect("maps");
    assert!(batch.orders.is_empty() && batch.payments.is_empty() && batch.order_seats.is_empty());
    assert_eq!(batch.order_changes[&order].status, OrderStatus::Expired);
    assert!(batch.released.contains_key(&order));
    let change = &batch.payment_changes[&payment];
    assert_eq!((change.provider_ref.as_deref(), change.end), (Some("ref"), None));
}

#[tokio::test]
async fn what_does_not_exist_is_named() {
    let seller = MemoryGrid::default().open("gala", 1, 1);
    seller.hold(&[3]);
    let mut records = records(&seller);
    let terms = terms(&seller).await;
    let unknown = Batch::of(&records, &TermsByEvent::new());
    assert_eq!(unknown, Err(MapError::EventUnknown(seller.event)));
    if let Change::HoldGranted { seats, .. } = &mut records[1].change {
        *seats = vec![PricedSeat { seat: SeatIx(10), price_minor: 1 }].into();
    }
    let outside = Batch::of(&records, &terms);
    let expected = MapError::SeatUnknown { event: seller.event, seat: SeatIx(10) };
    assert_eq!(outside, Err(expected));
}

/// The form is for ever: rows hashed today are verified in years.
#[tokio::test]
async fn the_hashed_form_never_changes() {
    let row = LedgerRow {
        position: inventory::FeedPosition { log_index: 258, ordinal: 3 },
        event_id: "gala".into(),
        kind: "seat_sold".into(),
        order_id: Some("o1-2".into()),
        seat_id: Some("A-1-1".into()),
        hold_id: None,
        payment_id: None,
        refund_id: None,
        amount_minor: Some(500_000),
        at_ms: 1_795_255_200_123,
        subject: "guest".into(),
        ip: Some("192.0.2.7".parse().expect("address")),
        status: "sold".into(),
    };
    let key = ChainKey { shard: 7, incarnation: 1 };
    let hex: String = form(key, &row).iter().map(|byte| format!("{byte:02x}")).collect();
    let expected = [
        "53474c31",
        "00000007",
        "0000000000000001",
        "0000000000000102",
        "00000003",
        "000001a1fd8c697b",
        "00000004",
        "67616c61",
        "00000009",
        "736561745f736f6c64",
        "01",
        "00000004",
        "6f312d32",
        "01",
        "00000005",
        "412d312d31",
        "00",
        "00",
        "00",
        "01",
        "000000000007a120",
        "00000005",
        "6775657374",
        "01",
        "00000000000000000000ffffc0000207",
        "00000004",
        "736f6c64",
    ];
    assert_eq!(hex, expected.concat());
    let hash = next_hash(&GENESIS, key, &row);
    let other = LedgerRow { amount_minor: None, ..row };
    assert_ne!(hash, next_hash(&GENESIS, key, &other));
    assert_ne!(hash, next_hash(&hash, key, &other));
}

#[test]
fn sqlstate_decides_who_is_to_blame() {
    use FailureClass::{Permanent, Transient};
    let cases = [
        ("22021", Permanent), // A NUL in a text.
        ("22003", Permanent), // A number out of range.
        ("23514", Permanent), // A check that does not hold.
        ("23502", Permanent), // A null where there must be none.
        ("54000", Permanent), // Larger than the server takes.
        ("P0001", Permanent), // Raised by a trigger.
        ("23505", Transient), // Two histories in one ledger: no record's fault.
        ("40001", Transient), // Serialization.
        ("40P01", Transient), // Deadlock.
        ("53100", Transient), // Disk full.
        ("57P01", Transient), // Shutting down.
        ("25006", Transient), // A standby.
        ("42501", Transient), // No right.
        ("42P01", Transient), // No table.
        ("28P01", Transient), // Wrong password.
        ("55P03", Transient), // Lock not available.
    ];
    for (sqlstate, class) in cases {
        assert_eq!(class_of_sqlstate(sqlstate), class, "{sqlstate}");
    }
}
