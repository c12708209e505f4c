//! A migrated database of its own, writers on it, and looks into its tables.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use data_writer::{Health, LedgerRow, Pump, Shared, Sink, WriterConfig, next_hash};
use local_postgres::testing::TestDatabase;
use sqlx::postgres::{PgPool, PgPoolOptions};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::grid::MemoryGrid;

/// The longest any condition here may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub struct Tables {
    database: TestDatabase,
    pub pool: PgPool,
}

impl Tables {
    /// Migrated and empty.
    pub async fn new() -> Self {
        let tables = Self::bare();
        data_writer::migrate(tables.url()).await.expect("migrate");
        tables
    }

    /// Not even migrated.
    pub fn bare() -> Self {
        let database = local_postgres::testing::database();
        let pool = PgPoolOptions::new().max_connections(2).connect_lazy(database.url());
        Self { pool: pool.expect("url"), database }
    }

    /// Two copies of one database: one was made from the other.
    pub async fn twins() -> (Self, Self) {
        let twins = (Self::new().await, Self::new().await);
        for twin in [&twins.0, &twins.1] {
            let name = "ALTER TABLE grid.writer_checkpoint ALTER COLUMN database_id
                        SET DEFAULT '00000000-0000-0000-0000-000000000001'";
            twin.execute(name).await;
        }
        twins
    }

    pub fn url(&self) -> &str {
        self.database.url()
    }

    /// A connection beside the pool, for looks while the pool is busy.
    pub async fn connection(&self) -> sqlx::PgConnection {
        <sqlx::PgConnection as sqlx::Connection>::connect(self.url()).await.expect("connect")
    }

    /// One number.
    pub async fn number(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.pool).await.unwrap_or_else(|e| panic!("{sql}: {e}"))
    }

    /// Rows as text, columns joined by `|`.
    pub async fn rows(&self, sql: &'static str) -> Vec<String> {
        sqlx::query_scalar(sql).fetch_all(&self.pool).await.unwrap_or_else(|e| panic!("{sql}: {e}"))
    }

    pub async fn execute(&self, sql: &'static str) {
        sqlx::raw_sql(sql).execute(&self.pool).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
    }

    /// Everything that the grid's changes make of the tables, without times of writing.
    pub async fn everything(&self) -> Vec<String> {
        let mut all = Vec::new();
        for sql in [
            "SELECT e::text FROM grid.event e ORDER BY 1",
            "SELECT s::text FROM grid.seat s ORDER BY 1",
            "SELECT o::text FROM grid.sale_order o ORDER BY 1",
            "SELECT s::text FROM grid.order_seat s ORDER BY 1",
            "SELECT p::text FROM grid.payment p ORDER BY 1",
            "SELECT r::text FROM grid.refund r ORDER BY 1",
            "SELECT l::text FROM grid.ledger l ORDER BY shard_id, log_index, ordinal",
            "SELECT concat_ws('|', shard_id, incarnation, applied_index, applied_ordinal,
                 encode(chain_hash, 'hex')) FROM grid.writer_checkpoint ORDER BY 1",
        ] {
            all.extend(self.rows(sql).await);
        }
        all
    }

    /// Reads a shard's ledger back and computes every hash again.
    pub async fn assert_chained(&self, shard: u32) -> usize {
        let rows = ledger(&self.pool, shard).await;
        let key = data_writer::ChainKey { shard, incarnation: 1 };
        let mut head = data_writer::GENESIS;
        for (row, prev_hash, hash) in &rows {
            assert_eq!(prev_hash, &head, "at {:?}", row.position);
            head = next_hash(&head, key, row);
            assert_eq!(hash, &head, "at {:?}", row.position);
        }
        let sql = "SELECT chain_hash FROM grid.writer_checkpoint WHERE shard_id = $1";
        let end: Vec<u8> =
            sqlx::query_scalar(sql).bind(shard as i32).fetch_one(&self.pool).await.expect("head");
        assert_eq!(end, head, "the checkpoint's hash is the last row's");
        rows.len()
    }
}

/// A shard's ledger rows with their hashes, in order.
pub async fn ledger(pool: &PgPool, shard: u32) -> Vec<(LedgerRow, Vec<u8>, Vec<u8>)> {
    use sqlx::Row;
    let rows = sqlx::query(
        "SELECT log_index, ordinal, event_id, kind, order_id, seat_id, hold_id, payment_id,
             refund_id, amount_minor, grid.to_ms(at) AS at_ms, subject, host(ip) AS ip, status,
             prev_hash, hash
         FROM grid.ledger WHERE shard_id = $1 ORDER BY log_index, ordinal",
    )
    .bind(shard as i32)
    .fetch_all(pool)
    .await
    .expect("ledger");
    let read = |row: &sqlx::postgres::PgRow| {
        let ledger = LedgerRow {
            position: inventory::FeedPosition {
                log_index: row.get::<i64, _>("log_index") as u64,
                ordinal: row.get::<i32, _>("ordinal") as u32,
            },
            event_id: row.get("event_id"),
            kind: row.get::<String, _>("kind").into(),
            order_id: row.get("order_id"),
            seat_id: row.get("seat_id"),
            hold_id: row.get("hold_id"),
            payment_id: row.get("payment_id"),
            refund_id: row.get("refund_id"),
            amount_minor: row.get("amount_minor"),
            at_ms: row.get::<i64, _>("at_ms") as u64,
            subject: row.get("subject"),
            ip: row.get::<Option<String>, _>("ip").map(|ip| ip.parse().expect("address")),
            status: row.get::<String, _>("status").into(),
        };
        (ledger, row.get("prev_hash"), row.get("hash"))
    };
    rows.iter().map(read).collect()
}

/// One shard's pump without a writer around it.
pub fn pump(url: &str, grid: &MemoryGrid, shard: u32, epoch: u64) -> Pump<MemoryGrid> {
    let health = Arc::new(Health::new(Duration::from_secs(5), Duration::from_secs(30)));
    let config = WriterConfig { batch_rows_min: 20, ..config("") };
    let sink = Sink::connect(url, 1).expect("url");
    let shared = Shared::new(Arc::new(grid.clone()), sink, health, &config);
    Pump::new(Arc::new(shared), shard, epoch)
}

/// Where a shard's rows should stand in the ledger, before anything of it is acknowledged.
pub fn told(grid: &MemoryGrid, shard: u32) -> Vec<inventory::FeedPosition> {
    grid.read(shard, |state| {
        let places = |record: &inventory::LedgerRecord| {
            let first = record.position;
            (0..record.change.row_count())
                .map(move |n| inventory::FeedPosition { ordinal: first.ordinal + n, ..first })
        };
        state.feed().flat_map(places).collect()
    })
}

/// Where a shard's rows stand in the ledger.
pub async fn written(pool: &PgPool, shard: u32) -> Vec<inventory::FeedPosition> {
    ledger(pool, shard).await.iter().map(|(row, ..)| row.position).collect()
}

/// A running writer; dropping it kills it between any two of its steps.
pub struct Writer {
    pub health: Arc<Health>,
    shutdown: CancellationToken,
    task: JoinHandle<Result<(), data_writer::RunError>>,
}

/// Knobs for tests: quick, but otherwise as delivered.
pub fn config(url: &str) -> WriterConfig {
    WriterConfig {
        database_url: Some(url.to_owned()),
        poll_wait_ms: 20,
        batch_every_ms: 0,
        watermark_every_ms: 100,
        heartbeat_ms: 50,
        lease_ttl_ms: 400,
        retry_min_ms: 5,
        retry_max_ms: 50,
        lag_warn_ms: 5_000,
        ..WriterConfig::default()
    }
}

impl Writer {
    pub fn start(url: &str, grid: &MemoryGrid) -> Self {
        Self::start_with(config(url), grid)
    }

    pub fn start_with(config: WriterConfig, grid: &MemoryGrid) -> Self {
        let health = Arc::new(Health::new(Duration::from_secs(5), Duration::from_secs(30)));
        let shutdown = CancellationToken::new();
        let (source, h, s) = (Arc::new(grid.clone()), Arc::clone(&health), shutdown.clone());
        let task =
            tokio::spawn(
                async move { Box::pin(data_writer::run_from(&config, source, h, s)).await },
            );
        Self { health, shutdown, task }
    }

    pub async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.expect("no panic").expect("a clean end");
    }

    /// As a kill: no more step is made, nothing is given back.
    pub async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

/// Until everything that the shard has told is in the tables and acknowledged.
pub async fn drained(grid: &MemoryGrid, shard: u32) {
    eventually("the outbox is empty", || async {
        grid.read(shard, |state| state.feed().len() == 0)
    })
    .await;
}

/// Until the condition holds; fails after [`PATIENCE`].
pub async fn eventually<F, Fut>(what: &str, condition: F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = bool>,
{
    let deadline = Instant::now() + PATIENCE;
    let mut looks = tokio::time::interval(Duration::from_millis(5));
    while !condition().await {
        assert!(Instant::now() < deadline, "not in time: {what}");
        looks.tick().await;
    }
}
