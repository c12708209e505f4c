//! What auditors ask over HTTP: the ledger by time, person, address and status; sales in figures.

use serde_json::json;
use sqlx::{Connection, Executor, PgConnection};

use crate::staff::Call;
use crate::support::{Answer, STAFF_TOKEN, Shop, Wish, read};

/// The data writer's schema, as far as it is read here.
const SCHEMA: [&str; 5] = [
    include_str!("../../../data-writer/migrations/0001_tables.sql"),
    include_str!("../../../data-writer/migrations/0002_ledger.sql"),
    include_str!("../../../data-writer/migrations/0003_writer.sql"),
    include_str!("../../../data-writer/migrations/0004_views.sql"),
    include_str!("../../../data-writer/migrations/0007_attempts.sql"),
];

/// Two shards, of which one is complete up to ten, one up to a minute later; a sale, a refusal, a day
/// of silence, and 250 holds in one second.
const ROWS: &str = "
    insert into grid.event (event_id, event_no, name, starts_at, shard_id, plan_version, currency,
        opens_at, closes_at, hold_ttl_ms, per_hold_max, version, updated_at)
        values ('gala', 1, 'Gala', now(), 1, 1, 'RUB', now(), now(), 1, 1, 1, now());
    insert into grid.seat values
        ('gala', 'A-1-1', 'A', '1', '1', 'gold', 'sold', 'o1-1', null, null, 250000, 'RUB', 9, now()),
        ('gala', 'A-1-2', 'A', '1', '2', 'gold', 'free', null, null, null, 250000, 'RUB', 9, now()),
        ('gala', 'A-1-3', 'A', '1', '3', 'silver', 'held', null, 'h1-9', now(), 90000, 'RUB', 9, now());
    insert into grid.sale_order values ('o1-1', 'gala', 'h1-1', 'paid', null, 'sealed', 250000, 'RUB',
        '2026-11-20T10:00:00Z', '2026-11-20T10:05:00Z', '2026-11-20T10:01:00Z', 9, now());
    insert into grid.order_seat values ('o1-1', 'gala', 'A-1-1', 250000, 'sold', 9);
    insert into grid.payment (payment_id, event_id, order_id, provider, method, status, settled_as,
        amount_minor, captured_minor, currency, started_at, version, updated_at)
        values ('p1-1', 'gala', 'o1-1', 'sandbox', 'sbp', 'succeeded', 'confirmed', 250000, 250000,
        'RUB', '2026-11-20T10:00:30Z', 9, now());
    insert into grid.writer_checkpoint (shard_id, incarnation, writer_epoch, applied_index,
        applied_ordinal, applied_at, chain_hash, updated_at)
        values (1, 1, 1, 300, 0, '2026-11-22T10:00:00Z', decode(repeat('00', 32), 'hex'), now()),
               (2, 1, 1, 300, 0, '2026-11-22T10:01:00Z', decode(repeat('00', 32), 'hex'), now());
    select grid.ensure_ledger_partition(1795255200000);
    insert into grid.ledger (shard_id, incarnation, log_index, ordinal, event_id, kind, order_id,
        seat_id, amount_minor, at, subject, ip, status, prev_hash, hash)
        values
        (1, 1, 1, 0, 'gala', 'order_placed', 'o1-1', null, 250000, '2026-11-20T10:00:00Z', 'guest',
            '192.0.2.7', 'pending_payment', decode(repeat('00', 32), 'hex'), decode(repeat('00', 32), 'hex')),
        (1, 1, 2, 0, 'gala', 'seat_sold', 'o1-1', 'A-1-1', 250000, '2026-11-20T10:01:00Z', 'system',
            null, 'sold', decode(repeat('00', 32), 'hex'), decode(repeat('00', 32), 'hex')),
        (2000000000, 1, 1, 0, 'gala', 'hold_refused', null, 'A-1-1', null, '2026-11-20T10:01:00Z',
            'guest', '2001:db8::7', 'seat_taken',
             decode(repeat('00', 32), 'hex'), decode(repeat('00', 32), 'hex'));
    insert into grid.ledger (shard_id, incarnation, log_index, ordinal, event_id, kind, hold_id, at,
        subject, ip, status, prev_hash, hash)
        select 1, 1, 10 + n, 0, 'gala', 'hold_granted', 'h1-' || n, '2026-11-21T10:00:00Z', 'guest',
            '198.51.100.1', 'held', decode(repeat('00', 32), 'hex'), decode(repeat('00', 32), 'hex')
        from generate_series(1, 250) n;
";

/// Sold twice by the ledger; owned by an order while it is free; sold without its order's word, and without
/// the ledger's; removed while it was free, which is no contradiction.
const CONTRADICTIONS: &str = "
    insert into grid.order_seat values
        ('o1-1', 'gala', 'A-1-2', 250000, 'sold', 9), ('o1-1', 'gala', 'A-1-5', 250000, 'sold', 9);
    insert into grid.seat
        select 'gala', seat, 'A', '1', '4', 'gold', status, owner, null, null, 1, 'RUB', 9, now()
        from (values ('A-1-4', 'sold', 'o1-1'), ('A-1-5', 'sold', 'o1-1'), ('A-1-6', 'removed', null))
            as seats (seat, status, owner);
    insert into grid.ledger (shard_id, incarnation, log_index, ordinal, event_id, kind, seat_id, at,
        subject, status, prev_hash, hash)
        select 1, 1, entry, 0, 'gala', kind, seat, '2026-11-21T10:00:00Z', 'system', 'sold',
            decode(repeat('00', 32), 'hex'), decode(repeat('00', 32), 'hex')
        from (values (900, 'seat_sold', 'A-1-1'), (901, 'seat_sold', 'A-1-4'),
                     (902, 'seat_removed', 'A-1-6')) as told (entry, kind, seat);
";

const DAYS: &str = "from=2026-11-19T00:00:00Z&to=2026-11-23T00:00:00Z";

async fn fill(url: &str) -> PgConnection {
    let mut database = PgConnection::connect(url).await.expect("database");
    database.execute("create schema grid").await.expect("schema");
    for sql in SCHEMA.iter().chain(&[ROWS]) {
        database.execute(*sql).await.expect("tables and rows");
    }
    database
}

async fn audit(shop: &Shop, filters: &str) -> Answer {
    Call::get(&format!("/audit?{filters}")).send(shop).await
}

/// Kinds of the records that a search finds, page by page.
async fn found(shop: &Shop, filters: &str) -> Vec<String> {
    let (mut kinds, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = audit(shop, &format!("{filters}{cursor}")).await.expect(200);
        for item in page.body["items"].as_array().expect("items") {
            kinds.push(item["kind"].as_str().expect("a kind").to_owned());
        }
        let Some(next) = page.body["next_cursor"].as_str() else { return kinds };
        cursor = format!("&cursor={next}");
        assert!(kinds.len() <= 253, "it ends");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_is_searched_by_time_person_address_and_status() {
    let shop = Shop::open().await;
    let database = fill(shop.database.as_ref().expect("shared").url()).await;
    let all = found(&shop, &format!("{DAYS}&limit=100")).await;
    assert_eq!(all.len(), 253, "each once, over all pages");
    assert_eq!(all[..3], ["order_placed", "seat_sold", "hold_refused"]);
    let one = async |filter: &str| found(&shop, &format!("{DAYS}&{filter}")).await;
    assert_eq!(one("status=seat_taken").await, ["hold_refused"]);
    assert_eq!(one("user=system").await, ["seat_sold"]);
    assert_eq!(one("ip=192.0.2.7").await, ["order_placed"]);
    assert_eq!(one("ip=2001:db8::/32").await, ["hold_refused"]);
    assert_eq!(one("order=o1-1&kind=seat_sold").await, ["seat_sold"]);
    assert_eq!(one("event=other").await.len(), 0);
    let short = "from=2026-11-20T10:00:00Z&to=2026-11-20T10:01:00Z";
    assert_eq!(found(&shop, short).await, ["order_placed"], "the end is not in it");

    let page = audit(&shop, &format!("{DAYS}&status=seat_taken")).await.expect(200);
    assert_eq!(page.text("/complete_up_to"), "2026-11-22T10:00:00.000Z", "the slowest shard's");
    assert_eq!(page.headers["grid-complete-up-to"], "2026-11-22T10:00:00.000Z");
    let record = &page.body["items"][0];
    assert_eq!(record["at"], "2026-11-20T10:01:00.000Z");
    assert_eq!((&record["user"], &record["ip"]), (&json!("guest"), &json!("2001:db8::7")));
    assert_eq!(record["record"], "shard 2000000000 incarnation 1 record 1.0");

    for wrong in ["from=yesterday", "ip=here", "limit=0", "cursor=x", "colour=red"] {
        assert_eq!(audit(&shop, wrong).await.expect(400).code(), "invalid_request", "{wrong}");
    }
    database.close().await.expect("close");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_staff_reads_the_ledger_and_the_reports() {
    let shop = Shop::open().await;
    for path in ["audit", "reconciliation", "events/gala/report"] {
        let url = format!("{}/api/v1/admin/{path}", shop.office);
        let answer = read(shop.http.get(&url)).await.expect(401);
        assert_eq!(answer.code(), "unauthenticated", "{path}");
        let wrong = read(shop.http.get(&url).bearer_auth(format!("{STAFF_TOKEN}x"))).await;
        wrong.expect(401);
    }
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sales_are_told_in_figures_from_the_replica() {
    let replica = local_postgres::testing::database();
    let replica_url = Some(replica.url().to_owned());
    let shop = Shop::with(Wish { replica_url, ..Wish::default() }).await;
    let mut primary = fill(shop.database.as_ref().expect("shared").url()).await;
    let mut copy = fill(replica.url()).await;
    copy.execute(
        "update grid.event set name = 'Copy';
         update grid.writer_checkpoint set applied_at = now()",
    )
    .await
    .expect("a mark");

    let report = Call::get("/events/gala/report").send(&shop).await.expect(200);
    assert_eq!(report.text("/name"), "Copy", "the replica's own");
    assert_eq!(
        (report.body["sold"].as_i64(), report.body["orders_paid"].as_i64()),
        (Some(1), Some(1))
    );
    assert_eq!(report.text("/revenue/value"), "2500.00");
    assert_eq!(report.text("/tiers/0/tier"), "gold");
    assert_eq!(report.text("/tiers/0/sold_for/value"), "2500.00");
    assert_eq!(report.body["tiers"][1]["held"], 1);
    assert!(report.headers.contains_key("grid-complete-up-to"));
    let none = Call::get("/events/other/report").send(&shop).await.expect(404);
    assert_eq!(none.code(), "event_not_found");

    copy.execute("update grid.writer_checkpoint set applied_at = now() - interval '1 hour'")
        .await
        .expect("older");
    let all = Call::get("/reconciliation").send(&shop).await.expect(200);
    assert_eq!(all.text("/events/0/name"), "Gala", "too old, so the primary's");
    assert_eq!(all.body["double_sold"], json!([]));
    assert!(all.body.get("seats").is_none(), "one event at a time");
    assert_eq!(all.text("/watermarks/1/complete_up_to"), "2026-11-22T10:01:00.000Z");
    let one = Call::get("/reconciliation?event=gala").send(&shop).await.expect(200);
    assert_eq!((&one.body["double_sold"], &one.body["seats"]), (&json!([]), &json!([])));
    primary.execute(CONTRADICTIONS).await.expect("rows");
    let one = Call::get("/reconciliation?event=gala").send(&shop).await.expect(200);
    let sources = one.body["double_sold"].as_array().expect("a list").iter();
    let sources: Vec<_> = sources.map(|seat| (&seat["seat_id"], &seat["source"])).collect();
    assert_eq!(sources, [(&json!("A-1-1"), &json!("ledger"))]);
    let fault =
        |seat: &str, status: &str, (order, owned_by, owners): (Option<&str>, &[&str], i64)| {
            json!({
                "seat_id": seat, "status": status, "order_id": order, "owned_by": owned_by,
                "ledger_owners": owners,
            })
        };
    let expected = json!([
        fault("A-1-1", "sold", (Some("o1-1"), &["o1-1"], 2)),
        fault("A-1-2", "free", (None, &["o1-1"], 0)),
        fault("A-1-4", "sold", (Some("o1-1"), &[], 1)),
        fault("A-1-5", "sold", (Some("o1-1"), &["o1-1"], 0)),
    ]);
    assert_eq!(one.body["seats"], expected);
    let wrong = Call::get("/reconciliation?seat=A").send(&shop).await.expect(400);
    assert_eq!(wrong.code(), "invalid_request");
    copy.close().await.expect("close");
    primary.close().await.expect("close");
    shop.close().await;
}
