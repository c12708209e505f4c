//! The ledger in files: any changed byte is named, a damaged file is none, months leave the tables
//! only after they are in a file.

use std::io::Read;
use std::path::Path;

use data_writer::{
    HeadSigner, Verifier, WriterConfig, archive_months, export_ledger, verify_export,
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::grid::MemoryGrid;
use crate::tables::{Tables, Writer, config, drained, eventually};
use crate::verify::{read_file, sold, told, verified};

/// Each line of an export, with the record that it tells of.
fn lines_of(file: &Path) -> Vec<(Vec<u8>, String)> {
    let mut text = Vec::new();
    let packed = std::fs::File::open(file).expect("open");
    zstd::stream::read::Decoder::new(packed).expect("zstd").read_to_end(&mut text).expect("read");
    let place = |line: &[u8]| {
        let value: serde_json::Value = serde_json::from_slice(line).expect("JSON");
        format!(
            "shard {} incarnation {} record {}.{}:",
            value["shard"], value["incarnation"], value["index"], value["ordinal"]
        )
    };
    text.split_inclusive(|byte| *byte == b'\n').map(|l| (l.to_vec(), place(l))).collect()
}

/// Where the keys of a record end: a change before makes it another record.
fn key_end(line: &[u8]) -> usize {
    line.windows(8).position(|part| part == b"\"at_ms\":").unwrap_or(0)
}

#[tokio::test]
async fn each_of_a_thousand_random_byte_changes_is_named() {
    let (tables, _grid) = sold().await;
    let dir = tempfile::tempdir().expect("directory");
    let file = dir.path().join("ledger.jsonl.zst");
    export_ledger(tables.url(), &file, None, &mut |_| {}).await.expect("export");
    let lines = lines_of(&file);
    let mut random = StdRng::seed_from_u64(5);
    let (changed, mut in_keys) = (dir.path().join("changed.zst"), 0);
    for round in 0..1_000 {
        let at = random.random_range(0..lines.len());
        let byte = random.random_range(0..lines[at].0.len());
        let flip = random.random_range(1..=255_u8);
        let mut text: Vec<Vec<u8>> = lines.iter().map(|(line, _)| line.clone()).collect();
        text[at][byte] ^= flip;
        let packed = zstd::stream::encode_all(text.concat().as_slice(), 1).expect("zstd");
        std::fs::write(&changed, packed).expect("write");
        let report = read_file(&changed);
        let told = told(&report);
        let what = format!("round {round}, line {}, byte {byte} ^ {flip}: {told:#?}", at + 1);
        assert!(!report.is_clean(), "{what}");
        let is_record = at > 0 && at + 1 < lines.len();
        if is_record && byte < key_end(&lines[at].0) {
            in_keys += 1;
            continue;
        }
        let line = format!("line {}:", at + 1);
        let named = |fault: &String| {
            fault.contains(&line) || (is_record && fault.starts_with(&lines[at].1))
        };
        assert!(!is_record || told.iter().any(named), "{what}");
    }
    assert!(in_keys < 200, "most changes are of content");
}

#[tokio::test]
async fn a_damaged_file_is_no_file() {
    let (tables, _grid) = sold().await;
    let dir = tempfile::tempdir().expect("directory");
    let file = dir.path().join("ledger.jsonl.zst");
    export_ledger(tables.url(), &file, None, &mut |_| {}).await.expect("export");
    let packed = std::fs::read(&file).expect("read");
    let mut random = StdRng::seed_from_u64(6);
    let changed = dir.path().join("changed.zst");
    for _ in 0..200 {
        let mut bytes = packed.clone();
        let at = random.random_range(0..bytes.len());
        bytes[at] ^= random.random_range(1..=255_u8);
        std::fs::write(&changed, bytes).expect("write");
        let report = read_file(&changed);
        assert!(!report.is_clean(), "byte {at} of {}", packed.len());
    }
    for len in [0, 1, packed.len() / 2, packed.len() - 1] {
        std::fs::write(&changed, &packed[..len]).expect("write");
        assert!(!read_file(&changed).is_clean(), "cut at {len}");
    }
}

#[tokio::test]
async fn months_are_archived_verified_and_only_then_dropped() {
    let (tables, grid) = (Tables::new().await, MemoryGrid::default());
    let (seller, day) = (grid.open("gala", 1, 5), 24 * 3_600_000);
    let writer = Writer::start(tables.url(), &grid);
    seller.sell(2);
    let open = seller.order(seller.hold_best(1));
    let (payment, amount_minor) = seller.pay(open);
    grid.tick(1, 31 * day);
    seller.expire_all();
    seller.settle(payment, inventory::GatewayResult::Captured { amount_minor });
    grid.tick(1, 31 * day);
    seller.sell(3);
    drained(&grid, 1).await;
    writer.stop().await;
    // The grid's clock is ahead of ours here; refused attempts go by ours.
    tables
        .execute(
            "UPDATE grid.writer_checkpoint SET applied_at = '2027-01-01'
             WHERE shard_id = 2000000000",
        )
        .await;

    let dir = tempfile::tempdir().expect("directory");
    let signer = HeadSigner::from_secret(&[3; 32]);
    let archive =
        async || archive_months(tables.url(), dir.path(), 12, Some(&signer), &mut |_| {}).await;
    let done = Box::pin(archive()).await.expect("archived");
    let names: Vec<_> =
        done.written.iter().map(|(file, _)| file.file_name().expect("name")).collect();
    assert_eq!(names, ["ledger-2026-11.jsonl.zst", "ledger-2026-12.jsonl.zst"]);
    assert!(done.dropped.is_empty(), "younger than a year");
    assert!(Box::pin(archive()).await.expect("again").written.is_empty());
    let young = sqlx::query("SELECT grid.drop_archived_month('2026-11-01', 12)");
    young.execute(&tables.pool).await.expect_err("kept for a year");
    let short = sqlx::query("SELECT grid.drop_archived_month('2020-11-01', 11)");
    short.execute(&tables.pool).await.expect_err("never less than a year");

    // As it will be: the first month's rows are gone, its file stays.
    tables
        .run(
            "DROP TABLE grid.ledger_2026_11;
             UPDATE grid.ledger_archive SET dropped_at = now() WHERE month = '2026-11-01'",
        )
        .await;
    let report = verified(&tables).await;
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.events, report.events_not_judged), (0, 1), "its beginning is in the file");
    let key = signer.verifier();
    let mut verifier = Verifier::new();
    for (file, _) in &done.written {
        verify_export(&mut verifier, file, Some(&key), &mut |_| {}).expect("it opens");
    }
    let report = verifier.finish();
    assert!(report.is_clean() && report.signatures == 2, "{report}");
    assert_eq!((report.events, report.seats_sold), (1, 3));
    // The second month alone begins where the first ended, which it says itself.
    let alone = read_file(&done.written[1].0);
    assert!(alone.is_clean() && alone.events_not_judged == 1, "{alone}");
    let mut swapped = Verifier::new();
    for (file, _) in done.written.iter().rev() {
        verify_export(&mut swapped, file, None, &mut |_| {}).expect("it opens");
    }
    assert!(!swapped.finish().is_clean(), "out of order");
}

#[tokio::test]
async fn the_leading_writer_archives_by_itself_and_says_when_it_cannot() {
    let (tables, grid) = (Tables::new().await, MemoryGrid::default());
    let (seller, day) = (grid.open("gala", 1, 5), 24 * 3_600_000);
    seller.sell(2);
    grid.tick(1, 31 * day);
    seller.sell(1);
    // The grid's clock is ahead of ours here; refused attempts go by ours.
    tables
        .execute(
            "CREATE FUNCTION ahead() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 NEW.applied_at := greatest(NEW.applied_at, '2026-12-15'::timestamptz);
                 RETURN NEW;
             END $$;
             CREATE TRIGGER ahead BEFORE INSERT OR UPDATE ON grid.writer_checkpoint
             FOR EACH ROW EXECUTE FUNCTION ahead()",
        )
        .await;
    let dir = tempfile::tempdir().expect("directory");
    let place = dir.path().join("archive");
    std::fs::write(&place, "in the way").expect("write");
    let archive_dir = Some(place.clone());
    let writing = WriterConfig { archive_dir, archive_every_ms: 1_000, ..config(tables.url()) };
    let writer = Writer::start_with(writing, &grid);
    drained(&grid, 1).await;
    eventually("it says so", || async { writer.health.status().archive_trouble.is_some() }).await;
    assert_eq!(writer.health.ready(), Ok(()), "it writes all the same");

    std::fs::remove_file(&place).expect("the way is free");
    let file = place.join("ledger-2026-11.jsonl.zst");
    eventually("the month is in its file", || async { file.exists() }).await;
    eventually("all is well", || async { writer.health.status().archive_trouble.is_none() }).await;
    writer.stop().await;
    let report = read_file(&file);
    assert!(report.is_clean() && report.seats_sold == 2, "{report}");
    let noted = "SELECT count(*) FROM grid.ledger_archive WHERE month = '2026-11-01'";
    assert_eq!(tables.number(noted).await, 1);
}
