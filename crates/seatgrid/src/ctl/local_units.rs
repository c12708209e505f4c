//! Units of a local `up`: one more process before a node is added, one less after it was removed.
//! Elsewhere that is done by whoever runs the machines.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use grid_node::NodeStatus;
use operator::model::NodeView;

use super::api::Api;
use super::fault::Fault;
use crate::cli::Target;
use crate::http_call;
use crate::local;
use crate::role::Role;
use crate::up::requests::{self, Answer, Request};

/// From the start of a process to its place in the registry: a second, more on a busy machine.
const JOIN_WITHIN: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What starting one more unit would do.
pub(super) const STEPS: [&str; 2] =
    ["start one more unit process", "let it join the grid under a new node id, holding nothing"];

/// Starts one more unit and waits until the grid knows it. Returns its node id.
pub(super) async fn start(target: &Target, api: &Api) -> Result<u64, Fault> {
    if target.admin.is_some() {
        let help = "start it with `join` in its configuration, then give its id";
        return Err(Fault::Failed(format!("--admin cannot start a unit: {help}")));
    }
    let admin = match ask_up(&target.data_dir, Request::AddUnit).await? {
        Answer::Started { admin, .. } => admin,
        Answer::Refused(why) => return Err(Fault::Failed(why)),
        Answer::Stopped => return Err(Fault::Failed("`up` answered something else".to_owned())),
    };
    let until = Instant::now() + JOIN_WITHIN;
    while Instant::now() < until {
        if let Some(node) = node_of(admin).await
            && is_known(api, node).await
        {
            return Ok(node);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let logs = target.data_dir.join("logs");
    Err(Fault::Unknown(format!("the unit has not joined yet; see its log in {}", logs.display())))
}

/// The number of the unit that is a node, if a local `up` runs it.
pub(super) async fn number_of(target: &Target, node: u64) -> Option<u32> {
    if target.admin.is_some() {
        return None;
    }
    for unit in local::running(&target.data_dir, Role::Unit).ok()? {
        if node_of(unit.admin).await == Some(node) {
            return Some(unit.node);
        }
    }
    None
}

/// Stops a unit for good.
pub(super) async fn stop(target: &Target, number: u32) -> Result<(), Fault> {
    match ask_up(&target.data_dir, Request::StopUnit { number }).await? {
        Answer::Stopped => Ok(()),
        Answer::Refused(why) => Err(Fault::Failed(why)),
        Answer::Started { .. } => Err(Fault::Failed("`up` answered something else".to_owned())),
    }
}

async fn ask_up(dir: &Path, request: Request) -> Result<Answer, Fault> {
    let answer = requests::ask(dir, request).await;
    answer.map_err(|error| {
        Fault::Failed(format!("`up` in {} does not answer: {error}", dir.display()))
    })
}

async fn node_of(admin: SocketAddr) -> Option<u64> {
    let (status, body) = http_call::get(admin, "/admin/v1/status").await.ok()?;
    let node: NodeStatus = (status == 200).then(|| serde_json::from_str(&body).ok())??;
    Some(node.node_id)
}

async fn is_known(api: &Api, node: u64) -> bool {
    let known = api.get::<NodeView>(&format!("nodes/{node}")).await;
    known.is_ok_and(|known| known.reachable)
}
