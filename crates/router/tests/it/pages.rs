//! Pages: what they show, what they allow a browser, what they say when something is missing.

use std::io::Read as _;
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
async fn what_browsers_load_whole_is_compressed_and_the_rush_never() {
    let system = System::start().await;
    let client = system.client();
    let gzip = [("accept-encoding", "gzip, br")];
    let asset = storefront::asset_url("event.js");
    for path in ["/events/hall", asset.as_str(), "/api/v1/events/hall/plan"] {
        let plain = client.get(path, &[]).await;
        let packed = client.get(path, &gzip).await;
        assert_eq!((plain.status.as_u16(), packed.status.as_u16()), (200, 200), "{path}");
        assert_eq!(plain.header("content-encoding"), "", "{path}");
        assert_eq!(packed.header("content-encoding"), "gzip", "{path}");
        assert!(packed.header("vary").contains("Accept-Encoding"), "{path}");
        assert!(packed.body.len() * 2 < plain.body.len(), "{path}");
        let mut back = Vec::new();
        flate2::read::GzDecoder::new(&*packed.body).read_to_end(&mut back).expect("gzip");
        assert_eq!(back, plain.body, "{path}");
        let (plain, packed) = (plain.header("etag"), packed.header("etag"));
        if packed.is_empty() {
            continue;
        }
        assert_ne!(plain, packed, "{path}: other bytes, another tag");
        let with = |tag| [("accept-encoding", "gzip"), ("if-none-match", tag)];
        assert_eq!(client.get(path, &with(packed)).await.status, 304, "{path}");
        assert_eq!(client.get(path, &with(plain)).await.status, 200, "{path}");
    }
    let hold = client.hold(&json!({"best": {"number": 6}})).await;
    let hold = hold.json();
    let read = [("accept-encoding", "gzip"), ("x-hold-token", hold["token"].as_str().unwrap())];
    let path = format!("/api/v1/holds/{}", hold["id"].as_str().unwrap());
    for path in [&path, "/api/v1/events/hall/availability", "/api/v1/events/hall/seats"] {
        let answer = client.get(path, &read).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("content-encoding"), "", "{path}");
    }
}

#[tokio::test]
async fn only_the_door_may_look_through_a_camera() {
    let system = System::start().await;
    let client = system.client();
    for (path, camera) in [("/staff/door", "camera=(self)"), ("/staff", "camera=()")] {
        let page = client.get(path, &[]).await;
        assert!(page.header("permissions-policy").starts_with(camera), "{path}");
    }
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
async fn what_fits_a_search_comes_in_pages() {
    let system = System::start().await;
    let client = system.client();
    let first = client.get("/?genre=jazz", &[]).await;
    assert!(first.text().contains("/events/hall\""), "{}", first.text());
    for genre in ["jazz", "blues"] {
        assert!(first.text().contains(&format!("<option value=\"{genre}\"")), "{genre}");
    }
    let link = first.text().split("id=\"next-page\"").nth(1).expect("a link");
    let link = link.split("href=\"").nth(1).and_then(|rest| rest.split('"').next());
    let link = link.expect("an address").replace("&#38;", "&").replace("&amp;", "&");
    assert_eq!(link, "/?genre=jazz&cursor=p%5F2");
    let second = client.get(&link, &[]).await;
    assert!(second.text().contains("/events/gala\""), "{}", second.text());
    assert!(!second.text().contains("next-page"), "the last one");
    assert_eq!(client.get("/?cursor=zz", &[]).await.status, 400);
    let artist = client.get("/artists/x", &[]).await;
    assert!(artist.text().contains("/events/hall\""), "{}", artist.text());
    assert_eq!(client.get("/artists/z", &[]).await.status, 404);
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

#[tokio::test]
async fn events_and_artists_have_posters_that_can_do_nothing() {
    let system = System::start().await;
    let client = system.client();
    let page = client.get("/events/hall", &[]).await;
    assert!(page.text().contains("src=\"/events/hall/poster.svg\""));
    let poster = client.get("/events/hall/poster.svg", &[]).await;
    assert_eq!(poster.status, 200);
    assert_eq!(poster.header("content-type"), "image/svg+xml");
    assert_eq!(poster.header("x-content-type-options"), "nosniff");
    let policy = poster.header("content-security-policy").to_owned();
    assert_eq!(policy, "default-src 'none'; frame-ancestors 'none'");
    let text = poster.text();
    assert!(text.contains("&lt;evening&gt;") && text.contains("Kazan"), "{text}");
    for path in ["/events/none/poster.svg", "/artists/none/poster.svg"] {
        assert_eq!(client.get(path, &[]).await.status, 404, "{path}");
    }
}
