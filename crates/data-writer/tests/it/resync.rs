//! A database without its last transactions, as a standby that was behind becomes one: the writer
//! refuses it, and once a person has asked for it, it has all that the grid has, says what is lost,
//! and is written again.

use data_writer::{
    HeadSigner, RecoverWish, Resynced, Verifier, WriterConfig, reconcile_from, recover_from,
    resync_from, verify_database,
};
use inventory::{
    Actor, Best, Code, CodeKind, Command, Discount, HoldId, JoinWaitlist, OrderId, Outcome,
    PauseSale, PutCodes, RefundSeats, RemoveSeats, Sale, SaleRules, SeatIx, SeatStatus,
    SetPersonLimit, SetWindow,
};

use crate::grid::{BEGIN_MS, MemoryGrid, Seller, plan, sale};
use crate::tables::{PATIENCE, Tables, Writer, config, drained, eventually};
use crate::verify::verified;

/// Takes all seats of an order back, with their money.
fn take_back(seller: &Seller, order: OrderId) {
    let seats = Vec::new();
    let command =
        RefundSeats { order, seats, share_basis_points: 10_000, with_fee: true, block: false };
    seller.apply(Actor::SYSTEM, Command::RefundSeats(command));
}

/// Had a limit of their own before the lost time.
const EARLY_PERSON: u128 = 6;

/// A grid, the database that it was written to, and a standby of that which is missing the end: what
/// happened since a seat was sold, in which it was taken back.
async fn behind() -> (Tables, MemoryGrid, Seller) {
    behind_after(|_, _| {}).await
}

/// As [`behind`], with more that happens in the lost time.
async fn behind_after(lost: impl FnOnce(&MemoryGrid, &Seller)) -> (Tables, MemoryGrid, Seller) {
    let (primary, standby) = Tables::twins().await;
    let grid = MemoryGrid::default();
    let seller = grid.open("gala", 1, 5);
    seller.story();
    let (event, max) = (seller.event, Some(3));
    let limit = SetPersonLimit { event, person: EARLY_PERSON, max };
    seller.apply(Actor::SYSTEM, Command::SetPersonLimit(limit));
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
    lost(&grid, &seller);
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
    assert_eq!(report.gaps_unsigned, 1, "nobody stands behind it yet");
    let signer = HeadSigner::from_secret(&[3; 32]);
    let sink = data_writer::Sink::connect(standby.url(), 1).expect("url");
    sink.sign_heads(&signer).await.expect("sign");
    let mut verifier = Verifier::new();
    let key = signer.verifier();
    let done = verify_database(&mut verifier, standby.url(), Some(&key), &mut |_| {}).await;
    done.expect("the database answers");
    let report = verifier.finish();
    assert_eq!((report.gaps.len(), report.gaps_unsigned), (1, 0), "{report}");
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

/// One order of another grid is enough, whatever the events' names.
#[tokio::test]
async fn orders_of_another_grid_are_left_alone() {
    for change in [
        "UPDATE grid.sale_order SET created_at = created_at + interval '1 ms'",
        "UPDATE grid.sale_order SET contact = 'another'",
    ] {
        let (standby, grid, _) = behind().await;
        standby.execute(change).await;
        let before = standby.everything().await;
        let refused = resync_from(&grid, standby.url()).await.expect_err("not its own");
        assert!(refused.to_string().contains("another time or contact"), "{refused}");
        assert_eq!(standby.everything().await, before);
    }
}

/// The grid knows which database it writes to.
#[tokio::test]
async fn a_database_of_another_name_is_left_alone() {
    let (standby, grid, _) = behind().await;
    standby.execute("UPDATE grid.writer_checkpoint SET database_id = gen_random_uuid()").await;
    let refused = resync_from(&grid, standby.url()).await.expect_err("not its own");
    assert!(refused.to_string().contains("another database"), "{refused}");
}

/// An order that was placed before the lost time, ended in it and was forgotten since.
#[tokio::test]
async fn what_the_grid_has_forgotten_is_ended() {
    let (primary, standby) = Tables::twins().await;
    let grid = MemoryGrid::default();
    let seller = grid.open("gala", 1, 5);
    let given_up = seller.order(seller.hold(&[7]));
    grid.lose_acknowledgements(true);
    let copied = Writer::start(standby.url(), &grid);
    let pending = "SELECT count(*) FROM grid.sale_order WHERE status = 'pending_payment'";
    eventually("the standby has the order", || async { standby.number(pending).await == 1 }).await;
    copied.stop().await;
    grid.lose_acknowledgements(false);
    let writer = Writer::start(primary.url(), &grid);
    seller.expire_all();
    grid.tick(1, 3 * 3_600_000);
    seller.expire_all();
    seller.sell_held(seller.hold(&[7]));
    drained(&grid, 1).await;
    writer.stop().await;
    assert!(grid.read(1, |s| s.event(seller.event).expect("open").order(given_up.no).is_none()));

    assert_eq!(resync_from(&grid, standby.url()).await.expect("both answer").len(), 1);
    assert_eq!(standby.number(pending).await, 0);
    let double = "SELECT count(*) FROM grid.double_sold";
    assert_eq!(standby.number(double).await, 0, "the seat is the next buyer's alone");
    let report = reconcile_from(&grid, standby.url(), PATIENCE).await.expect("both answer");
    assert!(report.is_clean(), "{report}");
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

/// The database is gone for good and no copy is left: an empty one takes its place. What the grid still
/// has is there again; of the rest the gap tells.
#[tokio::test]
async fn an_empty_database_takes_the_place_of_a_lost_one() {
    let (lost, empty) = (Tables::new().await, Tables::new().await);
    let grid = MemoryGrid::default();
    let seller = grid.open("gala", 1, 5);
    let writer = Writer::start(lost.url(), &grid);
    seller.story();
    drained(&grid, 1).await;
    writer.stop().await;
    drop(lost);
    seller.sell(1);

    let writer = Writer::start(empty.url(), &grid);
    eventually("it is refused", || async {
        writer.health.ready().is_err_and(|why| why.contains("database"))
    })
    .await;
    let rows = "SELECT count(*) FROM grid.ledger";
    assert_eq!(empty.number(rows).await, 0, "nothing is written before a person says so");
    let done = resync_from(&grid, empty.url()).await.expect("both answer");
    let [told] = done.as_slice() else { panic!("{done:?}") };
    assert_eq!((told.shard, told.lost_after, told.incarnation), (1, (0, 0), 2));
    drained(&grid, 1).await;
    seller.sell(1);
    drained(&grid, 1).await;
    let report = reconcile_from(&grid, empty.url(), PATIENCE).await.expect("both answer");
    assert!(report.is_clean(), "{report}");
    let report = verified(&empty).await;
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.gaps.len(), 1, "{report}");
    writer.stop().await;
}

fn code(hash: u128) -> Code {
    let kind = CodeKind::Promo(Discount { per_seat_minor: 100, basis_points: 0 });
    let (from_ms, until_ms, tiers) = (0, u64::MAX, Vec::new());
    Code { hash, kind, from_ms, until_ms, tiers, seats_max: Some(9), budget_minor: None }
}

/// A second disaster must find what the first one left: the tables after a resync have all that a
/// recovery needs of what was put and opened in the lost time.
#[tokio::test]
async fn what_was_put_in_the_lost_time_comes_back_after_a_total_loss() {
    let day_ms = 24 * 3_600_000;
    let (standby, grid, gala) = behind_after(|grid, gala| {
        let event = gala.event;
        let tell = |command| {
            let outcome = gala.apply(Actor::SYSTEM, command);
            assert!(!matches!(outcome, Outcome::Refused(_)), "{outcome:?}");
        };
        tell(Command::PutCodes(PutCodes { event, codes: vec![code(5), code(6)] }));
        let (opens_at_ms, closes_at_ms) = (BEGIN_MS, BEGIN_MS + 60 * day_ms);
        tell(Command::SetWindow(SetWindow { event, opens_at_ms, closes_at_ms }));
        let limit = |person, max| Command::SetPersonLimit(SetPersonLimit { event, person, max });
        tell(limit(7, Some(9)));
        tell(limit(EARLY_PERSON, None));
        tell(Command::RemoveSeats(RemoveSeats { event, seats: vec![SeatIx(49)] }));
        tell(Command::PauseSale(PauseSale { event }));
        let rules = SaleRules { waitlist_ttl_ms: Some(600_000), ..SaleRules::default() };
        let fest = grid.open_as("fest", 1, (Sale { rules, ..sale("fest") }, plan(2)));
        let wish = Best { number: 2, max_price_minor: Some(1), ..Best::default() };
        let join = JoinWaitlist { event: fest.event, person: 8, wish, contact: vec![3] };
        let joined = fest.apply(Actor::SYSTEM, Command::JoinWaitlist(join));
        assert!(matches!(joined, Outcome::WaitlistJoined { .. }), "{joined:?}");
        fest.sell_held(fest.hold(&[3]));
    })
    .await;
    resync_from(&grid, standby.url()).await.expect("both answer");
    let writer = Writer::start(standby.url(), &grid);
    drained(&grid, 1).await;
    eventually("the writer goes on", || async { writer.health.ready().is_ok() }).await;
    writer.stop().await;

    grid.lose_all_disks();
    grid.take_pieces(u32::MAX);
    let wish = RecoverWish::default();
    let back = recover_from(&grid, standby.url(), &wish).await.expect("all of it comes back");
    assert_eq!(back.shards[0].events.len(), 2, "{back:?}");
    grid.read(1, |state| {
        let gala = state.event(gala.event).expect("it is back");
        let hashes: Vec<u128> = gala.codes().map(|used| used.code.hash).collect();
        assert_eq!(hashes, [5, 6]);
        assert!(gala.is_paused());
        assert_eq!(gala.own_limits().collect::<Vec<_>>(), [(7, 9)]);
        assert_eq!(gala.removed().collect::<Vec<_>>(), [SeatIx(49)]);
        assert_eq!(gala.sale().closes_at_ms, BEGIN_MS + 60 * day_ms);
        let fest = state.events().find(|event| event.sale().event_id == "fest").expect("opened");
        assert_eq!(fest.seats().status(SeatIx(3)), SeatStatus::Sold);
        let places: Vec<_> = fest.places().map(|entry| (entry.person, &entry.contact)).collect();
        assert_eq!(places, [(8, &vec![3])]);
    });
    let writer = Writer::start(standby.url(), &grid);
    drained(&grid, 1).await;
    let report = reconcile_from(&grid, standby.url(), PATIENCE).await.expect("both answer");
    assert!(report.is_clean(), "{report}");
    writer.stop().await;
}
