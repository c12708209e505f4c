//! How a node comes to belong to the grid: which id its data directory has, and what to do when the
//! grid knows that id with another directory.
//!
//! Runs once, before the log is opened. A founder has its id from the configuration; everybody else
//! is given one by the meta group, which never gives the same twice (invariant I5).

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::StartError;
use super::ask::Asker;
use super::identity::{self, Identity};
use crate::NodeId;
use crate::config::NodeConfig;
use crate::meta::{MetaCommand, MetaRefusal, MetaReply, MetaState, NodeProfile, NodeState};
use crate::raft::wrong_log;
use crate::version::Versions;

/// Pause between attempts to be given an id.
const JOIN_AGAIN: Duration = Duration::from_millis(500);
/// One attempt to be given an id.
const JOIN_PATIENCE: Duration = Duration::from_secs(5);
/// Directories that hold what an id has acknowledged.
const LOG_DIRS: [&str; 2] = ["log", "snapshots"];
/// The saved view of the grid.
const VIEW: &str = "meta-view";

/// Settles who this node is. Waits for the grid when it has no id yet.
///
/// # Errors
/// [`StartError`] when the directory belongs to another grid, or the grid does not let it in.
pub(super) async fn settle(
    config: &NodeConfig,
    asker: &Asker,
    versions: Versions,
) -> Result<Identity, StartError> {
    let dir = &config.data_dir;
    let mut identity = match load(dir)? {
        Some(identity) => identity,
        None => save(dir, Identity::new(config.cluster_id, config.founder_id()))?,
    };
    if identity.cluster_id != config.cluster_id {
        let found = identity.cluster_id;
        let wanted = config.cluster_id;
        let file = identity::path(dir);
        return Err(StartError::Foreign { file, found, wanted });
    }
    let others = config.bootstrap();
    let mut replaces = None;
    if let Some(node_id) = identity.node_id.filter(|_| !identity.confirmed) {
        let known = asker.newest(&others).await.and_then(|state| judge(&state, node_id, &identity));
        match known {
            None => return Ok(identity),
            Some(Judgement::WrongLog) => return Err(StartError::Outcast(wrong_log(node_id))),
            Some(Judgement::GivenUp) => {
                tracing::warn!(node = node_id, "this node was given up: asking for a new id");
                clear(dir)?;
                identity = save(dir, Identity::new(config.cluster_id, None))?;
                replaces = Some(node_id);
            }
        }
    }
    match identity.node_id {
        Some(node_id) => {
            if config.founder_id().is_some_and(|configured| configured != node_id) {
                tracing::info!(node = node_id, "the id that this data directory was given counts");
            }
            Ok(identity)
        }
        None => {
            let profile = profile(config, identity.log_id, versions);
            join(config, asker, identity, (profile, replaces.or(config.founder_id()))).await
        }
    }
}

/// That no other process settled the same directory at the same time. Called once the log is held.
///
/// # Errors
/// [`StartError`] when one did.
pub(super) fn check_alone(config: &NodeConfig, identity: &Identity) -> Result<(), StartError> {
    match load(&config.data_dir)? {
        Some(found) if found.log_id == identity.log_id => Ok(()),
        _ => {
            let source = io::Error::other("it is not what this process has written or read");
            Err(failed("reading", &identity::path(&config.data_dir), source))
        }
    }
}

/// What the grid knows against an id with this directory.
enum Judgement {
    /// It belongs to another directory, whose node is still counted on.
    WrongLog,
    /// It belonged to another directory, which was given up.
    GivenUp,
}

fn judge(state: &MetaState, node_id: NodeId, identity: &Identity) -> Option<Judgement> {
    let record = state.node(node_id)?;
    match record.log_id {
        Some(log_id) if log_id == identity.log_id => None,
        _ if matches!(record.state, NodeState::Lost | NodeState::Removed) => {
            Some(Judgement::GivenUp)
        }
        Some(_) => Some(Judgement::WrongLog),
        None => None,
    }
}

/// Asks until the grid gives an id, or says that it never will.
async fn join(
    config: &NodeConfig,
    asker: &Asker,
    identity: Identity,
    (profile, replaces): (NodeProfile, Option<NodeId>),
) -> Result<Identity, StartError> {
    let command = MetaCommand::Join { profile, replaces };
    let mut others = config.bootstrap();
    let mut told = false;
    loop {
        let deadline = Instant::now() + JOIN_PATIENCE;
        match asker.change(&others, &command, deadline).await {
            Some(MetaReply::Joined(node_id)) => {
                tracing::info!(node = node_id, "the grid has given this node its id");
                let identity = Identity { node_id: Some(node_id), confirmed: true, ..identity };
                return save(&config.data_dir, identity);
            }
            Some(MetaReply::Refused(MetaRefusal::Conflict(reason))) if replaces.is_none() => {
                tracing::debug!(reason, "not let in yet");
            }
            Some(MetaReply::Refused(refusal)) => {
                return Err(StartError::Outcast(refusal.to_string()));
            }
            _ => {
                if !std::mem::replace(&mut told, true) {
                    tracing::warn!("the grid does not answer; asking until it gives an id");
                }
                // The leader may be a node that the configuration does not name.
                let state = asker.newest(&others).await;
                others.extend(state.iter().flat_map(client_addresses));
            }
        }
        tokio::time::sleep(JOIN_AGAIN).await;
    }
}

/// Client addresses of all nodes that belong to the grid.
pub(super) fn client_addresses(state: &MetaState) -> BTreeSet<SocketAddr> {
    let members = state.nodes().values().filter(|node| node.state.is_member());
    members.map(|node| node.addresses.client).collect()
}

/// What this node says about itself.
pub(super) fn profile(config: &NodeConfig, log_id: u128, reads: Versions) -> NodeProfile {
    let own = config.own_address();
    let addresses =
        crate::meta::NodeAddresses { raft: own.raft, client: own.client, admin: config.admin };
    let versions = (reads.oldest, reads.newest);
    NodeProfile { log_id, addresses, zone: config.zone.clone(), versions }
}

fn load(dir: &Path) -> Result<Option<Identity>, StartError> {
    Identity::load(dir).map_err(|source| failed("reading", &identity::path(dir), source))
}

fn save(dir: &Path, identity: Identity) -> Result<Identity, StartError> {
    let path = identity::path(dir);
    identity.save(dir).map_err(|source| failed("writing", &path, source))?;
    Ok(identity)
}

/// Removes what was kept under an id that this directory never rightly had.
fn clear(dir: &Path) -> Result<(), StartError> {
    let gone = |result: io::Result<()>, path: PathBuf| match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(failed("removing", &path, error))
        }
        _ => Ok(()),
    };
    for name in LOG_DIRS {
        let path = dir.join(name);
        gone(std::fs::remove_dir_all(&path), path)?;
    }
    let path = dir.join(VIEW);
    gone(std::fs::remove_file(&path), path)
}

fn failed(what: &str, path: &Path, source: io::Error) -> StartError {
    StartError::Io { what: format!("{what} {}", path.display()), source }
}
