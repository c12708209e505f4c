//! Least privilege, and enough of it: every statement of the code is planned by the role whose process
//! sends it. The server checks a plan's rights as it would check the statement's own.

use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection};

use crate::statements::{self, Statement};
use crate::tables::Tables;

/// The newest parameter that a statement could have.
const PARAMETERS_MAX: usize = 40;

/// Both schemas as `seatgrid migrate` makes them.
async fn both_schemas() -> Tables {
    let tables = Tables::new().await;
    let dir = statements::root().join("crates/box-office/migrations");
    let mut files: Vec<_> = std::fs::read_dir(dir)
        .expect("the office's migrations")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    let mut owner = tables.connection().await;
    // The office's own book of migrations is made before the first of them.
    let book = "CREATE SCHEMA office; CREATE TABLE office.migration (version bigint PRIMARY KEY,
        description text, installed_on timestamptz, success boolean, checksum bytea,
        execution_time bigint)";
    sqlx::raw_sql(book).execute(&mut owner).await.expect("the book");
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a migration");
        let done = sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut owner).await;
        done.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    }
    tables
}

/// A session of somebody who is a member of a role and nothing else.
async fn session(tables: &Tables, role: &str) -> PgConnection {
    let options = PgConnectOptions::from_str(tables.url()).expect("url");
    // Names are the whole server's; a member by `SET ROLE` leaves nothing behind.
    let mut session = options.connect().await.expect("connected");
    let become_member = format!("SET ROLE {role}; SET plan_cache_mode = force_generic_plan");
    sqlx::raw_sql(AssertSqlSafe(become_member)).execute(&mut session).await.expect("a role");
    session
}

/// What the server says against a statement; nothing when the role may run it.
async fn complaint(session: &mut PgConnection, statement: &Statement) -> Option<String> {
    let Statement { place, sql } = statement;
    let count = (1..=PARAMETERS_MAX).rev().find(|n| sql.contains(&format!("${n}"))).unwrap_or(0);
    let values = vec!["NULL"; count].join(", ");
    let values = if count == 0 { values } else { format!("({values})") };
    let ask = format!("PREPARE asked AS {sql};\nEXPLAIN EXECUTE asked{values}");
    let told = sqlx::raw_sql(AssertSqlSafe(ask)).execute(&mut *session).await;
    let _ = sqlx::raw_sql("DEALLOCATE ALL").execute(session).await;
    told.err().map(|error| format!("{place}\n    {error}"))
}

/// Every statement of these sources may be run by the role.
async fn suffices(role: &str, sources: &[&str], at_least: usize) {
    let tables = both_schemas().await;
    let mut session = session(&tables, role).await;
    let mut complaints = Vec::new();
    let mut count = 0;
    for source in sources {
        for statement in statements::below(source) {
            count += 1;
            complaints.extend(complaint(&mut session, &statement).await);
        }
    }
    assert!(complaints.is_empty(), "{role} may not run:\n{}", complaints.join("\n"));
    assert!(count >= at_least, "{count} statements were found in {sources:?}");
    // A number that a table draws for a new row is a right of its own.
    let numbers = "SELECT string_agg(s.oid::regclass::text, ', ') FROM pg_depend d
        JOIN pg_class s ON s.oid = d.objid JOIN pg_class t ON t.oid = d.refobjid
        WHERE d.classid = 'pg_class'::regclass AND d.deptype = 'a'
          AND CASE WHEN s.relkind = 'S' THEN has_table_privilege(t.oid, 'INSERT')
              AND NOT has_sequence_privilege(s.oid, 'USAGE') ELSE false END";
    let missing: Option<String> =
        sqlx::query_scalar(numbers).fetch_one(&mut session).await.expect("sequences");
    assert_eq!(missing, None, "{role} may not draw numbers");
}

#[tokio::test]
async fn the_writers_role_may_run_what_writer_recovery_and_archive_send() {
    let all = [
        "crates/data-writer/src/archive",
        "crates/data-writer/src/lease.rs",
        "crates/data-writer/src/migrate.rs",
        "crates/data-writer/src/reconcile",
        "crates/data-writer/src/recover",
        "crates/data-writer/src/sink",
        "crates/data-writer/src/verify",
    ];
    suffices("seatgrid_writer", &all, 70).await;
}

#[tokio::test]
async fn the_offices_role_may_run_what_office_worker_and_reconcile_send() {
    let all = ["crates/box-office/src", "crates/data-writer/src/reconcile"];
    suffices("seatgrid_office", &all, 180).await;
}

#[tokio::test]
async fn the_readers_role_may_run_what_verify_sends() {
    suffices("seatgrid_reader", &["crates/data-writer/src/verify"], 10).await;
}

#[tokio::test]
async fn nobody_may_run_more() {
    let tables = both_schemas().await;
    let forbidden = [
        ("seatgrid_office", "UPDATE grid.seat SET status = 'free'"),
        ("seatgrid_office", "INSERT INTO grid.ledger SELECT * FROM grid.ledger"),
        ("seatgrid_office", "DELETE FROM grid.sale_order"),
        ("seatgrid_office", "SELECT payload FROM grid.writer_quarantine"),
        ("seatgrid_office", "UPDATE grid.writer_quarantine SET resolved_at = now()"),
        ("seatgrid_office", "UPDATE grid.writer_checkpoint SET incarnation = 2"),
        ("seatgrid_office", "SELECT detail FROM grid.recovery"),
        ("seatgrid_office", "UPDATE office.change SET action = 'edited'"),
        ("seatgrid_office", "DELETE FROM office.data_access"),
        ("seatgrid_office", "DELETE FROM office.checkin"),
        ("seatgrid_office", "UPDATE office.payout SET refund_id = ''"),
        ("seatgrid_writer", "UPDATE grid.ledger SET status = ''"),
        ("seatgrid_writer", "SELECT id FROM office.account"),
        ("seatgrid_reader", "SELECT payload FROM grid.writer_quarantine"),
        ("seatgrid_reader", "SELECT detail FROM grid.recovery"),
        ("seatgrid_reader", "SELECT contact FROM grid.sale_order"),
        ("seatgrid_reader", "SELECT id FROM office.account"),
    ];
    for (role, sql) in forbidden {
        let statement = Statement { place: sql.into(), sql: sql.into() };
        let told = complaint(&mut session(&tables, role).await, &statement).await;
        let told = told.unwrap_or_else(|| panic!("{role} may: {sql}"));
        assert!(told.contains("permission denied"), "{role}: {told}");
    }
}

/// The office's search of the ledger, as the server plans it for one account and for one order.
#[tokio::test]
async fn a_search_for_one_account_or_order_uses_its_index() {
    let tables = Tables::new().await;
    tables
        .execute(
            "SELECT grid.ensure_ledger_partition(1795255200000);
             INSERT INTO grid.ledger SELECT 1, 1, n, 0, 'gala', 'hold_granted', 'o1-' || n, 'A-1-1',
                 'h1-1', NULL, NULL, 1, grid.from_ms(1795255200000 + n),
                 CASE n % 100 WHEN 0 THEN 'account ' || n % 1000 ELSE 'guest' END, NULL, 'held',
                 sha256(''), sha256('')
             FROM generate_series(1, 20000) n;
             ANALYZE grid.ledger",
        )
        .await;
    let audit = statements::below("crates/box-office/src/office/audit.rs");
    let [search] = audit.as_slice() else { panic!("one statement: {audit:?}") };
    let mut session = session(&tables, "seatgrid_office").await;
    for (user, order, index) in [
        ("'account 100'", "NULL", "_subject_at_idx"),
        ("NULL", "'o1-77'", "_order_id_idx"),
        ("'guest'", "'o1-77'", "_order_id_idx"),
    ] {
        let (from, to) = ("1795255000000", "1795256000000");
        let values = [from, to, from, "-1", "0", "0", "0", user, "NULL", "NULL", "NULL", "NULL"];
        let values = [values.as_slice(), &[order, "100"]].concat();
        let mut asked = search.sql.clone();
        for (at, value) in values.iter().enumerate().rev() {
            asked = asked.replace(&format!("${}", at + 1), value);
        }
        let plan: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!("EXPLAIN {asked}")))
            .fetch_all(&mut session)
            .await
            .expect("a plan");
        assert!(plan.iter().any(|line| line.contains(index)), "{}", plan.join("\n"));
    }
}
