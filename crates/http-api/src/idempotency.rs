//! Idempotency keys of requests and the hash of what is asked, which together make a retry safe.

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method};
use inventory::RequestKey;
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::guest::first_128;
use crate::headers::{IDEMPOTENCE_KEY, IDEMPOTENCY_KEY};
use crate::{Code, Problem};

/// The key of a POST. An extractor: `Idempotency-Key` or its alias `Idempotence-Key`, a UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdempotencyKey(pub Uuid);

impl IdempotencyKey {
    /// The key that the headers of a request show.
    ///
    /// # Errors
    /// `idempotency_key_required`, or `invalid_request` when it is no UUID or one line says another
    /// than the next.
    pub fn in_headers(headers: &HeaderMap) -> Result<Self, Problem> {
        let lines = headers.get_all(IDEMPOTENCY_KEY).iter();
        let mut keys = lines.chain(headers.get_all(IDEMPOTENCE_KEY)).map(Self::read);
        let key = keys.next().ok_or_else(|| Problem::new(Code::IdempotencyKeyRequired))??;
        for other in keys {
            if other? != key {
                return Err(wrong_key("Must be one: two lines say different ones"));
            }
        }
        Ok(key)
    }

    fn read(line: &HeaderValue) -> Result<Self, Problem> {
        match Uuid::try_parse(line.to_str().unwrap_or_default().trim()) {
            Ok(uuid) if !uuid.is_nil() => Ok(Self(uuid)),
            Ok(_) | Err(_) => Err(wrong_key("Must be a UUID, version 7 preferred")),
        }
    }

    /// The key together with what is asked, as commands carry it.
    pub fn of(self, hash: u64) -> RequestKey {
        RequestKey { id: self.0.as_u128(), hash, made_at_ms: self.made_at_ms() }
    }

    /// What it adds to a draw: the first half of the SHA-256 of its 16 bytes, so that whoever knows the
    /// key finds it in what is published, and nobody finds the key.
    pub fn salt(self) -> u128 {
        first_128(&Sha256::digest(self.0.as_bytes()).into())
    }

    /// The time inside a version 7 UUID, milliseconds since 1970; `None` for other versions.
    pub fn made_at_ms(self) -> Option<u64> {
        let is_v7 = self.0.get_version_num() == 7;
        is_v7.then(|| (self.0.as_u128() >> 80) as u64)
    }
}

fn wrong_key(detail: &'static str) -> Problem {
    Problem::invalid_header("Idempotency-Key", detail)
}

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::in_headers(&parts.headers)
    }
}

/// The key of a request that is safe without one. An extractor: `None` when no key was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OptionalKey(pub Option<IdempotencyKey>);

impl OptionalKey {
    /// As [`IdempotencyKey::of`].
    pub fn of(self, hash: u64) -> Option<RequestKey> {
        self.0.map(|key| key.of(hash))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for OptionalKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match IdempotencyKey::from_request_parts(parts, state).await {
            Ok(key) => Ok(Self(Some(key))),
            Err(problem) if problem.code() == Code::IdempotencyKeyRequired => Ok(Self(None)),
            Err(problem) => Err(problem),
        }
    }
}

/// Hash of what is asked: method, path and the body with its members in one order, so that the same
/// request written differently is the same. 64 bits guard a client against its own mistakes only:
/// a key is found by its UUID.
pub fn request_hash(method: &Method, path: &str, body: &Value) -> u64 {
    let mut hasher = Sha256::new();
    hasher.update(method.as_str());
    hasher.update(b" ");
    hasher.update(path);
    hasher.update(b"\n");
    canonical(&mut hasher, body);
    let digest = hasher.finalize();
    digest.iter().take(8).fold(0, |hash, byte| hash << 8 | u64::from(*byte))
}

fn canonical(hasher: &mut Sha256, value: &Value) {
    match value {
        Value::Array(items) => {
            hasher.update(b"[");
            for item in items {
                canonical(hasher, item);
                hasher.update(b",");
            }
            hasher.update(b"]");
        }
        Value::Object(members) => {
            // The map's own order hangs on a feature of the JSON library.
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_unstable_by_key(|(name, _)| *name);
            hasher.update(b"{");
            for (name, value) in sorted {
                written(hasher, name);
                hasher.update(b":");
                canonical(hasher, value);
                hasher.update(b",");
            }
            hasher.update(b"}");
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            written(hasher, value);
        }
    }
}

/// Hashes a value as JSON writes it.
fn written<T: serde::Serialize + ?Sized>(hasher: &mut Sha256, value: &T) {
    // Neither the digest nor a plain value fails.
    let _ = serde_json::to_writer(hasher, value);
}
