//! `GET /openapi.json`: this router's own paths, made from the handlers, together with the
//! office's.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use http::Request;
use http_body_util::{BodyExt, Limited};
use serde_json::{Map, Value};
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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
