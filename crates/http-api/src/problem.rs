//! A problem: how every refusal and failure is told (RFC 9457, `application/problem+json`).
//!
//! Handlers return it as their error; [`crate::carry`] adds which request it was. It must never
//! carry text from inside (addresses, queries, backtraces): what a person must see is logged here.

use std::fmt::Display;

use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use rand::Rng;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{Code, GRID_VERSION, X_PROBLEM_CODE};

/// The media type of a problem.
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");
/// How one says who one is (RFC 6750).
const BEARER: HeaderValue = HeaderValue::from_static("Bearer");
/// A refusal is true for this moment and this client alone.
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// One fault of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// JSON pointer into the body, such as `/seats/3`; empty for the body as a whole and for what
    /// is not in the body.
    pub pointer: String,
    /// What is wrong there, for people.
    pub detail: String,
    /// The header it is about, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<&'static str>,
}

impl FieldError {
    /// A fault in the body.
    pub fn at(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), detail: detail.into(), header: None }
    }

    /// A fault in a header.
    pub fn in_header(name: &'static str, detail: impl Into<String>) -> Self {
        Self { pointer: String::new(), detail: detail.into(), header: Some(name) }
    }
}

/// Why a request was not done.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    code: Code,
    detail: Option<String>,
    /// The event's version at which it was refused.
    version: Option<u64>,
    /// Members beside the standard ones.
    facts: Map<String, Value>,
}

impl Problem {
    /// A problem that its code explains.
    pub fn new(code: Code) -> Self {
        Self { code, detail: None, version: None, facts: Map::new() }
    }

    /// `invalid_request` with all that is wrong.
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = errors.first().map_or_else(String::new, |error| error.detail.clone());
        Self::new(Code::InvalidRequest).detail(detail).fact("errors", json!(errors))
    }

    /// `invalid_request` with one fault in the body.
    pub fn invalid_at(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::invalid(vec![FieldError::at(pointer, detail)])
    }

    /// `invalid_request` with one fault in a header.
    pub fn invalid_header(name: &'static str, detail: impl Into<String>) -> Self {
        Self::invalid(vec![FieldError::in_header(name, detail)])
    }

    /// `invalid_request` about one parameter of the address.
    pub fn invalid_parameter(name: &'static str, detail: impl Display) -> Self {
        Self::invalid_at("", format!("{name}: {detail}")).fact("parameter", name)
    }

    /// Our own failure: the log gets the cause, the client does not.
    pub fn internal(cause: impl Display) -> Self {
        tracing::error!(%cause, "a request failed");
        Self::new(Code::Internal)
    }

    /// Says more about this occurrence, for people.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Says as of which version of the event: `Grid-Version`.
    #[must_use]
    pub fn version(mut self, version: u64) -> Self {
        self.version = Some(version);
        self
    }

    /// Adds a member for programs.
    #[must_use]
    pub fn fact(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.facts.insert(name.to_owned(), value.into());
        self
    }

    /// The stable code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// The body; `instance` names this occurrence.
    pub(crate) fn body(&self, instance: Option<&str>) -> Value {
        let mut body = self.facts.clone();
        let code = self.code.as_str();
        body.insert("type".into(), format!("urn:seatgrid:problem:{code}").into());
        body.insert("title".into(), self.code.title().into());
        body.insert("status".into(), self.code.status().as_u16().into());
        body.insert("code".into(), code.into());
        let detail = self.detail.as_deref().unwrap_or(self.code.title());
        body.insert("detail".into(), detail.into());
        if let Some(instance) = instance {
            body.insert("instance".into(), instance.into());
        }
        Value::Object(body)
    }

    fn headers(&self) -> HeaderMap {
        let mut headers =
            HeaderMap::from_iter([(CONTENT_TYPE, PROBLEM_JSON), (CACHE_CONTROL, NO_STORE)]);
        headers.insert(X_PROBLEM_CODE, HeaderValue::from_static(self.code.as_str()));
        if self.code.status() == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, BEARER);
        }
        if let Some(version) = self.version {
            headers.insert(GRID_VERSION, version.into());
        }
        if let Some((least, most)) = self.code.retry_after_s() {
            headers.insert(RETRY_AFTER, rand::rng().random_range(least..=most).into());
        }
        headers
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = self.body(None).to_string();
        let mut response = (self.code.status(), self.headers(), body).into_response();
        // The request's own name is not known here; whoever knows it writes the body again.
        response.extensions_mut().insert(self);
        response
    }
}
