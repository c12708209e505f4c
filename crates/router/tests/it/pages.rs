//! Pages: what they show, what they allow a browser, what they say when something is missing.

use std::sync::atomic::Ordering;

use serde_json::json;

use crate::system::System;

#[tokio::test]
async fn pages_are_rendered_and_guarded() {
    let system = System::start().await;
    let client = system.client();
    let english = [("accept-language", "en")];
    let shop = ["/", "/events/hall", "/orders/o1-1", "/orders/o1-1/tickets/t1-1-0"];
    let people = ["/signin", "/register", "/reset", "/account", "/account/privacy", "/staff/audit"];
    for path in shop.into_iter().chain(people).chain(["/consent/marketing"]) {
        let page = client.get(path, &english).await;
        assert_eq!(page.status, 200, "{path}");
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8", "{path}");
        assert!(page.header("content-security-policy").contains("default-src 'none'"), "{path}");
        assert_eq!(page.header("x-content-type-options"), "nosniff", "{path}");
        assert!(page.text().contains("<html lang=\"en\""), "{path}");
        assert_eq!(page.header("set-cookie"), "", "{path}");
    }
    let event = client.get("/events/hall", &english).await;
    assert!(
        event.text().contains("An &#60;evening&#62;") || event.text().contains("An &lt;evening")
    );
    assert!(!event.text().contains("<evening>"));
    assert!(event.text().contains("5,000") && event.text().contains("Kazan"));
}

#[tokio::test]
async fn a_chosen_language_is_remembered() {
    let system = System::start().await;
    let page = system.client().get("/?lang=ru", &[("accept-language", "en")]).await;
    assert!(page.text().contains("<html lang=\"ru\""));
    assert_eq!(page.header("set-cookie"), "lang=ru; Path=/; Max-Age=31536000; SameSite=Lax");
    assert_eq!(page.header("cache-control"), "no-store");
}

#[tokio::test]
async fn files_are_cached_by_their_version() {
    let system = System::start().await;
    let client = system.client();
    let page = client.get("/", &[]).await;
    let from = page.text().find("/assets/").expect("a file");
    let path: String = page.text()[from..].chars().take_while(|c| *c != '"').collect();
    let file = client.get(&path, &[]).await;
    assert_eq!(file.status, 200, "{path}");
    assert!(file.header("cache-control").contains("immutable"));
    let tag = file.header("etag").to_owned();
    let again = client.get(&path, &[("if-none-match", &tag)]).await;
    assert_eq!((again.status.as_u16(), again.body.len()), (304, 0));
    assert_eq!(client.get("/favicon.ico", &[]).await.header("content-type"), "image/svg+xml");
    let worker = client.get("/worker.js", &[]).await;
    assert_eq!(worker.header("content-type"), "text/javascript; charset=utf-8");
    assert_eq!(worker.header("cache-control"), "no-cache");
}

#[tokio::test]
async fn missing_things_are_told_to_people_and_programs() {
    let system = System::start().await;
    let client = system.client();
    let browser = [("accept", "text/html,*/*"), ("x-request-id", "page-7")];
    for path in ["/events/nowhere", "/events/a%20b", "/nowhere", "/orders/%3Cscript%3E"] {
        let page = client.get(path, &browser).await;
        assert_eq!(page.status, 404, "{path}");
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8", "{path}");
        assert!(page.text().contains("page-7") && !page.text().contains("<script>"), "{path}");
    }
    let program = client.get("/nowhere", &[]).await;
    assert_eq!(program.problem(), (404, "not_found".to_owned()));
}

#[tokio::test]
async fn a_crowd_at_the_first_page_asks_the_office_once() {
    let system = System::start_with(|config| config.catalogue_age_max_ms = 60_000).await;
    let client = system.client();
    let visits = (0..20).map(|_| client.get("/", &[]));
    for page in futures_util::future::join_all(visits).await {
        assert_eq!(page.status, 200);
    }
    assert_eq!(system.office.reads.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn pages_stay_while_the_office_is_away() {
    let system = System::start_with(|config| config.catalogue_age_max_ms = 0).await;
    let client = system.client();
    assert_eq!(client.get("/events/hall", &[]).await.status, 200);
    client.hold(&json!({"best": {"number": 1}})).await;
    system.office.shutdown.cancel();
    let known = client.get("/events/hall", &[]).await;
    assert_eq!(known.status, 200, "the last known is shown");
    assert_eq!(client.get("/", &[]).await.status, 503, "nothing is known of the list");
}

#[tokio::test]
async fn an_event_goes_into_a_calendar_and_sections_that_are_none_lead_nowhere() {
    let system = System::start().await;
    let client = system.client();
    let calendar = client.get("/events/hall/calendar.ics", &[]).await;
    assert_eq!(calendar.status, 200);
    assert_eq!(calendar.header("content-type"), "text/calendar; charset=utf-8");
    assert!(calendar.text().contains("\r\nUID:hall@seatgrid\r\n"), "{}", calendar.text());
    for path in ["/events/none/calendar.ics", "/account/none", "/staff/none", "/consent/none"] {
        assert_eq!(client.get(path, &[("accept", "text/html")]).await.status, 404, "{path}");
    }
}
