//! The writer's admin endpoint: probes and metrics as every role has them, and its status. Only reads
//! what the writer knows of itself.

use std::sync::Arc;
use std::time::Duration;

use axum::routing::get;
use axum::{Json, Router};
use http_api::admin::{Probes, serve_on};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::health::Health;

/// How often readiness follows the writer's health.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Serves until `shutdown`.
pub(crate) async fn serve(listener: TcpListener, health: Arc<Health>, shutdown: CancellationToken) {
    let probes = Probes::new();
    let status = Arc::clone(&health);
    let extra =
        Router::new().route("/admin/v1/status", get(move || async move { Json(status.status()) }));
    let serving = serve_on(listener, probes.clone(), extra, shutdown);
    tokio::select! {
        () = serving => {}
        () = follow(&probes, &health) => {}
    }
}

async fn follow(probes: &Probes, health: &Health) {
    let mut looks = tokio::time::interval(LOOK_EVERY);
    loop {
        looks.tick().await;
        match health.ready() {
            Ok(()) => probes.ready(),
            Err(why) => probes.not_ready(why),
        }
    }
}
