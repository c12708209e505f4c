//! Verification: a true ledger passes, any changed byte is named, a rewritten story is seen through.

use std::path::Path;

use data_writer::{
    HeadSigner, Verifier, VerifyReport, Wrong, export_ledger, next_hash, verify_database,
    verify_export,
};
use sqlx::AssertSqlSafe;

use crate::grid::MemoryGrid;
use crate::tables::{Tables, Writer, config, drained, eventually, ledger};

/// Two shards with everything that can happen, in the tables.
pub async fn sold() -> (Tables, MemoryGrid) {
    let (tables, grid) = (Tables::new().await, MemoryGrid::default());
    let (one, two) = (grid.open("gala", 1, 5), grid.open("fest", 2, 5));
    let writer = Writer::start(tables.url(), &grid);
    one.story();
    two.story();
    drained(&grid, 1).await;
    drained(&grid, 2).await;
    writer.stop().await;
    (tables, grid)
}

pub async fn verified(tables: &Tables) -> VerifyReport {
    let mut verifier = Verifier::new();
    let done = verify_database(&mut verifier, tables.url(), None, &mut |_| {}).await;
    done.expect("the database answers");
    verifier.finish()
}

pub fn read_file(file: &Path) -> VerifyReport {
    let mut verifier = Verifier::new();
    verify_export(&mut verifier, file, None, &mut |_| {}).expect("it opens");
    verifier.finish()
}

pub fn told(report: &VerifyReport) -> Vec<String> {
    report.faults.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn a_true_ledger_has_nothing_wrong() {
    let (tables, _grid) = sold().await;
    let report = verified(&tables).await;
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.events, report.events_not_judged, report.shards), (2, 0, 2));
    assert_eq!(report.seats_sold, 10);
    let rows = tables.number("SELECT count(*) FROM grid.ledger").await;
    assert_eq!(report.records, rows as u64);
    let compared = tables
        .number(
            "SELECT (SELECT count(*) FROM grid.seat) + (SELECT count(*) FROM grid.sale_order)
                 + (SELECT count(*) FROM grid.order_seat) + (SELECT count(*) FROM grid.payment)
                 + (SELECT count(*) FROM grid.refund)",
        )
        .await;
    assert_eq!(report.table_rows, compared as u64);
    let dir = tempfile::tempdir().expect("directory");
    let file = dir.path().join("ledger.jsonl.zst");
    let exported = export_ledger(tables.url(), &file, None, &mut |_| {}).await.expect("export");
    assert_eq!(exported.records, rows as u64);
    let read = read_file(&file);
    assert!(read.is_clean(), "{read}");
    assert_eq!((read.records, read.heads), (report.records, report.heads));
    assert_eq!((read.events, read.seats_sold), (2, 10));
}

/// Every column of the ledger, changed in the table itself.
#[tokio::test]
async fn each_changed_column_names_its_row() {
    let (tables, _grid) = sold().await;
    let row = "WHERE shard_id = 1 AND kind = 'order_placed' AND log_index = 4";
    let place = "shard 1 incarnation 1 record 4.0:";
    let kind =
        tables.rows("SELECT kind FROM grid.ledger WHERE shard_id = 1 AND log_index = 4").await;
    assert_eq!(kind, ["payment_started"], "the story begins with a sale");
    let row = row.replace("order_placed", "payment_started");
    for change in [
        "event_id = 'gali'",
        "kind = 'payment_startee'",
        "order_id = 'o1-3'",
        "order_id = NULL",
        "seat_id = ''",
        "hold_id = 'h1-1'",
        "payment_id = 'p1-4'",
        "refund_id = ''",
        "amount_minor = amount_minor + 256",
        "amount_minor = NULL",
        "at = at + interval '1 microsecond'",
        "at = at + interval '1 millisecond'",
        "subject = 'guess'",
        "ip = '192.0.2.6'",
        "ip = '192.0.2.7/31'",
        "ip = NULL",
        "ip = '::ffff:192.0.2.7'",
        "status = 'pendinG'",
        "prev_hash = set_byte(prev_hash, 7, get_byte(prev_hash, 7) # 1)",
        "hash = set_byte(hash, 31, get_byte(hash, 31) # 128)",
    ] {
        let save = format!("CREATE TABLE saved AS SELECT * FROM grid.ledger {row}");
        tables.run(&save).await;
        tables.run(&format!("UPDATE grid.ledger SET {change} {row}")).await;
        let report = verified(&tables).await;
        // An IPv4 address spelt as IPv6 is hashed alike; the row is the same evidence.
        if change.contains("::ffff") {
            assert!(report.is_clean(), "{report}");
        } else {
            let told = told(&report);
            assert!(told.iter().any(|fault| fault.starts_with(place)), "{change}: {told:#?}");
        }
        tables
            .run(
                "DELETE FROM grid.ledger WHERE shard_id = 1 AND log_index = 4;
                 INSERT INTO grid.ledger SELECT * FROM saved; DROP TABLE saved",
            )
            .await;
        assert!(verified(&tables).await.is_clean(), "restored after {change}");
    }
}

#[tokio::test]
async fn missing_and_foreign_rows_are_seen() {
    let (tables, _grid) = sold().await;
    let last = "(SELECT max(log_index) FROM grid.ledger WHERE shard_id = 1)";
    for (change, wrong) in [
        ("DELETE FROM grid.ledger WHERE shard_id = 1 AND log_index = 5".to_owned(), Wrong::Chain),
        ("DELETE FROM grid.ledger WHERE shard_id = 1 AND log_index = 1".to_owned(), Wrong::Chain),
        (format!("DELETE FROM grid.ledger WHERE shard_id = 1 AND log_index = {last}"), Wrong::End),
        ("DELETE FROM grid.ledger WHERE shard_id = 1".to_owned(), Wrong::End),
        ("DELETE FROM grid.writer_checkpoint WHERE shard_id = 1".to_owned(), Wrong::End),
        (
            format!(
                "UPDATE grid.ledger SET log_index = 9000 WHERE shard_id = 1 AND log_index = {last}"
            ),
            Wrong::Hash,
        ),
        (
            "UPDATE grid.ledger SET shard_id = 9 WHERE shard_id = 1 AND log_index = 5".to_owned(),
            Wrong::Chain,
        ),
        (
            "INSERT INTO grid.ledger SELECT shard_id, incarnation, log_index + 10000, ordinal,
                 event_id, kind, order_id, seat_id, hold_id, payment_id, refund_id, amount_minor,
                 at, subject, ip, status, hash, prev_hash
             FROM grid.ledger WHERE shard_id = 1 AND log_index = 1"
                .to_owned(),
            Wrong::Chain,
        ),
    ] {
        tables.run("CREATE TABLE saved AS SELECT * FROM grid.ledger").await;
        tables.run("CREATE TABLE kept AS SELECT * FROM grid.writer_checkpoint").await;
        tables.run(&change).await;
        let report = verified(&tables).await;
        let found = report.faults.iter().any(|fault| fault.wrong == wrong);
        assert!(found, "{change}: {report}");
        tables
            .run(
                "DELETE FROM grid.ledger; INSERT INTO grid.ledger SELECT * FROM saved;
                 DELETE FROM grid.writer_checkpoint;
                 INSERT INTO grid.writer_checkpoint SELECT * FROM kept;
                 DROP TABLE saved; DROP TABLE kept",
            )
            .await;
    }
    assert!(verified(&tables).await.is_clean());
}

#[tokio::test]
async fn tables_that_say_something_else_are_named() {
    let (tables, _grid) = sold().await;
    for (change, named) in [
        (
            "UPDATE grid.seat SET order_id = 'o1-99' WHERE event_id = 'gala' AND seat_id = 'A-1-1'",
            "grid.seat A-1-1",
        ),
        (
            "UPDATE grid.seat SET status = 'free', order_id = NULL
             WHERE event_id = 'gala' AND seat_id = 'A-1-1'",
            "grid.seat A-1-1",
        ),
        (
            "UPDATE grid.seat SET status = 'blocked' WHERE event_id = 'gala' AND seat_id = 'A-5-9'",
            "grid.seat A-5-9",
        ),
        (
            "UPDATE grid.sale_order SET total_minor = 1 WHERE order_id = 'o1-2'",
            "grid.sale_order o1-2",
        ),
        (
            "UPDATE grid.sale_order SET status = 'cancelled' WHERE order_id = 'o1-2'",
            "grid.sale_order o1-2",
        ),
        ("DELETE FROM grid.sale_order WHERE order_id = 'o1-2'", "rows in grid.sale_order"),
        (
            "UPDATE grid.order_seat SET status = 'released'
             WHERE order_id = 'o1-2' AND seat_id = 'A-1-2'",
            "grid.order_seat o1-2/A-1-2",
        ),
        (
            "UPDATE grid.payment SET captured_minor = captured_minor - 1 WHERE payment_id = 'p1-3'",
            "grid.payment p1-3",
        ),
        (
            "UPDATE grid.payment SET settled_as = 'refunded' WHERE payment_id = 'p1-3'",
            "grid.payment p1-3",
        ),
        ("UPDATE grid.refund SET amount_minor = 1 WHERE event_id = 'gala'", "grid.refund r1-"),
    ] {
        let table =
            change.split_whitespace().find(|word| word.starts_with("grid.")).expect("a table");
        tables.run(&format!("CREATE TABLE saved AS SELECT * FROM {table}")).await;
        tables.run(change).await;
        let told = told(&verified(&tables).await);
        assert!(told.len() == 1 && told[0].contains(named), "{change}: {told:#?}");
        let restore = format!(
            "DELETE FROM {table}; INSERT INTO {table} SELECT * FROM saved; DROP TABLE saved"
        );
        tables.run(&restore).await;
    }
}

/// Somebody who can write the tables can hash them anew. Then only the story can tell, or a signature.
async fn rehash(tables: &Tables, shard: u32) {
    let key = data_writer::ChainKey { shard, incarnation: 1 };
    let mut head = data_writer::GENESIS;
    for (row, ..) in ledger(&tables.pool, shard).await {
        let hash = next_hash(&head, key, &row);
        sqlx::query(
            "UPDATE grid.ledger SET prev_hash = $1, hash = $2
             WHERE shard_id = $3 AND log_index = $4 AND ordinal = $5",
        )
        .bind(head.as_slice())
        .bind(hash.as_slice())
        .bind(shard as i32)
        .bind(row.position.log_index as i64)
        .bind(row.position.ordinal as i32)
        .execute(&tables.pool)
        .await
        .expect("rehash");
        head = hash;
    }
    sqlx::query("UPDATE grid.writer_checkpoint SET chain_hash = $1 WHERE shard_id = $2")
        .bind(head.as_slice())
        .bind(shard as i32)
        .execute(&tables.pool)
        .await
        .expect("checkpoint");
}

/// A change of what happened, where, the kind of contradiction, and a part of its sentence.
const REWRITTEN: [(&str, &str, Wrong, &str); 13] = [
    ("-", "kind = 'payment_settled' AND order_id = 'o1-2'", Wrong::Money, "without a settled"),
    ("status = 'refunded'", SETTLED, Wrong::Money, "not given back"),
    ("amount_minor = 5", SETTLED, Wrong::Money, "instead of"),
    (
        "order_id = 'o1-77'",
        "kind = 'seat_sold' AND seat_id = 'A-1-1'",
        Wrong::Story,
        "never placed",
    ),
    (
        "seat_id = 'A-1-1'",
        "kind = 'seat_sold' AND order_id = 'o1-2'",
        Wrong::Seat,
        "order 2 has it",
    ),
    (
        "seat_id = 'A-1-1'",
        "kind = 'hold_granted' AND seat_id = 'A-4-1'",
        Wrong::Seat,
        "order 2 has it",
    ),
    ("hold_id = 'h1-99'", "kind = 'hold_released'", Wrong::Seat, "has it"),
    ("subject = 'guest'", "kind = 'hold_expired'", Wrong::Story, "expired at the request"),
    ("kind = 'order_paid'", "kind = 'order_expired'", Wrong::Money, "without a reason"),
    ("-", "kind = 'order_expired'", Wrong::Seat, "lost its seats"),
    ("-", "kind = 'refund_pending'", Wrong::Money, "not given back"),
    ("amount_minor = amount_minor * 2", "kind = 'refund_succeeded'", Wrong::Money, "gave back"),
    ("-", "kind = 'payment_started' AND payment_id = 'p1-3'", Wrong::Story, "never started"),
];
const SETTLED: &str = "kind = 'payment_settled' AND payment_id = 'p1-3'";

#[tokio::test]
async fn a_rewritten_story_contradicts_itself() {
    let (tables, _grid) = sold().await;
    for (set, row, wrong, says) in REWRITTEN {
        let change = match set {
            "-" => format!("DELETE FROM grid.ledger WHERE shard_id = 1 AND {row}"),
            set => format!("UPDATE grid.ledger SET {set} WHERE shard_id = 1 AND {row}"),
        };
        tables.run("CREATE TABLE saved AS SELECT * FROM grid.ledger").await;
        tables.run(&change).await;
        renumber(&tables).await;
        rehash(&tables, 1).await;
        let report = verified(&tables).await;
        let judged = |fault: &data_writer::Fault| fault.wrong == wrong && fault.what.contains(says);
        assert!(report.faults.iter().any(judged), "{change}: {report}");
        let chain = [Wrong::Chain, Wrong::Hash, Wrong::Order, Wrong::End, Wrong::Unreadable];
        assert!(!report.faults.iter().any(|f| chain.contains(&f.wrong)), "{change}: {report}");
        tables
            .run(
                "DELETE FROM grid.ledger; INSERT INTO grid.ledger SELECT * FROM saved;
                 DROP TABLE saved",
            )
            .await;
        rehash(&tables, 1).await;
    }
    assert!(verified(&tables).await.is_clean());
}

/// Closes the gaps within entries that deleted rows left.
async fn renumber(tables: &Tables) {
    tables
        .run(
            "CREATE TEMP TABLE numbered AS SELECT ctid AS row, tableoid AS part,
                 row_number() OVER (PARTITION BY shard_id, log_index ORDER BY ordinal) - 1 AS no
             FROM grid.ledger;
             UPDATE grid.ledger l SET ordinal = n.no FROM numbered n
             WHERE l.ctid = n.row AND l.tableoid = n.part AND l.ordinal <> n.no;
             DROP TABLE numbered",
        )
        .await;
}

/// Whoever has the public key needs nobody's word for when it was signed.
#[tokio::test]
async fn a_writer_with_a_key_signs_what_it_wrote() {
    let (tables, grid) = (Tables::new().await, MemoryGrid::default());
    let dir = tempfile::tempdir().expect("directory");
    let key_file = dir.path().join("ledger.key");
    std::fs::write(&key_file, format!("{}\n", "05".repeat(32))).expect("write");
    let config = data_writer::WriterConfig {
        signing_key_file: Some(key_file),
        sign_heads_every_ms: 50,
        ..config(tables.url())
    };
    grid.open("gala", 1, 5).story();
    let writer = Writer::start_with(config, &grid);
    drained(&grid, 1).await;
    let end = "SELECT count(*) FROM grid.ledger_head h JOIN grid.writer_checkpoint c
                   ON h.shard_id = c.shard_id AND h.log_index = c.applied_index
               WHERE h.shard_id = 1 AND h.head = c.chain_hash";
    eventually("the last record is signed", || async { tables.number(end).await == 1 }).await;
    writer.stop().await;
    let mut verifier = Verifier::new();
    let key = HeadSigner::from_secret(&[5; 32]).verifier();
    let done = verify_database(&mut verifier, tables.url(), Some(&key), &mut |_| {}).await;
    done.expect("the database answers");
    let report = verifier.finish();
    assert!(report.is_clean() && report.signatures > 0, "{report}");
}

#[tokio::test]
async fn a_signed_head_shows_that_history_was_rewritten() {
    let (tables, grid) = sold().await;
    let signer = HeadSigner::from_secret(&[3; 32]);
    let sink = data_writer::Sink::connect(tables.url(), 1).expect("url");
    assert_eq!(sink.sign_heads(&signer).await.expect("sign"), 2);
    assert_eq!(sink.sign_heads(&signer).await.expect("again"), 0, "nothing new to sign");
    let with = |key: &HeadSigner| {
        let (url, key) = (tables.url().to_owned(), key.verifier());
        async move {
            let mut verifier = Verifier::new();
            let done = verify_database(&mut verifier, &url, Some(&key), &mut |_| {}).await;
            done.expect("the database answers");
            verifier.finish()
        }
    };
    let report = with(&signer).await;
    assert!(report.is_clean() && report.signatures == 2, "{report}");
    let stranger = with(&HeadSigner::from_secret(&[4; 32])).await;
    assert_eq!(stranger.faults_total, 2, "{stranger}");
    assert!(stranger.faults.iter().all(|fault| fault.wrong == Wrong::Signature));
    // The address of a buyer: the story has no opinion of it.
    tables
        .run("UPDATE grid.ledger SET ip = '198.51.100.9' WHERE shard_id = 1 AND log_index = 2")
        .await;
    rehash(&tables, 1).await;
    assert!(verified(&tables).await.is_clean(), "hashed anew, it fits itself");
    let report = with(&signer).await;
    let what = told(&report);
    assert!(what.len() == 1 && what[0].contains("whose hash was signed"), "{what:?}");
    drop(grid);
}

impl Tables {
    /// Statements made up by a test.
    pub async fn run(&self, sql: &str) {
        let statement = AssertSqlSafe(sql.to_owned());
        sqlx::raw_sql(statement).execute(&self.pool).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
    }
}
