//! The console's way to real nodes.

use std::time::Instant;

use futures_util::future::BoxFuture;
use grid_node::{AdminAnswer, AdminRequest, ClientError, GridClient, NodeId, ShardId};

use crate::console::Nodes;

impl Nodes for GridClient {
    fn ask(
        &self,
        node: NodeId,
        request: AdminRequest,
        deadline: Instant,
    ) -> BoxFuture<'_, Result<AdminAnswer, ClientError>> {
        Box::pin(async move { self.admin(node, &request, deadline).await })
    }

    fn ask_leader(
        &self,
        shard: ShardId,
        request: AdminRequest,
        deadline: Instant,
    ) -> BoxFuture<'_, Result<AdminAnswer, ClientError>> {
        Box::pin(async move { self.admin_leader(shard, &request, deadline).await })
    }
}
