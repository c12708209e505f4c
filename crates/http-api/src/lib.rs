//! What the HTTP contract says everywhere: problems and their stable codes, idempotency keys,
//! strict bodies, hold and access tokens, money and time as text, probes and metrics, the accept loop.
//!
//! Flow: router and office build their routes from these parts, so that a refusal has one status
//! and one code wherever it is answered. This crate has no routes of the shop and no rules of
//! seats, and must never log a token, a key or a body.

pub mod access;
pub mod admin;
mod attempt;
mod body;
mod code;
mod context;
mod drain;
mod guest;
mod headers;
mod hex;
mod host;
mod idempotency;
mod measure;
mod money;
mod path;
mod problem;
mod proxies;
mod refusal;
pub mod server;
pub mod telemetry;
pub mod time;
pub mod token;

pub use attempt::{ATTEMPTS_MAX, Attempt, AttemptBatch};
pub use body::{BODY_BYTES_MAX, NoBody, Strict, Timed, read_body, read_document};
pub use code::Code;
pub use context::{Arrived, Carried, RequestId, carry};
pub use guest::{Guest, code_hash, counts_persons, person_of_account};
pub use headers::{
    DEADLINE_DEFAULT_MS, DEADLINE_MAX_MS, DEADLINE_MIN_MS, Deadline, GRID_COMPLETE_UP_TO,
    GRID_DEADLINE_MS, GRID_VERSION, IDEMPOTENCY_KEY, IDEMPOTENT_REPLAYED, TRACEPARENT,
    X_CSRF_TOKEN, X_HOLD_TOKEN, X_PROBLEM_CODE, X_REQUEST_ID, ip_bytes,
};
pub use hex::{from_hex, to_hex};
pub use idempotency::{IdempotencyKey, OptionalKey, request_hash};
pub use measure::{RouteMeter, measure};
pub use money::{Money, MoneyError};
pub use path::{Id, Params, method_not_allowed, not_found};
pub use problem::{FieldError, Problem};
pub use proxies::{NetworkError, ProxyHeader, TrustedProxies};
pub use refusal::{after_write, from_grid, from_refusal};
pub use server::Peer;
