//! The operators' and the controller's requests on the client port: handed to the group they are
//! about, or answered from the meta group's state.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::protocol::Answer;
use super::{ClientService, where_is};
use crate::ShardId;
use crate::admin::{AdminAnswer, AdminRequest};
use crate::codec;
use crate::machine::StateMachine;
use crate::meta::{MetaCommand, MetaReply, MetaState};
use crate::node::{Hosted, META, MetaView, NodeStatus};
use crate::shard::{ReadError, Shard, SubmitError};

impl<S: StateMachine> ClientService<S> {
    /// Answers an encoded request; what only a leader can carry out is answered elsewhere with where
    /// the leader is.
    pub(super) fn admin(
        &self,
        body: Bytes,
        deadline: Instant,
    ) -> impl Future<Output = Answer> + Send + use<S> {
        let (desk, publisher) = (Arc::clone(&self.desk), Arc::clone(&self.publisher));
        async move {
            let request = match codec::decode::<AdminRequest>(&body) {
                Ok(request) => request,
                Err(error) => return Answer::Malformed(error.to_string()),
            };
            let led = led_shard(&request);
            match (desk.carry_out(request, deadline).await, led) {
                (AdminAnswer::NotLeader { .. } | AdminAnswer::NotHere, Some(shard)) => {
                    where_is(&desk.hosted, &publisher.load(), shard)
                }
                (answer, _) => Answer::Ok(codec::encode(&answer)),
            }
        }
    }
}

/// The shard whose leader alone can carry out a request.
fn led_shard(request: &AdminRequest) -> Option<ShardId> {
    match request {
        AdminRequest::Meta { fresh: true } | AdminRequest::Change(_) => Some(META),
        AdminRequest::AddLearner { shard, .. }
        | AdminRequest::SetVoters { shard, .. }
        | AdminRequest::TransferLeader { shard, .. }
        | AdminRequest::RaiseVersion { shard, .. } => Some(*shard),
        AdminRequest::Meta { fresh: false }
        | AdminRequest::Replica { .. }
        | AdminRequest::Digest { .. }
        | AdminRequest::Snapshot { .. }
        | AdminRequest::Status => None,
    }
}

/// Where operators' requests are carried out.
pub(crate) struct Desk<S: StateMachine> {
    pub hosted: Arc<Hosted<S>>,
    pub view: Arc<MetaView>,
    pub status: Arc<dyn Fn() -> NodeStatus + Send + Sync>,
}

impl<S: StateMachine> Desk<S> {
    /// The meta group's state as known here once it is newer than `known`, with the pins that changed
    /// since; nothing if it is not by the deadline. Without a replica of the meta group this node only
    /// knows what it is told, possibly by the one that asks, and answers at once.
    pub async fn meta_watch(self: Arc<Self>, known: u64, deadline: Instant) -> Answer {
        let mut revision = self.view.watch();
        if self.hosted.meta().is_some() {
            let newer = revision.wait_for(|revision| *revision > known);
            // No news is an answer, too.
            let _ = tokio::time::timeout_at(deadline.into(), newer).await;
        }
        match self.view.get().filter(|state| state.revision() > known) {
            Some(state) => Answer::Ok(codec::encode(&state.told_since(known))),
            None => Answer::Ok(Bytes::new()),
        }
    }

    /// Carries out a request.
    pub async fn carry_out(&self, request: AdminRequest, deadline: Instant) -> AdminAnswer {
        let shard = match &request {
            AdminRequest::Meta { fresh } => return self.meta_state(*fresh, deadline).await,
            AdminRequest::Change(command) => return self.change(command, deadline).await,
            AdminRequest::Status => return AdminAnswer::Status(Box::new((self.status)())),
            AdminRequest::AddLearner { shard, .. }
            | AdminRequest::SetVoters { shard, .. }
            | AdminRequest::TransferLeader { shard, .. }
            | AdminRequest::RaiseVersion { shard, .. }
            | AdminRequest::Replica { shard }
            | AdminRequest::Digest { shard }
            | AdminRequest::Snapshot { shard } => *shard,
        };
        let Some(group) = self.hosted.control(shard) else { return AdminAnswer::NotHere };
        match tokio::time::timeout_at(deadline.into(), group.control(request)).await {
            Ok(answer) => answer,
            Err(_) => AdminAnswer::Unknown("it did not end in time".into()),
        }
    }

    async fn meta_state(&self, fresh: bool, deadline: Instant) -> AdminAnswer {
        let known = |state: &MetaState| AdminAnswer::Meta(Box::new(state.clone()));
        if !fresh {
            return match self.view.get() {
                Some(state) => known(&state),
                None => AdminAnswer::Refused("this node has not heard of the grid yet".into()),
            };
        }
        let Some(meta) = self.hosted.meta() else { return AdminAnswer::NotHere };
        match meta.read_fresh(deadline, known).await {
            Ok(answer) => answer,
            Err(ReadError::NotLeader { hint }) => AdminAnswer::NotLeader { hint },
            Err(error @ (ReadError::Expired | ReadError::Stopped)) => {
                AdminAnswer::Refused(error.to_string())
            }
        }
    }

    async fn change(&self, command: &MetaCommand, deadline: Instant) -> AdminAnswer {
        let Some(meta) = self.hosted.meta() else { return AdminAnswer::NotHere };
        changed(&meta, command, deadline).await
    }
}

async fn changed(meta: &Shard<MetaState>, command: &MetaCommand, deadline: Instant) -> AdminAnswer {
    match meta.submit(codec::encode(command), deadline).await {
        Ok(reply) => match codec::decode::<MetaReply>(&reply) {
            Ok(reply) => AdminAnswer::Changed(reply),
            Err(error) => AdminAnswer::Refused(error.to_string()),
        },
        Err(SubmitError::NotLeader { hint }) => AdminAnswer::NotLeader { hint },
        Err(error @ SubmitError::Unknown) => AdminAnswer::Unknown(error.to_string()),
        Err(error) => AdminAnswer::Refused(error.to_string()),
    }
}
