//! The comparison finds what is planted, each as itself, and waits for a writer that is behind.

use std::time::Duration;

use data_writer::{ReconcileError, reconcile_from};

use crate::grid::MemoryGrid;
use crate::tables::{PATIENCE, Tables, Writer, drained, eventually};

/// What is planted, what takes it away, and what must be told.
const PLANTED: [(&str, &str, &[&str]); 9] = [
    (
        "UPDATE grid.seat SET version = version + 1 WHERE seat_id = 'A-5-5'",
        "UPDATE grid.seat SET version = version - 1 WHERE seat_id = 'A-5-5'",
        &["gala: seat A-5-5: version: grid 1, tables 2"],
    ),
    (
        "UPDATE grid.seat SET status = 'blocked' WHERE seat_id = 'A-5-5'",
        "UPDATE grid.seat SET status = 'free' WHERE seat_id = 'A-5-5'",
        &[
            "gala: seat A-5-5: status: grid free, tables blocked",
            "gala: sums gala: free: grid 42, tables 41",
            "gala: sums gala: blocked: grid 0, tables 1",
        ],
    ),
    (
        "UPDATE grid.sale_order SET total_minor = total_minor + 1 WHERE order_id = 'o1-2'",
        "UPDATE grid.sale_order SET total_minor = total_minor - 1 WHERE order_id = 'o1-2'",
        &["gala: order o1-2: total_minor: grid 1000000, tables 1000001"],
    ),
    (
        "UPDATE grid.order_seat SET status = 'released'
         WHERE order_id = 'o1-2' AND seat_id = 'A-1-1'",
        "UPDATE grid.order_seat SET status = 'sold'
         WHERE order_id = 'o1-2' AND seat_id = 'A-1-1'",
        &["gala: order seat o1-2/A-1-1: status: grid sold, tables released"],
    ),
    (
        "UPDATE grid.payment SET captured_minor = 999999 WHERE order_id = 'o1-2'",
        "UPDATE grid.payment SET captured_minor = 1000000 WHERE order_id = 'o1-2'",
        &[
            "gala: payment p1-3: captured_minor: grid 1000000, tables 999999",
            "gala: sums gala: revenue_minor: grid 2000100, tables 2000099",
        ],
    ),
    (
        "UPDATE grid.refund SET status = 'pending'",
        "UPDATE grid.refund SET status = 'succeeded'",
        &["gala: refund r1-17: status: grid succeeded, tables pending"],
    ),
    (
        "INSERT INTO grid.order_seat VALUES ('o9-9', 'gala', 'A-1-1', 1, 'sold', 1)",
        "DELETE FROM grid.order_seat WHERE order_id = 'o9-9'",
        &[
            "gala: order seat o9-9/A-1-1: *: grid -, tables present",
            "gala: double sold A-1-1: owners: grid 1, tables 2",
        ],
    ),
    (
        "INSERT INTO grid.event SELECT 'ghost', 9, name, starts_at, 2, 1, currency, opens_at,
             closes_at, 1, 1, 1, updated_at FROM grid.event",
        "DELETE FROM grid.event WHERE event_id = 'ghost'",
        &["ghost: event ghost: *: grid -, tables present"],
    ),
    (
        "CREATE TABLE kept AS SELECT * FROM grid.seat WHERE seat_id = 'A-5-5';
         DELETE FROM grid.seat WHERE seat_id = 'A-5-5'",
        "INSERT INTO grid.seat SELECT * FROM kept; DROP TABLE kept",
        &[
            "gala: seat A-5-5: *: grid present, tables -",
            "gala: sums gala: free: grid 42, tables 41",
        ],
    ),
];

async fn told(grid: &MemoryGrid, tables: &Tables) -> Vec<String> {
    let report = reconcile_from(grid, tables.url(), PATIENCE).await.expect("both answer");
    assert_eq!(report.is_clean(), report.differences.is_empty());
    report.differences.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn each_planted_difference_is_found() {
    let tables = Tables::new().await;
    let grid = MemoryGrid::default();
    let seller = grid.open("gala", 1, 5);
    let writer = Writer::start(tables.url(), &grid);
    seller.story();
    drained(&grid, 1).await;
    assert_eq!(told(&grid, &tables).await, [""; 0]);

    for (plant, undo, expected) in PLANTED {
        tables.execute(plant).await;
        assert_eq!(told(&grid, &tables).await, expected, "{plant}");
        tables.execute(undo).await;
    }
    assert_eq!(told(&grid, &tables).await, [""; 0]);
    writer.stop().await;
}

#[tokio::test]
async fn a_writer_that_is_behind_is_waited_for_and_a_missing_one_is_named() {
    let tables = Tables::new().await;
    let grid = MemoryGrid::default();
    let seller = grid.open("gala", 1, 5);
    seller.sell(1);
    let hasty = reconcile_from(&grid, tables.url(), Duration::ZERO).await;
    assert!(matches!(hasty, Err(ReconcileError::Behind { shard: 1, .. })), "{hasty:?}");
    let patient = {
        let (grid, url) = (grid.clone(), tables.url().to_owned());
        tokio::spawn(async move { reconcile_from(&grid, &url, PATIENCE).await })
    };
    let writer = Writer::start(tables.url(), &grid);
    let report = patient.await.expect("no panic").expect("both answer");
    assert!(report.is_clean(), "{report}");
    writer.stop().await;
}

/// The two sides are never read at the same instant; what moved in between is no difference.
#[tokio::test]
async fn a_sale_that_goes_on_makes_no_differences() {
    let tables = Tables::new().await;
    let grid = MemoryGrid::default();
    let seller = grid.open("gala", 1, 5);
    let writer = Writer::start(tables.url(), &grid);
    let busy = tokio::spawn({
        let seller = seller.clone();
        async move {
            let mut pause = tokio::time::interval(Duration::from_millis(1));
            loop {
                seller.release(seller.hold_best(3));
                pause.tick().await;
            }
        }
    });
    for _ in 0..3 {
        assert_eq!(told(&grid, &tables).await, [""; 0]);
    }
    busy.abort();
    writer.stop().await;
}

#[tokio::test]
async fn orders_that_the_grid_has_forgotten_stay_in_the_tables() {
    let tables = Tables::new().await;
    let grid = MemoryGrid::default();
    let seller = grid.open("gala", 1, 5);
    let writer = Writer::start(tables.url(), &grid);
    let order = seller.order(seller.hold(&[3, 4]));
    let (payment, _) = seller.pay(order);
    let canceled = inventory::GatewayResult::Canceled { reason: "declined".into() };
    seller.settle(payment, canceled);
    seller.expire_all();
    grid.tick(1, 3 * 3_600_000);
    seller.apply(inventory::Actor::SYSTEM, inventory::Command::ExpireHolds);
    assert!(grid.read(1, |state| state.event(seller.event).expect("open").orders().count()) == 0);
    drained(&grid, 1).await;
    let report = reconcile_from(&grid, tables.url(), PATIENCE).await.expect("both answer");
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.counts.forgotten_orders, 1);
    let json = serde_json::to_value(&report).expect("json");
    assert_eq!(json["counts"]["forgotten_orders"], 1);
    writer.stop().await;
}

/// A copy of the database says the same for a while; it is not the one that the grid is written to.
#[tokio::test]
async fn a_copy_of_the_database_is_told_from_it() {
    let (tables, copy) = Tables::twins().await;
    let grid = MemoryGrid::default();
    grid.open("gala", 1, 2).sell(2);
    grid.lose_acknowledgements(true);
    let copied = Writer::start(copy.url(), &grid);
    let end = grid.read(1, inventory::State::feed_end);
    let far = || async {
        let at = "SELECT coalesce(max(applied_index), 0) FROM grid.writer_checkpoint";
        copy.number(at).await == end.log_index as i64
    };
    eventually("the copy has everything", far).await;
    copied.stop().await;
    grid.lose_acknowledgements(false);
    let report = reconcile_from(&grid, copy.url(), PATIENCE).await.expect("still its own");
    assert!(report.is_clean(), "{report}");
    copy.execute("UPDATE grid.writer_checkpoint SET database_id = gen_random_uuid()").await;
    let refused = reconcile_from(&grid, copy.url(), PATIENCE).await.expect_err("another name");
    assert!(refused.to_string().contains("shard 1 to another database"), "{refused}");
    let writer = Writer::start(tables.url(), &grid);
    drained(&grid, 1).await;
    let report = reconcile_from(&grid, tables.url(), PATIENCE).await.expect("its own");
    assert!(report.is_clean(), "{report}");
    writer.stop().await;
}
