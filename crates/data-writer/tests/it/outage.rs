//! What is not there, and what does not belong together: waited out or refused, never skipped.

use data_writer::{WriterConfig, reconcile_from};
use local_postgres::{LocalPostgres, Options};

use crate::grid::MemoryGrid;
use crate::tables::{PATIENCE, Tables, Writer, config, drained, eventually};

async fn is_refused(writer: &Writer, word: &str) {
    eventually("the shard is refused", || async {
        let shards = writer.health.status().shards;
        shards.iter().any(|s| s.trouble.as_ref().is_some_and(|trouble| trouble.contains(word)))
    })
    .await;
    assert!(writer.health.ready().is_err());
}

#[tokio::test]
async fn a_server_away_at_the_start_and_later_is_waited_for() {
    let dir = tempfile::tempdir().expect("directory");
    let options = || Options::new(dir.path());
    let server = LocalPostgres::start(options()).await.expect("start");
    let url = server.url().to_owned();
    server.stop().await.expect("stop");

    let grid = MemoryGrid::default();
    let seller = grid.open("gala", 1, 10);
    let writer = Writer::start(&url, &grid);
    eventually("it says so", || async {
        writer.health.ready() == Err("PostgreSQL is away".into())
    })
    .await;
    seller.sell(2);
    let server = LocalPostgres::start(options()).await.expect("start again");
    assert_eq!(server.url(), url, "the same place");
    drained(&grid, 1).await;
    eventually("it is ready", || async { writer.health.ready().is_ok() }).await;

    server.stop().await.expect("stop");
    for _ in 0..5 {
        seller.sell(1);
    }
    eventually("it says so again", || async { writer.health.ready().is_err() }).await;
    assert!(grid.read(1, |state| state.feed().len()) > 30, "changes wait in the grid");
    let server = LocalPostgres::start(options()).await.expect("start a third time");
    drained(&grid, 1).await;
    let report = reconcile_from(&grid, &url, PATIENCE).await.expect("both answer");
    assert!(report.is_clean(), "{report}");
    writer.stop().await;
    server.stop().await.expect("stop");
    LocalPostgres::remove(dir.path()).expect("remove");
}

#[tokio::test]
async fn a_database_that_lost_rows_is_refused() {
    let (tables, other) = Tables::twins().await;
    let grid = MemoryGrid::default();
    let seller = grid.open("gala", 1, 5);
    let writer = Writer::start(tables.url(), &grid);
    seller.sell(1);
    drained(&grid, 1).await;
    writer.stop().await;

    // An older backup; a database of another name is refused by it.
    seller.sell(1);
    let writer = Writer::start(other.url(), &grid);
    is_refused(&writer, "lost rows").await;
    assert_eq!(other.number("SELECT count(*) FROM grid.ledger").await, 0, "nothing is skipped");
    writer.stop().await;
}

#[tokio::test]
async fn a_grid_that_was_emptied_is_refused() {
    let tables = Tables::new().await;
    let grid = MemoryGrid::default();
    let writer = Writer::start(tables.url(), &grid);
    grid.open("gala", 1, 5).sell(1);
    drained(&grid, 1).await;
    writer.stop().await;
    let before = tables.everything().await;

    // Shorter than the tables, about as long with other times, and longer.
    for sales in [0, 1, 20] {
        grid.forget_everything();
        let again = grid.open("gala", 1, 5);
        grid.tick(1, 13);
        for _ in 0..sales {
            again.sell(1);
        }
        let writer = Writer::start(tables.url(), &grid);
        is_refused(&writer, "does not know").await;
        assert!(grid.read(1, |state| state.feed().len()) > 0, "nothing is acknowledged");
        writer.stop().await;
        assert_eq!(tables.everything().await, before, "nothing is written");
    }
}

#[tokio::test]
async fn a_schema_that_is_not_there_is_waited_for() {
    let tables = Tables::bare();
    let grid = MemoryGrid::default();
    let seller = grid.open("gala", 1, 5);
    seller.sell(1);
    let by_hand = WriterConfig { migrate: false, ..config(tables.url()) };
    let writer = Writer::start_with(by_hand, &grid);
    eventually("it says so", || async {
        writer.health.ready().is_err_and(|why| why.contains("writer_lease"))
    })
    .await;
    data_writer::migrate(tables.url()).await.expect("migrate");
    drained(&grid, 1).await;
    writer.stop().await;
}
