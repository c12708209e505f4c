//! Random changes of a single byte anywhere in the ledger, and in the tables that are compared with it:
//! each is found, and the record or table is named. `SEATGRID_FLIPS` sets how many are tried of each.
//! Of exported files the archive's tests change a thousand.

use crate::histories::Dice;
use crate::tables::Tables;
use crate::verify::{sold, told, verified};

/// What the chain covers besides its own numbers, and what of a value a byte is.
const TEXT: &str = "overlay({c} placing chr(ascii(substr({c}, {n} % length({c}) + 1, 1)) # 1)
    from {n} % length({c}) + 1 for 1)";
const NUMBER: &str = "({c} # (1::bigint << (8 * ({n} % 7))))";
const BYTES: &str = "set_byte({c}, {n} % length({c}), get_byte({c}, {n} % length({c})) # 64)";
const COLUMNS: [(&str, &str); 13] = [
    ("event_id", TEXT),
    ("kind", TEXT),
    ("order_id", TEXT),
    ("seat_id", TEXT),
    ("hold_id", TEXT),
    ("payment_id", TEXT),
    ("refund_id", TEXT),
    ("subject", TEXT),
    ("status", TEXT),
    ("amount_minor", NUMBER),
    ("at", "{c} + make_interval(secs => 0.256 * (1 + {n} % 100))"),
    ("prev_hash", BYTES),
    ("hash", BYTES),
];

fn flips() -> u32 {
    std::env::var("SEATGRID_FLIPS").map_or(60, |number| number.parse().expect("a number"))
}

/// Changes a byte of a row's column; `None` where it has no value.
async fn flip(tables: &Tables, row: &str, dice: &mut Dice) -> Option<String> {
    let (column, change) = COLUMNS[dice.below(COLUMNS.len() as u64) as usize];
    let change = change.replace("{c}", column).replace("{n}", &dice.below(1_000).to_string());
    let filled = format!("SELECT count(*)::text FROM grid.ledger WHERE {row} AND {column} <> ''");
    let filled = if change.starts_with("overlay") {
        filled
    } else {
        filled.replace(" <> ''", " IS NOT NULL")
    };
    if tables.texts(&filled).await != ["1"] {
        return None;
    }
    tables.run(&format!("UPDATE grid.ledger SET {column} = {change} WHERE {row}")).await;
    Some(format!("{column} of {row}"))
}

#[tokio::test]
async fn each_of_many_random_bytes_names_its_record() {
    let (tables, _grid) = sold().await;
    let rows = "SELECT concat('shard_id = ', shard_id, ' AND log_index = ', log_index,
                    ' AND ordinal = ', ordinal) || '|' ||
                    concat('shard ', shard_id, ' incarnation 1 record ', log_index, '.', ordinal, ':')
                FROM grid.ledger WHERE shard_id > 0 ORDER BY shard_id, log_index, ordinal";
    let rows = tables.texts(rows).await;
    tables.run("CREATE TABLE saved AS SELECT * FROM grid.ledger").await;
    let (mut dice, mut done) = (Dice(41), 0);
    while done < flips() {
        let line = &rows[dice.below(rows.len() as u64) as usize];
        let (row, place) = line.split_once('|').expect("two parts");
        let Some(what) = flip(&tables, row, &mut dice).await else { continue };
        let told = told(&verified(&tables).await);
        assert!(told.first().is_some_and(|fault| fault.starts_with(place)), "{what}: {told:#?}");
        let restore = "INSERT INTO grid.ledger SELECT * FROM saved";
        tables.run(&format!("DELETE FROM grid.ledger WHERE {row}; {restore} WHERE {row}")).await;
        done += 1;
    }
    assert!(verified(&tables).await.is_clean(), "restored after each");
}

type Compared = (&'static str, &'static [&'static str], &'static [(&'static str, &'static str)]);

/// What the tables say beside the ledger: the table, its key, and its columns that are compared.
/// Where rules of the schema refuse a value there is nothing to be found.
const COMPARED: [Compared; 5] = [
    (
        "seat",
        &["event_id", "seat_id"],
        &[("hold_id", TEXT), ("order_id", TEXT), ("event_id", TEXT)],
    ),
    (
        "sale_order",
        &["order_id"],
        &[("order_id", TEXT), ("hold_id", TEXT), ("event_id", TEXT), ("total_minor", NUMBER)],
    ),
    (
        "order_seat",
        &["order_id", "seat_id"],
        &[("order_id", TEXT), ("event_id", TEXT), ("seat_id", TEXT)],
    ),
    (
        "payment",
        &["payment_id"],
        &[
            ("payment_id", TEXT),
            ("order_id", TEXT),
            ("amount_minor", NUMBER),
            ("captured_minor", NUMBER),
        ],
    ),
    (
        "refund",
        &["refund_id"],
        &[("refund_id", TEXT), ("payment_id", TEXT), ("amount_minor", NUMBER)],
    ),
];

/// Changes a byte of a random row; the table and what to put back. `None` where there is no value.
async fn flip_row(tables: &Tables, dice: &mut Dice) -> Option<(String, &'static str)> {
    let (table, key, columns) = COMPARED[dice.below(COMPARED.len() as u64) as usize];
    let (column, change) = columns[dice.below(columns.len() as u64) as usize];
    let change = change.replace("{c}", column).replace("{n}", &dice.below(1_000).to_string());
    // Which seats an order had that owns none is not in the ledger by order.
    let judged = if table == "order_seat" { " AND status = 'sold'" } else { "" };
    let rows = format!(
        "SELECT concat_ws(' AND ', {}) FROM grid.{table} WHERE {column} IS NOT NULL{judged} ORDER BY 1",
        key.iter()
            .map(|k| format!("'{k} = ' || quote_literal({k})"))
            .collect::<Vec<_>>()
            .join(", ")
    );
    let rows = tables.texts(&rows).await;
    let row = rows.get(dice.below(rows.len().max(1) as u64) as usize)?;
    let changed = format!("UPDATE grid.{table} SET {column} = {change} WHERE {row}");
    tables.run(&format!("CREATE TABLE kept AS SELECT * FROM grid.{table}")).await;
    let done = sqlx::query(sqlx::AssertSqlSafe(changed.clone())).execute(&tables.pool).await;
    if done.is_err() {
        // Another row has that key: the database itself refuses it.
        tables.run("DROP TABLE kept").await;
        return None;
    }
    Some((changed, table))
}

#[tokio::test]
async fn each_of_many_random_bytes_of_the_tables_is_found() {
    let (tables, _grid) = sold().await;
    let (mut dice, mut done) = (Dice(43), 0);
    while done < flips() {
        let Some((what, table)) = flip_row(&tables, &mut dice).await else { continue };
        let told = told(&verified(&tables).await);
        let named = format!("grid.{table}");
        assert!(told.iter().any(|fault| fault.contains(&named)), "{what}: {told:#?}");
        tables
            .run(&format!(
                "TRUNCATE grid.{table}; INSERT INTO grid.{table} SELECT * FROM kept; DROP TABLE kept"
            ))
            .await;
        done += 1;
    }
    assert!(verified(&tables).await.is_clean(), "restored after each");
}

impl Tables {
    /// One column of text, as asked for at run time.
    async fn texts(&self, sql: &str) -> Vec<String> {
        let query = sqlx::query_scalar(sqlx::AssertSqlSafe(sql.to_owned()));
        query.fetch_all(&self.pool).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }
}
