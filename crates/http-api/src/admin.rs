//! The admin endpoint of every role: probes, metrics and what the role adds. Never reachable from
//! the public port.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use metrics_exporter_prometheus::PrometheusHandle;
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::server::{self, BindError, ServerLimits};
use crate::{carry, method_not_allowed, not_found, telemetry};

/// The media type of the metrics text.
const METRICS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
/// How often old samples are folded, so that a process nobody scrapes does not grow.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);
/// Connections to the admin port: probes, scrapers and an operator.
const ADMIN_CONNECTIONS_MAX: usize = 256;
/// How long an admin call under way may take at shutdown.
const ADMIN_DRAIN: Duration = Duration::from_secs(1);

/// What the probes answer; cheap to clone. A new one is starting and not ready.
#[derive(Debug, Clone)]
pub struct Probes {
    inner: Arc<ProbesInner>,
}

#[derive(Debug)]
struct ProbesInner {
    started: AtomicBool,
    draining: AtomicBool,
    /// Why the process is not ready; `None` when it is.
    not_ready: Mutex<Option<String>>,
}

impl Default for Probes {
    fn default() -> Self {
        Self::new()
    }
}

impl Probes {
    /// Starting, not ready.
    pub fn new() -> Self {
        let not_ready = Mutex::new(Some("starting".to_owned()));
        let (started, draining) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { inner: Arc::new(ProbesInner { started, draining, not_ready }) }
    }

    /// The process serves; it has also started.
    pub fn ready(&self) {
        self.inner.started.store(true, Ordering::Release);
        *self.inner.not_ready.lock() = None;
    }

    /// The process lives but should get no requests, for this reason.
    pub fn not_ready(&self, reason: impl Into<String>) {
        *self.inner.not_ready.lock() = Some(reason.into());
    }

    /// The process is about to stop: not ready from now on, whatever is said later.
    pub fn drain(&self) {
        self.inner.draining.store(true, Ordering::Release);
    }

    /// Whether the process is about to stop.
    pub fn is_draining(&self) -> bool {
        self.inner.draining.load(Ordering::Acquire)
    }

    /// Why the process should get no requests; `None` when it should.
    pub fn reason(&self) -> Option<String> {
        if self.is_draining() {
            return Some("draining".to_owned());
        }
        self.inner.not_ready.lock().clone()
    }

    fn has_started(&self) -> bool {
        self.inner.started.load(Ordering::Acquire)
    }
}

/// `/livez`, `/readyz` and `/startupz`.
pub fn probe_routes(probes: Probes) -> Router {
    Router::new()
        .route("/livez", get(|| async { said(StatusCode::OK, "ok") }))
        .route("/readyz", get(readyz))
        .route("/startupz", get(startupz))
        .with_state(probes)
}

async fn readyz(State(probes): State<Probes>) -> Response {
    match probes.reason() {
        None => said(StatusCode::OK, "ok"),
        Some(reason) => said(StatusCode::SERVICE_UNAVAILABLE, reason),
    }
}

async fn startupz(State(probes): State<Probes>) -> Response {
    if probes.has_started() {
        said(StatusCode::OK, "ok")
    } else {
        said(StatusCode::SERVICE_UNAVAILABLE, "starting")
    }
}

fn said(status: StatusCode, text: impl Into<String>) -> Response {
    (status, [(CACHE_CONTROL, "no-store")], text.into() + "\n").into_response()
}

/// The metrics of this process as Prometheus text.
pub fn metrics_answer(handle: &PrometheusHandle) -> Response {
    ([(CONTENT_TYPE, METRICS_TEXT)], handle.render()).into_response()
}

/// Binds and serves the admin endpoint until `shutdown`: probes, `/metrics`, and `extra`.
///
/// # Errors
/// When the address cannot be listened on.
pub async fn serve(
    listen: SocketAddr,
    probes: Probes,
    extra: Router,
    shutdown: CancellationToken,
) -> Result<(), BindError> {
    let listener = server::bind(listen).await?;
    serve_on(listener, probes, extra, shutdown).await;
    Ok(())
}

/// The same on a bound listener, for callers that must know of a port in use before all else.
pub async fn serve_on(
    listener: TcpListener,
    probes: Probes,
    extra: Router,
    shutdown: CancellationToken,
) {
    let handle = telemetry::install();
    let metrics = handle.clone();
    let routes = probe_routes(probes)
        .route("/metrics", get(move || async move { metrics_answer(&metrics) }))
        .merge(extra)
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn(carry));
    let limits = ServerLimits {
        connections_max: ADMIN_CONNECTIONS_MAX,
        drain_within: ADMIN_DRAIN,
        ..ServerLimits::default()
    };
    tokio::select! {
        () = server::serve(listener, routes, limits, shutdown) => {}
        () = upkeep(&handle) => {}
    }
}

async fn upkeep(handle: &PrometheusHandle) {
    let mut ticks = tokio::time::interval(UPKEEP_EVERY);
    loop {
        ticks.tick().await;
        handle.run_upkeep();
    }
}
