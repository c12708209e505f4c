//! Two writers: one writes, one waits; the epoch decides, not the clock.

use std::time::{Duration, Instant};

use data_writer::{Batch, Role, Sink, WriteError, WriterConfig, reconcile_from};

use crate::grid::{BEGIN_MS, MemoryGrid};
use crate::mapping::{records, terms};
use crate::proxy::CuttingProxy;
use crate::tables::{PATIENCE, Tables, Writer, config, drained, eventually};

async fn becomes(writer: &Writer, role: Role) {
    eventually("the writer has its role", || async { writer.health.status().role == role }).await;
}

#[tokio::test]
async fn the_second_waits_and_takes_over_from_a_dead_first() {
    let tables = Tables::new().await;
    let grid = MemoryGrid::default();
    let seller = grid.open("gala", 1, 20);
    // The delivered times: the promise is two seconds.
    let delivered = || WriterConfig {
        heartbeat_ms: WriterConfig::default().heartbeat_ms,
        lease_ttl_ms: WriterConfig::default().lease_ttl_ms,
        ..config(tables.url())
    };
    let first = Writer::start_with(delivered(), &grid);
    becomes(&first, Role::Active).await;
    let second = Writer::start_with(delivered(), &grid);
    becomes(&second, Role::Standby).await;
    assert_eq!(second.health.ready(), Ok(()), "waiting is its work");
    seller.sell(2);
    drained(&grid, 1).await;

    first.kill().await;
    let died = Instant::now();
    seller.sell(2);
    drained(&grid, 1).await;
    let took = died.elapsed();
    assert!(took < Duration::from_millis(2_500), "took over after {took:?}");
    assert_eq!(second.health.status().role, Role::Active);
    let report = reconcile_from(&grid, tables.url(), PATIENCE).await.expect("both answer");
    assert!(report.is_clean(), "{report}");
    second.stop().await;
}

#[tokio::test]
async fn a_clean_end_hands_over_at_once() {
    let tables = Tables::new().await;
    let grid = MemoryGrid::default();
    let seller = grid.open("gala", 1, 5);
    let long_ttl = || WriterConfig { lease_ttl_ms: 60_000, ..config(tables.url()) };
    let first = Writer::start_with(long_ttl(), &grid);
    becomes(&first, Role::Active).await;
    let second = Writer::start_with(long_ttl(), &grid);
    becomes(&second, Role::Standby).await;
    first.stop().await;
    seller.sell(1);
    drained(&grid, 1).await;
    second.stop().await;
}

/// Invariant I11.
#[tokio::test]
async fn a_writer_that_lost_its_epoch_commits_nothing() {
    let tables = Tables::new().await;
    let grid = MemoryGrid::default();
    let seller = grid.open("gala", 1, 5);
    let sink = Sink::connect(tables.url(), 2).expect("url");
    let old = sink.claim(1, 1).await.expect("claim");
    let new = sink.claim(1, 2).await.expect("claim");
    let batch = Batch::of(&records(&seller), &terms(&seller).await).expect("maps");
    let late = sink.write(&old, &batch, BEGIN_MS).await;
    assert!(matches!(late, Err(WriteError::Fenced)), "{late:?}");
    assert_eq!(tables.number("SELECT count(*) FROM grid.seat").await, 0);
    assert!(matches!(sink.refresh(&old, BEGIN_MS).await, Err(WriteError::Fenced)));
    assert!(matches!(sink.claim(1, 1).await, Err(WriteError::Fenced)));
    sink.write(&new, &batch, BEGIN_MS).await.expect("the new one writes");
}

/// A shard that is founded anew before anything of it was written goes on under the same epoch and from
/// the same position: the incarnation alone tells a writer of before.
#[tokio::test]
async fn a_writer_of_an_earlier_incarnation_commits_nothing() {
    let tables = Tables::new().await;
    let grid = MemoryGrid::default();
    let seller = grid.open("gala", 1, 5);
    let sink = Sink::connect(tables.url(), 2).expect("url");
    let old = sink.claim(1, 1).await.expect("claim");
    let batch = Batch::of(&records(&seller), &terms(&seller).await).expect("maps");
    tables.execute("UPDATE grid.writer_checkpoint SET incarnation = 2").await;
    let late = sink.write(&old, &batch, BEGIN_MS).await;
    assert!(matches!(late, Err(WriteError::Fenced)), "{late:?}");
    assert!(matches!(sink.refresh(&old, BEGIN_MS).await, Err(WriteError::Fenced)));
    assert_eq!(tables.number("SELECT count(*) FROM grid.seat").await, 0);
    assert_eq!(tables.number("SELECT incarnation FROM grid.writer_checkpoint").await, 2);
    let new = sink.claim(1, 1).await.expect("claim");
    assert_eq!((new.epoch, new.position), (old.epoch, old.position), "nothing else differs");
}

/// As after a pause longer than its lease: it finds another in it and waits.
#[tokio::test]
async fn a_writer_whose_lease_was_taken_stands_by() {
    let tables = Tables::new().await;
    let grid = MemoryGrid::default();
    let seller = grid.open("gala", 1, 10);
    let first = Writer::start(tables.url(), &grid);
    becomes(&first, Role::Active).await;
    tables
        .execute(
            "UPDATE grid.writer_lease SET epoch = epoch + 1, holder = 'another',
                 heartbeat_at = clock_timestamp() + interval '1 hour'",
        )
        .await;
    becomes(&first, Role::Standby).await;
    seller.sell(1);
    let before = tables.number("SELECT count(*) FROM grid.ledger").await;
    // The other ends; this one goes on under a newer epoch.
    tables.execute("UPDATE grid.writer_lease SET holder = NULL").await;
    drained(&grid, 1).await;
    assert!(tables.number("SELECT count(*) FROM grid.ledger").await > before);
    assert_eq!(tables.number("SELECT epoch FROM grid.writer_lease").await, 3);
    first.stop().await;
}

/// A successor's claim waits for a transaction that may still commit, and sees what it did.
#[tokio::test]
async fn a_claim_waits_for_a_transaction_that_may_still_commit() {
    let tables = Tables::new().await;
    let sink = Sink::connect(tables.url(), 2).expect("url");
    sink.claim(1, 1).await.expect("claim");
    let mut transaction = tables.pool.begin().await.expect("begin");
    sqlx::query("UPDATE grid.writer_checkpoint SET applied_index = 9, applied_ordinal = 4")
        .execute(&mut *transaction)
        .await
        .expect("update");
    let claim = tokio::spawn(async move { sink.claim(1, 2).await });
    let waiting = "SELECT count(*) FROM pg_stat_activity
                   WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let look = || async {
        let look = sqlx::query_scalar::<_, i64>(waiting);
        look.fetch_one(&mut tables.connection().await).await.expect("look") == 1
    };
    eventually("the claim waits", look).await;
    assert!(!claim.is_finished());
    transaction.commit().await.expect("commit");
    let claimed = claim.await.expect("no panic").expect("claim");
    assert_eq!((claimed.position.log_index, claimed.position.ordinal), (9, 4));
}

/// Frozen at a message, as by SIGSTOP, with its connections open: the server ends the transaction,
/// so that the successor need not wait for one that never comes.
#[tokio::test]
async fn a_writer_frozen_in_a_transaction_holds_nobody_up() {
    for messages in [60, 90, 120, 150, 180] {
        let tables = Tables::new().await;
        let grid = MemoryGrid::default();
        let seller = grid.open("gala", 1, 5);
        seller.story();
        let proxy = CuttingProxy::freezing(tables.url(), messages).await;
        let by_hand = WriterConfig { migrate: false, ..config(&proxy.url) };
        let first = Writer::start_with(by_hand, &grid);
        eventually("it is frozen or done", || async {
            proxy.has_cut() || grid.read(1, |state| state.feed().len() == 0)
        })
        .await;
        let second = Writer::start(tables.url(), &grid);
        drained(&grid, 1).await;
        seller.sell(1);
        drained(&grid, 1).await;
        let report = reconcile_from(&grid, tables.url(), PATIENCE).await.expect("both answer");
        assert!(report.is_clean(), "frozen at {messages}: {report}");
        tables.assert_chained(1).await;
        first.kill().await;
        second.stop().await;
    }
}

/// Frozen after a statement on the lease's row and before the message that commits it: the server
/// waits without any limit, and the row names nobody whose sessions could be ended.
#[tokio::test]
async fn a_writer_frozen_with_the_lease_in_its_hands_holds_nobody_up() {
    for words in ["WITH dead AS", "SET heartbeat_at = clock_timestamp()\n                 WHERE"] {
        let tables = Tables::new().await;
        let grid = MemoryGrid::default();
        let seller = grid.open("gala", 1, 5);
        let proxy = CuttingProxy::freezing_after(tables.url(), words).await;
        let by_hand = WriterConfig { migrate: false, ..config(&proxy.url) };
        let first = Writer::start_with(by_hand, &grid);
        eventually("it is frozen", || async { proxy.has_cut() }).await;
        let held = "SELECT count(*) FROM pg_locks AS held JOIN pg_stat_activity USING (pid)
                    WHERE held.relation = 'grid.writer_lease'::regclass
                      AND held.mode = 'RowExclusiveLock' AND wait_event_type = 'Client'";
        let holds = || async { tables.number(held).await == 1 };
        eventually("the frozen one has the row", holds).await;
        let second = Writer::start(tables.url(), &grid);
        seller.sell(1);
        drained(&grid, 1).await;
        assert_eq!(second.health.status().role, Role::Active, "frozen after {words}");
        first.kill().await;
        second.stop().await;
    }
}

/// Frozen where no limit of the server's counts: in the middle of sending a statement. Here it is a
/// session without any limit.
#[tokio::test]
async fn sessions_of_a_dead_predecessor_are_ended() {
    let tables = Tables::new().await;
    let grid = MemoryGrid::default();
    grid.open("gala", 1, 5).story();
    Sink::connect(tables.url(), 1).expect("url").claim(1, 1).await.expect("claim");
    let mut frozen = tables.connection().await;
    for step in [
        "SET application_name = 'seatgrid-writer dead'",
        "UPDATE grid.writer_lease SET holder = 'dead', heartbeat_at = 'yesterday'",
        "BEGIN",
        "UPDATE grid.writer_checkpoint SET updated_at = now()",
    ] {
        sqlx::raw_sql(step).execute(&mut frozen).await.expect("step");
    }
    let writer = Writer::start(tables.url(), &grid);
    drained(&grid, 1).await;
    assert!(sqlx::raw_sql("COMMIT").execute(&mut frozen).await.is_err(), "its session is gone");
    writer.stop().await;
}
