//! The straight way: everything that can happen arrives in the tables, once, in any batch size.

use data_writer::{Batch, Sink, WriterConfig, reconcile_from};

use crate::grid::{BEGIN_MS, MemoryGrid};
use crate::mapping::{records, terms};
use crate::tables::{PATIENCE, Tables, Writer, config, drained, eventually, told, written};

#[tokio::test]
async fn every_kind_of_change_arrives_and_agrees() {
    let tables = Tables::new().await;
    let grid = MemoryGrid::default();
    let (one, two) = (grid.open("gala", 1, 5), grid.open("fest", 2, 5));
    one.story();
    let expected = told(&grid, 1);
    let writer = Writer::start(tables.url(), &grid);
    two.story();
    drained(&grid, 1).await;
    drained(&grid, 2).await;
    one.sell(3);
    drained(&grid, 1).await;

    let report = reconcile_from(&grid, tables.url(), PATIENCE).await.expect("both answer");
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.counts.events, report.counts.seats), (2, 100));
    assert!(report.counts.orders >= 12 && report.counts.refunds == 2, "{report}");
    assert!(written(&tables.pool, 1).await.starts_with(&expected), "gapless, in order");
    tables.assert_chained(1).await;
    tables.assert_chained(2).await;
    let sold = "SELECT count(*) FROM grid.seat WHERE status = 'sold' AND order_id IS NOT NULL";
    assert_eq!(tables.number(sold).await, 5 + 3 + 5);
    let view = tables
        .rows(
            "SELECT concat_ws('|', event_id, free, held, sold, orders_paid, revenue_minor)
               FROM grid.reconciliation ORDER BY 1",
        )
        .await;
    let of_one = "gala|39|3|8|4|3500100";
    assert!(view.contains(&of_one.to_owned()), "{view:?}");
    writer.stop().await;
}

/// The shard's own time is the watermark, never a clock: whoever leads next may be behind it. An idle
/// shard gets a new time by an acknowledgement that is repeated; when that is lost, the watermark
/// stays.
#[tokio::test]
async fn the_watermark_of_an_idle_shard_is_the_time_of_its_last_command() {
    let tables = Tables::new().await;
    let grid = MemoryGrid::default();
    let seller = grid.open("gala", 1, 5);
    let writer = Writer::start(tables.url(), &grid);
    seller.sell(1);
    drained(&grid, 1).await;
    let heard = || grid.read(1, |state| state.persisted_ms().expect("a writer has spoken"));
    let applied = "SELECT grid.to_ms(applied_at) FROM grid.writer_checkpoint WHERE shard_id = 1";
    let looked = "SELECT grid.to_ms(updated_at) FROM grid.writer_checkpoint WHERE shard_id = 1";
    let before = heard();
    grid.tick(1, 60_000);
    eventually("the shard hears of the tables, and they of its time", || async {
        heard() > before + 50_000 && tables.number(applied).await.unsigned_abs() > before + 50_000
    })
    .await;
    grid.lose_acknowledgements(true);
    grid.tick(1, 60_000);
    let before = tables.number(looked).await;
    eventually("it looks again", || async { tables.number(looked).await > before + 1 }).await;
    let last = grid.read(1, inventory::State::at_ms);
    let is = tables.number(applied).await.unsigned_abs();
    assert!(is <= last, "{is}: commands after {last} may be stamped so");
    grid.lose_acknowledgements(false);
    let is_later = || async { tables.number(applied).await.unsigned_abs() > last };
    eventually("the watermark follows", is_later).await;
    writer.stop().await;
}

#[tokio::test]
async fn what_a_crowd_does_within_a_moment_is_one_transaction() {
    let tables = Tables::new().await;
    let grid = MemoryGrid::default();
    let seller = grid.open("gala", 1, 5);
    let gathering = WriterConfig { batch_every_ms: 1_000, ..config(tables.url()) };
    let writer = Writer::start_with(gathering, &grid);
    seller.sell(1);
    drained(&grid, 1).await;
    let transactions = "SELECT count(DISTINCT xmin::text) FROM grid.ledger";
    let before = tables.number(transactions).await;
    for _ in 0..5 {
        seller.sell(1);
        // Long enough for a writer that does not wait.
        for _ in 0..10 {
            tables.number("SELECT 1::bigint").await;
        }
    }
    drained(&grid, 1).await;
    assert_eq!(tables.number(transactions).await, before + 1);
    writer.stop().await;
}

#[tokio::test]
async fn batches_of_any_size_leave_the_same_rows() {
    let grid = MemoryGrid::default();
    let seller = grid.open("gala", 3, 5);
    seller.story();
    let (records, terms) = (records(&seller), terms(&seller).await);
    let mut results = Vec::new();
    for size in [1, 2, 7, records.len()] {
        let tables = Tables::new().await;
        let sink = Sink::connect(tables.url(), 2).expect("url");
        let mut checkpoint = sink.claim(3, 1).await.expect("claim");
        for piece in records.chunks(size) {
            let batch = Batch::of(piece, &terms).expect("maps");
            checkpoint = sink.write(&checkpoint, &batch, BEGIN_MS).await.expect("write");
        }
        results.push((size, tables.everything().await));
    }
    let (_, whole) = results.pop().expect("one of each");
    assert!(whole.len() > 100);
    for (size, rows) in results {
        assert_eq!(rows, whole, "batches of {size}");
    }
}

#[tokio::test]
async fn the_same_batch_again_changes_nothing() {
    let tables = Tables::new().await;
    let grid = MemoryGrid::default();
    let seller = grid.open("gala", 1, 5);
    seller.story();
    let (records, terms) = (records(&seller), terms(&seller).await);
    let sink = Sink::connect(tables.url(), 2).expect("url");
    let from = sink.claim(1, 1).await.expect("claim");
    let batch = Batch::of(&records, &terms).expect("maps");
    sink.write(&from, &batch, BEGIN_MS).await.expect("write");
    let before = tables.everything().await;
    let again = sink.write(&from, &batch, BEGIN_MS).await;
    assert!(matches!(again, Err(data_writer::WriteError::Fenced)), "{again:?}");
    assert_eq!(tables.everything().await, before);
}

#[tokio::test]
async fn an_old_version_never_overwrites_a_newer_one() {
    let tables = Tables::new().await;
    let grid = MemoryGrid::default();
    let seller = grid.open("gala", 1, 1);
    let writer = Writer::start(tables.url(), &grid);
    drained(&grid, 1).await;
    tables.execute("UPDATE grid.seat SET version = 1000 WHERE seat_id = 'A-1-1'").await;
    seller.hold(&[0, 1]);
    drained(&grid, 1).await;
    let rows = tables
        .rows(
            "SELECT seat_id || ' ' || status FROM grid.seat
               WHERE seat_id IN ('A-1-1', 'A-1-2') ORDER BY 1",
        )
        .await;
    assert_eq!(rows, ["A-1-1 free", "A-1-2 held"]);
    writer.stop().await;
}

#[tokio::test]
async fn the_watermark_follows_the_clock_while_nothing_happens() {
    let tables = Tables::new().await;
    let grid = MemoryGrid::default();
    let seller = grid.open("gala", 1, 1);
    let writer = Writer::start(tables.url(), &grid);
    seller.sell(1);
    drained(&grid, 1).await;
    let sql = "SELECT grid.to_ms(complete_up_to) FROM grid.watermark WHERE shard_id = 1";
    let after_sale = tables.number(sql).await;
    let index = "SELECT applied_index FROM grid.watermark WHERE shard_id = 1";
    let at = tables.number(index).await;
    grid.tick(1, 60_000);
    eventually("the watermark has moved a minute", || async {
        tables.number(sql).await >= after_sale + 59_000
    })
    .await;
    assert_eq!(tables.number(index).await, at, "nothing was written");
    writer.stop().await;
}

#[tokio::test]
async fn partitions_are_made_when_a_month_needs_one() {
    let tables = Tables::new().await;
    let grid = MemoryGrid::default();
    let seller = grid.open("gala", 1, 5);
    let writer = Writer::start(tables.url(), &grid);
    seller.sell(1);
    for _ in 0..3 {
        grid.tick(1, 20 * 24 * 3_600_000);
        seller.release(seller.hold_best(2));
    }
    drained(&grid, 1).await;
    let months =
        tables.rows("SELECT DISTINCT tableoid::regclass::text FROM grid.ledger ORDER BY 1").await;
    assert_eq!(months, ["grid.ledger_2026_11", "grid.ledger_2026_12", "grid.ledger_2027_01"]);
    tables.assert_chained(1).await;
    writer.stop().await;
}

#[tokio::test]
async fn a_large_plan_and_a_wave_go_through_in_one_transaction_each() {
    let tables = Tables::new().await;
    let grid = MemoryGrid::default();
    let seller = grid.open("stadium", 1, 1_200);
    let writer = Writer::start_with(config(tables.url()), &grid);
    for _ in 0..300 {
        seller.hold_best(10);
    }
    seller.expire_all();
    drained(&grid, 1).await;
    assert_eq!(tables.number("SELECT count(*) FROM grid.seat").await, 12_000);
    assert_eq!(tables.assert_chained(1).await, 1 + 2 * 3_000);
    let report = reconcile_from(&grid, tables.url(), PATIENCE).await.expect("both answer");
    assert!(report.is_clean(), "{report}");
    writer.stop().await;
}
