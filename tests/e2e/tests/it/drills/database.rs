//! PostgreSQL goes away, comes back, comes back without its last transactions, or refuses a record. The
//! outage at full rate has a file of its own.
//! The sale needs none of it; the tables say in the end what the grid says.

use std::time::{Duration, Instant};

use e2e::drill::{Drill, Load, knob, lasts, pause_max};
use e2e::{Client, OwnDatabase, Process, System, until};
use serde_json::{Value, json};

use super::{asked, reconciles};

/// Holds per second while PostgreSQL is away: what waits must fit into one shard's outbox for the
/// whole time of the long form.
const RATE_AWAY_MAX: u64 = 200;
/// One load is judged by holds that must not have ended by themselves.
const LOAD_S: u64 = 200;
/// All units together may grow so much: three full outboxes of 100 MB.
const GROWTH_MAX_BYTES: u64 = 400 << 20;
/// Buyers at once while what a sale writes is counted, and sales of each.
const BUYERS: u32 = 5;
const SALES_EACH: u32 = 6;
/// Sales per second of the target for an outage.
const SALES_RATE_AIM: f64 = 2_000.0;
/// How long the tables may take to catch up on a busy machine.
const CATCH_UP_MAX: Duration = Duration::from_secs(240);

/// PostgreSQL is stopped under load and started again. Expected: nobody who holds notices; an order
/// is placed and paid meanwhile; units grow by what waits and no more; afterwards the ledger is whole
/// and grid and tables agree.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_is_away_for_a_while() {
    let drill = Drill::begin("PostgreSQL away under load");
    let mut database = OwnDatabase::start().await;
    let system = System::start_on(database.url());
    let client = Client::new(&system.url());
    let paid = a_paid_order(&client).await;
    caught_up(&system).await;
    let before = memory_bytes(&system);
    database.stop().await;
    let stopped = Instant::now();
    tell_room(&drill, &system, &client).await;
    let away_s = knob("DATABASE_AWAY_S", 10);
    let mut peak = before;
    for part_s in parts(away_s) {
        let rate = e2e::drill::rate().min(RATE_AWAY_MAX);
        let mut load = Load::start_at(&system, part_s + 4, rate).await;
        load.mark("PostgreSQL is away");
        for _ in 0..part_s {
            lasts(Duration::from_secs(1)).await;
            peak = peak.max(memory_bytes(&system));
        }
        load.calm();
        load.judge(&system, &drill).await.pauses_at_most(pause_max());
    }
    let meanwhile = a_paid_order(&client).await;
    let waiting = waiting_records(&system);
    let away = stopped.elapsed();
    database.start_again().await;
    let back = Instant::now();
    caught_up(&system).await;
    let (took, after) = (back.elapsed(), memory_bytes(&system));
    drill.note(&format!(
        "away for {:.0} s, {waiting} records waited, caught up in {:.1} s; units had {} MB before, \
         {} MB at most, {} MB after",
        away.as_secs_f64(),
        took.as_secs_f64(),
        before >> 20,
        peak >> 20,
        after >> 20
    ));
    assert!(waiting > 100, "{waiting} records waited: the load was nothing");
    assert!(peak < before + GROWTH_MAX_BYTES, "units grew from {before} to {peak} bytes");
    for order in [paid, meanwhile] {
        let status = format!("SELECT status FROM grid.sale_order WHERE order_id = '{order}'");
        assert_eq!(database.texts(&status).await, ["paid"]);
    }
    verifies(&system, 0);
    reconciles(&system);
}

/// The primary is lost with transactions that its standby never got, which the grid has let go of
/// already. Expected: the writer writes nothing and says that rows are lost, while the sale goes on;
/// `reconcile --resync` brings the tables to the grid and leaves a record of the gap; then everything
/// flows, nothing is there twice, and `verify` names the gap.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_standby_misses_the_last_transactions() {
    let drill = Drill::begin("standby without the last transactions");
    let mut database = OwnDatabase::start().await;
    let system = System::start_on(database.url());
    let client = Client::new(&system.url());
    let first = a_paid_order(&client).await;
    caught_up(&system).await;
    database.stop().await;
    database.copy();
    database.start_again().await;
    let lost = a_paid_order(&client).await;
    caught_up(&system).await;
    database.kill().await;
    database.fail_over().await;
    resynced(&drill, &system, &database, [first, lost]).await;
}

/// The same with two servers at once: the standby follows the primary, its link fails unnoticed, the
/// primary is lost, the standby is promoted and takes over its address. Expected: as above.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_streaming_standby_is_promoted_without_the_last_transactions() {
    let drill = Drill::begin("streaming standby promoted too early");
    let mut database = OwnDatabase::start().await;
    let standby = match database.standby().await {
        Ok(standby) => standby,
        Err(why) => return drill.skip(&why),
    };
    let system = System::start_on(database.url());
    let client = Client::new(&system.url());
    let first = a_paid_order(&client).await;
    caught_up(&system).await;
    standby.has_all_of(database.url()).await;
    standby.cut_off().await;
    let lost = a_paid_order(&client).await;
    caught_up(&system).await;
    database.kill().await;
    standby.promote().await;
    database.fail_over().await;
    resynced(&drill, &system, &database, [first, lost]).await;
}

/// What a database without its last transactions leads to, and how it ends.
async fn resynced(
    drill: &Drill,
    system: &System,
    database: &OwnDatabase,
    [first, lost]: [String; 2],
) {
    let client = Client::new(&system.url());
    until("the writer refuses it", Duration::from_secs(60), || async {
        let writers = system.processes().into_iter().filter(|process| process.role == "writer");
        let log = |writer: Process| system.file(&format!("logs/writer-{}.log", writer.node));
        writers.map(log).any(|log| log.contains("has lost rows")).then_some(())
    })
    .await;
    let meanwhile = a_paid_order(&client).await;
    let owned = format!("SELECT count(*) FROM grid.sale_order WHERE order_id = '{lost}'");
    assert_eq!(database.number(&owned).await, 0, "the standby does not have it");

    let began = Instant::now();
    let resynced = system.run(&["reconcile", "--resync"]);
    let told = String::from_utf8_lossy(&resynced.stdout).into_owned();
    assert!(resynced.status.success(), "{told}{}", String::from_utf8_lossy(&resynced.stderr));
    assert!(told.contains("lost"), "what is lost is told: {told}");
    caught_up(system).await;
    let lines = told.lines().filter(|line| line.contains("lost")).count();
    drill.note(&format!(
        "{lines} shards had lost rows; whole again in {:.1} s",
        began.elapsed().as_secs_f64()
    ));
    for order in [first, lost, meanwhile] {
        let status = format!("SELECT status FROM grid.sale_order WHERE order_id = '{order}'");
        assert_eq!(database.texts(&status).await, ["paid"], "{order}");
    }
    assert_eq!(database.number("SELECT count(*) FROM grid.double_sold").await, 0);
    verifies(system, lines as u64);
    reconciles(system);
    drill.done();
}

/// One seat's rows are refused by the database for good. Expected: everything else is written, the
/// record is parked and shown, and written at last when the reason is gone and a person says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poison_record_is_parked_shown_and_retried() {
    let drill = Drill::begin("poison record");
    let database = OwnDatabase::start().await;
    let system = System::start_on(database.url());
    let client = Client::new(&system.url());
    let free = client.seats("demo-hall", "free").await;
    // The opening of the sale writes every seat: only what comes later is to meet the trigger.
    caught_up(&system).await;
    database
        .execute(&format!(
            "CREATE FUNCTION grid.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 IF NEW.event_id = 'demo-hall' AND NEW.seat_id = '{}' THEN
                     RAISE EXCEPTION 'poison' USING ERRCODE = '22021';
                 END IF;
                 RETURN NEW;
             END $$;
             CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON grid.seat
             FOR EACH ROW EXECUTE FUNCTION grid.refuse()",
            free[0]
        ))
        .await;
    let poison = client.hold("demo-hall", json!({"seats": [free[0]]})).await.expect("free");
    for seat in &free[1..20] {
        client.hold("demo-hall", json!({"seats": [seat]})).await.expect("free");
    }
    let held = "SELECT count(*) FROM grid.seat WHERE event_id = 'demo-hall' AND status = 'held'";
    until("the others are in the tables", Duration::from_secs(60), || async {
        (database.number(held).await == 19).then_some(())
    })
    .await;
    let parked = asked(&system, &["writer", "quarantine", "list"]);
    let [record] = parked.as_array().expect("a list").as_slice() else { panic!("{parked}") };
    assert_eq!(record["sqlstate"], "22021", "{record}");
    let id = record["id"].to_string();
    let shown = asked(&system, &["writer", "quarantine", "show", &id]).to_string();
    assert!(shown.contains("poison") && shown.contains("HoldGranted"), "{shown}");
    let issues = asked(&system, &["issues"]).to_string();
    assert!(issues.contains("records_parked"), "{issues}");

    let again = ["ctl", "writer", "quarantine", "retry", &id, "--by", "drill"];
    let refused = system.run(&again);
    assert!(!refused.status.success(), "the reason is still there");
    database.execute("DROP TRIGGER refuse ON grid.seat").await;
    let retried = system.run(&again);
    assert!(retried.status.success(), "{}", String::from_utf8_lossy(&retried.stderr));
    assert_eq!(asked(&system, &["writer", "quarantine", "list"]), json!([]));
    assert_eq!(database.number(held).await, 20);
    drill.note(&format!("hold {} was parked as record {id} and written at last", poison.id));
    verifies(&system, 0);
    reconciles(&system);
    drill.done();
}

/// What sales write while PostgreSQL is away, and for how long one shard's outbox has room at the rate
/// that the project is measured by. Several at once, as fast as the machine sells.
async fn tell_room(drill: &Drill, system: &System, client: &Client) {
    let waiting = waiting_records(system);
    let began = Instant::now();
    let buyer = || async {
        for _ in 0..SALES_EACH {
            a_paid_order(client).await;
        }
    };
    tokio::join!(buyer(), buyer(), buyer(), buyer(), buyer());
    let (sold, took) = (f64::from(BUYERS * SALES_EACH), began.elapsed());
    let each = (waiting_records(system) - waiting) as f64 / sold;
    let status: Value = asked(system, &["status"]);
    let room = status["persist_backlog"][0]["records_max"].as_f64().expect("a limit");
    drill.note(&format!(
        "{:.0} sales/s while PostgreSQL was away, {each:.1} records each: {room} records are {:.0} sales of \
         one shard, {:.0} s at {SALES_RATE_AIM} sales/s until new holds are refused with \
         persistence_backlog",
        sold / took.as_secs_f64(),
        room / each,
        room / each / SALES_RATE_AIM
    ));
    assert!((4.0..=9.0).contains(&each), "a sale writes {each} records");
}

/// Some seat of the hall, bought.
pub(super) async fn a_paid_order(client: &Client) -> String {
    let held = client.hold("demo-hall", json!({"best": {"number": 1}})).await.expect("free");
    let order = client.buy(&held, "succeed").await;
    client.until_order(&order, &held.token, "paid").await;
    order
}

/// Waits until no shard has anything that the tables do not.
pub(super) async fn caught_up(system: &System) {
    until("the tables have caught up", CATCH_UP_MAX, || async {
        (waiting_records(system) == 0).then_some(())
    })
    .await;
}

/// Records that PostgreSQL does not have, of all shards.
pub(super) fn waiting_records(system: &System) -> u64 {
    let status: Value = asked(system, &["status"]);
    let shards = status["persist_backlog"].as_array().cloned().unwrap_or_default();
    assert!(!shards.is_empty(), "no shard tells how far PostgreSQL is: {status}");
    shards.iter().map(|shard| shard["records"].as_u64().expect("a count")).sum()
}

/// What all units have in memory, in bytes.
pub(super) fn memory_bytes(system: &System) -> u64 {
    let resident = |pid: i32| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        kilobytes.unwrap_or(0_u64) << 10
    };
    system.units().iter().map(|unit| resident(unit.pid)).sum()
}

/// The ledger proves itself, with so many gaps that were told: those are proven by nobody's signature,
/// which has its own exit code.
#[track_caller]
pub(super) fn verifies(system: &System, gaps: u64) {
    let shown = system.run(&["verify", "--json"]);
    let report: Value = serde_json::from_slice(&shown.stdout).expect("a report");
    assert_eq!(shown.status.code(), Some(if gaps == 0 { 0 } else { 3 }), "{report}");
    assert_eq!(report["faults_total"], 0, "{report}");
    assert_eq!(report["gaps"].as_array().map(Vec::len), Some(gaps as usize), "{report}");
    assert!(report["records"].as_u64() > Some(10), "{report}");
}

/// Loads one after the other, in seconds.
fn parts(seconds: u64) -> Vec<u64> {
    let whole = (0..seconds / LOAD_S).map(|_| LOAD_S);
    whole.chain((!seconds.is_multiple_of(LOAD_S)).then_some(seconds % LOAD_S)).collect()
}
