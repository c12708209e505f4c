//! Every unit's disk is lost at once; the tables bring the sale back.

use std::process::{Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use e2e::{Client, Held, System, until};
use serde_json::{Value, json};
use sqlx::Connection;

const EVENT: &str = "demo-hall";
/// How long the writers stand still before the loss.
const BEHIND_MS: u64 = 3_000;

fn clock_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as u64
}

/// Watermark of the event's shard, and the clock of the database, in ms since 1970.
async fn watermark(system: &System, shard: u64) -> (u64, u64) {
    let url = system.file("database.url");
    let mut connection = sqlx::PgConnection::connect(&url).await.expect("PostgreSQL is up");
    let row: (i64, i64) = sqlx::query_as(
        "SELECT grid.to_ms(complete_up_to), grid.to_ms(clock_timestamp()) FROM grid.watermark
         WHERE shard_id = $1",
    )
    .bind(i32::try_from(shard).expect("a shard"))
    .fetch_one(&mut connection)
    .await
    .expect("a watermark");
    (row.0.unsigned_abs(), row.1.unsigned_abs())
}

async fn hold(client: &Client, seat: &str) -> Held {
    client.hold(EVENT, json!({"seats": [seat]})).await.expect("the seat is free")
}

fn recover(system: &System, lost_at_ms: u64) -> Output {
    let at = rfc3339(lost_at_ms);
    system.run(&["ctl", "shard", "recover", "--from-database", "--lost-at", &at, "--json"])
}

/// A time of the tests' clock in the form that `--lost-at` takes.
fn rfc3339(ms: u64) -> String {
    let at = jiff::Timestamp::from_millisecond(ms.cast_signed());
    at.expect("a time of today").to_string()
}

fn told(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!("{}\n{}", String::from_utf8_lossy(out), String::from_utf8_lossy(err))
}

/// Kills the recovery in the middle, a little later each time. Whatever was done is gone on from.
/// Says whether it came to its end all the same.
async fn killed_in_the_middle(system: &System, lost_at_ms: u64) -> bool {
    for patience_ms in [40, 150, 400] {
        let at = rfc3339(lost_at_ms);
        let args = ["ctl", "shard", "recover", "--from-database", "--lost-at", &at];
        let mut driver = system.command(&args);
        let mut driver = driver.stdout(Stdio::null()).spawn().expect("it starts");
        let patience = Duration::from_millis(patience_ms);
        let ended = || driver.try_wait().expect("it can be waited for").is_some();
        if !comes_true(patience, ended).await {
            driver.kill().expect("it can be killed");
        }
        if driver.wait().expect("it is gone").success() {
            return true;
        }
    }
    false
}

/// The gap report of a shard, as the tables keep it.
async fn report(system: &System, shard: u64) -> Value {
    let url = system.file("database.url");
    let mut connection = sqlx::PgConnection::connect(&url).await.expect("PostgreSQL is up");
    let text: String = sqlx::query_scalar(
        "SELECT report::text FROM grid.recovery_run WHERE shard_id = $1 AND finished_at IS NOT NULL",
    )
    .bind(i32::try_from(shard).expect("a shard"))
    .fetch_one(&mut connection)
    .await
    .expect("one recovery that has ended");
    serde_json::from_str(&text).expect("JSON")
}

/// Whether a condition holds in time.
async fn comes_true(within: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let mut looks = tokio::time::interval(Duration::from_millis(5));
    let deadline = tokio::time::Instant::now() + within;
    loop {
        looks.tick().await;
        if holds() {
            return true;
        }
        if tokio::time::Instant::now() >= deadline {
            return false;
        }
    }
}

/// Kills everything, empties every unit's disk and starts again; the office opens nothing.
async fn lose_all_disks(system: &mut System) -> mpsc::Receiver<String> {
    system.kill_all();
    system.empty_units();
    let log = system.data_dir().join("logs/office-1.log");
    // What it said of an earlier loss does not count.
    std::fs::remove_file(&log).expect("the office has written");
    let ready = system.begin_again();
    until("the office sees the loss", Duration::from_secs(100), || async {
        std::fs::read_to_string(&log).ok()?.contains("lost events").then_some(())
    })
    .await;
    ready
}

/// Once more, when the tables have everything: the lag is nothing, so is the window, and so is the loss.
async fn nothing_is_lost_without_a_lag(
    system: &mut System,
    (client, shard): (&Client, u64),
    bought: &[(Held, String)],
) {
    let quiet_ms = clock_ms();
    let complete_ms = until("the tables have everything", Duration::from_secs(60), || async {
        let (complete_ms, _) = watermark(system, shard).await;
        (complete_ms >= quiet_ms).then_some(complete_ms)
    })
    .await;
    let ready = lose_all_disks(system).await;
    let done = recover(system, complete_ms);
    assert_eq!(done.status.code(), Some(0), "{}", told(&done));
    let printed: Value = serde_json::from_slice(&done.stdout).expect("JSON");
    let shards = printed["shards"].as_array().expect("a list");
    let ours = shards.iter().find(|told| told["shard"] == shard).expect("it came back");
    assert_eq!(ours["from_ms"], ours["until_ms"], "an empty window: {ours}");
    assert!(ours["from_ms"].as_u64() >= Some(quiet_ms), "{ours}");
    assert_eq!(ours["incarnation"], 3, "{ours}");
    system.until_ready(&ready);
    for (held, order) in bought {
        client.until_order(order, &held.token, "paid").await;
    }
    agrees(system);
}

/// Grid and tables say the same, and the ledger proves itself but for the gap, which is not signed.
fn agrees(system: &System) {
    let reconciled = system.run(&["reconcile"]);
    assert!(reconciled.status.success(), "{}", told(&reconciled));
    let verified = system.run(&["verify"]);
    assert_eq!(verified.status.code(), Some(3), "a gap that is not signed: {}", told(&verified));
    assert!(told(&verified).contains("nothing is wrong"), "{}", told(&verified));
}

#[tokio::test]
async fn a_grid_without_any_disk_comes_back_from_the_database() {
    let mut system = System::start();
    let client = Client::new(&system.url());
    let free = client.seats(EVENT, "free").await;
    let mut bought = Vec::new();
    for seat in &free[..5] {
        let held = hold(&client, seat).await;
        let order = client.buy(&held, "succeed").await;
        client.until_order(&order, &held.token, "paid").await;
        bought.push((held, order));
    }
    let kept = hold(&client, &free[5]).await;
    let waits = hold(&client, &free[6]).await;
    let pending = client.order(&waits).await;
    assert_eq!(pending.status, 201);
    let pending = pending.body["id"].as_str().expect("an id").to_owned();
    assert!(system.run(&["reconcile"]).status.success());

    let living = recover(&system, clock_ms());
    assert_eq!(living.status.code(), Some(3), "{}", told(&living));

    // The writers stand still; what is sold from here on is lost.
    for writer in system.processes().iter().filter(|process| process.role == "writer") {
        System::freeze(writer);
    }
    let shown = system.run(&["ctl", "event", "show", EVENT, "--json"]);
    let shown: Value = serde_json::from_slice(&shown.stdout).expect("ctl prints JSON");
    let shard = shown["shard"].as_u64().expect("a shard");
    let (complete_ms, _) = watermark(&system, shard).await;
    let lost = hold(&client, &free[7]).await;
    let lost_order = client.buy(&lost, "succeed").await;
    until("the tables are behind", Duration::from_secs(60), || async {
        let (same, now_ms) = watermark(&system, shard).await;
        assert_eq!(same, complete_ms, "the writers stand still");
        (now_ms >= complete_ms + BEHIND_MS).then_some(())
    })
    .await;
    let lost_at_ms = clock_ms();
    let reported_lag_ms = lost_at_ms - complete_ms;
    let ready = lose_all_disks(&mut system).await;

    if !killed_in_the_middle(&system, lost_at_ms).await {
        let done = recover(&system, lost_at_ms);
        assert_eq!(done.status.code(), Some(0), "{}", told(&done));
        let printed: Value = serde_json::from_slice(&done.stdout).expect("JSON");
        assert!(printed["shards"][0]["until_ms"].as_u64().is_some(), "{printed}");
    }
    let ours = report(&system, shard).await;
    let number = |name: &str| ours[name].as_u64().expect("a number");
    assert_eq!(number("until_ms") - number("from_ms"), reported_lag_ms, "{ours}");
    assert_eq!(number("incarnation"), 2, "{ours}");
    system.until_ready(&ready);

    // All that the tables had is there, and nothing that they had not.
    for (held, order) in &bought {
        client.until_order(order, &held.token, "paid").await;
    }
    assert_eq!(client.get(&format!("/orders/{lost_order}"), Some(&lost.token)).await.status, 404);
    assert!(client.seats(EVENT, "held").await.contains(&kept.seats[0]));
    // The order that waits is paid as if nothing had been; the lost seat is sold anew, and once.
    let payment = client.pay(&pending, &waits.token).await;
    client.decide(&payment, "succeed").await;
    client.until_order(&pending, &waits.token, "paid").await;
    let again = hold(&client, &free[7]).await;
    let order = client.buy(&again, "succeed").await;
    client.until_order(&order, &again.token, "paid").await;
    agrees(&system);
    let living = recover(&system, clock_ms());
    assert_eq!(living.status.code(), Some(3), "{}", told(&living));
    bought.push((again, order));
    bought.push((waits, pending));
    nothing_is_lost_without_a_lag(&mut system, (&client, shard), &bought).await;
    assert_eq!(system.stop(), Some(0));
}
