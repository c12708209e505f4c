//! Refused attempts and operators' decisions by the writer's own door: each kept once, in a chain that
//! verifies, whatever is repeated or killed.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use data_writer::{Verifier, reconcile_from, verify_database};
use http_api::{Attempt, AttemptBatch};
use inventory::GatewayResult;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::grid::{BEGIN_MS, MemoryGrid};
use crate::tables::{PATIENCE, Tables, config, drained, eventually};

/// A writer with its admin endpoint.
pub struct Door {
    admin: SocketAddr,
    shutdown: CancellationToken,
    task: tokio::task::JoinHandle<Result<(), data_writer::RunError>>,
}

impl Door {
    pub fn open(url: &str, grid: &MemoryGrid) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("bind");
        let admin = listener.local_addr().expect("address");
        drop(listener);
        let config = data_writer::WriterConfig { admin_listen: admin, ..config(url) };
        let (shutdown, source) = (CancellationToken::new(), std::sync::Arc::new(grid.clone()));
        let end = shutdown.clone();
        let task = tokio::spawn(async move {
            Box::pin(data_writer::run_with_source(config, source, end)).await
        });
        Self { admin, shutdown, task }
    }

    pub async fn ask(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let Ok(mut stream) = TcpStream::connect(self.admin).await else { return (0, Value::Null) };
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let head = format!(
            "{method} {path} HTTP/1.0\r\nHost: x\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.expect("ask");
        let mut answer = String::new();
        if stream.read_to_string(&mut answer).await.is_err() {
            return (0, Value::Null);
        }
        let status = answer.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        (status, serde_json::from_str(body).unwrap_or(Value::Null))
    }

    async fn keep(&self, batch: &AttemptBatch) -> u16 {
        let body = serde_json::to_value(batch).expect("JSON");
        self.ask("POST", "/admin/v1/attempts", &body).await.0
    }

    /// Until a writer keeps it.
    async fn keep_surely(&self, batch: &AttemptBatch) {
        eventually("the batch is kept", || async { self.keep(batch).await == 204 }).await;
    }

    pub async fn close(self) {
        self.shutdown.cancel();
        self.task.await.expect("no panic").expect("a clean end");
    }
}

fn refused(n: u64) -> Attempt {
    let ip: IpAddr =
        if n.is_multiple_of(2) { "192.0.2.7" } else { "2001:db8::7" }.parse().expect("address");
    Attempt {
        at_ms: BEGIN_MS + n,
        kind: "hold_refused".into(),
        event_id: "gala".to_owned(),
        hold_id: None,
        order_id: None,
        subject: "guest".into(),
        ip: Some(ip),
        status: "seat_taken".into(),
    }
}

fn batch(source: u128, number: u64, attempts: Vec<Attempt>) -> AttemptBatch {
    let source = uuid::Uuid::from_u128(source);
    AttemptBatch { source, number, lost: 0, sampled_out: 0, attempts }
}

async fn assert_verified(tables: &Tables) -> data_writer::VerifyReport {
    let mut verifier = Verifier::new();
    let done = verify_database(&mut verifier, tables.url(), None, &mut |_| {}).await;
    done.expect("the database answers");
    let report = verifier.finish();
    assert!(report.is_clean(), "{report}");
    report
}

#[tokio::test]
async fn refusals_are_kept_once_with_time_address_and_reason() {
    let (tables, grid) = (Tables::new().await, MemoryGrid::default());
    let door = Door::open(tables.url(), &grid);
    let first = batch(1, 1, (0..3).map(refused).collect());
    door.keep_surely(&first).await;
    assert_eq!(door.keep(&first).await, 204, "the same again is the same");
    let mut late = batch(2, 1, vec![refused(1)]);
    (late.lost, late.sampled_out) = (7, 9);
    assert_eq!(door.keep(&late).await, 204);
    let rows = tables
        .rows(
            "SELECT concat_ws('|', kind, event_id, subject, host(ip), status, left_out,
                 grid.to_ms(at)) FROM grid.attempt ORDER BY log_index, ordinal",
        )
        .await;
    let line = |ip: &str, ms: u64| format!("hold_refused|gala|guest|{ip}|seat_taken|{ms}");
    let expected = [
        line("192.0.2.7", BEGIN_MS),
        line("2001:db8::7", BEGIN_MS + 1),
        line("192.0.2.7", BEGIN_MS + 2),
        // Another router was late: its time is its own.
        line("2001:db8::7", BEGIN_MS + 1),
        format!("attempts_lost|system|counted|7|{}", BEGIN_MS + 1),
        format!("attempts_sampled_out|system|counted|9|{}", BEGIN_MS + 1),
    ];
    assert_eq!(rows, expected);
    assert_eq!(tables.number("SELECT count(*) FROM grid.watermark").await, 0, "no shard");
    assert_eq!(assert_verified(&tables).await.attempts, 6);
    // A month that the chain has left is closed: what comes later is told as of its end.
    let month_ms = 31 * 24 * 3_600_000;
    let next = Attempt { at_ms: BEGIN_MS + month_ms, ..refused(2) };
    door.keep_surely(&batch(1, 2, vec![next, refused(3)])).await;
    let last =
        "SELECT grid.to_ms(at) FROM grid.attempt ORDER BY log_index DESC, ordinal DESC LIMIT 1";
    assert_eq!(tables.number(last).await as u64 / 1_000, 1_796_083_200, "2026-12-01");
    assert_verified(&tables).await;
    for wrong in [
        Attempt { kind: "hold_granted".into(), ..refused(1) },
        Attempt { status: "DROP TABLE".into(), ..refused(1) },
        Attempt { subject: "root".into(), ..refused(1) },
        Attempt { event_id: "a\0b".into(), ..refused(1) },
        Attempt { event_id: "x".repeat(101), ..refused(1) },
    ] {
        assert_eq!(door.keep(&batch(3, 1, vec![wrong])).await, 400);
    }
    door.close().await;
}

#[tokio::test]
async fn two_writers_and_a_killed_one_keep_each_batch_once() {
    let (tables, grid) = (Tables::new().await, MemoryGrid::default());
    let mut door = Door::open(tables.url(), &grid);
    door.keep_surely(&batch(1, 1, vec![refused(0)])).await;
    let standby = Door::open(tables.url(), &grid);
    eventually("the other stands by", || async {
        standby.ask("GET", "/admin/v1/status", &Value::Null).await.1["role"] == "standby"
    })
    .await;
    assert_eq!(standby.keep(&batch(1, 2, vec![refused(1)])).await, 503, "not at work");
    for number in 2..30 {
        // Killed somewhere between any two of its steps, with the batch under way.
        let next = batch(1, number, vec![refused(number)]);
        let cut = Duration::from_micros(number * 300);
        let _ = tokio::time::timeout(cut, door.keep(&next)).await;
        if number % 9 == 0 {
            door.task.abort();
            door = Door::open(tables.url(), &grid);
        }
        eventually("a writer keeps it", || async {
            door.keep(&next).await == 204 || standby.keep(&next).await == 204
        })
        .await;
    }
    let rows = tables.rows("SELECT grid.to_ms(at)::text FROM grid.attempt ORDER BY at").await;
    let expected: Vec<String> =
        (0..30).filter(|n| *n != 1).map(|n: u64| (BEGIN_MS + n).to_string()).collect();
    assert_eq!(rows, expected);
    assert_verified(&tables).await;
    door.close().await;
    standby.close().await;
}

#[tokio::test]
async fn a_parked_record_is_shown_retried_and_discarded() {
    let (tables, grid) = (Tables::new().await, MemoryGrid::default());
    let seller = grid.open("gala", 1, 10);
    tables
        .execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 IF NEW.order_id IN ('o1-5', 'o1-8') THEN RAISE EXCEPTION 'not this one'; END IF;
                 RETURN NEW;
             END $$;
             CREATE TRIGGER refuse BEFORE INSERT ON grid.sale_order
                 FOR EACH ROW EXECUTE FUNCTION refuse()",
        )
        .await;
    seller.sell(1);
    let (parked, given_up) = (seller.sell(2), seller.order(seller.hold_best(1)));
    assert_eq!((parked.no, given_up.no), (5, 8), "the trigger's");
    let door = Door::open(tables.url(), &grid);
    drained(&grid, 1).await;
    let differences = async || {
        let report = reconcile_from(&grid, tables.url(), PATIENCE).await.expect("both answer");
        report.differences_total
    };
    assert!(differences().await > 0);
    let (status, entries) = door.ask("GET", "/admin/v1/quarantine", &Value::Null).await;
    assert_eq!((status, entries.as_array().map(Vec::len)), (200, Some(2)), "{entries}");
    assert_eq!(entries[1]["sqlstate"], "P0001");
    let (old, new) = (entries[1]["id"].clone(), entries[0]["id"].clone());
    let (_, shown) = door.ask("GET", &format!("/admin/v1/quarantine/{old}"), &Value::Null).await;
    assert_eq!(shown["record"]["change"]["OrderPlaced"]["order"], 5, "{shown}");

    let retry = format!("/admin/v1/quarantine/{old}/retry");
    let (status, why) = door.ask("POST", &retry, &json!({ "by": "ann" })).await;
    assert_eq!(status, 400, "the cause is still there");
    assert!(why["detail"].as_str().is_some_and(|text| text.contains("not this one")), "{why}");
    tables.execute("DROP TRIGGER refuse ON grid.sale_order").await;
    assert_eq!(door.ask("POST", &retry, &json!({ "by": "ann" })).await.0, 204);
    assert_eq!(door.ask("POST", &retry, &json!({ "by": "ann" })).await.0, 400, "it is resolved");
    let paid = tables.rows("SELECT status FROM grid.sale_order WHERE order_id = 'o1-5'").await;
    assert_eq!(paid, ["paid"], "as it is now, not as it was");

    let discard = format!("/admin/v1/quarantine/{new}/discard");
    let (status, _) = door.ask("POST", &discard, &json!({ "by": "ann", "reason": " " })).await;
    assert_eq!(status, 400, "a reason is asked for");
    let word = json!({ "by": "ann", "reason": "a test order" });
    assert_eq!(door.ask("POST", &discard, &word).await.0, 204);
    let told = tables.rows("SELECT concat_ws('|', kind, subject, status) FROM grid.attempt").await;
    assert_eq!(
        told,
        [
            "quarantine_retried|operator|operator ann: retried",
            "quarantine_discarded|operator|operator ann: a test order",
        ]
    );
    let open = "SELECT count(*) FROM grid.writer_quarantine WHERE resolved_at IS NULL";
    assert_eq!(tables.number(open).await, 0);
    // What was given up stays away; everything else agrees.
    let report = reconcile_from(&grid, tables.url(), PATIENCE).await.expect("both answer");
    assert!(report.differences.iter().all(|d| d.id.contains("o1-8")), "{report}");
    assert_verified(&tables).await;
    door.close().await;
}

#[tokio::test]
async fn a_retried_record_brings_what_came_after_it() {
    let (tables, grid) = (Tables::new().await, MemoryGrid::default());
    let seller = grid.open("gala", 1, 10);
    tables
        .execute("ALTER TABLE grid.payment ADD CONSTRAINT short CHECK (length(provider_ref) < 5)")
        .await;
    let order = seller.order(seller.hold_best(2));
    let (payment, amount_minor) = seller.pay(order);
    seller.record_payment(payment, "far too long");
    let door = Door::open(tables.url(), &grid);
    drained(&grid, 1).await;
    // The payment's row goes on without its reference.
    seller.settle(payment, GatewayResult::Captured { amount_minor });
    drained(&grid, 1).await;
    tables.execute("ALTER TABLE grid.payment DROP CONSTRAINT short").await;
    let report = reconcile_from(&grid, tables.url(), PATIENCE).await.expect("both answer");
    assert_eq!(report.differences_total, 1, "{report}");
    let id = tables.number("SELECT id FROM grid.writer_quarantine").await;
    let retry = format!("/admin/v1/quarantine/{id}/retry");
    assert_eq!(door.ask("POST", &retry, &json!({ "by": "ann" })).await.0, 204);
    let report = reconcile_from(&grid, tables.url(), PATIENCE).await.expect("both answer");
    assert!(report.is_clean(), "{report}");
    assert_verified(&tables).await;
    door.close().await;
}

/// A row's version never runs ahead of the checkpoint, a retried record's neither.
#[tokio::test]
async fn a_retry_waits_until_the_tables_are_where_the_grid_was() {
    let (tables, grid) = (Tables::new().await, MemoryGrid::default());
    let seller = grid.open("gala", 1, 10);
    tables
        .execute("ALTER TABLE grid.payment ADD CONSTRAINT short CHECK (length(provider_ref) < 5)")
        .await;
    let order = seller.order(seller.hold_best(2));
    let (payment, amount_minor) = seller.pay(order);
    seller.record_payment(payment, "far too long");
    let door = Door::open(tables.url(), &grid);
    drained(&grid, 1).await;
    tables.execute("ALTER TABLE grid.payment DROP CONSTRAINT short").await;
    let retry = {
        let id = tables.number("SELECT id FROM grid.writer_quarantine").await;
        format!("/admin/v1/quarantine/{id}/retry")
    };

    // The shard's rows stand still, as behind a slow transaction, and the grid goes on.
    let mut slow = tables.connection().await;
    let stop = "BEGIN; SELECT 1 FROM grid.writer_checkpoint WHERE shard_id = 1 FOR UPDATE";
    sqlx::raw_sql(stop).execute(&mut slow).await.expect("the row is locked");
    seller.settle(payment, GatewayResult::Captured { amount_minor });
    let (status, why) = door.ask("POST", &retry, &json!({ "by": "ann" })).await;
    assert_eq!(status, 400, "{why}");
    assert!(why["detail"].as_str().is_some_and(|text| text.contains("behind the grid")), "{why}");
    let order = "SELECT status FROM grid.sale_order";
    assert_eq!(tables.rows(order).await, ["pending_payment"], "nothing of later");
    sqlx::raw_sql("ROLLBACK").execute(&mut slow).await.expect("it goes on");

    eventually("it is written once the tables are there", || async {
        door.ask("POST", &retry, &json!({ "by": "ann" })).await.0 == 204
    })
    .await;
    let report = reconcile_from(&grid, tables.url(), PATIENCE).await.expect("both answer");
    assert!(report.is_clean(), "{report}");
    assert_verified(&tables).await;
    door.close().await;
}
