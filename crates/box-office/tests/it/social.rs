//! Signing in by a provider of identities, against one that is real: the sandbox's.

use reqwest::Method;

use crate::browser::{Browser, verified};
use crate::support::Shop;

const DONE: &str = "/signin?next=%2Faccount%2Forders";
const UNKNOWN: &str = "/signin?social=unknown";

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_both_sides_verified_links_once_and_for_all() {
    let mut shop = Shop::open().await;
    shop.start_worker(|_| {});
    let listed = shop.call(Method::GET, "/auth/social", "", None).await.expect(200);
    assert_eq!(listed.text("/items/0/title"), "Sandbox ID");
    let anna = verified(&shop, "anna", 1).await;
    let mut browser = Browser::new();
    // The provider's word is not enough: its owner signs in by the password once.
    assert_eq!(browser.sign_in(&shop, "anna-7", &anna.email, true).await, UNKNOWN);
    assert!(!browser.has("seatgrid_access") && browser.has("seatgrid_social"));
    browser.sign_in_by_password(&shop, "anna").await.expect(200);
    assert!(browser.has("seatgrid_access") && !browser.has("seatgrid_social"));
    assert_eq!(browser.account(&shop).await, anna.id);
    assert!(shop.letter(&anna.email, 2).await.contains("Sandbox ID"), "its owner is told");
    // From now on the provider's own name counts, whatever address it says, and with other keys.
    shop.http.post(format!("{}/oidc/rotate", shop.gateway)).send().await.expect("rotated");
    let mut later = Browser::new();
    assert_eq!(later.sign_in(&shop, "anna-7", "new@example.org", false).await, DONE);
    assert_eq!(later.account(&shop).await, anna.id);
    // Nothing of the identity is kept but a digest, and an erasure takes that, too.
    let mut db = shop.database().await;
    let kept: String =
        sqlx::query_scalar("select string_agg(s::text, ' ') from office.social_identity s")
            .fetch_one(&mut db)
            .await
            .expect("a row");
    assert!(!kept.contains("anna"), "{kept}");
    shop.call(Method::DELETE, "/me", &anna.access, None).await.expect(204);
    let left: i64 = sqlx::query_scalar("select count(*) from office.social_identity")
        .fetch_one(&mut db)
        .await
        .expect("a number");
    assert_eq!(left, 0);
    let again = Browser::new().sign_in(&shop, "anna-7", &anna.email, true).await;
    assert_eq!(again, UNKNOWN);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_takes_an_account_over_by_an_address() {
    let mut shop = Shop::open().await;
    shop.start_worker(|_| {});
    let anna = verified(&shop, "anna", 1).await;
    let boris = shop.person("boris", 2).await;
    let staff = verified(&shop, "vera", 3).await;
    let mut db = shop.database().await;
    sqlx::query("update office.account set role = 'organiser' where id::text = $1")
        .bind(&staff.id)
        .execute(&mut db)
        .await
        .expect("changed");
    for (email, is_verified, end) in [
        // The provider has not seen it.
        (&anna.email, false, "unknown"),
        // We have not: who registered with it need not be its owner.
        (&boris.email, true, "unknown"),
        // Staff sign in by their own password; that they are staff is told to nobody.
        (&staff.email, true, "unknown"),
    ] {
        let mut browser = Browser::new();
        let ended = browser.sign_in(&shop, "eve-1", email, is_verified).await;
        assert_eq!(ended, format!("/signin?social={end}"), "{email}");
        assert!(!browser.has("seatgrid_access"));
    }
    let links: i64 = sqlx::query_scalar("select count(*) from office.social_identity")
        .fetch_one(&mut db)
        .await
        .expect("a number");
    assert_eq!(links, 0);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_ends_in_the_browser_that_began_it_and_once() {
    let mut shop = Shop::open().await;
    shop.start_worker(|_| {});
    let anna = verified(&shop, "anna", 1).await;
    let start = format!("{}/api/v1/auth/social/sandbox?next=//evil.example", shop.office);
    let mut browser = Browser::new();
    let there = browser.open(&start).await;
    let asked = there.url();
    let asked = |name: &str| {
        let mut pairs = asked.query_pairs();
        pairs
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.into_owned())
            .expect("a field")
    };
    assert_eq!(asked("code_challenge_method"), "S256");
    assert!(asked("state").len() >= 43 && asked("nonce").len() >= 43);
    let back = browser.say(&there.to, "anna-7", &anna.email, true).await;
    // Another browser has no such sign-in, or another one.
    let mut stranger = Browser::new();
    assert_eq!(stranger.open(&back.to).await.to, "/signin?social=failed");
    stranger.open(&start).await;
    assert_eq!(stranger.open(&back.to).await.to, "/signin?social=failed");
    assert!(!stranger.has("seatgrid_access"));
    let other_state = back.to.replace(&asked("state"), "another");
    let cookies = browser.cookies.clone();
    assert_eq!(browser.open(&other_state).await.to, "/signin?social=failed");
    browser.cookies = cookies.clone();
    // One's own works, leads nowhere else, and works once.
    browser.sign_in_by_password(&shop, "anna").await.expect(200);
    browser.cookies.extend(cookies.clone());
    assert_eq!(browser.open(&back.to).await.to, "/signin");
    assert_eq!(browser.account(&shop).await, anna.id);
    let linked = shop.call(Method::GET, "/me/identities", &anna.access, None).await.expect(200);
    assert_eq!(linked.text("/items/0/title"), "Sandbox ID", "who is signed in has shown enough");
    let mut twice = Browser::new();
    twice.cookies = cookies;
    assert_eq!(twice.open(&back.to).await.to, "/signin?social=failed");
    let unknown = shop.call(Method::GET, "/auth/social/nobody", "", None).await;
    unknown.expect(404);
    shop.close().await;
}
