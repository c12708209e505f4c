//! Bodies, read strictly: right type, bounded size and time, no unknown members, and a pointer to
//! what is wrong. The bytes never reach a log.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, Method};
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::{Path, Segment};

use crate::drain::drain;
use crate::{Code, FieldError, Problem, request_hash};

/// Largest JSON body unless a route says otherwise: a hold of 100 seats with long ids is a tenth.
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// How long a body may take to arrive; a slow one would hold a connection for nothing.
const BODY_WITHIN: Duration = Duration::from_secs(10);
/// Longest detail passed on from the JSON reader, in characters; it quotes the client's own words.
const DETAIL_CHARS_MAX: usize = 200;

/// A JSON body and the hash of the whole request. An extractor.
///
/// `T` refuses unknown members by itself (`deny_unknown_fields`). `MAX` bounds the body in bytes.
#[derive(Debug, Clone)]
pub struct Strict<T, const MAX: usize = BODY_BYTES_MAX> {
    /// The body.
    pub body: T,
    /// Hash of method, path and body, for the idempotency key.
    pub hash: u64,
}

impl<T: DeserializeOwned, S: Send + Sync, const MAX: usize> FromRequest<S> for Strict<T, MAX> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        if !is_json(&parts.headers) {
            Box::pin(drain(body)).await;
            return Err(Problem::new(Code::UnsupportedMediaType));
        }
        let bytes = read_body(&parts.headers, body, MAX).await?;
        let (body, hash) = parse(&bytes, &parts.method, parts.uri.path())?;
        Ok(Self { body, hash })
    }
}

/// What another extractor reads, and how long its body took to arrive, for who must put a deadline off
/// by it ([`crate::Deadline::put_off`]). An extractor.
#[derive(Debug, Clone)]
pub struct Timed<E> {
    /// What was read.
    pub read: E,
    /// How long that took.
    pub waited: Duration,
}

impl<E: FromRequest<S>, S: Send + Sync> FromRequest<S> for Timed<E> {
    type Rejection = E::Rejection;

    async fn from_request(request: Request, state: &S) -> Result<Self, E::Rejection> {
        let begun = Instant::now();
        let read = E::from_request(request, state).await?;
        Ok(Self { read, waited: begun.elapsed() })
    }
}

/// No body, or an empty JSON object. An extractor for calls whose address says everything.
#[derive(Debug, Clone, Copy)]
pub struct NoBody {
    /// Hash of method and path, for the idempotency key.
    pub hash: u64,
}

impl<S: Send + Sync> FromRequest<S> for NoBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = read_body(&parts.headers, body, BODY_BYTES_MAX).await?;
        let empty = Value::Object(serde_json::Map::new());
        if !bytes.trim_ascii().is_empty() {
            let given: Value = parse(&bytes, &parts.method, parts.uri.path())?.0;
            if given != empty {
                return Err(Problem::invalid_at("", "No body, or an empty object, is expected"));
            }
        }
        Ok(Self { hash: request_hash(&parts.method, parts.uri.path(), &empty) })
    }
}

/// Reads a whole body of at most `bytes_max`.
///
/// # Errors
/// `too_large`, `request_timeout`, or `invalid_request` when the client broke off.
pub async fn read_body(
    headers: &HeaderMap,
    body: Body,
    bytes_max: usize,
) -> Result<Bytes, Problem> {
    let told = headers.get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if told.is_some_and(|told| told > bytes_max as u64) {
        Box::pin(drain(body)).await;
        return Err(too_large(bytes_max));
    }
    match tokio::time::timeout(BODY_WITHIN, collect(body, bytes_max)).await {
        Ok(read) => read,
        Err(_) => Err(Problem::new(Code::RequestTimeout)),
    }
}

async fn collect(mut body: Body, bytes_max: usize) -> Result<Bytes, Problem> {
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let broken = |_| Problem::invalid_at("", "The body broke off");
        let Ok(data) = frame.map_err(broken)?.into_data() else { continue };
        if all.len() + data.len() > bytes_max {
            Box::pin(drain(body)).await;
            return Err(too_large(bytes_max));
        }
        all.extend_from_slice(&data);
    }
    Ok(all.freeze())
}

fn too_large(bytes_max: usize) -> Problem {
    Problem::new(Code::TooLarge).fact("bytes_max", bytes_max)
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(text) = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()) else { return false };
    let (kind, parameters) = text.split_once(';').unwrap_or((text, ""));
    let parameters = parameters.trim();
    let utf8 = parameters.is_empty()
        || ["charset=utf-8", "charset=\"utf-8\""]
            .iter()
            .any(|said| parameters.eq_ignore_ascii_case(said));
    kind.trim().eq_ignore_ascii_case("application/json") && utf8
}

/// Reads once as a value for the hash and once into `T`, which sees members that are said twice; what
/// does not fit is read again for the pointer to its fault. Bodies are small.
fn parse<T: DeserializeOwned>(
    bytes: &[u8],
    method: &Method,
    path: &str,
) -> Result<(T, u64), Problem> {
    let value: Value = serde_json::from_slice(bytes).map_err(|e| no_json(&e))?;
    // The reader would take a list for an object's members in their order.
    if !value.is_object() {
        return Err(Problem::invalid_at("", "An object is expected"));
    }
    let hash = request_hash(method, path, &value);
    if let Ok(body) = serde_json::from_slice(bytes) {
        return Ok((body, hash));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let body = serde_path_to_error::deserialize(&mut reader).map_err(|error| misfit(&error))?;
    Ok((body, hash))
}

/// Reads a document that was put together from several, as strictly as a body.
///
/// # Errors
/// `invalid_request` with the pointer to what does not fit.
pub fn read_document<T: DeserializeOwned>(document: Value) -> Result<T, Problem> {
    serde_path_to_error::deserialize(document).map_err(|error| misfit(&error))
}

fn misfit(error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let pointer = pointer(error.path());
    Problem::invalid(vec![FieldError::at(pointer, plain(error.inner()))])
}

fn no_json(error: &serde_json::Error) -> Problem {
    let place = format!("line {} column {}", error.line(), error.column());
    Problem::invalid_at("", format!("The body is not JSON: {place}"))
}

/// The reader's words without its position, which counts for nobody who has the pointer.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(words, _)| words);
    text.chars().take(DETAIL_CHARS_MAX).collect()
}

fn pointer(path: &Path) -> String {
    let step = |segment: &Segment| match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
        Segment::Enum { .. } | Segment::Unknown => String::new(),
    };
    path.iter().map(step).collect()
}
