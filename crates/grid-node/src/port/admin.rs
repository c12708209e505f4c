//! Operators' and the controller's instructions, as they come in on the client port.
//!
//! Each is carried out by the part that owns it; here they are only told apart. An instruction that
//! only a leader can carry out is refused elsewhere, with where the leader is.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::protocol::Answer;
use super::{ClientService, moved};
use crate::admin::{AdminAnswer, AdminRequest};
use crate::codec;
use crate::machine::StateMachine;
use crate::meta::{MetaCommand, MetaState};
use crate::shard::{ReadError, Shard, SubmitError};

impl<S: StateMachine> ClientService<S> {
    pub(super) fn admin(
        &self,
        body: Bytes,
        deadline: Instant,
    ) -> impl Future<Output = Answer> + Send + use<S> {
        let (meta, status) = (self.hosted.meta(), Arc::clone(&self.status));
        let (elsewhere, publisher) = (self.where_is(0), Arc::clone(&self.publisher));
        async move {
            let answer = match (codec::decode(&body), &meta) {
                (Err(error), _) => return Answer::Malformed(error.to_string()),
                (Ok(AdminRequest::Status), _) => AdminAnswer::Status(Box::new(status())),
                (Ok(AdminRequest::Meta { fresh }), Some(meta)) => read(meta, fresh, deadline).await,
                (Ok(AdminRequest::Change(command)), Some(meta)) => {
                    change(meta, command, deadline).await
                }
                (Ok(AdminRequest::Meta { .. } | AdminRequest::Change(_)), None) => {
                    return elsewhere;
                }
                (Ok(other), _) => AdminAnswer::Refused(format!("{other:?} is not for this port")),
            };
            match (answer, meta) {
                (AdminAnswer::NotLeader { .. }, Some(meta)) => moved(&publisher.load(), &meta),
                (answer, _) => Answer::Ok(codec::encode(&answer)),
            }
        }
    }
}

async fn read(meta: &Shard<MetaState>, fresh: bool, deadline: Instant) -> AdminAnswer {
    let state = if fresh {
        meta.read_fresh(deadline, MetaState::clone).await
    } else {
        Ok(meta.read(MetaState::clone))
    };
    match state {
        Ok(state) => AdminAnswer::Meta(Box::new(state)),
        Err(ReadError::NotLeader { hint }) => AdminAnswer::NotLeader { hint },
        Err(error) => AdminAnswer::Refused(error.to_string()),
    }
}

async fn change(meta: &Shard<MetaState>, command: MetaCommand, deadline: Instant) -> AdminAnswer {
    match meta.submit(codec::encode(&command), deadline).await {
        Ok(reply) => match codec::decode(&reply) {
            Ok(reply) => AdminAnswer::Changed(reply),
            Err(error) => AdminAnswer::Unknown(error.to_string()),
        },
        Err(SubmitError::NotLeader { hint }) => AdminAnswer::NotLeader { hint },
        Err(SubmitError::Unknown) => AdminAnswer::Unknown(SubmitError::Unknown.to_string()),
        Err(error) => AdminAnswer::Refused(error.to_string()),
    }
}
