//! One writer process: brings the schema up to date, stands by until it may write, then runs a pump
//! per shard, for as long as its lease lives. PostgreSQL's and the grid's absence are waited out.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use metrics::counter;
use processing_unit::Grid;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use http_api::server::{BindError, bind};

use crate::FeedSource;
use crate::admin::{self, Desk, Recoverer};
use crate::archive::ArchiveKeeper;
use crate::attempts::{Intake, Keeper, KeeperEnd, Work};
use crate::backoff::Backoff;
use crate::config::{ConfigError, WriterConfig};
use crate::database::{Connections, UrlError, connect_options, session_name};
use crate::health::{Health, Role};
use crate::lease::Lease;
use crate::migrate::{MigrateError, migrate};
use crate::pump::{Pump, Shared};
use crate::recover::RecoverTarget;
use crate::signing::{HeadSigner, KeyError};
use crate::sink::Sink;

/// Connections for lease and housekeeping, apart from the shards' so that load cannot starve them.
const CONTROL_CONNECTIONS: u32 = 2;
/// Connections for an operator's questions.
const DESK_CONNECTIONS: u32 = 2;
/// How often the grid is asked for shards that have got their first event.
const SHARDS_EVERY: Duration = Duration::from_secs(1);
/// How often gauges are set.
const PUBLISH_EVERY: Duration = Duration::from_secs(1);
/// How often the quarantine is counted.
const QUARANTINE_EVERY: Duration = Duration::from_secs(10);
/// How often partitions are made ahead; two months ahead leaves much room.
const PARTITIONS_EVERY: Duration = Duration::from_secs(60 * 60);
/// How long giving back lease and connections may hold up the end of the process.
const GOODBYE_MAX: Duration = Duration::from_secs(1);

/// Why a writer does not start. Once started it runs until told to stop.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A knob is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The URL is none.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// The signing key cannot be used.
    #[error("signing_key_file: {0}")]
    Key(#[from] KeyError),
    /// The admin address cannot be listened on.
    #[error(transparent)]
    Admin(#[from] BindError),
}

/// Runs a writer until `shutdown`.
///
/// # Errors
/// Only for a configuration that cannot work; everything else is waited out.
pub async fn run(config: WriterConfig, shutdown: CancellationToken) -> Result<(), RunError> {
    config.validate()?;
    let source = Arc::new(Grid::connect(&config.grid));
    Box::pin(run_with_source(config, source, shutdown)).await
}

/// As [`run`], from any source.
///
/// # Errors
/// As [`run`].
pub async fn run_with_source<S: RecoverTarget>(
    config: WriterConfig,
    source: Arc<S>,
    shutdown: CancellationToken,
) -> Result<(), RunError> {
    let health = Arc::new(Health::new(
        Duration::from_millis(config.lag_warn_ms),
        Duration::from_millis(config.lag_alarm_ms),
    ));
    let listener = bind(config.admin_listen).await?;
    let (intake, work) = Intake::new();
    let url = config.read_database_url()?;
    let options = connect_options(&url)?;
    let desk = Desk {
        health: Arc::clone(&health),
        intake: intake.clone(),
        sink: Arc::new(Sink::new(Arc::new(Connections::new(options, DESK_CONNECTIONS)))),
        recoverer: Recoverer::new(Arc::clone(&source), url),
    };
    let admin = tokio::spawn(admin::serve(listener, desk, shutdown.clone()));
    let ended = Box::pin(run_with(&config, source, health, (work, shutdown.clone()))).await;
    // Also after a configuration that cannot work, which nobody else would tell the endpoint.
    shutdown.cancel();
    let _ = admin.await;
    ended
}

/// As [`run`], from any source and without the admin endpoint.
///
/// # Errors
/// As [`run`].
pub async fn run_from<S: FeedSource>(
    config: &WriterConfig,
    source: Arc<S>,
    health: Arc<Health>,
    shutdown: CancellationToken,
) -> Result<(), RunError> {
    // Nobody brings work; the intake only keeps its queue open.
    let (_intake, work) = Intake::new();
    Box::pin(run_with(config, source, health, (work, shutdown))).await
}

async fn run_with<S: FeedSource>(
    config: &WriterConfig,
    source: Arc<S>,
    health: Arc<Health>,
    (work, shutdown): (mpsc::Receiver<Work>, CancellationToken),
) -> Result<(), RunError> {
    let url = config.read_database_url()?;
    let signer = config.signing_key_file.as_deref().map(HeadSigner::from_file).transpose()?;
    let holder = uuid::Uuid::new_v4().to_string();
    let options = connect_options(&url)?.application_name(&session_name(&holder));
    let shards = Arc::new(Connections::new(options.clone(), config.connections_max));
    let control = Arc::new(Connections::new(options, CONTROL_CONNECTIONS));
    let ttl = Duration::from_millis(config.lease_ttl_ms);
    let archive = ArchiveKeeper::new(config, &url, signer.clone(), Arc::clone(&health));
    let sink = Sink::new(Arc::clone(&shards));
    let writer = Writer {
        url: config.migrate.then_some(url),
        heartbeat: Duration::from_millis(config.heartbeat_ms),
        lease: Lease::new(Arc::clone(&control), holder, ttl),
        control: Sink::new(Arc::clone(&control)),
        shared: Arc::new(Shared::new(source, sink, health, config)),
        work: Arc::new(Mutex::new(work)),
        archive,
        signer: signer.map(|signer| (signer, Duration::from_millis(config.sign_heads_every_ms))),
    };
    writer.work(&shutdown).await;
    for connections in [shards, control] {
        // What does not end in time is left to the end of the process.
        let _ = timeout(GOODBYE_MAX, connections.close()).await;
    }
    Ok(())
}

struct Writer<S> {
    /// Given when missing migrations are to be applied.
    url: Option<String>,
    heartbeat: Duration,
    lease: Lease,
    /// For statements that must not wait behind the shards.
    control: Sink,
    shared: Arc<Shared<S>>,
    /// What routers and operators bring.
    work: Arc<Mutex<mpsc::Receiver<Work>>>,
    /// Signs chain heads, so often.
    signer: Option<(HeadSigner, Duration)>,
    /// Archives finished months, where that is wanted.
    archive: Option<ArchiveKeeper>,
}

impl<S: FeedSource> Writer<S> {
    async fn work(&self, shutdown: &CancellationToken) {
        let prepared = shutdown.run_until_cancelled(self.prepare()).await;
        if prepared.is_none() {
            return;
        }
        while let Some(epoch) = shutdown.run_until_cancelled(self.stand_by()).await {
            self.shared.health.enter(Role::Active, epoch);
            let _ = shutdown.run_until_cancelled(self.lead(epoch)).await;
            // Does nothing when another writer has it already.
            let _ = timeout(GOODBYE_MAX, self.lease.release(epoch)).await;
            if !shutdown.is_cancelled() {
                tracing::warn!(epoch, "this writer no longer writes");
            }
        }
    }

    /// Waits for the database and brings its schema up to date.
    async fn prepare(&self) {
        let Some(url) = &self.url else {
            return;
        };
        let settings = &self.shared.settings;
        let mut backoff = Backoff::new(settings.retry_min, settings.retry_max);
        loop {
            match migrate(url).await {
                Ok(()) => return self.shared.health.database_up(),
                Err(MigrateError::Connect(error)) => self.shared.health.database_down(&error),
                Err(error) => self.shared.health.schema_unusable(&error),
            }
            backoff.pause().await;
        }
    }

    /// Waits until the lease is free and takes it.
    async fn stand_by(&self) -> u64 {
        let mut looks = interval(self.heartbeat);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            match self.lease.acquire().await {
                Ok(Some(epoch)) => {
                    self.shared.health.database_up();
                    return epoch;
                }
                Ok(None) => {
                    self.shared.health.database_up();
                    self.shared.health.enter(Role::Standby, 0);
                }
                Err(error) => self.lease_failed(&error),
            }
        }
    }

    /// Writes until another writer has the lease or a shard.
    async fn lead(&self, epoch: u64) {
        tokio::select! {
            () = self.beat(epoch) => {}
            () = self.pump_all(epoch) => {}
            () = self.keep_house() => {}
            () = self.sign_heads() => {}
            () = self.archive() => {}
            KeeperEnd::Fenced = self.keep_attempts(epoch) => {}
        }
    }

    async fn keep_attempts(&self, epoch: u64) -> KeeperEnd {
        Keeper::new(Arc::clone(&self.shared), Arc::clone(&self.work), epoch).run().await
    }

    async fn beat(&self, epoch: u64) {
        let mut beats = interval(self.heartbeat);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            beats.tick().await;
            match self.lease.heartbeat(epoch).await {
                Ok(true) => self.shared.health.database_up(),
                Ok(false) => return,
                Err(error) => self.lease_failed(&error),
            }
        }
    }

    /// A statement that failed while the server is there means a schema that does not fit.
    fn lease_failed(&self, error: &sqlx::Error) {
        if crate::failure::is_schema(error) {
            self.shared.health.schema_unusable(error);
        } else {
            self.shared.health.database_down(error);
        }
    }

    /// A pump for every shard that has events; returns when one of them is fenced.
    async fn pump_all(&self, epoch: u64) {
        let mut pumps = JoinSet::new();
        let mut known = BTreeSet::new();
        let mut looks = interval(SHARDS_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                Some(ended) = pumps.join_next() => {
                    if let Err(error) = ended {
                        tracing::error!(%error, "a pump broke, all start again");
                    }
                    return;
                }
                _ = looks.tick() => {}
            }
            let Ok(pins) = self.shared.source.pins().await else {
                continue;
            };
            for shard in pins.iter().map(|(_, pin)| pin.shard) {
                if known.insert(shard) {
                    pumps.spawn(Pump::new(Arc::clone(&self.shared), shard, epoch).run());
                }
            }
        }
    }

    /// Signs every head that has moved, now and then; never ends.
    async fn sign_heads(&self) {
        let Some((signer, every)) = &self.signer else {
            return std::future::pending().await;
        };
        let mut turns = interval(*every);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            turns.tick().await;
            match self.control.sign_heads(signer).await {
                Ok(count) => counter!("seatgrid_writer_heads_signed_total").increment(count as u64),
                Err(error) => {
                    tracing::debug!(%error, "heads are not signed, tried again");
                    turns.reset_after(PUBLISH_EVERY);
                }
            }
        }
    }

    /// Finished months to files, now and then; never ends.
    async fn archive(&self) {
        match &self.archive {
            Some(keeper) => keeper.run().await,
            None => std::future::pending().await,
        }
    }

    /// Partitions ahead, gauges, the size of the quarantine. Failures show in the pumps too.
    async fn keep_house(&self) {
        let mut partitions = interval(PARTITIONS_EVERY);
        let mut quarantine = interval(QUARANTINE_EVERY);
        let mut publish = interval(PUBLISH_EVERY);
        for ticks in [&mut partitions, &mut quarantine, &mut publish] {
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        loop {
            tokio::select! {
                _ = publish.tick() => self.shared.health.publish(),
                _ = quarantine.tick() => {
                    if let Ok(size) = self.control.quarantine_size().await {
                        self.shared.health.quarantine(size);
                    }
                }
                _ = partitions.tick() => {
                    let made = self.control.make_partitions_ahead().await;
                    if made.is_err() {
                        partitions.reset_after(PUBLISH_EVERY);
                    }
                    self.shared.health.partitions(made.as_ref().err());
                }
            }
        }
    }
}
