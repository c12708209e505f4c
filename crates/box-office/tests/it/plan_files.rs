//! Plans from files: what is read, and what each fault says.

use box_office::plan_file::{Fault, Format, ImportError, PlanFile, import};
use serde_json::json;
use sqlx::{Connection, PgConnection};

use crate::support::Shop;

const HEADER: &str = "section,row,number,tier,x,y,flags";

fn csv(lines: &str) -> Result<PlanFile, Vec<Fault>> {
    PlanFile::read(Format::Csv, &format!("{HEADER}\n{lines}"))
}

#[test]
fn csv_is_read_whole() {
    let file = csv("B,4,11,back,1.5,-2,accessible\nB,4,\"12\",back,2.25,-2,companion\n\n\
        B,5,1,front,0,0,\nfloor,,500,dance,,,area\n")
    .expect("a good plan");
    assert_eq!((file.seat_count(), file.section_count()), (503, 2));
    assert_eq!(file.tiers().into_iter().collect::<Vec<_>>(), ["back", "dance", "front"]);
}

#[test]
fn each_fault_of_csv_names_its_line_and_reason() {
    let table = [
        ("B,4,11,back,1,2", 2, "6 fields, not 7"),
        ("B,4,11,back,1,2,\nB,4,11,back,3,2,", 3, "seat 11 of row 4 occurs twice, first in line 2"),
        ("B,4,11,back,one,2,", 2, "x is not a number: one"),
        ("B,4,11,back,1,1e3,", 2, "y is not a number: 1e3"),
        ("B,4,11,back,1,2,vip", 2, "unknown flag vip; known are accessible, companion, area"),
        (
            "B,4,1,t,0,0,\nB,5,1,t,0,0,\nB,4,2,t,0,0,",
            4,
            "row 4 goes on after another row; it began in line 2",
        ),
        (
            "B,4,1,t,0,0,\nC,4,1,t,0,0,\nB,5,2,t,0,0,",
            4,
            "section B goes on after another; it began in line 2",
        ),
        ("floor,,0,dance,,,area", 2, "the number of an area is its capacity, 1 or more"),
        ("floor,1,9,dance,,,area", 2, "an area has no row"),
        ("floor,,9,dance,,,area\nfloor,1,1,dance,,,", 3, "section floor is an area"),
        (
            "A,1,1,t,0,0,\nB,4,1 1,t,0,0,",
            3,
            "section B row 4 seat 1 1: only letters, digits, '-', '_' and '.' are allowed",
        ),
        (
            "A,1,1,t,0,0,\nA-1,1,1,t,0,0,\nA,2,1,t,0,0,",
            4,
            "section A goes on after another; it began in line 2",
        ),
        ("A,1-1,1,t,0,0,\nA-1,1,1,t,0,0,", 3, "seat A-1-1-1: id occurs twice"),
        ("", 1, "plan: needs 1 to 64 tiers"),
    ];
    for (lines, line, reason) in table {
        let faults = csv(lines).expect_err(lines);
        let told: Vec<_> = faults.iter().map(|f| (f.line, f.reason.as_str())).collect();
        assert_eq!(told, [(line, reason)], "{lines}");
    }
    let faults = PlanFile::read(Format::Csv, "seat,row\n").expect_err("another header");
    assert_eq!(faults[0].to_string(), format!("line 1: the header must be {HEADER}"));
    let many = "B,4,11,back,1,2,vip\n".repeat(500);
    assert_eq!(csv(&many).expect_err("500 faults").len(), 50);
}

fn sections(number: &str) -> String {
    let document = json!({"name": "Hall", "sections": [
        {"kind": "seated", "id": "B", "name": "Balcony", "rows": [{"label": "4", "seats": [
            {"number": "11", "tier": "back", "x": 1.25, "y": 2.0, "accessible": true},
            {"number": number, "tier": "back", "x": 2, "y": 2.0}]}]},
        {"kind": "area", "id": "floor", "name": "Floor", "capacity": 50, "tier": "dance"}]});
    serde_json::to_string_pretty(&document).expect("JSON")
}

#[test]
fn json_is_read_and_its_faults_have_lines() {
    let file = PlanFile::read(Format::Json, &sections("12")).expect("a good plan");
    assert_eq!((file.seat_count(), file.section_count()), (52, 2));
    let text = sections("1 2");
    let faults = PlanFile::read(Format::Json, &text).expect_err("a wrong number");
    let line = text.lines().position(|line| line.contains("\"1 2\"")).expect("there") + 1;
    assert_eq!(faults[0].line, line);
    assert!(faults[0].reason.starts_with("section B row 4 seat 1 2: only letters"), "{faults:?}");
    for (wrong, line) in [("{\n\"sections\": [\n}", 3), ("{\n\"sektions\": []}", 2), ("", 1)] {
        let faults = PlanFile::read(Format::Json, wrong).expect_err(wrong);
        assert_eq!(faults[0].line, line, "{faults:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_gets_its_plan_and_what_is_published_does_not() {
    let shop = Shop::open().await;
    let url = shop.database.as_ref().expect("a database of its own").url().to_owned();
    let mut db = PgConnection::connect(&url).await.expect("connected");
    let draft = "insert into office.event select (jsonb_populate_record(event,
        '{\"id\": \"draft\", \"status\": \"draft\",
          \"tiers\": [{\"id\": \"back\", \"name\": \"Back\", \"price_minor\": 1}]}')).*
        from office.event event where id = 'demo-hall'";
    sqlx::query(draft).execute(&mut db).await.expect("put in");
    let file = csv("B,4,11,back,1,2,").expect("a good plan");
    import(&url, "draft", &file).await.expect("put in");
    let sections: i32 = sqlx::query_scalar(
        "select jsonb_array_length(plan->'sections') from office.event where id = 'draft'",
    )
    .fetch_one(&mut db)
    .await
    .expect("read");
    assert_eq!(sections, 1);
    let other = csv("B,4,11,gold,1,2,").expect("a good plan");
    let unfit = import(&url, "draft", &other).await.expect_err("no such tier");
    assert_eq!(unfit.to_string(), "seat B-4-11 names tier gold, which the event does not have");
    let published = import(&url, "demo-hall", &file).await;
    assert!(matches!(published, Err(ImportError::Published(_))), "{published:?}");
    assert!(matches!(import(&url, "none", &file).await, Err(ImportError::NoEvent(_))));
    db.close().await.expect("closed");
    shop.close().await;
}
