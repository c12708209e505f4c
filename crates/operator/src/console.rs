//! Asks all nodes, draws the picture, carries orders out. Holds no state: any unit's console gives
//! the same answers, and an order given twice is one order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::{BoxFuture, join_all};
use grid_node::meta::{MetaCommand, OperationKind};
use grid_node::planner::{self, Scope};
use grid_node::{
    AdminAnswer, AdminRequest, ClientError, MetaReply, MetaState, NodeId, NodeStatus, Pin, ShardId,
};

use crate::events::Events;
use crate::model::{DigestView, OperationView, Overview, Receipt, Stage};
use crate::orders::{Order, Refusal, plan};
use crate::picture::{Facts, Table, overview};
use crate::tables::{command, move_sentence};

/// The meta group's leader: it may be elected meanwhile.
const META_WITHIN: Duration = Duration::from_secs(3);
/// One node's own figures: a living node answers in milliseconds.
const STATUS_WITHIN: Duration = Duration::from_millis(1_500);
/// A command of the meta group.
const CHANGE_WITHIN: Duration = Duration::from_secs(5);
/// A fingerprint costs as much as a snapshot.
const DIGEST_WITHIN: Duration = Duration::from_secs(30);
/// The meta group.
const META: ShardId = 0;

/// How the console reaches nodes.
pub trait Nodes: Send + Sync + 'static {
    /// Asks one node.
    fn ask(
        &self,
        node: NodeId,
        request: AdminRequest,
        deadline: Instant,
    ) -> BoxFuture<'_, Result<AdminAnswer, ClientError>>;

    /// Asks whoever leads a shard.
    fn ask_leader(
        &self,
        shard: ShardId,
        request: AdminRequest,
        deadline: Instant,
    ) -> BoxFuture<'_, Result<AdminAnswer, ClientError>>;
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The order is not carried out.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The meta group has no leader; nothing happened.
    #[error("the meta group has no leader")]
    NoLeader,
    /// It may have happened; giving the order again is harmless.
    #[error("the outcome is unknown; the same order again tells")]
    Unknown,
    /// Something else; nothing happened.
    #[error("{0}")]
    Failed(String),
}

/// The operator's side of one unit; cheap to clone.
#[derive(Clone)]
pub struct Console {
    me: NodeId,
    nodes: Arc<dyn Nodes>,
    events: Option<Arc<dyn Events>>,
}

impl std::fmt::Debug for Console {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Console").field("me", &self.me).finish_non_exhaustive()
    }
}

impl Console {
    /// A console on a node.
    pub fn new(me: NodeId, nodes: Arc<dyn Nodes>) -> Self {
        Self { me, nodes, events: None }
    }

    /// The same with an application that takes orders about events.
    #[must_use]
    pub fn with_events(self, events: Arc<dyn Events>) -> Self {
        Self { events: Some(events), ..self }
    }

    pub(crate) fn events(&self) -> Option<&dyn Events> {
        self.events.as_deref()
    }

    /// The picture of the grid. Without a leader of the meta group it is drawn from the tables as
    /// this node last knew them.
    ///
    /// # Errors
    /// When not even this node knows the tables.
    pub async fn overview(&self) -> Result<Overview, Trouble> {
        let state = match self.fresh().await {
            Ok(state) => state,
            Err(Trouble::NoLeader) => self.known().await?,
            Err(other) => return Err(other),
        };
        Ok(self.draw(&state).await)
    }

    /// Where an event is pinned.
    ///
    /// # Errors
    /// [`Refusal::Missing`], or no leader of the meta group.
    pub async fn pin_of(&self, event: &str) -> Result<Pin, Trouble> {
        self.place_of(event).await.map(|(pin, _)| pin)
    }

    /// The pin of an event and the revision of its last change.
    pub(crate) async fn place_of(&self, event: &str) -> Result<(Pin, u64), Trouble> {
        let place = self.fresh().await?.pin_changed(event);
        place.ok_or_else(|| Refusal::Missing(format!("event {event} is not in the grid")).into())
    }

    /// Operations that are not over, and the newest that are.
    ///
    /// # Errors
    /// No leader of the meta group.
    pub async fn operations(&self) -> Result<Vec<OperationView>, Trouble> {
        Ok(Table::from(&self.fresh().await?).operations)
    }

    /// Carries an order out, or only shows what would be done.
    ///
    /// # Errors
    /// [`Trouble`]; all but `Unknown` say that nothing happened.
    pub async fn perform(&self, order: &Order, dry_run: bool) -> Result<Receipt, Trouble> {
        let state = self.fresh().await?;
        let grid = self.draw(&state).await;
        let plan = plan(order, &grid)?;
        let receipt = |operation| Receipt { plan: plan.steps.clone(), dry_run, operation };
        if !plan.needed {
            return Ok(receipt(None));
        }
        if order.is_about_an_event() {
            return self.perform_on_event(order, dry_run).await;
        }
        let Some(command) = command(order, &state, &grid) else {
            if let (Order::ShardSnapshot { shard }, false) = (order, dry_run) {
                self.snapshot(&grid, *shard).await?;
            }
            return Ok(receipt(None));
        };
        if dry_run {
            let moves = rehearse(state, command)?;
            return Ok(Receipt { plan: [plan.steps, moves].concat(), dry_run, operation: None });
        }
        Ok(receipt(self.change(command).await?))
    }

    /// Commits a command of the meta group; the operation that it has begun.
    pub(crate) async fn change(&self, command: MetaCommand) -> Result<Option<u64>, Trouble> {
        let request = AdminRequest::Change(command);
        let deadline = Instant::now() + CHANGE_WITHIN;
        match self.nodes.ask_leader(META, request, deadline).await {
            Ok(AdminAnswer::Changed(reply)) => operation_of(reply),
            other => Err(trouble(other)),
        }
    }

    /// The fingerprints of a shard's living replicas.
    ///
    /// # Errors
    /// [`Trouble`]; a replica that cannot answer is left out.
    pub async fn digests(&self, shard: ShardId) -> Result<Vec<DigestView>, Trouble> {
        let grid = self.overview().await?;
        let known = grid.shards.iter().find(|known| known.shard == shard);
        let known = known.ok_or_else(|| Refusal::Missing(format!("there is no shard {shard}")))?;
        let deadline = Instant::now() + DIGEST_WITHIN;
        let living = known.replicas.iter().filter(|replica| replica.alive).map(|r| r.node);
        let asked = living.map(|node| async move {
            let answer = self.nodes.ask(node, AdminRequest::Digest { shard }, deadline).await;
            let Ok(AdminAnswer::Digest { applied_index, digest }) = answer else { return None };
            Some(DigestView { node, applied_index, digest: format!("{digest:016x}") })
        });
        Ok(join_all(asked).await.into_iter().flatten().collect())
    }

    /// The meta group's tables as its leader has them.
    async fn fresh(&self) -> Result<MetaState, Trouble> {
        let request = AdminRequest::Meta { fresh: true };
        match self.nodes.ask_leader(META, request, Instant::now() + META_WITHIN).await {
            Ok(AdminAnswer::Meta(state)) => Ok(*state),
            Err(ClientError::NoLeader | ClientError::Unknown) => Err(Trouble::NoLeader),
            other => Err(trouble(other)),
        }
    }

    /// The same as this node knows them.
    async fn known(&self) -> Result<MetaState, Trouble> {
        let request = AdminRequest::Meta { fresh: false };
        match self.nodes.ask(self.me, request, Instant::now() + STATUS_WITHIN).await {
            Ok(AdminAnswer::Meta(state)) => Ok(*state),
            other => Err(trouble(other)),
        }
    }

    async fn draw(&self, state: &MetaState) -> Overview {
        let table = Table::from(state);
        let deadline = Instant::now() + STATUS_WITHIN;
        // Who was given up is not waited for.
        let gone = |stage| matches!(stage, Stage::Removed | Stage::Lost);
        let members = table.nodes.iter().filter(|(_, row)| !gone(row.state));
        let asked =
            members.map(|(node, _)| async move { (*node, self.status(*node, deadline).await) });
        let statuses: BTreeMap<_, _> = join_all(asked).await.into_iter().collect();
        overview(&Facts { asked: self.me, table, statuses })
    }

    async fn status(&self, node: NodeId, deadline: Instant) -> Result<NodeStatus, String> {
        match self.nodes.ask(node, AdminRequest::Status, deadline).await {
            Ok(AdminAnswer::Status(status)) => Ok(*status),
            other => Err(trouble(other).to_string()),
        }
    }

    async fn snapshot(&self, grid: &Overview, shard: ShardId) -> Result<(), Trouble> {
        let known = grid.shards.iter().filter(|known| known.shard == shard);
        let living = known.flat_map(|known| &known.replicas).filter(|replica| replica.alive);
        let deadline = Instant::now() + DIGEST_WITHIN;
        let asked = living.map(|replica| {
            self.nodes.ask(replica.node, AdminRequest::Snapshot { shard }, deadline)
        });
        for answer in join_all(asked).await {
            if !matches!(answer, Ok(AdminAnswer::Done)) {
                return Err(trouble(answer));
            }
        }
        Ok(())
    }
}

/// What the meta group would say and which replicas would move, on a copy of its state.
fn rehearse(mut state: MetaState, command: MetaCommand) -> Result<Vec<String>, Trouble> {
    let kind = match &command {
        MetaCommand::Begin { kind } => Some(kind.clone()),
        MetaCommand::ApplyLayout { version } => {
            Some(OperationKind::ApplyLayout { version: *version })
        }
        _ => None,
    };
    let newest = state.operations().values().map(|known| known.changed_at_ms).max().unwrap_or(0);
    operation_of(state.execute(command, newest))?;
    let scope = kind.as_ref().and_then(Scope::of);
    let moves = scope.map_or_else(Vec::new, |scope| planner::plan(&state, &scope));
    Ok(moves.iter().map(move_sentence).collect())
}

/// The operation that a command has begun.
fn operation_of(reply: MetaReply) -> Result<Option<u64>, Trouble> {
    match reply {
        MetaReply::Begun(operation) => Ok(Some(operation)),
        MetaReply::Done | MetaReply::Pinned(_) | MetaReply::Joined(_) => Ok(None),
        MetaReply::Refused(refusal) => Err(Refusal::from(refusal).into()),
        MetaReply::Invalid => {
            Err(Refusal::Senseless("the meta group cannot read that order".to_owned()).into())
        }
    }
}

/// An answer that is not the wanted one.
fn trouble(answer: Result<AdminAnswer, ClientError>) -> Trouble {
    match answer {
        Err(ClientError::NoLeader) | Ok(AdminAnswer::NotLeader { .. }) => Trouble::NoLeader,
        Err(ClientError::Unknown) | Ok(AdminAnswer::Unknown(_)) => Trouble::Unknown,
        Err(error) => Trouble::Failed(error.to_string()),
        Ok(AdminAnswer::Refused(why)) => Trouble::Refused(Refusal::Conflict(why)),
        Ok(AdminAnswer::NotHere) => Trouble::Failed("the node has no such replica".to_owned()),
        Ok(_) => Trouble::Failed("the node answered something else".to_owned()),
    }
}

#[cfg(test)]
pub(crate) mod tests;
