//! The admin API of a unit: `/admin/v1/…`, JSON, refusals as problems. Questions are GET; there is
//! one address for orders, so that every order is checked, tried and repeated the same way.

use axum::extract::{Path, State};
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use axum::{Json, Router};
use grid_node::{NodeId, ShardId};
use http_api::{Code, Id, Problem, Strict};
use serde::{Deserialize, Serialize};

use crate::access::{Access, guard};
use crate::console::{Console, Trouble};
use crate::health::Health;
use crate::model::{
    BalancerView, DigestView, Issue, LayoutView, NodeView, OperationView, Overview, Receipt,
    ShardView, Stage,
};
use crate::orders::{Order, Refusal};

/// An order as it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Given {
    /// The order.
    pub order: Order,
    /// Whether only the plan is wanted.
    #[serde(default)]
    pub dry_run: bool,
}

/// Where an event lives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventView {
    /// The event's id.
    pub event_id: String,
    /// Its number in ids of holds and orders.
    pub number: u32,
    /// The shard that holds it.
    pub shard: ShardId,
    /// The node that answers for it.
    pub leader: Option<NodeId>,
    /// The nodes that have a replica.
    pub replicas: Vec<NodeId>,
    /// Grows whenever the replicas change.
    pub epoch: u64,
    /// What the shard can do.
    pub health: Health,
}

/// The versions of the rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpgradeView {
    /// The version that all replicas apply.
    pub active: u32,
    /// The newest version that every node can apply.
    pub possible: u32,
    /// Oldest and newest version of each node.
    pub nodes: Vec<(NodeId, (u32, u32))>,
}

/// All routes, guarded, and with them what a unit says of itself.
pub fn routes(console: Console, access: Access, own: Router) -> Router {
    Router::new()
        .route("/admin/v1/overview", get(overview))
        .route("/admin/v1/nodes", get(nodes))
        .route("/admin/v1/nodes/{id}", get(node))
        .route("/admin/v1/shards", get(shards))
        .route("/admin/v1/shards/{id}", get(shard))
        .route("/admin/v1/shards/{id}/digests", get(digests))
        .route("/admin/v1/events/{id}", get(event))
        .route("/admin/v1/operations", get(operations))
        .route("/admin/v1/operations/{id}", get(operation))
        .route("/admin/v1/issues", get(issues))
        .route("/admin/v1/layout", get(layout))
        .route("/admin/v1/balancer", get(balancer))
        .route("/admin/v1/upgrade", get(upgrade))
        .route("/admin/v1/orders", post(give))
        .with_state(console)
        .merge(own)
        .layer(from_fn_with_state(access, guard))
}

type Answer<T> = Result<Json<T>, Problem>;

async fn overview(State(console): State<Console>) -> Answer<Overview> {
    Ok(Json(console.overview().await?))
}

async fn nodes(State(console): State<Console>) -> Answer<Vec<NodeView>> {
    Ok(Json(console.overview().await?.nodes))
}

async fn node(State(console): State<Console>, Path(id): Path<NodeId>) -> Answer<NodeView> {
    let mut nodes = console.overview().await?.nodes.into_iter();
    nodes.find(|node| node.node == id).map(Json).ok_or_else(|| missing("node", id))
}

async fn shards(State(console): State<Console>) -> Answer<Vec<ShardView>> {
    Ok(Json(console.overview().await?.shards))
}

async fn shard(State(console): State<Console>, Path(id): Path<ShardId>) -> Answer<ShardView> {
    let mut shards = console.overview().await?.shards.into_iter();
    shards.find(|shard| shard.shard == id).map(Json).ok_or_else(|| missing("shard", id))
}

async fn digests(
    State(console): State<Console>,
    Path(id): Path<ShardId>,
) -> Answer<Vec<DigestView>> {
    Ok(Json(console.digests(id).await?))
}

async fn event(State(console): State<Console>, Id(event_id): Id) -> Answer<EventView> {
    let pin = console.pin_of(&event_id).await?;
    let mut shards = console.overview().await?.shards.into_iter();
    let shard = shards.find(|shard| shard.shard == pin.shard);
    let shard = shard.ok_or_else(|| missing("shard", pin.shard))?;
    Ok(Json(EventView {
        event_id,
        number: pin.number,
        shard: pin.shard,
        leader: shard.leader,
        replicas: shard.replicas.iter().map(|replica| replica.node).collect(),
        epoch: shard.epoch,
        health: shard.health,
    }))
}

async fn operations(State(console): State<Console>) -> Answer<Vec<OperationView>> {
    Ok(Json(console.operations().await?))
}

async fn operation(State(console): State<Console>, Path(id): Path<u64>) -> Answer<OperationView> {
    let mut operations = console.operations().await?.into_iter();
    operations.find(|known| known.id == id).map(Json).ok_or_else(|| missing("operation", id))
}

async fn issues(State(console): State<Console>) -> Answer<Vec<Issue>> {
    Ok(Json(console.overview().await?.issues))
}

async fn layout(State(console): State<Console>) -> Answer<LayoutView> {
    Ok(Json(console.overview().await?.layout))
}

async fn balancer(State(console): State<Console>) -> Answer<BalancerView> {
    Ok(Json(console.overview().await?.balancer))
}

async fn upgrade(State(console): State<Console>) -> Answer<UpgradeView> {
    Ok(Json(UpgradeView::from(&console.overview().await?)))
}

async fn give(State(console): State<Console>, given: Strict<Given>) -> Answer<Receipt> {
    let Given { order, dry_run } = given.body;
    let receipt = console.perform(&order, dry_run).await;
    if !dry_run {
        let outcome = receipt.as_ref().map(|receipt| receipt.operation);
        tracing::info!(?order, ?outcome, "an operator's order");
    }
    Ok(Json(receipt?))
}

impl From<&Overview> for UpgradeView {
    fn from(grid: &Overview) -> Self {
        let gone = |stage| matches!(stage, Stage::Removed | Stage::Lost);
        let members = || grid.nodes.iter().filter(|node| !gone(node.state));
        Self {
            active: grid.active_version,
            possible: members().map(|node| node.versions.1).min().unwrap_or(grid.active_version),
            nodes: members().map(|node| (node.node, node.versions)).collect(),
        }
    }
}

fn missing(what: &str, id: impl std::fmt::Display) -> Problem {
    Problem::new(Code::NotFound).detail(format!("There is no {what} {id}"))
}

impl From<Trouble> for Problem {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Refused(Refusal::Missing(what)) => Self::new(Code::NotFound).detail(what),
            Trouble::Refused(Refusal::Senseless(what)) => Self::invalid_at("/order", what),
            Trouble::Refused(Refusal::Unsafe { reason, remedy }) => {
                let detail = format!("{reason}; {remedy}");
                Self::new(Code::RefusedUnsafe).detail(detail).fact("remedy", remedy)
            }
            Trouble::Refused(Refusal::Conflict(why)) => Self::new(Code::RefusedUnsafe).detail(why),
            Trouble::NoLeader => {
                Self::new(Code::NoLeader).detail("The meta group has no leader right now")
            }
            Trouble::Unknown => Self::new(Code::OutcomeUnknown).detail(trouble.to_string()),
            Trouble::Failed(why) => Self::new(Code::Unavailable).detail(why),
        }
    }
}

#[cfg(test)]
mod tests;
