//! Addresses and numbers that several claim: nobody learns whose they are, and nobody is flooded.

use reqwest::Method;
use serde_json::json;

use crate::browser::verified;
use crate::person::{PASSWORD, form};
use crate::support::Shop;

const OTHER: &str = "кот на подоконнике 9";

/// Registers with somebody's address, or with one that is nobody's, and does all that one may do next.
async fn what_follows(shop: &Shop, login: &str, email: &str) -> Vec<u16> {
    let mut body = form(login, 77);
    body["email"] = json!(email);
    body["password"] = json!(OTHER);
    let made = shop.register(&body).await.expect(201);
    let mut seen = Vec::new();
    for name in [login, email, "+79000000077"] {
        seen.push(shop.login(name, OTHER).await.status);
    }
    for _ in 0..4 {
        seen.push(shop.login(email, "no such password").await.status);
    }
    // One's own password does not wipe the count of guesses at the address.
    seen.push(shop.login(email, OTHER).await.status);
    seen.push(shop.login(email, "no such password").await.status);
    seen.push(shop.login(email, OTHER).await.status);
    let tokens = shop.login(login, OTHER).await.expect(200);
    let access = tokens.text("/access_token");
    let me = shop.call(Method::GET, "/me", access, None).await.expect(200);
    assert_eq!((&me.body["email_verified"], me.text("/id")), (&json!(false), made.text("/id")));
    let path = format!("/me/changes/{}/confirm", made.text("/verification/id"));
    let wrong = json!({"code": "nonsense"});
    seen.push(shop.call(Method::POST, &path, access, Some(&wrong)).await.status);
    // As many codes for other addresses are left to either of them.
    for round in 0..10 {
        let change =
            json!({"field": "email", "value": format!("{login}{round}@other.example.org")});
        seen.push(shop.call(Method::POST, "/me/changes", access, Some(&change)).await.status);
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn registering_with_anothers_address_tells_nothing() {
    let mut shop = Shop::open().await;
    shop.start_worker(|_| {});
    let anna = verified(&shop, "anna", 1).await;
    let free = what_follows(&shop, "first", "nobody@example.org").await;
    let taken = what_follows(&shop, "second", &anna.email).await;
    assert_eq!(free, taken);
    assert_eq!(&free[..10], [200, 200, 200, 401, 401, 401, 401, 200, 401, 429]);
    assert!(shop.letter(&anna.email, 2).await.contains("belongs to an account already"));
    // The owner is who was: by the address and their own password, from elsewhere or later.
    let mut db = shop.database().await;
    sqlx::query("delete from office.guess").execute(&mut db).await.expect("a quarter of an hour");
    let owner = shop.login(&anna.email, PASSWORD).await.expect(200);
    assert_eq!(owner.text("/account_id"), anna.id);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_is_sent_so_many_codes_whoever_asks() {
    let mut shop = Shop::open().await;
    shop.start_worker(|_| {});
    let (anna, boris) = (shop.person("anna", 1).await, shop.person("boris", 2).await);
    let victim = json!({"field": "email", "value": "victim@example.org"});
    let ask = async |access: &str| {
        shop.call(Method::POST, "/me/changes", access, Some(&victim)).await.status
    };
    // All at once, so that each would see the count of before.
    let asked = (0..8).flat_map(|_| [&anna.access, &boris.access]);
    let answers = futures_util::future::join_all(asked.map(|access| ask(access))).await;
    let sent = answers.iter().filter(|status| **status == 201).count();
    assert_eq!((sent, answers.len()), (10, 16), "{answers:?}");
    shop.letter("victim@example.org", 10).await;
    // Registering is counted by itself: what strangers ask for takes nothing from the owner.
    let mut body = form("carl", 3);
    body["email"] = json!("victim@example.org");
    shop.register(&body).await.expect(201);
    shop.login("carl", PASSWORD).await.expect(200);
    let waiting: i64 = sqlx::query_scalar(
        "select count(*) from office.message m join office.account a
             on a.id = m.account_id where a.login_hash is not null and m.status = 'waiting'",
    )
    .fetch_one(&mut shop.database().await)
    .await
    .expect("a number");
    shop.letter("victim@example.org", 11).await;
    assert!(waiting <= 4, "{waiting} wait");
    shop.close().await;
}
