//! All replicas are lost: the tables bring the shards back, say what is lost, shut out what was before,
//! and selling goes on under numbers that nobody has seen.

use data_writer::{
    FeedSource as _, RecoverError, RecoverWish, Recovery, reconcile_from, recover_from,
};
use inventory::{
    Actor, BlockSeats, Code, CodeKind, Command, Discount, ExtendHold, GatewayResult, HoldId,
    Outcome, PauseSale, PutCodes, RECOVERY_MARGIN, RemoveSeats, ResumeSale, SeatIx, SeatSet,
    SetPersonLimit, SetWindow, SettledAs,
};

use crate::attempts::Door;
use crate::grid::{BEGIN_MS, MemoryGrid, Seller, plan, sale};
use crate::tables::{PATIENCE, Tables, Writer, drained, eventually};
use crate::verify::verified;

async fn back(grid: &MemoryGrid, tables: &Tables) -> Result<Recovery, RecoverError> {
    grid.take_pieces(u32::MAX);
    recover_from(grid, tables.url(), &RecoverWish::default()).await
}

fn tell(seller: &Seller, command: Command) {
    let outcome = seller.apply(Actor::SYSTEM, command);
    assert!(!matches!(outcome, Outcome::Refused(_)), "{outcome:?}");
}

/// An event with something of everything.
fn lived(grid: &MemoryGrid) -> Seller {
    let mut terms = sale("gala");
    terms.rules.extension = Some(inventory::Extension { by_ms: 1_000, times_max: 3 });
    terms.rules.per_person_max = Some(8);
    let seller = grid.open_as("gala", 2, (terms, plan(5)));
    seller.story();
    let event = seller.event;
    let code = Code {
        hash: 5,
        kind: CodeKind::Promo(Discount { per_seat_minor: 100, basis_points: 0 }),
        from_ms: 0,
        until_ms: u64::MAX,
        tiers: Vec::new(),
        seats_max: Some(9),
        budget_minor: None,
    };
    tell(&seller, Command::PutCodes(PutCodes { event, codes: vec![code] }));
    tell(&seller, Command::SetPersonLimit(SetPersonLimit { event, person: 7, max: Some(3) }));
    let (opens_at_ms, closes_at_ms) = (BEGIN_MS, BEGIN_MS + 70 * 24 * 3_600_000);
    tell(&seller, Command::SetWindow(SetWindow { event, opens_at_ms, closes_at_ms }));
    let seats = SeatSet::Seats(vec![SeatIx(45)]);
    tell(&seller, Command::BlockSeats(BlockSeats { event, seats }));
    tell(&seller, Command::RemoveSeats(RemoveSeats { event, seats: vec![SeatIx(46)] }));
    tell(&seller, Command::ExtendHold(ExtendHold { hold: seller.hold(&[20]) }));
    seller
}

async fn written(grid: &MemoryGrid, tables: &Tables) -> Writer {
    let writer = Writer::start(tables.url(), grid);
    for shard in [1, 2] {
        drained(grid, shard).await;
    }
    writer
}

#[tokio::test]
async fn what_the_tables_have_comes_back_and_is_sold_on() {
    let tables = Tables::new().await;
    let grid = MemoryGrid::default();
    grid.open("fest", 1, 2).story_of_two();
    let seller = lived(&grid);
    let pending = seller.order(seller.hold(&[21]));
    let (payment, amount_minor) = seller.pay(pending);
    seller.record_payment(payment, "gw-late");
    let writer = written(&grid, &tables).await;
    let before = grid.read(2, |state| state.event(seller.event).cloned()).expect("opened");
    let rows = tables.everything().await;
    writer.stop().await;

    grid.lose_all_disks();
    let writer = Writer::start(tables.url(), &grid);
    let done = back(&grid, &tables).await.expect("it comes back");
    assert_eq!(done.shards.len(), 2, "{done}");
    assert_eq!(done.left_alone, Vec::<String>::new());
    let gala = &done.shards[1].events[0];
    assert_eq!((gala.event_id.as_str(), gala.payments_open, gala.seats), ("gala", 1, 50));

    let after = grid.read(2, |state| {
        state.check_invariants().expect("whole");
        state.event(seller.event).cloned()
    });
    let after = after.expect("back");
    assert!(after.seats() == before.seats(), "seat by seat");
    assert_eq!(after.orders().collect::<Vec<_>>(), before.orders().collect::<Vec<_>>());
    assert_eq!(after.holds().collect::<Vec<_>>(), before.holds().collect::<Vec<_>>());
    assert_eq!(after.refunds().collect::<Vec<_>>(), before.refunds().collect::<Vec<_>>());
    assert_eq!(after.sale(), before.sale());
    assert_eq!(after.code(5), before.code(5));
    assert_eq!(after.removed().collect::<Vec<_>>(), [SeatIx(46)]);
    let pages = |event: &inventory::Event| {
        event.payments().map(|p| p.confirmation_url.clone()).collect::<Vec<_>>()
    };
    assert_eq!(pages(&after), pages(&before));

    let report = reconcile_from(&grid, tables.url(), PATIENCE).await.expect("both answer");
    assert!(report.is_clean(), "{report}");
    assert_eq!(tables.everything().await.len(), rows.len() + 2, "a gap's record for each shard");

    // Money for what was open is settled; new numbers are far above; nothing is sold twice.
    let settled = seller.settle(payment, GatewayResult::Captured { amount_minor });
    assert_eq!(settled.settled_as, Some(SettledAs::Confirmed));
    let sold = seller.sell(2);
    assert!(sold.no > before.version() + RECOVERY_MARGIN - 1, "{sold}");
    drained(&grid, 2).await;
    eventually("the writer goes on", || async { writer.health.ready().is_ok() }).await;
    let report = reconcile_from(&grid, tables.url(), PATIENCE).await.expect("both answer");
    assert!(report.is_clean(), "{report}");
    assert!(verified(&tables).await.is_clean());

    let again = back(&grid, &tables).await.expect_err("it lives");
    assert!(matches!(again, RecoverError::Refused(_)), "{again}");
    writer.stop().await;
}

impl Seller {
    fn story_of_two(&self) {
        self.sell(1);
        self.hold_best(1);
    }
}

/// The lost window is what the watermark said.
#[tokio::test]
async fn what_the_tables_did_not_have_is_told() {
    let tables = Tables::new().await;
    let grid = MemoryGrid::default();
    let seller = grid.open("gala", 1, 5);
    seller.story();
    let writer = Writer::start(tables.url(), &grid);
    drained(&grid, 1).await;
    writer.stop().await;
    let watermark = "SELECT grid.to_ms(complete_up_to) FROM grid.watermark WHERE shard_id = 1";
    let complete_ms = tables.number(watermark).await.unsigned_abs();
    grid.tick(1, 4_000);
    let lost = seller.sell(1);
    let lost_at_ms = grid.read(1, inventory::State::at_ms);
    grid.lose_all_disks();

    grid.take_pieces(u32::MAX);
    let wish = RecoverWish { shard: Some(1), lost_at_ms: Some(lost_at_ms) };
    let done = recover_from(&grid, tables.url(), &wish).await.expect("it comes back");
    let shard = &done.shards[0];
    assert_eq!((shard.lost.from_ms, shard.lost.until_ms), (complete_ms, lost_at_ms));
    assert!(shard.lost.ms() >= 4_000, "{shard}");
    let event = &shard.events[0];
    let unknown = event.numbers_lost_above + 1..event.numbers_lost_below;
    assert!(unknown.contains(&lost.no), "{lost} is among {unknown:?}");
    assert!(grid.read(1, |s| s.event(seller.event).expect("back").order(lost.no).is_none()));
    let told = "SELECT count(*) FROM grid.recovery_run WHERE finished_at IS NOT NULL
                AND report ->> 'lost_after' = lost_after";
    assert_eq!(tables.number(told).await, 1);
    // Events that were opened in the lost time, if any, had one of the next hundred numbers.
    assert!(grid.open("next", 1, 1).event.0 > seller.event.0 + 100);
}

/// The others sell on; what was opened in the lost time begins anew under another number.
#[tokio::test]
async fn one_lost_shard_comes_back_beside_living_ones() {
    let tables = Tables::new().await;
    let grid = MemoryGrid::default();
    let (gala, fest) = (grid.open("gala", 1, 5), grid.open("fest", 2, 5));
    gala.story();
    fest.story();
    let writer = written(&grid, &tables).await;
    writer.stop().await;
    grid.open("late", 1, 1).sell(1);
    let late = grid.pin_of("late");
    let sold_meanwhile = fest.sell(2);
    grid.lose_shard(1);
    let writer = Writer::start(tables.url(), &grid);
    let done = back(&grid, &tables).await.expect("it comes back");
    assert_eq!(done.shards.iter().map(|shard| shard.shard).collect::<Vec<_>>(), [1]);
    assert_eq!((done.shards[0].incarnation, done.left_alone.len()), (2, 1), "{done}");
    assert!(
        grid.read(2, |s| s.event(fest.event).expect("lives").order(sold_meanwhile.no).is_some())
    );
    gala.sell(1);
    fest.sell(1);
    let renumbered = grid.pin_of("late");
    assert!(renumbered.number > late.number && renumbered.shard == 1, "{renumbered:?}");
    assert_eq!(grid.pin_of(&format!("lost-event-{}", late.number)), late);
    let pinned = grid.pins().await.expect("pins").len();
    assert_eq!(pinned, 4, "no other numbers are spent");
    for shard in [1, 2] {
        drained(&grid, shard).await;
    }
    let report = reconcile_from(&grid, tables.url(), PATIENCE).await.expect("both answer");
    assert!(report.is_clean(), "{report}");
    let told = verified(&tables).await;
    assert!(told.faults.is_empty(), "{told}");
    writer.stop().await;
}

#[tokio::test]
async fn whoever_dies_in_the_middle_is_gone_on_from() {
    let tables = Tables::new().await;
    let grid = MemoryGrid::default();
    let (gala, fest) = (grid.open("gala", 1, 5), grid.open("fest", 1, 3));
    gala.story();
    fest.story_of_two();
    let writer = Writer::start(tables.url(), &grid);
    drained(&grid, 1).await;
    writer.stop().await;
    grid.lose_all_disks();
    let mut tries = 0;
    for pieces in [0, 2, 3, 4, 7, 9, u32::MAX] {
        grid.take_pieces(pieces);
        tries += 1;
        let done = recover_from(&grid, tables.url(), &RecoverWish::default()).await;
        match done {
            Ok(done) => {
                assert_eq!((done.shards[0].went_on, done.shards[0].incarnation), (tries > 1, 2));
                break;
            }
            Err(RecoverError::Grid(_)) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert!(tries > 3, "{tries}");
    let writer = Writer::start(tables.url(), &grid);
    let report = reconcile_from(&grid, tables.url(), PATIENCE).await.expect("both answer");
    assert!(report.is_clean(), "{report}");
    assert_eq!(tables.number("SELECT count(*) FROM grid.recovery_run").await, 1);
    assert_eq!((gala.event.0, fest.event.0), (1, 2));
    writer.stop().await;
}

/// Old units that return are another database's, and so is an emptied grid before it is recovered.
#[tokio::test]
async fn what_was_before_is_shut_out() {
    let tables = Tables::new().await;
    let old = MemoryGrid::default();
    let seller = old.open("gala", 1, 5);
    seller.story();
    let writer = Writer::start(tables.url(), &old);
    drained(&old, 1).await;
    writer.stop().await;

    let new = MemoryGrid::default();
    new.open("other", 1, 1);
    let writer = Writer::start(tables.url(), &new);
    eventually("an unknown grid is refused", || async {
        writer.health.ready().is_err_and(|why| why.contains("another grid"))
    })
    .await;
    writer.stop().await;
    let refused = back(&new, &tables).await.expect_err("it has an event");
    assert!(refused.to_string().contains("shard 1 lives"), "{refused}");

    let new = MemoryGrid::default();
    back(&new, &tables).await.expect("it comes back");
    seller.sell(1);
    let before = tables.everything().await;
    let writer = Writer::start(tables.url(), &old);
    eventually("the old one is refused", || async {
        writer.health.ready().is_err_and(|why| why.contains("another database"))
    })
    .await;
    writer.stop().await;
    assert_eq!(tables.everything().await, before, "it has written nothing");
}

/// A grid in which something else began first has other numbers.
#[tokio::test]
async fn numbers_of_others_are_never_taken() {
    let tables = Tables::new().await;
    let grid = MemoryGrid::default();
    grid.open("gala", 1, 5).story();
    let writer = Writer::start(tables.url(), &grid);
    drained(&grid, 1).await;
    writer.stop().await;
    let new = MemoryGrid::default();
    new.open("fest", 2, 1);
    let refused = back(&new, &tables).await.expect_err("number 1 is another's");
    assert!(refused.to_string().contains("number 1"), "{refused}");
    let runs = "SELECT count(*) FROM grid.recovery_run";
    assert_eq!(tables.number(runs).await, 0, "nothing was begun");
}

/// A paused sale comes back paused; one that was resumed does not.
#[tokio::test]
async fn a_sales_own_state_comes_back() {
    let tables = Tables::new().await;
    let grid = MemoryGrid::default();
    let (gala, fest) = (grid.open("gala", 1, 1), grid.open("fest", 1, 1));
    for seller in [&gala, &fest] {
        tell(seller, Command::PauseSale(PauseSale { event: seller.event }));
    }
    tell(&fest, Command::ResumeSale(ResumeSale { event: fest.event }));
    let writer = Writer::start(tables.url(), &grid);
    drained(&grid, 1).await;
    writer.stop().await;
    grid.lose_all_disks();
    back(&grid, &tables).await.expect("it comes back");
    let paused = |seller: &Seller| {
        grid.read(1, |state| state.event(seller.event).expect("back").is_paused())
    };
    assert!(paused(&gala) && !paused(&fest));
    let hold: HoldId = fest.hold(&[0]);
    assert!(hold.no > RECOVERY_MARGIN);
}

#[tokio::test]
async fn the_writer_at_work_brings_a_shard_back_when_asked() {
    let tables = Tables::new().await;
    let grid = MemoryGrid::default();
    grid.open("gala", 1, 2).story_of_two();
    let writer = Writer::start(tables.url(), &grid);
    drained(&grid, 1).await;
    writer.stop().await;
    grid.lose_all_disks();
    grid.take_pieces(u32::MAX);
    let door = Door::open(tables.url(), &grid);
    let wish = serde_json::json!({"lost_at": "2026-11-21T10:00:01Z"});
    eventually("it is brought back by the writer at work", || async {
        let (status, report) = door.ask("POST", "/admin/v1/recovery", &wish).await;
        assert!(status != 200 || report["shards"][0]["incarnation"] == 2, "{report}");
        status == 200
    })
    .await;
    let (status, why) = door.ask("POST", "/admin/v1/recovery", &wish).await;
    assert_eq!((status, why["code"].as_str()), (409, Some("taken")), "{why}");
    let (status, _) = door.ask("POST", "/admin/v1/recovery", &serde_json::json!({"x": 1})).await;
    assert_eq!(status, 400);
    door.close().await;
}
