//! Exactly once, whatever is cut: the writer itself at every point at which it can stop, and its
//! connection at every message of the protocol.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::task::Poll;

use data_writer::reconcile_from;

use crate::grid::MemoryGrid;
use crate::proxy::CuttingProxy;
use crate::tables::{PATIENCE, Tables, drained, eventually, pump, told, written};

/// Polls a future until it has been pending so often, then drops it: the way a task dies. `true`
/// when `done` held before.
async fn dropped_after<F: Future + Unpin>(
    mut future: F,
    mut pendings: u32,
    done: impl Fn() -> bool,
) -> bool {
    std::future::poll_fn(|context| {
        if done() {
            return Poll::Ready(true);
        }
        if pendings == 0 {
            return Poll::Ready(false);
        }
        pendings -= 1;
        assert!(pin!(&mut future).poll(context).is_pending(), "a pump never ends by itself");
        Poll::Pending
    })
    .await
}

#[tokio::test]
async fn a_writer_killed_at_any_await_loses_and_repeats_nothing() {
    let tables = Tables::new().await;
    let grid = MemoryGrid::default();
    // Answers come through a task of this thread, so never within the poll that asked for them:
    // every wait for the server is seen as one.
    let wire = CuttingProxy::start(tables.url(), i64::MAX).await;
    let mut shard = 0;
    loop {
        shard += 1;
        let seller = grid.open(&format!("gala-{shard}"), shard, 5);
        seller.story();
        let expected = told(&grid, shard);
        let empty = || grid.read(shard, |state| state.feed().len() == 0);
        let first = Box::pin(pump(&wire.url, &grid, shard, 1).run());
        let whole = dropped_after(first, shard, empty).await;
        let next = tokio::spawn(pump(tables.url(), &grid, shard, 1).run());
        drained(&grid, shard).await;
        next.abort();
        assert_eq!(written(&tables.pool, shard).await, expected, "killed at await {shard}");
        tables.assert_chained(shard).await;
        if whole {
            break;
        }
    }
    assert!(shard > 30, "a transaction has more awaits than {shard}");
    let report = reconcile_from(&grid, tables.url(), PATIENCE).await.expect("both answer");
    assert!(report.is_clean(), "{report}");
}

#[tokio::test]
async fn a_connection_cut_at_any_message_loses_and_repeats_nothing() {
    let tables = Tables::new().await;
    let grid = MemoryGrid::default();
    let mut shard = 0;
    loop {
        shard += 1;
        let seller = grid.open(&format!("gala-{shard}"), shard, 5);
        seller.story();
        let expected = told(&grid, shard);
        let proxy = CuttingProxy::start(tables.url(), i64::from(shard) - 1).await;
        let pump = tokio::spawn(pump(&proxy.url, &grid, shard, 1).run());
        drained(&grid, shard).await;
        pump.abort();
        assert_eq!(written(&tables.pool, shard).await, expected, "cut at message {shard}");
        tables.assert_chained(shard).await;
        if !proxy.has_cut() {
            break;
        }
    }
    assert!(shard > 60, "a transaction has more messages than {shard}");
    let report = reconcile_from(&grid, tables.url(), PATIENCE).await.expect("both answer");
    assert!(report.is_clean(), "{report}");
}

#[tokio::test]
async fn a_backend_ended_again_and_again_loses_and_repeats_nothing() {
    let tables = Tables::new().await;
    let grid = MemoryGrid::default();
    let seller = grid.open("gala", 1, 40);
    let pump = tokio::spawn(pump(tables.url(), &grid, 1, 1).run());
    let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
               WHERE datname = current_database() AND pid <> pg_backend_pid()
                 AND query LIKE '%grid.%' AND query NOT LIKE '%pg_terminate_backend%'";
    let ended = AtomicI64::new(0);
    eventually("twenty backends were ended", || async {
        seller.release(seller.hold_best(2));
        ended.fetch_add(tables.number(end).await, SeqCst) >= 20
    })
    .await;
    seller.sell(2);
    drained(&grid, 1).await;
    pump.abort();
    tables.assert_chained(1).await;
    let report = reconcile_from(&grid, tables.url(), PATIENCE).await.expect("both answer");
    assert!(report.is_clean(), "{report}");
}

/// The grid was not told of the last commit, the writer dies, the next one goes on from the tables.
#[tokio::test]
async fn a_lost_acknowledgement_repeats_nothing() {
    let tables = Tables::new().await;
    let grid = MemoryGrid::default();
    let seller = grid.open("gala", 1, 5);
    grid.lose_acknowledgements(true);
    seller.story();
    let expected = told(&grid, 1);
    let first = tokio::spawn(pump(tables.url(), &grid, 1, 1).run());
    eventually("all is written", || async {
        written(&tables.pool, 1).await.len() == expected.len()
    })
    .await;
    first.abort();
    grid.lose_acknowledgements(false);
    let next = tokio::spawn(pump(tables.url(), &grid, 1, 2).run());
    drained(&grid, 1).await;
    next.abort();
    assert_eq!(written(&tables.pool, 1).await, expected);
}
