//! The OpenAPI document of the office names every call that programs rely on, and only stable codes.

use box_office::office;
use http_api::Code;
use serde_json::Value;

const CALLS: [(&str, &str); 88] = [
    ("get", "/api/v1/events"),
    ("get", "/api/v1/events/{id}"),
    ("get", "/api/v1/artists"),
    ("get", "/api/v1/artists/{id}"),
    ("get", "/api/v1/venues/{id}"),
    ("post", "/api/v1/orders"),
    ("get", "/api/v1/orders/{id}"),
    ("post", "/api/v1/orders/{id}/cancel"),
    ("post", "/api/v1/orders/{id}/payments"),
    ("get", "/api/v1/orders/{id}/tickets"),
    ("get", "/api/v1/orders/{id}/documents/{form}"),
    ("get", "/api/v1/tickets/{id}"),
    ("get", "/api/v1/orders/{id}/refund-terms"),
    ("post", "/api/v1/orders/{id}/refunds"),
    ("post", "/api/v1/admin/refunds/{id}/payout"),
    ("post", "/api/v1/checkins"),
    ("post", "/api/v1/checkins/batch"),
    ("get", "/api/v1/events/{id}/checkins"),
    ("get", "/api/v1/events/{id}/revocations"),
    ("get", "/api/v1/admin/jobs"),
    ("post", "/api/v1/admin/jobs/{id}/retry"),
    ("get", "/api/v1/admin/errors"),
    ("get", "/api/v1/admin/gateways"),
    ("get", "/api/v1/payments/{id}"),
    ("post", "/api/v1/payments/{id}/offer"),
    ("get", "/api/v1/refunds/{id}"),
    ("post", "/api/v1/events/{id}/waitlist"),
    ("get", "/api/v1/waitlist/{id}"),
    ("delete", "/api/v1/waitlist/{id}"),
    ("post", "/api/v1/webhooks/{provider}"),
    ("get", "/api/v1/admin/events/{id}"),
    ("patch", "/api/v1/admin/events/{id}"),
    ("post", "/api/v1/admin/events/{id}/pause"),
    ("post", "/api/v1/admin/events/{id}/resume"),
    ("post", "/api/v1/admin/events/{id}/close"),
    ("post", "/api/v1/admin/events/{id}/cancel"),
    ("get", "/api/v1/admin/events/{id}/cancel"),
    ("post", "/api/v1/admin/events/{id}/seats"),
    ("put", "/api/v1/admin/events/{id}/plan"),
    ("post", "/api/v1/admin/events/{id}/limits"),
    ("post", "/api/v1/admin/events/{id}/queue"),
    ("post", "/api/v1/admin/events/{id}/codes"),
    ("delete", "/api/v1/admin/events/{id}/codes/{code}"),
    ("get", "/api/v1/admin/audit"),
    ("get", "/api/v1/admin/reconciliation"),
    ("get", "/api/v1/admin/events/{id}/report"),
    ("get", "/api/v1/admin/orders/{id}"),
    ("post", "/api/v1/admin/orders/{id}/reassign"),
    ("post", "/api/v1/admin/orders/{id}/refunds"),
    ("post", "/api/v1/admin/refunds/{id}/retry"),
    ("get", "/api/v1/orders/{id}/notices"),
    ("get", "/api/v1/waitlist/{id}/notices"),
    ("get", "/api/v1/holds/{id}/notices"),
    ("get", "/api/v1/me/identities"),
    ("delete", "/api/v1/me/identities/{id}"),
    ("post", "/api/v1/auth/register"),
    ("get", "/api/v1/auth/social"),
    ("get", "/api/v1/auth/social/{provider}"),
    ("get", "/api/v1/auth/social/{provider}/callback"),
    ("post", "/api/v1/auth/login"),
    ("post", "/api/v1/auth/refresh"),
    ("post", "/api/v1/auth/logout"),
    ("get", "/api/v1/me"),
    ("patch", "/api/v1/me"),
    ("delete", "/api/v1/me"),
    ("get", "/api/v1/me/export"),
    ("get", "/api/v1/me/notifications"),
    ("put", "/api/v1/me/notifications"),
    ("post", "/api/v1/me/telegram"),
    ("delete", "/api/v1/me/telegram"),
    ("post", "/api/v1/me/push-subscriptions"),
    ("delete", "/api/v1/me/push-subscriptions/{id}"),
    ("post", "/api/v1/me/changes"),
    ("post", "/api/v1/me/changes/{id}/confirm"),
    ("get", "/api/v1/me/sessions"),
    ("delete", "/api/v1/me/sessions"),
    ("delete", "/api/v1/me/sessions/{id}"),
    ("get", "/api/v1/me/orders"),
    ("get", "/api/v1/me/tickets"),
    ("post", "/api/v1/auth/reset"),
    ("post", "/api/v1/auth/reset/{id}/confirm"),
    ("post", "/api/v1/me/password"),
    ("post", "/api/v1/me/claims"),
    ("post", "/api/v1/me/second-factor"),
    ("post", "/api/v1/me/second-factor/confirm"),
    ("post", "/api/v1/me/second-factor/end"),
    ("put", "/api/v1/admin/accounts/{id}/role"),
    ("get", "/api/v1/nothing"),
];

#[test]
fn the_document_names_every_call_and_only_stable_codes() {
    let document = serde_json::to_value(office::openapi()).expect("JSON");
    let (last, calls) = CALLS.split_last().expect("calls");
    assert!(document["paths"][last.1][last.0].is_null(), "what is not there is not named");
    for (method, path) in calls {
        let call = &document["paths"][path][method];
        assert!(call.is_object(), "{method} {path} is missing");
        check_codes(call);
    }
}

fn check_codes(call: &Value) {
    for (status, response) in call["responses"].as_object().expect("responses") {
        let text = response["description"].as_str().unwrap_or_default();
        let refused = status.starts_with('4') || status.starts_with('5');
        for word in text.split('`').skip(1).step_by(2).filter(|_| refused) {
            let code = Code::all().iter().find(|code| code.as_str() == word);
            let code = code.unwrap_or_else(|| panic!("no code {word}: {text}"));
            assert_eq!(code.status().as_u16().to_string(), *status, "{word}");
        }
    }
}
