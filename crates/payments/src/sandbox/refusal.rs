//! The API's way of saying no: status, code, sentence, parameter.
//!
//! One type for every refusal of the `/v3` routes, so that each answers in the same form.

use serde_json::{Value, json};

/// A refusal in the API's words. Nothing happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status, 4xx or 500.
    pub status: u16,
    /// Such as `invalid_request`.
    pub code: &'static str,
    /// A sentence for the developer of the seller's side.
    pub description: String,
    /// Which field or header is meant.
    pub parameter: Option<&'static str>,
}

impl Refusal {
    /// A field or header that is wrong or missing.
    pub fn invalid(parameter: &'static str, description: impl Into<String>) -> Self {
        Self {
            status: 400,
            code: "invalid_request",
            description: description.into(),
            parameter: Some(parameter),
        }
    }

    /// No such object, or one of another shop.
    pub fn not_found(parameter: &'static str) -> Self {
        Self {
            status: 404,
            code: "not_found",
            description: "Object doesn't exist or access denied.".to_owned(),
            parameter: Some(parameter),
        }
    }

    /// Wrong shop id or secret.
    pub fn credentials() -> Self {
        Self::plain(401, "invalid_credentials", "Basic authentication failed.")
    }

    /// Not allowed for this shop.
    pub fn forbidden() -> Self {
        Self::plain(403, "forbidden", "The shop may not do this.")
    }

    /// Too much work at once; nothing was done.
    pub fn too_many_requests() -> Self {
        Self::plain(429, "too_many_requests", "Too many requests; try again later.")
    }

    /// The gateway broke; the outcome is not told.
    pub fn internal() -> Self {
        Self::plain(500, "internal_server_error", "Technical failure; the outcome is unknown.")
    }

    /// The body of the answer.
    pub fn body(&self) -> Value {
        let id = uuid::Uuid::new_v4().to_string();
        let mut body = json!({
            "type": "error",
            "id": id,
            "code": self.code,
            "description": self.description,
        });
        if let Some(parameter) = self.parameter {
            body["parameter"] = parameter.into();
        }
        body
    }

    fn plain(status: u16, code: &'static str, description: &str) -> Self {
        Self { status, code, description: description.to_owned(), parameter: None }
    }
}
