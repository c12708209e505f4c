//! A processing unit, with the operator's API on the admin port.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use futures_util::future::join_all;
use grid_node::{ClientConfig, GridClient, NodeStatus};
use http_api::Problem;
use http_api::admin::{self, Probes};
use operator::{Access, Console};
use processing_unit::{Grid, Persistence, PersistenceWatch, RouteTable, ShardId, Unit, UnitConfig};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::sales::Sales;
use super::{Left, with_config};
use crate::cli::RoleArgs;
use crate::config::RoleConfig;
use crate::role::Role;

/// How often the unit's own view of its groups is turned into readiness.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How often it is turned into metrics: a scraper comes every few seconds.
const PUBLISH_EVERY: Duration = Duration::from_secs(1);

/// An operator's question may wait for an election.
const ROUTES_MAX: Duration = Duration::from_secs(3);

impl RoleConfig for UnitConfig {
    fn check(&self) -> Result<(), String> {
        self.validate()
    }
}

pub(super) async fn run(args: &RoleArgs) -> Result<()> {
    with_config(Role::Unit, args, serve).await
}

async fn serve(config: UnitConfig, shutdown: CancellationToken) -> Result<()> {
    let admin_listen = config.admin_listen;
    let access = Access::new(admin_listen, config.admin_token_file.as_deref());
    let access = access.context("the admin port is not opened")?;
    let mut client = ClientConfig::new(config.node.client_addresses());
    client.tls = config.node.tls.clone();
    let grid = GridClient::new(client);
    let unit = Unit::start(config).await?;
    let probes = Probes::new();
    let (publish, status) = watch::channel(unit.status());
    let console = Console::new(unit.status().node_id, Arc::new(grid.clone()));
    let console = console.with_events(Arc::new(Sales(Grid::over(grid.clone()))));
    let routes = operator::routes(console.clone(), access, own_routes(status.clone(), grid));
    let result = tokio::select! {
        () = shutdown.cancelled() => Ok(()),
        reason = unit.failed() => Err(match unit.has_left() {
            true => Left(reason).into(),
            false => anyhow!("the unit cannot go on: {reason}"),
        }),
        served = admin::serve(admin_listen, probes.clone(), routes, shutdown.clone()) => {
            served.map_err(Into::into)
        }
        () = keep_looking(&unit, &probes, &publish) => Ok(()),
        () = keep_publishing(status, console, shutdown.clone()) => Ok(()),
        () = keep_watching_persistence(&unit) => Ok(()),
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

/// Ends at shutdown: turns the unit's view into metrics, and on the meta group's leader that of
/// the grid.
async fn keep_publishing(
    status: watch::Receiver<NodeStatus>,
    console: Console,
    shutdown: CancellationToken,
) {
    let leads_meta = {
        let status = status.clone();
        move || status.borrow().shards.iter().any(|shard| shard.shard == 0 && shard.serving)
    };
    let own = async {
        loop {
            operator::publish_node(&status.borrow());
            tokio::time::sleep(PUBLISH_EVERY).await;
        }
    };
    tokio::select! {
        () = operator::watch_grid(console, leads_meta, shutdown) => {}
        () = own => {}
    }
}

/// Never ends: how far PostgreSQL is behind what this unit leads, as metrics and in the log.
async fn keep_watching_persistence(unit: &Unit) {
    let mut watch = PersistenceWatch::default();
    loop {
        watch.publish(&unit.persistence());
        tokio::time::sleep(PUBLISH_EVERY).await;
    }
}

fn without_leader(status: &NodeStatus) -> Option<String> {
    let shards = status.shards.iter().filter(|shard| shard.leader.is_none());
    let names: Vec<String> = shards.map(|shard| shard.shard.to_string()).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// What this unit knows by itself, also while the rest of the grid is away.
fn own_routes(status: watch::Receiver<NodeStatus>, grid: GridClient) -> Router {
    let status = async move || Json(status.borrow().clone());
    Router::new()
        .route("/admin/v1/status", get(status))
        .route("/admin/v1/routes", get(routes))
        .route("/admin/v1/persistence", get(persistence))
        .with_state(grid)
}

/// Where each event lives, as the meta group has it now.
async fn routes(State(grid): State<GridClient>) -> Result<Json<RouteTable>, Problem> {
    let routes = grid.refresh_routes(Instant::now() + ROUTES_MAX).await;
    let routes = routes.map_err(processing_unit::GridError::from)?;
    Ok(Json(RouteTable::clone(&routes)))
}

/// How far PostgreSQL is behind every shard that has events, as each shard's leader knows. Shards
/// that do not answer are left out: what is wrong with them is told elsewhere.
async fn persistence(State(grid): State<GridClient>) -> Result<Json<Vec<Persistence>>, Problem> {
    let deadline = Instant::now() + ROUTES_MAX;
    let routes = grid.refresh_routes(deadline).await.map_err(processing_unit::GridError::from)?;
    let shards: BTreeSet<ShardId> = routes.pins.values().map(|pin| pin.shard).collect();
    let grid = Grid::over(grid);
    let asked = shards.into_iter().map(|shard| {
        let grid = grid.clone();
        async move {
            let summary = grid.shard(shard, deadline).await.ok()?;
            Some(Persistence::of_summary(shard, &summary))
        }
    });
    Ok(Json(join_all(asked).await.into_iter().flatten().collect()))
}
