//! The worker: asks gateways about every payment whose end is not known, carries out refunds,
//! processes notifications that were left over, works the queue of jobs off, and writes down what people
//! must be told.
//!
//! Level-triggered over what the grid and the journal say is open: it keeps nothing that a restart
//! could lose, and any number of workers may run, since all that they do is idempotent.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use http_api::admin::{self, Probes};
use http_api::server::{self, BindError};
use http_api::token::KeyFileError;
use processing_unit::Grid;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::alarms::Alarms;
use crate::config::{ConfigError, WorkerConfig};
use crate::database::{Database, DatabaseError};
use crate::dispatch::{Carrier, Dispatcher};
use crate::gateways::{self, GatewayError};
use crate::heralds::Herald;
use crate::heralds::Ways;
use crate::mail::MailCarrier;
use crate::notices;
use crate::people;
use crate::push::{PushCarrier, PushKeyError};
use crate::refund_receipts::RefundReceipts;
use crate::sealing::ContactKey;
use crate::settlement::Settlement;
use crate::tasks::{self, TaskDied};
use crate::telegram::{Bot, Listener, TelegramCarrier, TelegramError};
use crate::webhook_journal::{self, Waiting};
use jobs::JobRunner;
use money::MoneyRound;
use notifier::Notifier;

pub mod pace;

mod jobs;
mod money;
mod notifier;

/// Deadline of one notification: a read at the gateway and two commands.
const NOTICE_DEADLINE: Duration = Duration::from_secs(20);
/// Notifications taken from the journal at a time.
const NOTICES_TAKEN_MAX: i64 = 100;
/// How often failures are looked for, of which administrators are told.
const ALARMS_EVERY: Duration = Duration::from_secs(5);
/// How often the journal is cleaned.
const PURGE_EVERY: Duration = Duration::from_secs(3_600);

/// Why the worker does not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A setting cannot work.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A payment provider cannot be made.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// The database address is of no use.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The admin port is in use.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The file of sealing keys is of no use.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// The bot is of no use.
    #[error(transparent)]
    Telegram(#[from] TelegramError),
    /// The key of push is of no use.
    #[error(transparent)]
    Push(#[from] PushKeyError),
    /// A background task died of a defect.
    #[error(transparent)]
    Task(#[from] TaskDied),
}

/// Works until `shutdown`.
///
/// # Errors
/// [`RunError`] before anything was begun, or [`RunError::Task`] later.
pub async fn run(config: WorkerConfig, shutdown: CancellationToken) -> Result<(), RunError> {
    config.validate()?;
    let admin = server::bind(config.admin_listen).await?;
    let providers = gateways::providers(&config.providers)?;
    let database = Arc::new(Database::open(
        config.database_url_file.as_deref(),
        &config.database_url,
        config.database_connections_max,
    )?);
    let grid = Grid::connect(&config.grid);
    let keys = config.contact_key_file.as_deref().map(ContactKey::load).transpose()?.map(Arc::new);
    let receipts = RefundReceipts::new(&config.providers, keys.clone());
    let settlement = Settlement::new(grid.clone(), providers).with_receipts(receipts);
    let config = Arc::new(config);
    let stop = shutdown.child_token();
    let mut tasks = JoinSet::new();
    tasks.spawn(look_at_money(config.clone(), settlement.clone(), stop.clone()));
    tasks.spawn(look_at_notices(config.clone(), settlement, database.clone(), stop.clone()));
    tasks.spawn(tell_people(config.clone(), grid, database.clone(), stop.clone()));
    if let Some(keys) = keys {
        let pause = Duration::from_millis(config.look_every_ms);
        let parallel_max = config.jobs_parallel_max;
        let jobs = JobRunner::new(database.clone(), keys.clone(), parallel_max, pause);
        tasks.spawn(work_jobs(jobs, stop.clone()));
        let alarms = Alarms { database: database.clone(), keys: keys.clone() };
        tasks.spawn(tell_administrators(alarms, stop.clone()));
        messages(&mut tasks, &config, (&database, &keys), &stop)?;
    }
    tasks.spawn(clean(config.clone(), database.clone(), stop.clone()));
    let probes = Probes::new();
    probes.ready();
    let died = tokio::select! {
        () = admin::serve_on(admin, probes, Router::new(), stop.clone()) => None,
        died = tasks::first_death(&mut tasks) => Some(died),
    };
    stop.cancel();
    tasks::end(tasks).await;
    database.close().await;
    died.map_or(Ok(()), |died| Err(died.into()))
}

/// Writes messages for notices, and sends what waits by every way that there is.
fn messages(
    tasks: &mut JoinSet<()>,
    config: &Arc<WorkerConfig>,
    (database, keys): (&Arc<Database>, &Arc<ContactKey>),
    stop: &CancellationToken,
) -> Result<(), RunError> {
    let bot = Bot::open(&config.telegram)?.map(Arc::new);
    let push = PushCarrier::open(&config.push, database.clone(), keys.clone())?;
    let ways = Ways { telegram: bot.is_some(), push: push.is_some() };
    let herald = Herald { database: database.clone(), keys: keys.clone(), ways };
    tasks.spawn(tell_by_messages(config.clone(), herald, stop.clone()));
    let shared = || (config.clone(), database.clone(), keys.clone(), stop.clone());
    tasks.spawn(send(shared(), MailCarrier(config.mail.clone())));
    if let Some(push) = push {
        tasks.spawn(send(shared(), push));
    }
    if let Some(bot) = bot {
        tasks.spawn(send(shared(), TelegramCarrier(bot.clone())));
        let listener = Listener { bot, database: database.clone(), keys: keys.clone() };
        tasks.spawn(listen(listener, stop.clone()));
    }
    Ok(())
}

async fn look_at_money(
    config: Arc<WorkerConfig>,
    settlement: Settlement,
    shutdown: CancellationToken,
) {
    let pause = Duration::from_millis(config.look_every_ms);
    let mut round = MoneyRound::new(settlement, &config);
    let look = async {
        loop {
            round.look().await;
            tokio::time::sleep(pause).await;
        }
    };
    until(&shutdown, look).await;
}

async fn look_at_notices(
    config: Arc<WorkerConfig>,
    settlement: Settlement,
    database: Arc<Database>,
    shutdown: CancellationToken,
) {
    let pause = Duration::from_millis(config.look_every_ms);
    let look = async {
        loop {
            match webhook_journal::take_due(&database, NOTICES_TAKEN_MAX).await {
                Ok(taken) => work_off(&config, &settlement, &database, taken).await,
                Err(error) => tracing::debug!(%error, "the journal was not read"),
            }
            tokio::time::sleep(pause).await;
        }
    };
    until(&shutdown, look).await;
}

async fn tell_people(
    config: Arc<WorkerConfig>,
    grid: Grid,
    database: Arc<Database>,
    shutdown: CancellationToken,
) {
    let pause = Duration::from_millis(config.look_every_ms);
    let mut notifier = Notifier::new(grid, database, config.reminder_lead_s);
    let look = async {
        loop {
            if !notifier.look().await {
                tokio::time::sleep(pause).await;
            }
        }
    };
    until(&shutdown, look).await;
}

async fn tell_by_messages(config: Arc<WorkerConfig>, herald: Herald, shutdown: CancellationToken) {
    let pause = Duration::from_millis(config.look_every_ms);
    let look = async {
        loop {
            if !herald.look().await {
                tokio::time::sleep(pause).await;
            }
        }
    };
    until(&shutdown, look).await;
}

async fn tell_administrators(alarms: Alarms, shutdown: CancellationToken) {
    let look = async {
        loop {
            match alarms.look().await {
                Ok(0) => {}
                Ok(failures) => tracing::info!(failures, "administrators were told of failures"),
                Err(error) => tracing::debug!(%error, "failures were not looked at"),
            }
            tokio::time::sleep(ALARMS_EVERY).await;
        }
    };
    until(&shutdown, look).await;
}

async fn work_jobs(jobs: JobRunner, shutdown: CancellationToken) {
    until(&shutdown, jobs.run()).await;
}

async fn listen(listener: Listener, shutdown: CancellationToken) {
    until(&shutdown, listener.run()).await;
}

/// What every way of sending needs.
type Shared = (Arc<WorkerConfig>, Arc<Database>, Arc<ContactKey>, CancellationToken);

async fn send<C: Carrier>((config, database, keys, shutdown): Shared, carrier: C) {
    let pause = Duration::from_millis(config.look_every_ms);
    let dispatcher = Dispatcher { database, keys, carrier };
    let look = async {
        loop {
            if !dispatcher.look().await {
                tokio::time::sleep(pause).await;
            }
        }
    };
    until(&shutdown, look).await;
}

async fn work_off(
    config: &WorkerConfig,
    settlement: &Settlement,
    database: &Arc<Database>,
    taken: Vec<Waiting>,
) {
    let deadline = Instant::now() + NOTICE_DEADLINE;
    let attempts_max = config.refund_attempts_max;
    let processed = money::all(taken, config.parallel_max, |waiting| {
        let (settlement, database) = (settlement.clone(), database.clone());
        async move {
            let processed =
                notices::process_stored(&settlement, &waiting, attempts_max, deadline).await;
            match processed {
                Ok(ended) => Some(ended),
                Err(error) => {
                    notices::put_off(&database, &waiting, &error).await;
                    None
                }
            }
        }
    });
    let ended: Vec<_> = processed.await.into_iter().flatten().collect();
    if ended.is_empty() {
        return;
    }
    if let Err(error) = webhook_journal::end(database, &ended).await {
        tracing::debug!(%error, "ends of notifications were not noted, looked at again");
    }
}

async fn clean(config: Arc<WorkerConfig>, database: Arc<Database>, shutdown: CancellationToken) {
    let clean = async {
        loop {
            match webhook_journal::purge(&database, config.journal_kept_days).await {
                Ok(0) => {}
                Ok(rows) => tracing::info!(rows, "old notifications were deleted"),
                Err(error) => tracing::debug!(%error, "the journal was not cleaned"),
            }
            match people::purge::purge(&database).await {
                Ok(0) => {}
                Ok(rows) => tracing::info!(rows, "ended sessions, codes and messages were deleted"),
                Err(error) => tracing::debug!(%error, "ended sessions were not deleted"),
            }
            tokio::time::sleep(PURGE_EVERY).await;
        }
    };
    until(&shutdown, clean).await;
}

async fn until(shutdown: &CancellationToken, work: impl Future<Output = ()>) {
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = work => {}
    }
}
