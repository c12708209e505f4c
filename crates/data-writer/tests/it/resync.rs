//! A database without its last transactions, as a standby that was behind becomes one: the writer
//! refuses it, and once a person has asked for it, it has all that the grid has, says what is lost,
//! and is written again.

use data_writer::{Resynced, WriterConfig, reconcile_from, resync_from};
use inventory::{Actor, Command, HoldId, OrderId, RefundSeats};

use crate::grid::{MemoryGrid, Seller};
use crate::tables::{PATIENCE, Tables, Writer, config, drained, eventually};
use crate::verify::verified;

/// Takes all seats of an order back, with their money.
fn take_back(seller: &Seller, order: OrderId) {
    let seats = Vec::new();
    let command =
        RefundSeats { order, seats, share_basis_points: 10_000, with_fee: true, block: false };
    seller.apply(Actor::SYSTEM, Command::RefundSeats(command));
}

/// A grid, the database that it was written to, and a standby of that which is missing the end: what
/// happened since a seat was sold, in which it was taken back.
async fn behind() -> (Tables, MemoryGrid, Seller) {
    let (primary, standby) = (Tables::new().await, Tables::new().await);
    let grid = MemoryGrid::default();
    let seller = grid.open("gala", 1, 5);
    seller.story();
    let order = seller.sell_held(seller.hold(&[11, 12]));
    grid.lose_acknowledgements(true);
    let copied = Writer::start(standby.url(), &grid);
    let end = grid.read(1, inventory::State::feed_end);
    let far = || async {
        let at = "SELECT coalesce(max(applied_index), 0) FROM grid.writer_checkpoint
                  WHERE shard_id = 1";
        standby.number(at).await == end.log_index as i64
    };
    eventually("the standby has the beginning", far).await;
    copied.stop().await;

    grid.lose_acknowledgements(false);
    let writer = Writer::start(primary.url(), &grid);
    take_back(&seller, order);
    let waiting = seller.order(seller.hold(&[20]));
    seller.pay(waiting);
    seller.hold(&[21]);
    seller.story_of_seats(&[13, 14]);
    drained(&grid, 1).await;
    writer.stop().await;
    (standby, grid, seller)
}

impl Seller {
    /// A sale, and a hold that ended.
    fn story_of_seats(&self, seats: &[u32; 2]) -> HoldId {
        self.sell_held(self.hold(&seats[..1]));
        let given_up = self.hold(&seats[1..]);
        self.release(given_up);
        given_up
    }
}

#[tokio::test]
async fn a_standby_without_the_last_transactions_is_brought_to_the_grid() {
    let (standby, grid, seller) = behind().await;
    let acknowledged = grid.read(1, inventory::State::acknowledged);
    let writer = Writer::start(standby.url(), &grid);
    eventually("it is refused", || async {
        writer.health.ready().is_err_and(|why| why.contains("lost rows"))
    })
    .await;
    // The sale goes on meanwhile; the seat that was taken back is sold anew.
    seller.sell_held(seller.hold(&[11]));

    let end = "SELECT concat(applied_index, '.', applied_ordinal) FROM grid.writer_checkpoint
               WHERE shard_id = 1";
    let before = standby.rows(end).await.remove(0);
    let done = resync_from(&grid, standby.url()).await.expect("both answer");
    let [lost] = done.as_slice() else { panic!("{done:?}") };
    let Resynced { lost_after: (index, ordinal), .. } = lost;
    assert_eq!(format!("{index}.{ordinal}"), before);
    assert_eq!(lost.lost_up_to, (acknowledged.log_index, acknowledged.ordinal));
    assert!(lost.lost_from_ms < lost.lost_until_ms, "{lost}");
    assert_eq!((lost.shard, lost.events, lost.incarnation), (1, 1, 2));

    drained(&grid, 1).await;
    eventually("the writer goes on by itself", || async { writer.health.ready().is_ok() }).await;
    let report = reconcile_from(&grid, standby.url(), PATIENCE).await.expect("both answer");
    assert!(report.is_clean(), "{report}");
    let report = verified(&standby).await;
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.gaps.len(), report.events, report.events_not_judged), (1, 0, 1));
    assert!(report.gaps[0].contains(&format!("lost after {before}")), "{report}");
    let until = "SELECT count(*) FROM grid.seat WHERE status = 'held' AND held_until < updated_at";
    assert_eq!(standby.number(until).await, 0, "a hold's deadline is never told too early");

    assert_eq!(resync_from(&grid, standby.url()).await.expect("both answer"), []);
    writer.stop().await;
}

/// A wrong address looks like a lost end.
#[tokio::test]
async fn another_grids_database_is_left_alone() {
    let (standby, grid, _) = behind().await;
    standby.execute("UPDATE grid.event SET event_id = 'fest'").await;
    let before = standby.everything().await;
    let refused = resync_from(&grid, standby.url()).await.expect_err("not its own");
    assert!(refused.to_string().contains("another grid"), "{refused}");
    assert_eq!(standby.everything().await, before);
}

/// What reaches as far as the grid remembers is left alone, also when it is behind.
#[tokio::test]
async fn a_whole_database_is_left_alone() {
    let tables = Tables::new().await;
    let grid = MemoryGrid::default();
    let seller = grid.open("gala", 1, 5);
    assert_eq!(resync_from(&grid, tables.url()).await.expect("both answer"), []);
    let slow = WriterConfig { batch_rows_min: 1, ..config(tables.url()) };
    let writer = Writer::start_with(slow, &grid);
    seller.story();
    drained(&grid, 1).await;
    writer.stop().await;
    seller.sell(1);
    let before = tables.everything().await;
    assert_eq!(resync_from(&grid, tables.url()).await.expect("both answer"), []);
    assert_eq!(tables.everything().await, before);
}
