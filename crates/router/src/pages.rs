//! The shop's pages and their files. Pages are the same for all visitors of one language; what
//! belongs to one visitor is fetched by their scripts.

pub(crate) mod browse;
pub(crate) mod posters;

mod cards;
mod rooms;

pub(crate) use rooms::Rooms;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::{Html, IntoResponse, Response};
use http::header::{
    ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    COOKIE, ETAG, SET_COOKIE, VARY,
};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_api::{Code, Id, Problem, RequestId};
use inventory::{EventNo, SeatCounts};
use storefront::{
    AppPage, AppView, ConsentPage, EventPage, LANG_COOKIE, Lang, Notice, NoticePage, OrderPage,
    PayMethod, Payment, RenderError, Rules, TicketPage, Waiting, negotiate,
};

use crate::office::EventEntry;
use crate::seatmap::{EVENT_ID_LEN_MAX, MapView};
use crate::state::{App, Router};
use crate::{etag, gzip};

/// How long a page waits for seat counts; without them it is shown without.
const COUNTS_WITHIN: Duration = Duration::from_millis(300);
/// Pages follow the catalogue closely and are the same for all, so they may be kept for a moment.
const CACHE_A_MOMENT: &str = "public, max-age=5";
/// Seats per hold shown where the catalogue names none.
const SEATS_MAX_DEFAULT: u32 = 6;
/// Says that a body is compressed.
pub(crate) const GZIP: [(HeaderName, HeaderValue); 1] =
    [(CONTENT_ENCODING, HeaderValue::from_static("gzip"))];
/// Longest id in the address of an order or ticket page.
const ID_LEN_MAX: usize = 64;

/// One event.
pub(crate) async fn event(State(app): State<App>, Id(id): Id, request: Request) -> Response {
    let parts = request.into_parts().0;
    if !is_plain(&id, EVENT_ID_LEN_MAX) {
        return notice(&parts, Notice::NotFound);
    }
    match app.catalogue.event(&app.office, &id).await {
        Ok(Some(entry)) => {
            let view = counts(&app, &id).await;
            let waiting = Waiting { list: entry.waiting_list, room: has_room(&app, &id).await };
            let known = (view.as_deref(), waiting);
            page(&parts, event_page(&app, lang(&parts), &entry, known).render())
        }
        Ok(None) => notice(&parts, Notice::NotFound),
        Err(_) => notice(&parts, Notice::Unavailable),
    }
}

fn event_page(
    app: &Router,
    lang: Lang,
    entry: &EventEntry,
    (view, waiting): (Option<&MapView>, Waiting),
) -> EventPage {
    EventPage {
        lang,
        event: cards::card(entry, view.map(|view| view.total)),
        description: entry.description.clone().unwrap_or_default(),
        tiers: cards::tiers(entry, view),
        rules: Rules {
            per_hold: entry.limits.per_hold.unwrap_or(SEATS_MAX_DEFAULT),
            per_person: entry.limits.per_person.unwrap_or(SEATS_MAX_DEFAULT),
            extensions: entry.limits.extensions,
        },
        hold_ttl_s: entry.hold_ttl_s,
        payment: payment(app),
        waiting,
    }
}

/// An order; its script asks for it with the visitor's own token.
pub(crate) async fn order(State(app): State<App>, Id(order_id): Id, request: Request) -> Response {
    let parts = request.into_parts().0;
    if !is_plain(&order_id, ID_LEN_MAX) {
        return notice(&parts, Notice::NotFound);
    }
    page(&parts, OrderPage { lang: lang(&parts), order_id, payment: payment(&app) }.render())
}

/// A ticket; its script asks for it with the visitor's own token.
pub(crate) async fn ticket(
    ids: Result<Path<(String, String)>, PathRejection>,
    request: Request,
) -> Response {
    let parts = request.into_parts().0;
    let Ok(Path((order_id, ticket_id))) = ids else { return notice(&parts, Notice::NotFound) };
    if !is_plain(&order_id, ID_LEN_MAX) || !is_plain(&ticket_id, ID_LEN_MAX) {
        return notice(&parts, Notice::NotFound);
    }
    page(&parts, TicketPage { lang: lang(&parts), order_id, ticket_id }.render())
}

/// Accounts, the cabinet, staff: frames that their scripts fill.
pub(crate) async fn app(request: Request) -> Response {
    let parts = request.into_parts().0;
    match AppView::at(parts.uri.path()) {
        Some(view) => {
            let mut answer = page(&parts, AppPage { lang: lang(&parts), view }.render());
            if view.may_use_camera() {
                let allowed = HeaderValue::from_static(storefront::PERMISSIONS_OF_THE_DOOR);
                answer.headers_mut().insert("permissions-policy", allowed);
            }
            answer
        }
        None => notice(&parts, Notice::NotFound),
    }
}

/// What one agrees to.
pub(crate) async fn consent(Id(kind): Id, request: Request) -> Response {
    let parts = request.into_parts().0;
    let marketing = match kind.as_str() {
        "personal_data" => false,
        "marketing" => true,
        _ => return notice(&parts, Notice::NotFound),
    };
    page(&parts, ConsentPage { lang: lang(&parts), marketing }.render())
}

/// Scripts, styles, icon.
pub(crate) async fn asset(request: Request) -> Response {
    let parts = request.into_parts().0;
    let Some(asset) = storefront::asset(parts.uri.path()) else {
        return Problem::new(Code::NotFound).into_response();
    };
    let plain = HeaderValue::from_str(&asset.etag).unwrap_or(HeaderValue::from_static("\"-\""));
    let is_packed = gzip::is_accepted(&parts.headers);
    let tag = if is_packed { gzip::tag(&plain) } else { plain };
    let headers = [
        (VARY, HeaderValue::from_static("Accept-Encoding")),
        (CACHE_CONTROL, HeaderValue::from_static(asset.cache_control())),
        (CONTENT_TYPE, HeaderValue::from_static(asset.content_type)),
        (HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff")),
        (ETAG, tag.clone()),
    ];
    if etag::has(&parts.headers, &tag) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    if is_packed {
        return (headers, GZIP, Body::from(gzip::file(asset))).into_response();
    }
    (headers, Body::from(asset.bytes)).into_response()
}

/// Addresses that lead nowhere: people get a page, programs a problem.
pub(crate) async fn nowhere(request: Request) -> Response {
    let parts = request.into_parts().0;
    let accepted = parts.headers.get(http::header::ACCEPT).and_then(|v| v.to_str().ok());
    if accepted.is_some_and(|accepted| accepted.contains("text/html")) {
        notice(&parts, Notice::NotFound)
    } else {
        Problem::new(Code::NotFound).into_response()
    }
}

fn lang(parts: &Parts) -> Lang {
    let header = |name: HeaderName| parts.headers.get(name).and_then(|value| value.to_str().ok());
    negotiate(header(ACCEPT_LANGUAGE), header(COOKIE), parts.uri.query())
}

fn payment(app: &Router) -> Payment {
    let methods = vec![PayMethod::BankCard, PayMethod::Sbp];
    Payment { provider: app.payment_provider.clone(), methods }
}

/// Counts from a map that is in use anyway: a list must not make maps of all events.
fn free_known(app: &Router, event_id: &str) -> Option<SeatCounts> {
    let event = EventNo(app.grid.routes().pins.get(event_id)?.number);
    Some(app.maps.known(event)?.latest().total)
}

/// Whether a waiting room stands before the event's sale, as far as is known.
async fn has_room(app: &Router, event_id: &str) -> bool {
    let no = app.grid.routes().pins.get(event_id).map(|pin| EventNo(pin.number));
    match no {
        Some(no) => app.rooms.has(&app.grid, no).await,
        None => false,
    }
}

async fn counts(app: &Router, event_id: &str) -> Option<Arc<MapView>> {
    let map = app.maps.by_id(event_id, Instant::now() + COUNTS_WITHIN).await.ok()?;
    Some(map.latest())
}

fn is_plain(id: &str, len_max: usize) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    (1..=len_max).contains(&id.len()) && id.bytes().all(plain)
}

fn page(parts: &Parts, rendered: Result<String, RenderError>) -> Response {
    let html = match rendered {
        Ok(html) => html,
        Err(error) => return Problem::internal(error).into_response(),
    };
    let mut response = if gzip::is_accepted(&parts.headers) {
        (GZIP, Html(gzip::packed(html.as_bytes(), gzip::QUICKEST))).into_response()
    } else {
        Html(html).into_response()
    };
    let headers = response.headers_mut();
    guard(headers);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(CACHE_A_MOMENT));
    if let Some(cookie) = remembered_lang(parts) {
        headers.insert(SET_COOKIE, cookie);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

fn notice(parts: &Parts, notice: Notice) -> Response {
    let status = match notice {
        Notice::NotFound => StatusCode::NOT_FOUND,
        Notice::BadRequest => StatusCode::BAD_REQUEST,
        Notice::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Notice::Failed => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let request_id = parts.extensions.get::<RequestId>().map(|id| id.0.to_string());
    match (NoticePage { lang: lang(parts), notice, request_id }).render() {
        Ok(html) => {
            let mut response = (status, Html(html)).into_response();
            guard(response.headers_mut());
            response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
        Err(error) => Problem::internal(error).into_response(),
    }
}

/// What a browser may do with the page.
fn guard(headers: &mut HeaderMap) {
    let policy = HeaderValue::from_static(storefront::CONTENT_SECURITY_POLICY);
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    for (name, value) in storefront::SECURITY_HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers.insert(VARY, HeaderValue::from_static("Accept-Language, Cookie, Accept-Encoding"));
}

/// A language chosen in the address is remembered.
fn remembered_lang(parts: &Parts) -> Option<HeaderValue> {
    let query = parts.uri.query()?;
    let chosen = query.split('&').any(|pair| pair.starts_with("lang="));
    let code = lang(parts).code();
    let cookie = format!("{LANG_COOKIE}={code}; Path=/; Max-Age=31536000; SameSite=Lax");
    if chosen { HeaderValue::from_str(&cookie).ok() } else { None }
}
