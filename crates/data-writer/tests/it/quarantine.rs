//! Poison: what the database will never take is parked, the rest flows, nothing is lost.

use data_writer::reconcile_from;
use inventory::GatewayResult;

use crate::grid::MemoryGrid;
use crate::tables::{PATIENCE, Tables, Writer, drained, eventually, told, written};

/// A gateway's id that the tables refuse with the class of a wrong text.
#[tokio::test]
async fn a_poison_record_is_parked_and_the_rest_flows() {
    let tables = Tables::new().await;
    let grid = MemoryGrid::default();
    let seller = grid.open("gala", 1, 10);
    for _ in 0..10 {
        seller.sell(1);
    }
    let order = seller.order(seller.hold_best(2));
    let (payment, amount_minor) = seller.pay(order);
    seller.record_payment(payment, "ref-poison");
    tables
        .execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 IF NEW.provider_ref = 'ref-poison' THEN
                     RAISE EXCEPTION 'refused' USING ERRCODE = '22021';
                 END IF;
                 RETURN NEW;
             END $$;
             CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON grid.payment
             FOR EACH ROW EXECUTE FUNCTION refuse()",
        )
        .await;
    seller.settle(payment, GatewayResult::Captured { amount_minor });
    for _ in 0..10 {
        seller.sell(1);
    }
    let expected = told(&grid, 1);
    let writer = Writer::start(tables.url(), &grid);
    drained(&grid, 1).await;

    assert_eq!(written(&tables.pool, 1).await, expected, "the ledger has no gap");
    tables.assert_chained(1).await;
    let parked = tables
        .rows(
            "SELECT concat_ws('|', sqlstate, payload #>> '{record,change,PaymentRecorded,order}',
                 resolved_at IS NULL, length(payload ->> 'encoded') > 40)
             FROM grid.writer_quarantine",
        )
        .await;
    assert_eq!(parked, [format!("22021|{}|t|t", order.no)]);
    let quarantined = tables
        .rows("SELECT kind || ' ' || order_id FROM grid.ledger WHERE status = 'quarantined'")
        .await;
    assert_eq!(quarantined, [format!("payment_recorded {order}")]);
    let sold = "SELECT count(*) FROM grid.seat WHERE status = 'sold'";
    assert_eq!(tables.number(sold).await, 22, "the poisoned order's seats too");

    let report = reconcile_from(&grid, tables.url(), PATIENCE).await.expect("both answer");
    let told: Vec<String> = report.differences.iter().map(ToString::to_string).collect();
    let expected = format!("gala: payment {payment}: provider_ref: grid ref-poison, tables -");
    assert_eq!(told, [expected]);
    assert_eq!(report.counts.quarantine, 1);
    eventually("the size is known", || async { writer.health.status().quarantine == 1 }).await;
    writer.stop().await;
}

/// The halves of a batch around several poison records, first and last ones among them.
#[tokio::test]
async fn several_poison_records_in_one_batch_are_each_found() {
    let tables = Tables::new().await;
    let grid = MemoryGrid::default();
    let seller = grid.open("gala", 1, 10);
    tables
        .execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 IF NEW.seat_id IN ('A-2-1', 'A-2-2', 'A-3-9') AND NEW.status = 'held' THEN
                     RAISE EXCEPTION 'seat % is refused', NEW.seat_id;
                 END IF;
                 RETURN NEW;
             END $$;
             CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON grid.seat
                 FOR EACH ROW EXECUTE FUNCTION refuse()",
        )
        .await;
    for seat in 10..30 {
        seller.hold(&[seat]);
    }
    let expected = told(&grid, 1);
    let writer = Writer::start(tables.url(), &grid);
    drained(&grid, 1).await;
    assert_eq!(written(&tables.pool, 1).await, expected);
    tables.assert_chained(1).await;
    let parked = tables
        .rows("SELECT sqlstate || ' ' || error FROM grid.writer_quarantine ORDER BY log_index")
        .await;
    assert_eq!(parked.len(), 3, "{parked:?}");
    assert!(parked[0].starts_with("P0001") && parked[0].contains("A-2-1"), "{parked:?}");
    let held = "SELECT count(*) FROM grid.seat WHERE status = 'held'";
    assert_eq!(tables.number(held).await, 17);
    writer.stop().await;
}
