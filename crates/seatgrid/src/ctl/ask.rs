//! Collects what the processes say of themselves. A process that does not answer is part of the
//! answer, as long as one unit does.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use grid_node::{NodeStatus, RouteTable, ShardId};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::cli::Target;
use crate::role::Role;
use crate::{http_get, local};

/// Where a process was asked, and what it said.
#[derive(Debug)]
pub(super) struct Asked<T> {
    pub(super) admin: SocketAddr,
    pub(super) answer: Result<T, String>,
}

/// The writer's own view, as far as it is shown here.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct WriterStatus {
    pub(super) role: String,
    pub(super) database_up: bool,
    #[serde(default)]
    pub(super) shards: Vec<WriterShard>,
    #[serde(default)]
    pub(super) quarantine: u64,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct WriterShard {
    pub(super) lag_ms: u64,
}

/// All answers.
#[derive(Debug)]
pub(super) struct Answers {
    pub(super) units: Vec<Asked<NodeStatus>>,
    /// Known for a local `up` only.
    pub(super) writers: Vec<Asked<WriterStatus>>,
}

/// Asks all processes of a local `up`, or one unit.
pub(super) async fn status(target: &Target) -> Result<Answers> {
    let (units, writers) = match target.admin {
        Some(admin) => (vec![admin], Vec::new()),
        None => (addresses(target, Role::Unit)?, addresses(target, Role::Writer)?),
    };
    let answers = Answers {
        units: ask_all(&units, "/admin/v1/status").await,
        writers: ask_all(&writers, "/admin/v1/status").await,
    };
    match answers.units.iter().find_map(|unit| unit.answer.as_ref().err()) {
        Some(fault) if answers.units.iter().all(|unit| unit.answer.is_err()) => {
            bail!("no unit answers: {fault}")
        }
        _ => Ok(answers),
    }
}

/// The shard of an event, from the route table of the first unit that answers.
pub(super) async fn shard_of(answers: &Answers, event: &str) -> Result<ShardId> {
    let mut fault = String::new();
    for unit in answers.units.iter().filter(|unit| unit.answer.is_ok()) {
        match ask::<RouteTable>(unit.admin, "/admin/v1/routes").await {
            Ok(routes) => {
                let pin = routes.pins.get(event);
                let pin = pin.with_context(|| format!("event {event} is not in the grid"))?;
                return Ok(pin.shard);
            }
            Err(error) => fault = error,
        }
    }
    bail!("no unit tells its routes: {fault}")
}

fn addresses(target: &Target, role: Role) -> Result<Vec<SocketAddr>> {
    let mut entries = local::running(&target.data_dir, role)?;
    entries.sort_by_key(|entry| entry.node);
    Ok(entries.into_iter().map(|entry| entry.admin).collect())
}

async fn ask_all<T: DeserializeOwned>(admins: &[SocketAddr], path: &str) -> Vec<Asked<T>> {
    let mut asked = Vec::new();
    for admin in admins {
        asked.push(Asked { admin: *admin, answer: ask(*admin, path).await });
    }
    asked
}

async fn ask<T: DeserializeOwned>(admin: SocketAddr, path: &str) -> Result<T, String> {
    let (status, body) = http_get::get(admin, path).await.map_err(|e| format!("{admin}: {e}"))?;
    if status != 200 {
        return Err(format!("{admin}: answered {status}"));
    }
    serde_json::from_str(&body).map_err(|error| format!("{admin}: {error}"))
}
