//! Layers in front of the API's handlers: who is asking, and what is to go wrong.
//!
//! Handlers stay truthful; everything false about an answer is made here.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::stream;
use subtle::ConstantTimeEq;

use super::{
    api,
    faults::{Fault, Mode, Operation},
    refusal::Refusal,
    state::Sandbox,
};

/// Size of the answer of an oversized fault, bytes: sixteen times what adapters read.
const OVERSIZED_BYTES: usize = 1_024 * 1_024;

/// Lets only the shop itself pass.
pub async fn authenticate(
    State(sandbox): State<Arc<Sandbox>>,
    request: Request,
    next: Next,
) -> Response {
    if !is_shop(&sandbox, request.headers()) {
        return api::refuse(&Refusal::credentials());
    }
    next.run(request).await
}

/// The same for callers who show the secret as a bearer.
pub async fn authenticate_bearer(
    State(sandbox): State<Arc<Sandbox>>,
    request: Request,
    next: Next,
) -> Response {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
    let given = given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    if !bool::from(given.as_bytes().ct_eq(sandbox.secret.reveal().as_bytes())) {
        return api::refuse(&Refusal::credentials());
    }
    next.run(request).await
}

fn is_shop(sandbox: &Sandbox, headers: &HeaderMap) -> bool {
    let given = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Basic "))
        .and_then(|value| STANDARD.decode(value).ok())
        .unwrap_or_default();
    let expected = format!("{}:{}", sandbox.view.shop_id, sandbox.secret.reveal());
    given.ct_eq(expected.as_bytes()).into()
}

/// Takes a turn of the operation's fault switch and makes that fault happen.
pub async fn inject(
    State((sandbox, operation)): State<(Arc<Sandbox>, Operation)>,
    mut request: Request,
    next: Next,
) -> Response {
    let key = key(request.headers());
    if key.as_deref().is_some_and(|key| sandbox.faults.is_kept(key)) {
        return api::refuse(&Refusal::internal());
    }
    let Some(fault) = sandbox.faults.take(operation) else { return next.run(request).await };
    tracing::debug!(?operation, ?fault, "sandbox fault strikes");
    match fault.mode {
        Mode::Timeout => {
            silence(&sandbox, fault.delay_ms).await;
            cut_off()
        }
        Mode::Error500 => api::refuse(&Refusal::internal()),
        Mode::Error500Kept => {
            key.into_iter().for_each(|key| sandbox.faults.keep(key));
            api::refuse(&Refusal::internal())
        }
        Mode::Refuse => api::refuse(&Refusal::forbidden()),
        Mode::TooManyRequests => api::refuse(&Refusal::too_many_requests()),
        Mode::Drop => cut_off(),
        Mode::Redirect => redirect(&sandbox),
        Mode::TimeoutAfterExecute
        | Mode::Error500AfterExecute
        | Mode::DropAfterExecute
        | Mode::Slow
        | Mode::Malformed
        | Mode::Oversized => spoil(&sandbox, fault, next.run(request).await).await,
        Mode::NotifyBeforeAnswer | Mode::Pending | Mode::Reject | Mode::Duplicate => {
            // These change what the handler itself does.
            request.extensions_mut().insert(fault);
            next.run(request).await
        }
    }
}

/// The key of a request, as either language names it.
fn key(headers: &HeaderMap) -> Option<String> {
    let given = headers.get("idempotency-key").or_else(|| headers.get("idempotence-key"));
    given.and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// The request was executed; its answer does not arrive as it was.
async fn spoil(sandbox: &Sandbox, fault: Fault, answer: Response) -> Response {
    match fault.mode {
        Mode::TimeoutAfterExecute => {
            silence(sandbox, fault.delay_ms).await;
            cut_off()
        }
        Mode::Slow => {
            silence(sandbox, fault.delay_ms).await;
            answer
        }
        Mode::Error500AfterExecute => api::refuse(&Refusal::internal()),
        Mode::Malformed => json_text("{\"id\":\"".to_owned()),
        Mode::Oversized => json_text(format!("{{\"id\":\"{}\"}}", "x".repeat(OVERSIZED_BYTES))),
        _ => cut_off(),
    }
}

/// Says nothing for a while, or until the sandbox stops.
async fn silence(sandbox: &Sandbox, delay_ms: u64) {
    tokio::select! {
        () = sandbox.stop.cancelled() => {}
        () = tokio::time::sleep(Duration::from_millis(delay_ms)) => {}
    }
}

/// An answer whose body fails at once, upon which the server closes the connection.
fn cut_off() -> Response {
    let failure = std::io::Error::other("connection cut by a fault switch");
    let body = Body::from_stream(stream::once(async { Err::<axum::body::Bytes, _>(failure) }));
    Response::new(body)
}

/// Sends the caller to an address that exists, so that following it would be noticed.
fn redirect(sandbox: &Sandbox) -> Response {
    let target = format!("{}/livez", sandbox.view.public_url);
    match HeaderValue::from_str(&target) {
        Ok(target) => (StatusCode::FOUND, [(header::LOCATION, target)]).into_response(),
        Err(_) => cut_off(),
    }
}

fn json_text(text: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}
