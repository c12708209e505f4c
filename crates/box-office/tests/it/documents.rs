//! Ticket documents: in every form, made by a worker where that is work, for whoever has the order and
//! nobody else.

use serde_json::{Value, json};
use sqlx::Executor;
use uuid::Uuid;

use crate::staff::{Call, row_of};
use crate::support::{Order, Shop, until};

/// A document's status, type and bytes.
pub async fn document(shop: &Shop, path: &str, token: &str) -> (u16, String, Vec<u8>) {
    let url = format!("{}/api/v1{path}", shop.office);
    let request = shop.http.get(url).header("x-hold-token", token);
    let answer = request.header("grid-deadline-ms", "10000").send().await.expect("an answer");
    let kind = answer.headers().get("content-type").and_then(|kind| kind.to_str().ok());
    let (status, kind) = (answer.status().as_u16(), kind.unwrap_or_default().to_owned());
    (status, kind, answer.bytes().await.expect("a body").to_vec())
}

/// A paid order of these seats of an event of six.
pub async fn paid(shop: &Shop, id: &str, seats: &[u32]) -> Order {
    let event = shop.publish(row_of(id, 6)).await;
    let order = shop.order(&shop.hold_in(event, seats).await).await;
    let payment = shop.pay(&order).await;
    shop.decide(&payment, json!({"outcome": "succeed"})).await;
    shop.until_status(&order, "paid").await;
    order
}

/// The order's tickets as the API lists them.
pub async fn tickets(shop: &Shop, order: &Order) -> Vec<Value> {
    let path = format!("/api/v1/orders/{}/tickets", order.id);
    let listed = shop.get(&path, &order.token).await.expect(200);
    listed.body.as_array().expect("tickets").clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_is_had_in_every_form_by_its_owner_alone() {
    let mut shop = Shop::open().await;
    shop.start_worker(|_| {});
    let order = paid(&shop, "documents", &[0, 1]).await;
    let listed = tickets(&shop, &order).await;
    let (id, code) = (listed[0]["id"].as_str().expect("id"), listed[0]["code"].as_str());
    let (status, kind, pdf) = document(&shop, &format!("/tickets/{id}.pdf"), &order.token).await;
    assert_eq!((status, kind.as_str()), (200, "application/pdf"));
    assert!(pdf.starts_with(b"%PDF-"), "{} bytes", pdf.len());
    let again = document(&shop, &format!("/tickets/{id}.pdf"), &order.token).await;
    assert_eq!((again.0, again.2), (200, pdf), "and the same later");
    let (_, kind, text) = document(&shop, &format!("/tickets/{id}.txt"), &order.token).await;
    assert!(kind.starts_with("text/plain"), "{kind}");
    assert!(String::from_utf8_lossy(&text).contains(code.expect("a code")));
    let (_, _, sheet) = document(&shop, &format!("/tickets/{id}.json"), &order.token).await;
    let sheet: Value = serde_json::from_slice(&sheet).expect("a document");
    assert_eq!((&sheet["tickets"][0]["code"], &sheet["tickets"][1]), (&json!(code), &Value::Null));
    let all = format!("/orders/{}/documents/json", order.id);
    let (_, _, sheet) = document(&shop, &all, &order.token).await;
    let sheet: Value = serde_json::from_slice(&sheet).expect("a document");
    assert_eq!(sheet["tickets"].as_array().map(Vec::len), Some(2));

    for (path, token, wanted) in [
        (format!("/tickets/{id}.pdf"), "somebody-elses", 404),
        (format!("/tickets/{id}.docx"), order.token.as_str(), 404),
        (format!("/tickets/{id}"), order.token.as_str(), 404),
        ("/tickets/t1-999-0.pdf".to_owned(), order.token.as_str(), 404),
        (format!("/orders/{}/documents/pkzip", order.id), order.token.as_str(), 404),
    ] {
        assert_eq!(document(&shop, &path, token).await.0, wanted, "{path}");
    }
    let path = format!("/orders/{}/refunds", order.id);
    Call::post(&path, &json!({"seats": ["A-1-1"]})).send(&shop).await.expect(201);
    let gone = document(&shop, &format!("/tickets/{id}.pdf"), &order.token).await;
    assert_eq!(gone.0, 409, "what was given back lets nobody in");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_waits_in_the_queue_until_there_is_a_worker() {
    let mut shop = Shop::open().await;
    let order = paid(&shop, "later", &[0]).await;
    let path = format!("/api/v1/orders/{}/documents/pdf", order.id);
    for _ in 0..2 {
        let answer = shop.get(&path, &order.token).await.expect(202);
        assert_eq!(answer.text("/status"), "queued");
        assert_eq!(answer.headers["retry-after"], "1");
    }
    let jobs = Call::get("/jobs?status=waiting&kind=ticket_document");
    let waiting = jobs.send(&shop).await.expect(200).body;
    assert_eq!(waiting["items"].as_array().map(Vec::len), Some(1), "asked twice, there once");
    // One that was given up a moment ago is staff's to retry: looking again puts no other one in.
    let mut db = shop.database().await;
    db.execute("update office.job set status = 'dead', ended_at = now()").await.expect("given up");
    shop.get(&path, &order.token).await.expect(202);
    let waiting = jobs.send(&shop).await.expect(200).body;
    assert_eq!(waiting["items"].as_array().map(Vec::len), Some(0), "nor another one");
    db.execute("update office.job set status = 'waiting', ended_at = null").await.expect("again");
    shop.start_worker(|_| {});
    until("a worker makes it", async || {
        let answer = document(&shop, &path["/api/v1".len()..], &order.token).await;
        (answer.0 == 200 && answer.2.starts_with(b"%PDF-")).then_some(())
    })
    .await;
    let done = Call::get("/jobs?status=done&kind=ticket_document");
    until("the job is done", async || {
        let done = done.send(&shop).await.expect(200).body;
        (done["items"][0]["attempts"] == 1).then_some(())
    })
    .await;
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_stay_sealed_where_they_wait() {
    let mut shop = Shop::open().await;
    let order = paid(&shop, "sealed", &[0]).await;
    let path = format!("/orders/{}/documents/pdf", order.id);
    let code = tickets(&shop, &order).await[0]["code"].as_str().expect("a code").to_owned();
    shop.get(&format!("/api/v1{path}"), &order.token).await.expect(202);
    let mut db = shop.database().await;
    let waiting: Vec<u8> = sqlx::query_scalar("select payload from office.job")
        .fetch_one(&mut db)
        .await
        .expect("a job");
    shop.start_worker(|_| {});
    assert_eq!(document(&shop, &path, &order.token).await.0, 200);
    let kept: Vec<u8> = sqlx::query_scalar("select sealed from office.document")
        .fetch_one(&mut db)
        .await
        .expect("a document");
    let known = |bytes: &[u8], word: &[u8]| bytes.windows(word.len()).any(|part| part == word);
    for bytes in [&waiting, &kept] {
        assert!(!known(bytes, code.as_bytes()) && !known(bytes, b"%PDF"), "{} bytes", bytes.len());
    }
    // Another ring's document is made anew instead of shown.
    sqlx::query("update office.document set sealed = $1")
        .bind(Uuid::new_v4().as_bytes().as_slice())
        .execute(&mut db)
        .await
        .expect("changed");
    let anew = document(&shop, &path, &order.token).await;
    assert!(anew.0 == 200 && anew.2.starts_with(b"%PDF-"), "{}", anew.0);
    shop.close().await;
}
