//! One router from start to stop: binds its ports first, so that a port in use is one clear line;
//! then serves; at shutdown says so to load balancers, closes the streams, and drains.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router as Routes;
use http_api::TrustedProxies;
use http_api::access::Access;
use http_api::admin::{self, Probes};
use http_api::server::{self, BindError};
use http_api::telemetry;
use http_api::token::{KeyFileError, TokenKey};
use processing_unit::Grid;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::attempts::Attempts;
use crate::config::{ConfigError, RouterConfig};
use crate::credits::Credits;
use crate::hot::Edge;
use crate::office::{Catalogue, Office};
use crate::pages::Rooms;
use crate::seatmap::SeatMaps;
use crate::state::{App, Router};
use crate::{attempts, readiness, routes};

/// Why a router does not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Knobs do not fit each other.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The key of hold tokens or those of access tokens cannot be used.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// A port is in use.
    #[error(transparent)]
    Bind(#[from] BindError),
}

/// A router that holds its ports and its key but does not serve yet.
pub struct Bound {
    config: RouterConfig,
    tokens: TokenKey,
    access: Access,
    proxies: TrustedProxies,
    listener: TcpListener,
    admin: TcpListener,
}

impl Bound {
    /// Checks the configuration, reads the key and takes the ports.
    ///
    /// # Errors
    /// When any of them cannot be had; nothing is left behind then.
    pub async fn new(config: RouterConfig) -> Result<Self, RunError> {
        config.validate()?;
        let proxies = config.proxies()?;
        let tokens = TokenKey::load(&config.hold_token_key_file)?;
        let access = Access::load(config.access_key_file.as_deref(), config.is_https)?;
        let fitting = server::allow_connections(config.connections_max);
        if fitting < config.connections_max {
            let wanted = config.connections_max;
            tracing::warn!(wanted, fitting, "the limit of open files allows fewer connections");
        }
        let listener = server::bind(config.listen).await?;
        let admin = server::bind(config.admin_listen).await?;
        Ok(Self { config, tokens, access, proxies, listener, admin })
    }

    /// The public address and the admin address, with the ports that were taken.
    ///
    /// # Errors
    /// When the system does not know them.
    pub fn addresses(&self) -> std::io::Result<(SocketAddr, SocketAddr)> {
        Ok((self.listener.local_addr()?, self.admin.local_addr()?))
    }

    /// Serves until `shutdown`, then drains.
    pub async fn serve(self, shutdown: CancellationToken) {
        let closing = CancellationToken::new();
        let app = assemble(&self.config, (self.tokens, self.access, self.proxies), &closing);
        tracing::info!(listen = %self.config.listen, "router serves");
        serve(&self.config, &app, (self.listener, self.admin), shutdown, closing).await;
    }
}

/// Serves until `shutdown`, then drains.
///
/// # Errors
/// When it cannot start; once it serves it only ends by `shutdown`.
pub async fn run(config: RouterConfig, shutdown: CancellationToken) -> Result<(), RunError> {
    Bound::new(config).await?.serve(shutdown).await;
    Ok(())
}

fn assemble(
    config: &RouterConfig,
    (tokens, access, proxies): (TokenKey, Access, TrustedProxies),
    closing: &CancellationToken,
) -> App {
    // Before anything that counts: what is counted earlier is lost.
    let metrics = telemetry::install();
    let grid = Grid::connect(&config.grid);
    let maps = SeatMaps::new(grid.clone(), config.map_limits(), closing.clone());
    let maps = Arc::new(maps);
    let office = Office::new(config);
    let attempts = Arc::new(Attempts::new(config, access.clone()));
    Arc::new(Router {
        grid,
        tokens,
        access,
        proxies,
        maps,
        catalogue: Catalogue::new(Duration::from_millis(config.catalogue_age_max_ms)),
        office,
        rooms: Rooms::default(),
        credits: Credits::new(config.credit_limits()),
        attempts,
        streams: Arc::new(Semaphore::new(config.streams_max)),
        stream_comment: Duration::from_millis(config.stream_comment_ms),
        payment_provider: config.payment_provider.clone(),
        probes: Probes::new(),
        metrics,
        shutdown: closing.clone(),
    })
}

/// All background work of the process is in this one place. `closing` begins the drain; the admin
/// port stays until the end, so that probes can watch it.
async fn serve(
    config: &RouterConfig,
    app: &App,
    (listener, admin): (TcpListener, TcpListener),
    shutdown: CancellationToken,
    closing: CancellationToken,
) {
    let ended = CancellationToken::new();
    let public = async {
        let limits = config.server_limits();
        let edge = Edge::new(app.clone(), routes::public(app.clone()));
        server::serve(listener, edge, limits, closing.clone()).await;
        ended.cancel();
    };
    let farewell = async {
        shutdown.cancelled().await;
        app.probes.drain();
        tokio::time::sleep(Duration::from_millis(config.drain_notice_ms)).await;
        closing.cancel();
    };
    let admin = admin::serve_on(admin, app.probes.clone(), Routes::new(), ended.clone());
    let watched = readiness::watch(app, closing.clone());
    let recorded = attempts::send_all(&app.attempts, &config.writers, ended.clone());
    tokio::join!(public, farewell, admin, watched, app.maps.run(), recorded);
}
