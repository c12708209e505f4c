//! A processing unit, with the operator's view of it on the admin port.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use grid_node::NodeStatus;
use http_api::Problem;
use http_api::admin::{self, Probes};
use processing_unit::{Grid, GridConfig, RouteTable, Unit, UnitConfig};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::with_config;
use crate::cli::RoleArgs;
use crate::config::RoleConfig;
use crate::role::Role;

/// How often the unit's own view of its groups is turned into readiness.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// An operator's question may wait for an election.
const ROUTES_MAX: Duration = Duration::from_secs(3);

impl RoleConfig for UnitConfig {
    fn check(&self) -> Result<(), String> {
        self.node.validate().map_err(|error| error.to_string())
    }
}

pub(super) async fn run(args: &RoleArgs) -> Result<()> {
    with_config(Role::Unit, args, serve).await
}

async fn serve(config: UnitConfig, shutdown: CancellationToken) -> Result<()> {
    let admin_listen = config.admin_listen;
    let clients = config.node.client_addresses();
    let grid = Grid::connect(&GridConfig { units: clients, tls: config.node.tls.clone() });
    let unit = Unit::start(config).await?;
    let probes = Probes::new();
    let (publish, status) = watch::channel(unit.status());
    let routes = operator_routes(status, grid);
    let result = tokio::select! {
        () = shutdown.cancelled() => Ok(()),
        reason = unit.failed() => Err(anyhow!("the unit cannot go on: {reason}")),
        served = admin::serve(admin_listen, probes.clone(), routes, shutdown.clone()) => {
            served.map_err(Into::into)
        }
        () = keep_looking(&unit, &probes, &publish) => Ok(()),
    };
    if result.is_ok() {
        unit.shutdown().await;
    }
    // After a failure nothing is tidied up: only a restart reads what the disk really has.
    result
}

/// Never ends: publishes the unit's own view of its groups, and derives readiness from it.
async fn keep_looking(unit: &Unit, probes: &Probes, publish: &watch::Sender<NodeStatus>) {
    loop {
        let status = unit.status();
        match without_leader(&status) {
            None => probes.ready(),
            Some(shards) => probes.not_ready(format!("no leader known for shards {shards}")),
        }
        publish.send_replace(status);
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn without_leader(status: &NodeStatus) -> Option<String> {
    let shards = status.shards.iter().filter(|shard| shard.leader.is_none());
    let names: Vec<String> = shards.map(|shard| shard.shard.to_string()).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

fn operator_routes(status: watch::Receiver<NodeStatus>, grid: Grid) -> Router {
    let status = async move || Json(status.borrow().clone());
    Router::new()
        .route("/admin/v1/status", get(status))
        .route("/admin/v1/routes", get(routes))
        .with_state(Arc::new(grid))
}

/// Where each event lives, as the meta group has it now.
async fn routes(State(grid): State<Arc<Grid>>) -> Result<Json<RouteTable>, Problem> {
    let routes = grid.refresh_routes(Instant::now() + ROUTES_MAX).await?;
    Ok(Json(RouteTable::clone(&routes)))
}
