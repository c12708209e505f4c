//! The queue of background work: many workers share it, nobody's death loses a job, what fails for good
//! is seen by staff and tried again.

use serde_json::json;
use sqlx::PgConnection;

use crate::documents::{document, paid};
use crate::staff::Call;
use crate::support::{Shop, until};

async fn put(db: &mut PgConnection, once: &str, status: &str, taken: Option<&str>) -> i64 {
    sqlx::query_scalar(
        "insert into office.job (kind, once, payload, attempts_max, status, taken_by, taken_until)
         values ('ticket_document', $1, '\\x01', 1, $2, $3, now() - interval '1 second')
         returning id",
    )
    .bind(once)
    .bind(status)
    .bind(taken)
    .fetch_one(db)
    .await
    .expect("put in")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_for_good_is_seen_and_tried_again() {
    let mut shop = Shop::open().await;
    shop.with_tables().await;
    let mut db = shop.database().await;
    let broken = put(&mut db, "no digest", "waiting", None).await;
    let orphan = put(&mut db, "of a dead worker", "running", Some("gone")).await;
    // Its only attempt took its worker along: it is not tried for ever.
    sqlx::query("update office.job set attempts = 1 where id = $1")
        .bind(orphan)
        .execute(&mut db)
        .await
        .expect("it was begun");
    shop.start_worker(|_| {});
    let dead = Call::get("/jobs?status=dead");
    let jobs = until("both are given up", async || {
        let dead = dead.send(&shop).await.expect(200).body;
        (dead["items"].as_array().map(Vec::len) == Some(2)).then_some(dead)
    })
    .await;
    assert_eq!(jobs["items"][0]["id"], json!(orphan.to_string()), "the newest first");
    assert_eq!(jobs["items"][0]["attempts"], 1, "given up without another attempt");
    let errors = Call::get("/errors").send(&shop).await.expect(200).body;
    let (mut paged, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = Call::get(&format!("/errors?limit=1{cursor}")).send(&shop).await.expect(200);
        paged.extend(page.body["items"].as_array().cloned().unwrap_or_default());
        assert!(paged.len() < 50, "pages that go round: {paged:?}");
        let Some(next) = page.body["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(errors["items"], json!(paged), "pages join without gap or repeat");
    assert!(paged.len() >= 2 && errors["next_cursor"].is_null(), "{errors}");
    for wrong in ["limit=0", "limit=201", "cursor=zz", "cursor=", "colour=red"] {
        Call::get(&format!("/errors?{wrong}")).send(&shop).await.expect(400);
    }
    let failure = errors["items"].as_array().into_iter().flatten();
    let failure = failure.clone().find(|one| one["id"] == json!(broken.to_string()));
    let failure = failure.expect("the broken job is shown");
    assert_eq!((&failure["kind"], &failure["about"]), (&json!("job"), &json!("ticket_document")));
    let retry = failure["retry"].as_str().expect("a call").strip_prefix("/api/v1/admin");
    let call = Call { method: reqwest::Method::POST, ..Call::get(retry.expect("of staff")) };
    assert_eq!(call.send(&shop).await.expect(200).text("/status"), "waiting");
    until("it fails again", async || {
        let dead = dead.send(&shop).await.expect(200).body;
        (dead["items"].as_array().map(Vec::len) == Some(2)).then_some(())
    })
    .await;
    for (path, status) in [
        ("/jobs?status=lost", 400),
        ("/jobs?limit=0", 400),
        ("/jobs?cursor=x", 400),
        ("/jobs?colour=red", 400),
    ] {
        Call::get(path).send(&shop).await.expect(status);
    }
    let nobody = Call { method: reqwest::Method::POST, ..Call::get("/jobs/999999/retry") };
    assert_eq!(nobody.send(&shop).await.expect(404).code(), "not_found");
    let stranger = shop.get("/api/v1/admin/jobs", "").await.expect(401);
    assert_eq!(stranger.code(), "unauthenticated");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_share_the_queue_and_do_each_job_once() {
    let mut shop = Shop::open().await;
    let order = paid(&shop, "shared", &[0, 1, 2, 3, 4, 5]).await;
    for _ in 0..3 {
        shop.start_worker(|config| config.jobs_parallel_max = 4);
    }
    let paths: Vec<String> = (0..6)
        .map(|seat| format!("/tickets/{}-{seat}.pdf", order.id.replacen('o', "t", 1)))
        .collect();
    let asked = paths.iter().map(|path| document(&shop, path, &order.token));
    for (status, _, pdf) in futures_util::future::join_all(asked).await {
        assert!(status == 200 && pdf.starts_with(b"%PDF-"), "{status}");
    }
    let mut db = shop.database().await;
    until("all are noted as done", async || {
        let done: (i64, Option<i32>) =
            sqlx::query_as("select count(*), max(attempts) from office.job where status = 'done'")
                .fetch_one(&mut db)
                .await
                .expect("counted");
        (done == (6, Some(1))).then_some(())
    })
    .await;
    shop.close().await;
}
