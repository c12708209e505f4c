//! The sandbox: a payment gateway in a box that speaks YooKassa's API v3 and can be told to fail in
//! every known way, with a mailbox for what the product sends to people.
//!
//! In the flow it stands where a bank stands: sellers call it through the ordinary adapter,
//! shoppers meet its payment page, notifications come back to the seller's webhook. Money that it
//! took survives a crash. It is for development and tests: it must never see real card data or be
//! reachable from outside.

use std::{io, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

pub use config::SandboxConfig;
pub use faults::{Mode, Operation, Switch, Switches};
pub use journal::JournalError;
pub use mailbox::smtp::PHONE_DOMAIN;
pub use outcome::{Decision, Outcome};
pub use state::Sandbox;

mod api;
mod config;
mod faults;
mod identity;
mod inject;
mod journal;
mod ledger;
mod listener;
mod mailbox;
mod notifier;
mod object;
mod outcome;
mod page;
mod refusal;
mod routes;
mod state;
mod store;
mod stripe;
mod timekeeper;
mod validate;
mod view;

/// How long open connections have to end after the shutdown was asked for.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

/// Why the sandbox cannot start, or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// A field has a value that cannot work.
    #[error("sandbox configuration: {field}: {detail}")]
    Config {
        /// The field.
        field: &'static str,
        /// What is expected.
        detail: &'static str,
    },
    /// The secret's file cannot be read.
    #[error("cannot read the sandbox's secret from {}: {source}", path.display())]
    SecretFile {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// An address cannot be listened on.
    #[error("sandbox cannot listen on {address}: {source}")]
    Listen {
        /// The address as configured.
        address: String,
        /// The cause.
        source: io::Error,
    },
    /// The journal cannot be read, or could not be written any more.
    #[error("sandbox journal: {0}")]
    Journal(#[from] JournalError),
    /// The journal failed while running. What was acknowledged is on disk.
    #[error("the sandbox stopped: {detail}; repair the disk and start again")]
    JournalBroken {
        /// What failed.
        detail: String,
    },
    /// The system has no randomness to give for the identity provider's key.
    #[error("the sandbox's identity provider got no key")]
    IdentityKey,
    /// The client for notifications could not be built.
    #[error("sandbox HTTP client: {0}")]
    Client(#[from] reqwest::Error),
}

/// Bound sockets, so that the caller knows the addresses before serving.
#[derive(Debug)]
pub struct Listeners {
    /// API, payment page, switches, mailbox.
    pub http: TcpListener,
    /// The SMTP sink, if wanted.
    pub smtp: Option<TcpListener>,
}

impl Listeners {
    /// Binds what the configuration asks for.
    ///
    /// # Errors
    /// [`SandboxError::Listen`] names the address.
    pub async fn bind(config: &SandboxConfig) -> Result<Self, SandboxError> {
        let http = listen(&config.listen).await?;
        let smtp = match config.smtp_listen.as_str() {
            "" => None,
            address => Some(listen(address).await?),
        };
        Ok(Self { http, smtp })
    }

    /// Where the HTTP server answers.
    ///
    /// # Errors
    /// [`SandboxError::Listen`] if the system does not tell.
    pub fn http_addr(&self) -> Result<SocketAddr, SandboxError> {
        let unknown = |source| SandboxError::Listen { address: "?".to_owned(), source };
        self.http.local_addr().map_err(unknown)
    }
}

/// Binds, serves until `shutdown`, and leaves everything on disk.
///
/// # Errors
/// [`SandboxError`]: configuration, address, journal.
pub async fn run(config: SandboxConfig, shutdown: CancellationToken) -> Result<(), SandboxError> {
    config.check()?;
    let listeners = Listeners::bind(&config).await?;
    serve(config, listeners, shutdown).await
}

/// Serves on sockets that are already bound, until `shutdown`.
///
/// # Errors
/// [`SandboxError`]: configuration, journal.
pub async fn serve(
    config: SandboxConfig,
    listeners: Listeners,
    shutdown: CancellationToken,
) -> Result<(), SandboxError> {
    let address = listeners.http_addr()?;
    let stop = shutdown.child_token();
    let sandbox = Arc::new(Sandbox::open(&config, address, stop.clone())?);
    tracing::info!(%address, "sandbox gateway serves");
    let mut tasks = JoinSet::new();
    spawn_tasks(&mut tasks, &sandbox, listeners, &config)?;
    let result = tokio::select! {
        () = stop.cancelled() => Ok(()),
        detail = sandbox.store.broken() => Err(SandboxError::JournalBroken { detail }),
    };
    stop.cancel();
    finish(tasks).await;
    sandbox.store.close();
    result
}

/// The whole HTTP server as a router, for those who serve it themselves.
pub fn app(sandbox: Arc<Sandbox>) -> axum::Router {
    routes::router(sandbox)
}

/// The one place where the sandbox's tasks begin: HTTP server, timekeeper, notifier, SMTP sink.
fn spawn_tasks(
    tasks: &mut JoinSet<()>,
    sandbox: &Arc<Sandbox>,
    listeners: Listeners,
    config: &SandboxConfig,
) -> Result<(), SandboxError> {
    let stop = sandbox.stop.clone();
    tasks.spawn(timekeeper::run(sandbox.clone()));
    if let Some(notifier) = notifier::Notifier::new(sandbox.clone(), config)? {
        tasks.spawn(notifier.run());
    }
    if let Some(smtp) = listeners.smtp {
        tasks.spawn(mailbox::smtp::run(smtp, sandbox.mail.clone(), stop.clone()));
    }
    let app = app(sandbox.clone());
    let http = listener::Limited::new(listeners.http, config.connections_max);
    tasks.spawn(async move {
        let server = axum::serve(http, app).with_graceful_shutdown(stop.cancelled_owned());
        if let Err(error) = server.await {
            tracing::error!(%error, "the sandbox's HTTP server failed");
        }
    });
    Ok(())
}

async fn finish(mut tasks: JoinSet<()>) {
    let ended = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(SHUTDOWN_GRACE, ended).await.is_err() {
        tracing::warn!("sandbox connections did not end in time and are cut");
    }
    tasks.shutdown().await;
}

async fn listen(address: &str) -> Result<TcpListener, SandboxError> {
    let failed = |source| SandboxError::Listen { address: address.to_owned(), source };
    TcpListener::bind(address).await.map_err(failed)
}
