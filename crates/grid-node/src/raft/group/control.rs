//! A group as operators and the controller handle it, whatever it replicates.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::{ChangeError, Group, RaiseError, TransferError};
use crate::admin::{AdminAnswer, AdminRequest};
use crate::machine::StateMachine;
use crate::raft::snapshot_task;

/// A group under an operator's hand.
pub(crate) trait Control: Send + Sync {
    /// Carries out a request that is about this group.
    fn control(self: Arc<Self>, request: AdminRequest) -> BoxFuture<'static, AdminAnswer>;
}

impl<S: StateMachine> Control for Group<S> {
    fn control(self: Arc<Self>, request: AdminRequest) -> BoxFuture<'static, AdminAnswer> {
        Box::pin(async move {
            match request {
                AdminRequest::AddLearner { node, .. } => done(self.add_learner(node).await),
                AdminRequest::SetVoters { voters, .. } => {
                    let voters: BTreeSet<_> = voters.into_iter().collect();
                    done(self.set_voters(&voters).await.map(drop))
                }
                AdminRequest::TransferLeader { to, .. } => self.transferred(to).await,
                AdminRequest::Replica { .. } => AdminAnswer::Replica(Box::new(self.report())),
                AdminRequest::Digest { .. } => {
                    let (applied_index, digest) = self.replica.digest();
                    AdminAnswer::Digest { applied_index, digest }
                }
                AdminRequest::Snapshot { .. } => {
                    if snapshot_task::now(&self).await {
                        AdminAnswer::Done
                    } else {
                        AdminAnswer::Unknown("no snapshot was made in time".into())
                    }
                }
                AdminRequest::RaiseVersion { version, .. } => {
                    raised(self.raise_version(version).await)
                }
                AdminRequest::Meta { .. } | AdminRequest::Change(_) | AdminRequest::Status => {
                    AdminAnswer::Refused("it is about no single group".into())
                }
            }
        })
    }
}

impl<S: StateMachine> Group<S> {
    async fn transferred(&self, to: crate::NodeId) -> AdminAnswer {
        if to == self.node_id && self.serves() {
            return AdminAnswer::Done;
        }
        match self.transfer_to(to).await {
            Ok(gap) => {
                metrics::histogram!("seatgrid_leader_transfer_seconds").record(gap);
                AdminAnswer::Done
            }
            Err(TransferError::NotLeader { hint: Some(hint) }) if hint == to => AdminAnswer::Done,
            Err(TransferError::NotLeader { hint }) => AdminAnswer::NotLeader { hint },
            Err(error @ TransferError::NotReady { .. }) => AdminAnswer::Refused(error.to_string()),
            Err(error) => AdminAnswer::Unknown(error.to_string()),
        }
    }
}

fn raised(raised: Result<(), RaiseError>) -> AdminAnswer {
    match raised {
        Ok(()) => AdminAnswer::Done,
        Err(RaiseError::NotLeader { hint }) => AdminAnswer::NotLeader { hint },
        Err(RaiseError::Refused(reason)) => AdminAnswer::Refused(reason),
        Err(error @ (RaiseError::Unknown | RaiseError::Stopped)) => {
            AdminAnswer::Unknown(error.to_string())
        }
    }
}

fn done(changed: Result<(), ChangeError>) -> AdminAnswer {
    match changed {
        Ok(()) => AdminAnswer::Done,
        Err(ChangeError::NotLeader { hint }) => AdminAnswer::NotLeader { hint },
        Err(error @ (ChangeError::Busy | ChangeError::Refused(_))) => {
            AdminAnswer::Refused(error.to_string())
        }
        Err(error @ (ChangeError::Unknown | ChangeError::Stopped)) => {
            AdminAnswer::Unknown(error.to_string())
        }
    }
}
