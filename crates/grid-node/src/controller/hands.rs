//! How the controller reaches the groups it works on: over the grid's client, like everybody else.

use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;

use crate::ShardId;
use crate::admin::{AdminAnswer, AdminRequest};
use crate::client::GridClient;
use crate::shard::SubmitError;

/// Patience with a request; a shard without a leader must not hold up the others for long.
const PATIENCE: Duration = Duration::from_secs(3);

/// Why something was not done, or may not have been. Every request may be repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct HandsError(pub String);

impl HandsError {
    pub fn unexpected(answer: &AdminAnswer) -> Self {
        match answer {
            AdminAnswer::Refused(why) | AdminAnswer::Unknown(why) => Self(why.clone()),
            other => Self(format!("answered {other:?}")),
        }
    }
}

impl From<SubmitError> for HandsError {
    fn from(error: SubmitError) -> Self {
        Self(format!("the meta group: {error}"))
    }
}

/// Reaches a shard's leader, wherever it is. The connection to the grid in a node; a model in tests.
pub(crate) trait Hands: Send + Sync + 'static {
    /// Asks the node that leads a shard; bounded in time by the implementation.
    fn ask_leader(
        &self,
        shard: ShardId,
        request: AdminRequest,
    ) -> BoxFuture<'_, Result<AdminAnswer, HandsError>>;
}

impl Hands for GridClient {
    fn ask_leader(
        &self,
        shard: ShardId,
        request: AdminRequest,
    ) -> BoxFuture<'_, Result<AdminAnswer, HandsError>> {
        Box::pin(async move {
            let answer = self.admin_leader(shard, &request, Instant::now() + PATIENCE).await;
            match answer.map_err(|error| HandsError(format!("shard {shard}: {error}")))? {
                // Every replica reports, but only the leader's word counts.
                AdminAnswer::Replica(report) if !report.serving => {
                    Err(HandsError(format!("node {} does not lead shard {shard}", report.node)))
                }
                answer => Ok(answer),
            }
        })
    }
}
