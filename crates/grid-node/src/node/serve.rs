//! Opening the ports of a node whose groups are open, and starting its standing work.

use std::sync::Arc;
use std::time::Duration;

use super::consensus::Consensus;
use super::host::Host;
use super::membership::Membership;
use super::{GridNode, RoutePublisher, StartError, status};
use crate::machine::{QueryHandler, StateMachine};
use crate::platform::{Listening, Port};
use crate::port::protocol::{BUNDLE_BYTES_MAX, REQUEST_OVERHEAD_BYTES};
use crate::port::{ClientService, Desk};
use crate::raft::RaftService;
use crate::rpc::{Server, ServerOptions};

/// Connections from other nodes: three lanes each, and as many again while they reconnect.
const PEER_CONNECTIONS_MAX: usize = 256;
/// Requests of one lane that may wait for answers.
const PEER_IN_FLIGHT_MAX: usize = 4096;
/// What a message between nodes takes beside the largest command.
const MESSAGE_OVERHEAD_BYTES: usize = 64 << 10;
/// A message between nodes is at least this large: a piece of a snapshot, a read of the log.
const MESSAGE_BYTES_MIN: usize = 2 << 20;

/// The bound ports.
pub(super) struct Ports {
    pub raft: Listening,
    pub client: Listening,
}

/// All that serves.
pub(super) struct Serving<S: StateMachine> {
    pub host: Arc<Host<S>>,
    pub membership: Arc<Membership<S>>,
    pub handler: Arc<dyn QueryHandler<S>>,
}

impl<S: StateMachine> Serving<S> {
    /// Serves both ports and starts the standing work.
    pub fn serve(self, runtime: Consensus, ports: Ports) -> Result<GridNode<S>, StartError> {
        let (desk, publisher) = (self.desk(), self.publisher());
        self.serve_raft(&runtime, ports.raft)?;
        self.serve_clients((&desk, &publisher), ports.client)?;
        let Self { host, membership, .. } = self;
        let parts = &host.parts;
        membership.spawn(&parts.tasks, &parts.shutdown);
        let (hosting, followed) = (Arc::clone(&host), Arc::clone(&membership));
        let shutdown = parts.shutdown.clone();
        parts.tasks.spawn(async move {
            shutdown.run_until_cancelled(hosting.run(followed)).await;
        });
        Ok(GridNode {
            node_id: parts.node_id,
            hosted: Arc::clone(&host.hosted),
            registry: Arc::clone(&parts.registry),
            wal: parts.wal.clone(),
            failed: parts.failed.subscribe(),
            shutdown: parts.shutdown.clone(),
            tasks: parts.tasks.clone(),
            host,
            membership,
            desk,
            publisher,
            runtime: Some(runtime),
        })
    }

    fn serve_raft(&self, runtime: &Consensus, listening: Listening) -> Result<(), StartError> {
        let (parts, config) = (&self.host.parts, &self.membership.config);
        let _on_raft = runtime.handle().enter();
        let port = port(listening)?;
        let server = Server {
            service: Arc::new(RaftService {
                directory: Arc::clone(&self.membership.directory),
                registry: Arc::clone(&parts.registry),
                tasks: parts.tasks.clone(),
            }),
            options: ServerOptions {
                name: "raft",
                connections_max: PEER_CONNECTIONS_MAX,
                in_flight_max: PEER_IN_FLIGHT_MAX,
                body_bytes_max: config.batch.command_bytes_max.max(MESSAGE_BYTES_MIN)
                    + MESSAGE_OVERHEAD_BYTES,
            },
            tls: config.tls.tls(),
            shutdown: parts.shutdown.clone(),
            tasks: parts.tasks.clone(),
        };
        parts.tasks.spawn_on(server.run(port), runtime.handle());
        Ok(())
    }

    fn desk(&self) -> Arc<Desk<S>> {
        let parts = &self.host.parts;
        let (node_id, wal) = (parts.node_id, parts.wal.clone());
        let (hosted, view) = (Arc::clone(&self.host.hosted), Arc::clone(&self.membership.view));
        let all = Arc::clone(&hosted);
        let status = Arc::new(move || status::status(node_id, &all, &wal));
        Arc::new(Desk { hosted, view, status })
    }

    fn publisher(&self) -> Arc<RoutePublisher<S>> {
        let Self { host, membership, .. } = self;
        let (hosted, view) = (Arc::clone(&host.hosted), Arc::clone(&membership.view));
        let publisher = RoutePublisher::new(&membership.config, hosted, view);
        let publishing = Arc::clone(&publisher).run(host.parts.leaders_epoch.subscribe());
        let shutdown = host.parts.shutdown.clone();
        host.parts.tasks.spawn(async move { shutdown.run_until_cancelled(publishing).await });
        publisher
    }

    fn serve_clients(
        &self,
        (desk, publisher): (&Arc<Desk<S>>, &Arc<RoutePublisher<S>>),
        listening: Listening,
    ) -> Result<(), StartError> {
        let (parts, config) = (&self.host.parts, &self.membership.config);
        let port = port(listening)?;
        let limits = &config.limits;
        let service = ClientService {
            cluster_id: parts.cluster_id,
            node_id: parts.node_id,
            hosted: Arc::clone(&self.host.hosted),
            handler: Arc::clone(&self.handler),
            desk: Arc::clone(desk),
            publisher: Arc::clone(publisher),
            budget_max: Duration::from_millis(limits.budget_max_ms),
            shutdown: parts.shutdown.clone(),
            tasks: parts.tasks.clone(),
        };
        let server = Server {
            service: Arc::new(service),
            options: ServerOptions {
                name: "client",
                connections_max: limits.connections_max,
                in_flight_max: limits.in_flight_max,
                body_bytes_max: config.batch.command_bytes_max.max(BUNDLE_BYTES_MAX)
                    + REQUEST_OVERHEAD_BYTES,
            },
            tls: config.tls.tls(),
            shutdown: parts.shutdown.clone(),
            tasks: parts.tasks.clone(),
        };
        parts.tasks.spawn(server.run(port));
        Ok(())
    }
}

fn port(listening: Listening) -> Result<Port, StartError> {
    Port::new(listening).map_err(|source| StartError::Io { what: "listening".into(), source })
}
