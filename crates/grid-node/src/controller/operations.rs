//! Operators' goals: begins the changes they need, and says when they are reached.

use super::{Controller, HandsError, MOVES_MAX};
use crate::admin::AdminRequest;
use crate::meta::{MetaCommand, MetaState, Operation, OperationKind, OperationState};
use crate::planner::{self, Scope};
use crate::{NodeId, ShardId};

/// How an operation stands after a look.
struct Standing {
    state: OperationState,
    note: String,
    moves_total: u32,
}

impl Standing {
    fn running(note: impl Into<String>, moves_total: u32) -> Self {
        Self { state: OperationState::Running, note: note.into(), moves_total }
    }

    fn done(moves_total: u32) -> Self {
        Self { state: OperationState::Done, note: String::new(), moves_total }
    }
}

impl Controller {
    /// Works on every operation; whether any is running.
    pub(super) async fn pursue(&self, state: &MetaState, moving: usize) -> bool {
        let running = |o: &&Operation| o.state == OperationState::Running;
        let mut free = MOVES_MAX.saturating_sub(moving);
        let mut any = false;
        for operation in state.operations().values().filter(running) {
            any = true;
            let standing = match self.look(state, operation, &mut free).await {
                Ok(standing) => standing,
                Err(error) => {
                    let total = operation.moves_total;
                    Standing::running(error.to_string(), total)
                }
            };
            self.tell(operation, standing).await;
        }
        any
    }

    async fn tell(&self, operation: &Operation, standing: Standing) {
        let Standing { state, note, moves_total } = standing;
        let same = operation.state == state
            && operation.note == note
            && operation.moves_total == moves_total;
        if same {
            return;
        }
        if state.is_over() {
            tracing::info!(operation = operation.id, kind = ?operation.kind, ?state, "operation");
        }
        let report = MetaCommand::Report { operation: operation.id, state, note, moves_total };
        if let Err(error) = self.change(report).await {
            tracing::debug!(operation = operation.id, %error, "not reported yet");
        }
    }

    async fn look(
        &self,
        state: &MetaState,
        operation: &Operation,
        free: &mut usize,
    ) -> Result<Standing, HandsError> {
        match operation.kind {
            OperationKind::TransferLeader { shard, to } => self.transfer(shard, to).await,
            OperationKind::Activate { version } => Ok(Self::raised(state, version)),
            OperationKind::RemoveNode { .. } => Ok(Standing::done(0)),
            OperationKind::FoundShard { shard, .. } => self.founded(state, shard).await,
            _ => match Scope::of(&operation.kind) {
                Some(scope) => self.relocate(state, operation, (&scope, free)).await,
                None => Ok(Standing::done(0)),
            },
        }
    }

    /// Begins what is missing, as far as there is room.
    async fn relocate(
        &self,
        state: &MetaState,
        operation: &Operation,
        (scope, free): (&Scope, &mut usize),
    ) -> Result<Standing, HandsError> {
        let own = |shard: &&crate::meta::ShardRecord| {
            shard.moving.is_some_and(|moving| moving.operation == operation.id)
        };
        let under_way = state.shards().values().filter(own).count();
        let plan = self.plans.lock().get(state, operation.id, scope);
        let ahead = u32::try_from(plan.len() + under_way).unwrap_or(u32::MAX);
        let total = operation.moves_done.saturating_add(ahead);
        if plan.is_empty() && under_way == 0 {
            return Ok(match unreached(state, &operation.kind) {
                Some(note) => Standing::running(note, total),
                None => Standing::done(total),
            });
        }
        if state.switches().moves_paused {
            return Ok(Standing::running("changes of replicas are paused by a switch", total));
        }
        let ready = |shard: ShardId| {
            state.shards().get(&shard).is_some_and(|record| record.moving.is_none())
        };
        let mut begun: Vec<ShardId> = Vec::new();
        for &change in plan.iter() {
            if *free == 0 {
                break;
            }
            if !ready(change.shard) || begun.contains(&change.shard) {
                continue;
            }
            let planner::Change { shard, add, remove } = change;
            let start = MetaCommand::StartMove { shard, add, remove, operation: operation.id };
            self.change(start).await?;
            begun.push(shard);
            *free -= 1;
        }
        Ok(Standing::running("", total))
    }

    async fn transfer(&self, shard: ShardId, to: NodeId) -> Result<Standing, HandsError> {
        if self.report(shard).await?.leader == Some(to) {
            return Ok(Standing::done(0));
        }
        self.instruct(shard, AdminRequest::TransferLeader { shard, to }).await?;
        Ok(Standing::running(format!("shard {shard} is being handed over"), 0))
    }

    /// Its founders need no help: they follow the table.
    async fn founded(&self, state: &MetaState, shard: ShardId) -> Result<Standing, HandsError> {
        if !self.report(shard).await?.serving {
            return Ok(Standing::running(format!("shard {shard} has no leader yet"), 0));
        }
        Ok(match shards_behind(state, state.version()).contains(&shard) {
            true => Standing::running(format!("shard {shard} goes by an older version"), 0),
            false => Standing::done(0),
        })
    }

    /// How an activation stands; [`Controller::raise_all`] does the work.
    fn raised(state: &MetaState, version: u32) -> Standing {
        let behind = shards_behind(state, version);
        match behind.is_empty() {
            true => Standing::done(0),
            false => Standing::running(format!("shards {behind:?} go by an older version"), 0),
        }
    }

    /// Brings every shard to the version that the grid goes by; whether one was behind.
    pub(super) async fn raise_all(&self, state: &MetaState) -> bool {
        let version = state.version();
        let behind = shards_behind(state, version);
        for &shard in &behind {
            if let Err(error) = self.raise(shard, version).await {
                tracing::debug!(shard, version, %error, "not raised yet");
            }
        }
        !behind.is_empty()
    }

    async fn raise(&self, shard: ShardId, version: u32) -> Result<(), HandsError> {
        self.instruct(shard, AdminRequest::RaiseVersion { shard, version }).await?;
        self.change(MetaCommand::Raised { shard, version }).await.map(drop)
    }
}

/// Shards whose logs lack the barrier of a version.
fn shards_behind(state: &MetaState, version: u32) -> Vec<ShardId> {
    let behind = state.shards().iter().filter(|(_, record)| record.version < version);
    behind.map(|(shard, _)| *shard).collect()
}

/// Why a goal is not reached although nothing can be begun.
fn unreached(state: &MetaState, kind: &OperationKind) -> Option<String> {
    let left = match *kind {
        OperationKind::RecoverNode { node } => state.shards_of(node),
        _ => state.left_to_drain(kind),
    };
    let needed = "no active node can take the replicas of";
    (!left.is_empty()).then(|| format!("{needed} shards {left:?}: add a node"))
}
