//! An office and a worker whose database user may do no more than they must.

use std::path::Path;

use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use uuid::Uuid;

use crate::support::{STAFF_TOKEN, Shop, Wish, read};

/// The data writer's schema, all of it.
async fn grid_schema(owner: &mut PgConnection) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data-writer/migrations");
    let entries = std::fs::read_dir(dir).expect("the data writer's migrations");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    owner.execute("create schema grid").await.expect("schema");
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a migration");
        let done = sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut *owner).await;
        done.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    }
}

const PARKED: &str =
    "insert into grid.writer_quarantine (shard_id, incarnation, log_index, ordinal,
    sqlstate, error, payload) values (3, 1, 7, 0, '22021', 'a record that is none', '{}')";

/// The user may not migrate either: it finds the schema as `seatgrid migrate` left it.
#[tokio::test(flavor = "multi_thread")]
async fn the_offices_role_suffices_to_sell_and_to_see_what_failed() {
    let database = local_postgres::testing::database();
    let mut owner = PgConnection::connect(database.url()).await.expect("database");
    grid_schema(&mut owner).await;
    box_office::migrate(database.url()).await.expect("schema office");
    owner.execute(PARKED).await.expect("a parked record");
    let login = format!("office_{}", Uuid::new_v4().simple());
    let make = format!("create role {login} login password 'pw' in role seatgrid_office");
    sqlx::raw_sql(AssertSqlSafe(make)).execute(&mut owner).await.expect("a login");
    let at = database.url().rsplit_once('@').expect("a user").1;
    let wish =
        Wish { database_url: Some(format!("postgres://{login}:pw@{at}")), ..Wish::default() };

    let mut shop = Shop::with(wish).await;
    shop.start_worker(|_| {});
    let order = shop.order(&shop.hold(&[0, 1]).await).await;
    let payment = shop.pay(&order).await;
    shop.decide(&payment, json!({"outcome": "succeed"})).await;
    shop.until_status(&order, "paid").await;
    let url = format!("{}/api/v1/admin/errors", shop.office);
    let failed = read(shop.http.get(url).bearer_auth(STAFF_TOKEN)).await.expect(200);
    assert_eq!(failed.text("/items/0/kind"), "record", "{}", failed.body);
    assert_eq!(failed.text("/items/0/error"), "a record that is none");
    let forbidden = PgConnection::connect(&format!("postgres://{login}:pw@{at}"));
    let mut forbidden = forbidden.await.expect("it may log in");
    let content = forbidden.execute("select payload from grid.writer_quarantine").await;
    assert!(content.is_err(), "what is sealed stays out of sight");
    forbidden.close().await.expect("closed");
    shop.close().await;
    let done = format!("drop role {login}");
    sqlx::raw_sql(AssertSqlSafe(done)).execute(&mut owner).await.expect("the login goes");
}
