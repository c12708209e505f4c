//! The office's addresses and the layers around them.

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{delete, get, post, put};
use http_api::{carry, measure, method_not_allowed, not_found};

use super::{
    Office, checkins, documents, events, givebacks, offers, openapi, orders, payments_api, people,
    refunds, staff, tickets, told, waitlist, webhooks,
};

/// All routes.
pub(super) fn routes(office: Arc<Office>) -> Router {
    Router::new()
        .route("/api/v1/events", get(events::list))
        .route("/api/v1/events/{id}", get(events::read))
        .route("/api/v1/artists", get(events::artists))
        .route("/api/v1/artists/{id}", get(events::read_artist))
        .route("/api/v1/venues/{id}", get(events::read_venue))
        .route("/api/v1/orders", post(orders::place))
        .route("/api/v1/orders/{id}", get(orders::read))
        .route("/api/v1/orders/{id}/cancel", post(orders::cancel))
        .route("/api/v1/orders/{id}/payments", post(payments_api::start))
        .route("/api/v1/orders/{id}/tickets", get(tickets::list))
        .route("/api/v1/orders/{id}/documents/{form}", get(documents::order))
        .route("/api/v1/orders/{id}/refund-terms", get(givebacks::terms))
        .route("/api/v1/orders/{id}/refunds", post(givebacks::give_back))
        .route("/api/v1/tickets/{id}", get(documents::ticket))
        .route("/api/v1/payments/{id}", get(payments_api::read))
        .route("/api/v1/payments/{id}/offer", post(offers::answer))
        .route("/api/v1/checkins", post(checkins::scan))
        .route("/api/v1/checkins/batch", post(checkins::upload))
        .route("/api/v1/events/{id}/checkins", get(checkins::door))
        .route("/api/v1/events/{id}/revocations", get(checkins::revocations))
        .route("/api/v1/events/{id}/waitlist", post(waitlist::join))
        .route("/api/v1/waitlist/{id}", get(waitlist::read).delete(waitlist::leave))
        .route("/api/v1/orders/{id}/notices", get(told::of_order))
        .route("/api/v1/waitlist/{id}/notices", get(told::of_place))
        .route("/api/v1/holds/{id}/notices", get(told::of_hold))
        .route("/api/v1/refunds/{id}", get(refunds::read))
        .route("/api/v1/webhooks/{provider}", post(webhooks::receive))
        .route("/api/v1/openapi.json", get(openapi::read))
        .merge(staff_calls())
        .merge(people_calls(&office))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        // Counts by route, so it stands inside the router's matching.
        .route_layer(from_fn(measure))
        // Outermost: names the request, tells problems their instance, answers for a panic.
        .layer(from_fn(carry))
        .with_state(office)
}

/// Accounts, sessions and the cabinet; each caller may ask so often.
fn people_calls(office: &Arc<Office>) -> Router<Arc<Office>> {
    use people::{
        cabinet, changes, claims, limits, links, login, orders, password, register, roles,
    };
    use people::{notifications, push, second_factor, session_list, social, telegram};
    Router::new()
        .route("/api/v1/auth/register", post(register::register))
        .route("/api/v1/auth/login", post(login::login))
        .route("/api/v1/auth/refresh", post(login::refresh))
        .route("/api/v1/auth/logout", post(login::logout))
        .route("/api/v1/auth/social", get(social::list))
        .route("/api/v1/auth/social/{provider}", get(social::begin))
        // The same by its older name.
        .route("/api/v1/auth/oidc/{provider}", get(social::begin))
        .route("/api/v1/auth/social/{provider}/callback", get(social::end))
        .route("/api/v1/auth/reset", post(password::forgotten))
        .route("/api/v1/auth/reset/{id}/confirm", post(password::set))
        .route("/api/v1/me/password", post(password::change))
        .route("/api/v1/me/claims", post(claims::claim))
        .route("/api/v1/me", get(cabinet::read).patch(cabinet::edit).delete(cabinet::erase))
        .route("/api/v1/me/export", get(cabinet::export))
        .route("/api/v1/me/notifications", get(notifications::read).put(notifications::put))
        .route("/api/v1/me/telegram", post(telegram::begin).delete(telegram::end))
        .route("/api/v1/me/push-subscriptions", post(push::subscribe))
        .route("/api/v1/me/push-subscriptions/{id}", delete(push::unsubscribe))
        .route("/api/v1/me/changes", post(changes::begin))
        .route("/api/v1/me/changes/{id}/confirm", post(changes::confirm))
        .route("/api/v1/me/sessions", get(session_list::list).delete(session_list::end_others))
        .route("/api/v1/me/sessions/{id}", delete(session_list::end))
        .route("/api/v1/me/identities", get(links::list))
        .route("/api/v1/me/identities/{id}", delete(links::end))
        .route("/api/v1/me/second-factor", post(second_factor::begin))
        .route("/api/v1/me/second-factor/confirm", post(second_factor::confirm))
        .route("/api/v1/me/second-factor/end", post(second_factor::end))
        .route("/api/v1/admin/accounts/{id}/role", put(roles::put))
        .route("/api/v1/me/orders", get(orders::list))
        .route("/api/v1/me/tickets", get(orders::own_tickets))
        .route_layer(from_fn_with_state(office.clone(), limits::limit))
}

/// What staff may do; each refuses everybody else by itself.
fn staff_calls() -> Router<Arc<Office>> {
    use staff::{
        artists, audit, codes, events, gateways, jobs, limits, moving, orders, payouts, plan,
        plans, queue, sale, seats, venues, window,
    };
    Router::new()
        .route("/api/v1/admin/artists", get(artists::list).post(artists::create))
        .route(
            "/api/v1/admin/artists/{id}",
            get(artists::read).patch(artists::edit).delete(artists::remove),
        )
        .route("/api/v1/admin/venues", get(venues::list).post(venues::create))
        .route(
            "/api/v1/admin/venues/{id}",
            get(venues::read).patch(venues::edit).delete(venues::remove),
        )
        .route("/api/v1/admin/plans", get(plans::list).post(plans::create))
        .route(
            "/api/v1/admin/plans/{id}",
            get(plans::read).patch(plans::edit).delete(plans::remove),
        )
        .route("/api/v1/admin/events", get(events::list).post(events::create))
        .route(
            "/api/v1/admin/events/{id}",
            get(sale::read).patch(events::edit).delete(events::remove),
        )
        .route("/api/v1/admin/events/{id}/publish", post(events::publish))
        .route("/api/v1/admin/events/{id}/move", post(moving::carry_out))
        .route("/api/v1/admin/events/{id}/pause", post(sale::pause))
        .route("/api/v1/admin/events/{id}/resume", post(sale::resume))
        .route("/api/v1/admin/events/{id}/close", post(window::close))
        .route("/api/v1/admin/events/{id}/cancel", get(sale::progress).post(sale::cancel))
        .route("/api/v1/admin/events/{id}/seats", post(seats::change))
        .route("/api/v1/admin/events/{id}/plan", put(plan::replace))
        .route("/api/v1/admin/events/{id}/limits", post(limits::set))
        .route("/api/v1/admin/events/{id}/queue", post(queue::open))
        .route("/api/v1/admin/events/{id}/codes", get(codes::list).post(codes::put))
        .route("/api/v1/admin/events/{id}/codes/{code}", delete(codes::withdraw))
        .route("/api/v1/admin/audit", get(audit::ledger))
        .route("/api/v1/admin/reconciliation", get(audit::reconciliation))
        .route("/api/v1/admin/events/{id}/report", get(audit::event))
        .route("/api/v1/admin/jobs", get(jobs::list))
        .route("/api/v1/admin/jobs/{id}/retry", post(jobs::retry))
        .route("/api/v1/admin/errors", get(jobs::errors))
        .route("/api/v1/admin/gateways", get(gateways::list))
        .route("/api/v1/admin/orders/{id}", get(orders::read))
        .route("/api/v1/admin/orders/{id}/reassign", post(orders::reassign))
        .route("/api/v1/admin/orders/{id}/refunds", post(orders::refund))
        .route("/api/v1/admin/refunds/{id}/retry", post(orders::retry))
        .route("/api/v1/admin/refunds/{id}/payout", post(payouts::note))
}
