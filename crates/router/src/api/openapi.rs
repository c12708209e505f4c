//! `GET /openapi.json`: this router's own paths, made from the handlers, together with the
//! office's.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use serde_json::{Map, Value, json};
use utoipa::OpenApi;

use crate::api::proxy::no_body;
use crate::api::{availability, hold_change, holds, plan, queue, seats, stream};
use crate::state::{App, Router};

/// How long the office may take.
const READ_WITHIN: Duration = Duration::from_secs(2);
/// Largest document taken from it, in bytes.
const DOCUMENT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The paths that are answered here.
#[derive(OpenApi)]
#[openapi(
    info(title = "seatgrid", description = "Tickets, seat by seat", license(name = "Apache-2.0")),
    paths(
        plan::read,
        availability::read,
        seats::read,
        stream::open,
        holds::create,
        holds::read,
        holds::release,
        hold_change::change,
        queue::enter,
        queue::read,
        queue::draw
    )
)]
struct Own;

/// Answers the document; without the office it has this router's paths only.
pub(crate) async fn read(State(app): State<App>) -> Json<Value> {
    let mut document = serde_json::to_value(Own::openapi()).unwrap_or_default();
    if let Some(office) = of_office(&app).await {
        merge(&mut document, office);
    }
    complete(&mut document);
    Json(document)
}

async fn of_office(app: &Router) -> Option<Value> {
    let request = Request::get("/api/v1/openapi.json").body(no_body()).ok()?;
    let (response, _permit) = app.office.send(request, READ_WITHIN).await.ok()?;
    if !response.status().is_success() {
        return None;
    }
    let body = Limited::new(response.into_body(), DOCUMENT_BYTES_MAX);
    let body = tokio::time::timeout(READ_WITHIN, body.collect()).await.ok()?.ok()?;
    serde_json::from_slice(&body.to_bytes()).ok()
}

/// Adds paths and components that are not there yet.
fn merge(document: &mut Value, other: Value) {
    let Value::Object(mut other) = other else { return };
    if let Some(paths) = other.remove("paths") {
        add(member(document, "paths"), paths);
    }
    let Some(Value::Object(components)) = other.remove("components") else { return };
    for (kind, entries) in components {
        add(member(member(document, "components"), &kind), entries);
    }
}

fn member<'a>(value: &'a mut Value, name: &str) -> &'a mut Value {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    &mut value[name]
}

fn add(to: &mut Value, entries: Value) {
    if to.is_null() {
        *to = Value::Object(Map::new());
    }
    if let (Value::Object(to), Value::Object(entries)) = (to, entries) {
        for (name, entry) in entries {
            to.entry(name).or_insert(entry);
        }
    }
}

/// What every call has in common and no handler says: a name of its own, words for each answer, and that
/// errors are problems.
fn complete(document: &mut Value) {
    let problem = json!({
        "type": "object",
        "description": "RFC 9457; clients branch on `code`",
        "required": ["type", "title", "status", "code", "detail"],
        "properties": {
            "type": {"type": "string"}, "title": {"type": "string"},
            "status": {"type": "integer"}, "code": {"type": "string"},
            "detail": {"type": "string"}, "instance": {"type": "string"},
            "errors": {"type": "array", "items": {"type": "object"}}
        }
    });
    let schemas = member(member(document, "components"), "schemas");
    add(schemas, json!({ "Problem": problem }));
    let Value::Object(paths) = member(document, "paths") else { return };
    for (path, calls) in paths {
        let Value::Object(calls) = calls else { continue };
        for (method, call) in calls {
            // A path may have members that are no calls.
            let has_body = call.get("requestBody").is_some();
            let Some(Value::Object(answers)) = call.get_mut("responses") else { continue };
            add_common(answers, has_body);
            answers.iter_mut().for_each(|(status, answer)| complete_answer(status, answer));
            call["operationId"] = operation_id(method, path).into();
        }
    }
}

/// Refusals that come before a handler, or in its place: of the head, of the body, for want of room.
fn add_common(answers: &mut Map<String, Value>, has_body: bool) {
    let of_all = [("400", "`invalid_request`"), ("503", "`overloaded`: nothing happened")];
    let of_bodies = [
        ("408", "`request_timeout`: the body did not arrive in 10 s"),
        ("413", "`too_large`"),
        ("415", "`unsupported_media_type`"),
    ];
    for (status, words) in of_all.into_iter().chain(of_bodies.into_iter().filter(|_| has_body)) {
        let answer = answers.entry(status).or_insert_with(|| json!({}));
        if answer["description"].as_str().unwrap_or_default().is_empty() {
            answer["description"] = words.into();
        }
    }
}

fn complete_answer(status: &str, answer: &mut Value) {
    if answer["description"].as_str().unwrap_or_default().is_empty() {
        let known = status.parse().ok().and_then(|status| StatusCode::from_u16(status).ok());
        let words = known.and_then(|status| status.canonical_reason()).unwrap_or("The answer");
        answer["description"] = words.into();
    }
    if status.starts_with(['4', '5']) && answer.get("content").is_none() {
        let problem = json!({ "schema": { "$ref": "#/components/schemas/Problem" } });
        answer["content"] = json!({ "application/problem+json": problem });
    }
}

/// `get_events_id_seats`: no other call has the same method and path.
fn operation_id(method: &str, path: &str) -> String {
    let path = path.trim_start_matches("/api/v1");
    let words = path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    std::iter::once(method).chain(words).collect::<Vec<_>>().join("_")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn calls_have_names_of_their_own_and_answers_have_words() {
        let mut document = serde_json::to_value(Own::openapi()).expect("a document");
        complete(&mut document);
        let paths = document["paths"].as_object().expect("paths");
        let calls: Vec<&Value> =
            paths.values().flat_map(|of| of.as_object().unwrap().values()).collect();
        let names: BTreeSet<&str> =
            calls.iter().filter_map(|c| c["operationId"].as_str()).collect();
        assert_eq!(names.len(), calls.len());
        for call in &calls {
            let told = |status: &str| call["responses"][status].is_object();
            assert!(told("400") && told("503"), "{call}");
            let has_body = call.get("requestBody").is_some();
            for status in ["408", "413", "415"] {
                assert_eq!(told(status), has_body, "{status}: {call}");
            }
        }
        for (status, answer) in calls.iter().flat_map(|c| c["responses"].as_object().unwrap()) {
            assert!(!answer["description"].as_str().unwrap_or_default().is_empty(), "{status}");
            if status.starts_with(['4', '5']) {
                assert!(answer["content"]["application/problem+json"].is_object(), "{status}");
            }
        }
        for parameter in calls.iter().filter_map(|c| c["parameters"].as_array()).flatten() {
            let name = parameter["name"].as_str().expect("a name");
            if ["fresh", "after", "limit"].contains(&name) {
                assert_eq!(parameter["in"], "query", "{name}");
                assert_ne!(parameter["required"], true, "{name}");
            }
        }
    }

    #[test]
    fn documents_are_merged_and_ours_win() {
        let mut ours = json!({"paths": {"/a": 1}, "components": {"schemas": {"Money": 1}}});
        let theirs = json!({"paths": {"/a": 2, "/b": 3},
            "components": {"schemas": {"Money": 2, "Order": 4}, "responses": {"X": 5}}});
        merge(&mut ours, theirs);
        let expected = json!({"paths": {"/a": 1, "/b": 3},
            "components": {"schemas": {"Money": 1, "Order": 4}, "responses": {"X": 5}}});
        assert_eq!(ours, expected);
    }
}
