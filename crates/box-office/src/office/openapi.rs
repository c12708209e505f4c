//! The OpenAPI document of the office's routes, generated from the handlers.

use axum::Json;
use utoipa::OpenApi;

use super::{
    checkins, documents, events, givebacks, offers, orders, payments_api, people, refunds, staff,
    tickets, told, waitlist, webhooks,
};

#[derive(OpenApi)]
#[openapi(
    info(title = "seatgrid", description = "Concert tickets: catalogue, orders, payments"),
    paths(
        events::list,
        events::read,
        events::artists,
        events::read_artist,
        events::read_venue,
        orders::place,
        orders::read,
        orders::cancel,
        payments_api::start,
        payments_api::read,
        offers::answer,
        waitlist::join,
        waitlist::read,
        waitlist::leave,
        tickets::list,
        checkins::scan,
        checkins::upload,
        checkins::door,
        checkins::revocations,
        givebacks::terms,
        givebacks::give_back,
        documents::ticket,
        documents::order,
        refunds::read,
        webhooks::receive,
        told::of_order,
        told::of_place,
        told::of_hold,
        staff::artists::list,
        staff::artists::read,
        staff::artists::create,
        staff::artists::edit,
        staff::artists::remove,
        staff::venues::list,
        staff::venues::read,
        staff::venues::create,
        staff::venues::edit,
        staff::venues::remove,
        staff::plans::list,
        staff::plans::read,
        staff::plans::create,
        staff::plans::edit,
        staff::plans::remove,
        staff::events::list,
        staff::events::create,
        staff::events::edit,
        staff::events::remove,
        staff::events::publish,
        staff::moving::carry_out,
        people::register::register,
        people::login::login,
        people::login::refresh,
        people::login::logout,
        people::cabinet::read,
        people::cabinet::edit,
        people::cabinet::export,
        people::cabinet::erase,
        people::changes::begin,
        people::changes::confirm,
        people::session_list::list,
        people::session_list::end,
        people::session_list::end_others,
        people::password::change,
        people::password::forgotten,
        people::password::set,
        people::claims::claim,
        people::second_factor::begin,
        people::second_factor::confirm,
        people::second_factor::end,
        people::roles::put,
        people::orders::list,
        people::orders::own_tickets,
        staff::sale::read,
        staff::sale::pause,
        staff::sale::resume,
        staff::sale::cancel,
        staff::sale::progress,
        staff::window::close,
        staff::seats::change,
        staff::plan::replace,
        staff::limits::set,
        staff::queue::open,
        staff::codes::put,
        staff::codes::list,
        staff::codes::withdraw,
        staff::orders::read,
        staff::orders::reassign,
        staff::orders::refund,
        staff::orders::retry,
        staff::payouts::note,
        staff::jobs::list,
        staff::jobs::retry,
        staff::jobs::errors,
        staff::audit::ledger,
        staff::audit::reconciliation,
        staff::audit::event,
    )
)]
struct Document;

/// The document; the router merges it with its own.
pub fn openapi() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

/// Serves the document.
pub(super) async fn read() -> Json<utoipa::openapi::OpenApi> {
    Json(openapi())
}
