//! The OpenAPI document is true: each call that it names is answered, and each code that it names
//! is a stable one with that status.

use http::Method;
use http_api::Code;
use serde_json::Value;

use crate::system::System;

/// The calls that programs rely on and that this router answers by itself.
const CALLS: [(&str, &str); 11] = [
    ("get", "/api/v1/events/{id}/plan"),
    ("get", "/api/v1/events/{id}/availability"),
    ("get", "/api/v1/events/{id}/seats"),
    ("get", "/api/v1/events/{id}/seats/stream"),
    ("post", "/api/v1/events/{id}/holds"),
    ("get", "/api/v1/holds/{id}"),
    ("patch", "/api/v1/holds/{id}"),
    ("delete", "/api/v1/holds/{id}"),
    ("post", "/api/v1/events/{id}/queue"),
    ("get", "/api/v1/queue/{id}"),
    ("get", "/api/v1/events/{id}/draw"),
];

#[tokio::test]
async fn each_call_of_the_document_is_answered() {
    let system = System::start().await;
    let client = system.client();
    let document = client.get("/api/v1/openapi.json", &[]).await.json();
    for (method, path) in CALLS {
        let call = &document["paths"][path][method];
        assert!(call.is_object(), "{method} {path} is missing");
        let asked: Method = method.to_uppercase().parse().expect("a method");
        let path = path.replace("{id}", "nothing");
        let answer = client.send(asked, &path, &[], b"").await;
        let code = answer.problem().1;
        // Not the address and not the method is wrong, but what was asked for.
        let of_room = answer.text().contains("no such place in the waiting room");
        let wrong = matches!(code.as_str(), "not_found" | "method_not_allowed");
        assert!(of_room || !wrong, "{method} {path}");
        check_codes(call);
    }
}

/// Codes stand between backticks in the description of a status.
fn check_codes(call: &Value) {
    let responses = call["responses"].as_object().expect("responses");
    for (status, response) in responses {
        let text = response["description"].as_str().unwrap_or_default();
        let refused = status.starts_with('4') || status.starts_with('5');
        for word in text.split('`').skip(1).step_by(2).filter(|_| refused) {
            let code = Code::all().iter().find(|code| code.as_str() == word);
            let code = code.unwrap_or_else(|| panic!("no code {word}: {text}"));
            assert_eq!(code.status().as_u16().to_string(), *status, "{word}");
        }
    }
}
