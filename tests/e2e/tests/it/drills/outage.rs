//! PostgreSQL is away while whole sales go on at a rate and for a time that are set, with room for all of
//! them: the outage of target R5, and the catching up of P7.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use e2e::drill::{Drill, knob};
use e2e::{Client, OwnDatabase, System};
use serde_json::Value;

use super::database::{a_paid_order, caught_up, memory_bytes, verifies, waiting_records};
use super::{asked, reconciles};

/// Records that one sale writes, from hold to owned seat.
const SALE_RECORDS: u64 = 7;
/// What the room leaves free: sales under way promise more than they write, and events have terms.
const ROOM_SPARE: u64 = 2;
/// What a waiting record and its share of the sale may take in one unit: the record twice, while a
/// snapshot is written, and the sold order with its payment, which stays.
const RECORD_BYTES_MAX: u64 = 1_200;
/// What units may grow by besides, all together: buffers, threads, the allocator.
const GROWTH_SPARE_BYTES: u64 = 300 << 20;
/// Seats of an event of `bench sales`.
const HALL_SEATS: u64 = 20_000;

/// PostgreSQL is stopped, sales go on at the rate, it is started again. Expected: no sale fails and none is
/// refused, since the room was set for them; units grow by what waits and no more; the tables catch up;
/// the ledger has no gap and grid and tables agree.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_is_away_while_sales_go_on() {
    let drill = Drill::begin("PostgreSQL away, sales at full rate");
    let (rate, seconds) = (knob("SALES_RATE", 100), knob("OUTAGE_S", 4));
    let (sales, shards) = (rate * seconds, knob("OUTAGE_SHARDS", 2));
    let room = (sales * SALE_RECORDS * ROOM_SPARE / shards).clamp(10_000, 10_000_000);
    let mut database = OwnDatabase::start().await;
    let (room, shards) = (room.to_string(), shards.to_string());
    let vars =
        [("SEATGRID_UNIT__OUTBOX_RECORDS_MAX", &*room), ("SEATGRID_UNIT__NODE__SHARDS", &*shards)];
    let system = System::start_on_with(database.url(), &vars);
    let events = sales.div_ceil(HALL_SEATS) + 1;
    let opened = begin_sales(&system, rate, 0, events).wait().expect("an end");
    assert!(opened.success(), "events are opened:\n{}", system.log());
    let paid = a_paid_order(&Client::new(&system.url())).await;
    caught_up(&system).await;
    let before = memory_bytes(&system);
    assert_eq!(rooms(&system), [&*room], "the setting is in force in every shard");

    database.stop().await;
    let stopped = Instant::now();
    let mut selling = begin_sales(&system, rate, seconds, events);
    let mut peak = before;
    let ended = loop {
        peak = peak.max(memory_bytes(&system));
        if let Some(ended) = selling.try_wait().expect("it can be waited for") {
            break ended;
        }
        e2e::drill::lasts(Duration::from_millis(200)).await;
    };
    let told = std::io::read_to_string(selling.stdout.take().expect("piped")).expect("text");
    assert!(ended.success(), "{told}\n{}", system.log());
    let told: Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(told["sold"], sales, "{told}");
    let waiting = waiting_records(&system);
    let away = stopped.elapsed();
    database.start_again().await;
    let back = Instant::now();
    caught_up(&system).await;
    let took = back.elapsed();
    let growth = peak.saturating_sub(before);
    drill.note(&format!(
        "{told}; away for {:.0} s, {waiting} records waited ({:.1} a sale) in {shards} shards with room for \
         {room} each, caught up in {:.1} s; units grew by {} MB together, {} bytes a record and unit",
        away.as_secs_f64(),
        waiting as f64 / sales as f64,
        took.as_secs_f64(),
        growth >> 20,
        growth / 3 / waiting
    ));
    assert!(waiting >= sales * 4, "{waiting} records of {sales} sales waited");
    let growth_max = GROWTH_SPARE_BYTES + 3 * waiting * RECORD_BYTES_MAX;
    assert!(growth <= growth_max, "units grew by {growth} bytes, at most {growth_max} expected");
    let limit = Duration::from_secs(knob("CATCH_UP_MAX_S", 240));
    assert!(took <= limit, "caught up in {took:?}, {limit:?} at most");
    let paid = format!("SELECT count(*) FROM grid.sale_order WHERE order_id = '{paid}'");
    assert_eq!(database.number(&paid).await, 1);
    let owned =
        "SELECT count(*) FROM grid.sale_order WHERE event_id LIKE 'sales-%' AND status = 'paid'";
    assert_eq!(database.number(owned).await, i64::try_from(sales).expect("a count"));
    verifies(&system, 0);
    reconciles(&system);
    drill.done();
}

/// `bench sales` on the system's own grid; 0 seconds only open the events.
fn begin_sales(system: &System, rate: u64, seconds: u64, events: u64) -> Child {
    let [rate, seconds, events] = [rate, seconds, events].map(|number| number.to_string());
    let mut command = system.command(&["bench", "sales", "--json", "--rate", &rate]);
    command.args(["--seconds", &seconds, "--events", &events]).stdout(Stdio::piped());
    command.spawn().expect("the sales begin")
}

/// The rooms that shards go by, each once.
fn rooms(system: &System) -> Vec<String> {
    let status: Value = asked(system, &["status"]);
    let shards = status["persist_backlog"].as_array().cloned().unwrap_or_default();
    let mut rooms: Vec<String> =
        shards.iter().map(|shard| shard["records_max"].to_string()).collect();
    rooms.dedup();
    rooms
}
