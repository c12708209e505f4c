//! The schema: migrated once by many, used with the least rights, its views as they promise.

use std::str::FromStr;

use data_writer::{MigrateError, Sink, WriterConfig};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, Row};

use crate::grid::MemoryGrid;
use crate::tables::{Tables, Writer, config, drained};

#[tokio::test]
async fn many_processes_migrate_at_once() {
    let tables = Tables::bare();
    let migrations = (0..6).map(|_| data_writer::migrate(tables.url()));
    for done in futures_util::future::join_all(migrations).await {
        done.expect("migrate");
    }
    let applied = "SELECT count(*) FROM grid.schema_migration WHERE success";
    assert_eq!(tables.number(applied).await, 12);
    let elsewhere = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
    assert_eq!(tables.number(elsewhere).await, 0, "other services' books are untouched");
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let tables = Tables::new().await;
    tables
        .execute(
            "INSERT INTO grid.schema_migration
             VALUES (9999, 'from the future', now(), true, '\\x00', 1)",
        )
        .await;
    let refused = data_writer::migrate(tables.url()).await;
    assert!(matches!(refused, Err(MigrateError::Foreign(_))), "{refused:?}");
}

#[tokio::test]
async fn errors_never_show_the_password() {
    let wrong = data_writer::migrate("postgres://u:sesame@127.0.0.1:1/d").await;
    assert!(matches!(wrong, Err(MigrateError::Connect(_))), "{wrong:?}");
    let none = data_writer::migrate("http://u:sesame@host/").await;
    for error in [wrong, none] {
        let text = format!("{error:?}");
        assert!(!text.contains("sesame"), "{text}");
    }
    let config =
        WriterConfig { database_url: Some("postgres://u:sesame@h/d".into()), ..config("") };
    assert!(!format!("{config:?}").contains("sesame"));
}

/// A connection URL of a fresh login that is a member of a role.
async fn member(tables: &Tables, role: &str) -> PgConnectOptions {
    let name = format!("{role}_{}", uuid::Uuid::new_v4().simple());
    let sql = format!("CREATE ROLE {name} LOGIN PASSWORD 'pw' IN ROLE {role}");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&tables.pool).await.expect("member");
    let options = PgConnectOptions::from_str(tables.url()).expect("url");
    options.username(&name).password("pw")
}

async fn drop_member(tables: &Tables, options: &PgConnectOptions) {
    let sql = format!("DROP ROLE {}", options.get_username());
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&tables.pool).await.expect("drop");
}

/// The SQLSTATE that a statement meets, empty when it succeeds.
async fn meets(options: &PgConnectOptions, sql: &'static str) -> String {
    let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with(options.clone());
    let met = match sqlx::raw_sql(sql).execute(&pool).await {
        Ok(_) => String::new(),
        Err(error) => error.as_database_error().and_then(|e| e.code()).unwrap_or_default().into(),
    };
    pool.close().await;
    met
}

#[tokio::test]
async fn the_writers_role_suffices_to_write() {
    let tables = Tables::new().await;
    let options = member(&tables, "seatgrid_writer").await;
    let url = format!(
        "postgres://{}:pw@127.0.0.1:{}/{}",
        options.get_username(),
        options.get_port(),
        options.get_database().expect("database")
    );
    let grid = MemoryGrid::default();
    let seller = grid.open("gala", 1, 5);
    // A month that nobody made a partition for: the role owns no table and still gets one.
    grid.tick(1, 100 * 24 * 3_600_000);
    let writer = Writer::start(&url, &grid);
    seller.grid.entry(1, &[]);
    drained(&grid, 1).await;
    writer.stop().await;
    assert_eq!(tables.number("SELECT count(*) FROM grid.seat").await, 50);
    for forbidden in [
        "UPDATE grid.ledger SET amount_minor = 0",
        "DELETE FROM grid.ledger",
        "DELETE FROM grid.seat",
        "TRUNCATE grid.order_seat",
        "DROP TABLE grid.seat",
    ] {
        assert_eq!(meets(&options, forbidden).await, "42501", "{forbidden}");
    }
    drop_member(&tables, &options).await;
}

#[tokio::test]
async fn the_readers_role_sees_all_but_sealed_columns() {
    let tables = Tables::new().await;
    let options = member(&tables, "seatgrid_reader").await;
    for allowed in [
        "SELECT * FROM grid.watermark",
        "SELECT * FROM grid.double_sold",
        "SELECT * FROM grid.reconciliation",
        "SELECT * FROM grid.ledger",
        "SELECT order_id, status, total_minor FROM grid.sale_order",
    ] {
        assert_eq!(meets(&options, allowed).await, "", "{allowed}");
    }
    for forbidden in [
        "SELECT * FROM grid.sale_order",
        "SELECT contact FROM grid.sale_order",
        "SELECT payload FROM grid.writer_quarantine",
        "UPDATE grid.seat SET status = 'free'",
        "SELECT grid.ensure_ledger_partition(0)",
    ] {
        assert_eq!(meets(&options, forbidden).await, "42501", "{forbidden}");
    }
    drop_member(&tables, &options).await;
}

#[tokio::test]
async fn a_seat_sold_twice_is_seen_from_orders_and_from_the_ledger() {
    let tables = Tables::new().await;
    let grid = MemoryGrid::default();
    let seller = grid.open("gala", 1, 5);
    let writer = Writer::start(tables.url(), &grid);
    seller.sell_held(seller.hold(&[0]));
    drained(&grid, 1).await;
    writer.stop().await;
    let double = "SELECT concat_ws('|', event_id, seat_id, source, owners) FROM grid.double_sold";
    assert_eq!(tables.rows(double).await, [""; 0]);
    tables
        .execute(
            "INSERT INTO grid.order_seat VALUES ('o1-99', 'gala', 'A-1-1', 1, 'held', 1);
             INSERT INTO grid.ledger SELECT shard_id, incarnation, log_index + 100, ordinal,
                 event_id, kind, 'o1-99', seat_id, hold_id, payment_id, refund_id, amount_minor,
                 at, subject, ip, status, prev_hash, hash
             FROM grid.ledger WHERE kind = 'seat_sold'",
        )
        .await;
    assert_eq!(tables.rows(double).await, ["gala|A-1-1|order_seat|2", "gala|A-1-1|ledger|2"]);
}

#[tokio::test]
async fn times_are_exact_to_the_millisecond() {
    let tables = Tables::new().await;
    for ms in [0, 1, 999, 1_795_255_200_123, 1_795_255_200_999, 4_102_444_800_001_i64] {
        let row = sqlx::query("SELECT grid.to_ms(grid.from_ms($1))").bind(ms);
        let back: i64 = row.fetch_one(&tables.pool).await.expect("query").get(0);
        assert_eq!(back, ms);
    }
    Sink::connect(tables.url(), 2).expect("url").make_partitions_ahead().await.expect("ahead");
    let made = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'grid.ledger'::regclass";
    assert_eq!(tables.number(made).await, 3);
}
