//! Links to providers of identities: nobody gets in by an address that is another's by now, and an owner
//! sees links and ends them.

use reqwest::Method;
use serde_json::json;

use crate::browser::{Browser, verified};
use crate::support::Shop;

const UNKNOWN: &str = "/signin?social=unknown";

/// An address that a provider verified once may belong to somebody else by now.
#[tokio::test(flavor = "multi_thread")]
async fn a_verified_address_alone_opens_nobodys_account() {
    let mut shop = Shop::open().await;
    shop.start_worker(|_| {});
    let anna = verified(&shop, "anna", 1).await;
    let boris = verified(&shop, "boris", 2).await;
    let mut eve = Browser::new();
    assert_eq!(eve.sign_in(&shop, "eve-1", &anna.email, true).await, UNKNOWN);
    assert!(!eve.has("seatgrid_access"));
    // The same answer for an address that nobody has here.
    let nobody = Browser::new().sign_in(&shop, "eve-1", "nobody@example.org", true).await;
    assert_eq!(nobody, UNKNOWN);
    // Another account's password, or a session of another account, links it to neither.
    eve.sign_in_by_password(&shop, "boris").await.expect(200);
    assert_eq!(eve.account(&shop).await, boris.id);
    assert_eq!(eve.sign_in(&shop, "eve-1", &anna.email, true).await, UNKNOWN);
    for person in [&anna, &boris] {
        let links = shop.call(Method::GET, "/me/identities", &person.access, None).await;
        assert_eq!(links.expect(200).body["items"], json!([]));
    }
    // What waits in a browser is no sign-in that is under way there.
    let callback = format!("{}/api/v1/auth/social/sandbox/callback?state=x&code=y", shop.office);
    assert_eq!(eve.open(&callback).await.to, "/signin?social=failed");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_is_taken_back_with_its_sessions() {
    let mut shop = Shop::open().await;
    let mut db = shop.with_tables().await;
    shop.start_worker(|_| {});
    let anna = verified(&shop, "anna", 1).await;
    let boris = verified(&shop, "boris", 2).await;
    let mut browser = Browser::new();
    browser.sign_in(&shop, "anna-7", &anna.email, true).await;
    browser.sign_in_by_password(&shop, "anna").await.expect(200);
    shop.letter(&anna.email, 2).await;
    let mut by_link = Browser::new();
    by_link.sign_in(&shop, "anna-7", &anna.email, true).await;
    assert_eq!(by_link.account(&shop).await, anna.id);
    let links = shop.call(Method::GET, "/me/identities", &anna.access, None).await.expect(200);
    assert_eq!(
        (links.text("/items/0/provider"), links.body["items"].as_array().map(Vec::len)),
        ("sandbox", Some(1))
    );
    let path = format!("/me/identities/{}", links.text("/items/0/id"));
    shop.call(Method::DELETE, &path, &boris.access, None).await.expect(404);
    // The only way into an account without a password stays.
    let put = async |db: &mut sqlx::PgConnection, hash: Option<&str>| -> Option<String> {
        let old: Option<String> =
            sqlx::query_scalar("select password_hash from office.account where id::text = $1")
                .bind(&anna.id)
                .fetch_one(&mut *db)
                .await
                .expect("a row");
        sqlx::query("update office.account set password_hash = $2 where id::text = $1")
            .bind(&anna.id)
            .bind(hash)
            .execute(db)
            .await
            .expect("changed");
        old
    };
    let hash = put(&mut db, None).await;
    let refused = shop.call(Method::DELETE, &path, &anna.access, None).await.expect(409);
    assert_eq!(refused.code(), "only_way_in");
    put(&mut db, hash.as_deref()).await;
    shop.call(Method::DELETE, &path, &anna.access, None).await.expect(204);
    shop.call(Method::DELETE, &path, &anna.access, None).await.expect(404);
    assert_eq!(by_link.account(&shop).await, "", "its session has ended");
    assert_eq!(browser.account(&shop).await, anna.id, "the password's session has not");
    assert!(shop.letter(&anna.email, 3).await.contains("Sandbox ID"), "its owner is told");
    assert_eq!(by_link.sign_in(&shop, "anna-7", &anna.email, true).await, UNKNOWN);
    let export = shop.call(Method::GET, "/me/export", &anna.access, None).await.expect(200);
    let purposes = export.body["accesses"].as_array().expect("a list").iter();
    let purposes: Vec<_> = purposes.filter_map(|row| row["purpose"].as_str()).collect();
    for noted in ["identity linked", "identity taken back"] {
        assert!(purposes.contains(&noted), "{noted}: {purposes:?}");
    }
    shop.close().await;
}
