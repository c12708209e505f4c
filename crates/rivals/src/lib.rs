//! Other ways to sell seats, built as their experts would, to be measured beside seatgrid.
//!
//! Each rival stands behind the same accept loop, layers, extractors and answers as the product's
//! router; only what keeps the seats differs. `seatgrid bench compare` starts them as processes of
//! their own. Nothing on the selling path uses this crate, and it must never be used to sell.

mod backend;
mod edge;
mod edge_only;
mod hall;
mod microservices;
mod postgres;
mod redis;

use std::net::SocketAddr;

use http_api::server::{self, ServerLimits};
use http_api::telemetry;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use backend::Backend;
pub use hall::Hall;

/// Connections to PostgreSQL: more than the processors have work for, so that commits share a sync.
pub const POSTGRES_CONNECTIONS: u32 = 32;
/// How long a hold lives, in seconds; as the demonstration events have it.
pub const HOLD_TTL_S: u32 = 300;

/// A rival.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rival {
    /// The edge alone: every wish is granted at once and forgotten.
    EdgeOnly,
    /// PostgreSQL, `SELECT … FOR UPDATE` of the named seats in their order.
    PostgresLocks {
        /// The database.
        url: String,
    },
    /// PostgreSQL, best available with `SKIP LOCKED`.
    PostgresSkipLocked {
        /// The database.
        url: String,
    },
    /// Redis with one Lua script a hold.
    Redis {
        /// The server.
        address: SocketAddr,
        /// Replicas that must have a hold before it is answered.
        replicas: u32,
    },
    /// The edge of the microservice version: asks the reservation service over HTTP.
    Gateway {
        /// That service.
        reservations: SocketAddr,
    },
    /// The reservation service of the microservice version: PostgreSQL row locks behind a cache.
    Reservations {
        /// Its database.
        url: String,
        /// Its cache, a Redis.
        cache: SocketAddr,
    },
}

/// Why a rival does not run.
#[derive(Debug, thiserror::Error)]
pub enum RivalError {
    /// Its database refuses.
    #[error("the rival's database: {0}")]
    Database(#[from] sqlx::Error),
    /// Its Redis refuses.
    #[error("the rival's Redis: {0}")]
    Redis(String),
}

/// Makes the tables and fills them; once for a database, before its rivals start.
///
/// # Errors
/// When the database refuses.
pub async fn prepare_database(url: &str, hall: &Hall) -> Result<(), RivalError> {
    Ok(postgres::prepare(url, hall).await?)
}

/// Serves until `shutdown`.
///
/// # Errors
/// When what keeps its seats cannot be reached.
pub async fn serve(
    rival: Rival,
    hall: Hall,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> Result<(), RivalError> {
    // As in the router: requests are counted and timed.
    telemetry::install();
    let limits = ServerLimits::default();
    let routes = match rival {
        Rival::Reservations { url, cache } => microservices::reservations(&url, cache).await?,
        other => edge::routes(Backend::connect(other).await?, hall),
    };
    server::serve(listener, routes, limits, shutdown).await;
    Ok(())
}
