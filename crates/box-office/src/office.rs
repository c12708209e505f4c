//! The office: the internal HTTP server behind the router for catalogue, orders, payments, tickets,
//! refunds and gateways' notifications.
//!
//! In the flow: a handler checks, sends one command to the grid or asks it, and answers; what talks
//! to gateways goes through [`crate::settlement`]. Checkout must go on while PostgreSQL is away.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use http_api::access::Access;
use http_api::admin::{self, Probes};
use http_api::server::{self, BindError, ServerLimits};
use http_api::to_hex;
use http_api::token::{KeyFileError, TokenKey, load_key_file};
use payments::Providers;
use processing_unit::Grid;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::return_origins::ReturnOrigins;
use crate::catalogue::CatalogueCache;
use crate::config::{ConfigError, OfficeConfig, ProviderConfig, ReceiptConfig};
use crate::database::{Database, DatabaseError};
use crate::gateways::{self, GatewayError};
use crate::people::oidc::SocialProviders;
use crate::plans::Plans;
use crate::publisher::Publisher;
use crate::push::PushKeyError;
use crate::refund_receipts::RefundReceipts;
use crate::refund_terms::RefundConfig;
use crate::sealing::ContactKey;
use crate::settlement::Settlement;
use crate::staff_token::{StaffTokenError, StaffTokens};
use crate::tasks::{self, TaskDied};
use crate::ticket_code::{TicketSigner, TicketVerifier};
use crate::ticket_format::{PassKeyError, TicketFormats};
use crate::upkeep::Upkeep;
use crate::webhook_journal::Waiting;
use history::History;
use join_budget::JoinBudget;
use journal_keeper::{JournalKeeper, JournalTasks};
use people::orders::RecentOrders;
use people::{PeopleParts, PushParts};

pub use openapi::openapi;

pub(crate) mod bodies;
pub(crate) mod people;

mod answer;
mod audit;
mod checkins;
mod documents;
mod events;
mod givebacks;
mod history;
mod join_budget;
mod journal_keeper;
mod offers;
mod openapi;
mod orders;
mod paging;
mod payments_api;
mod receipts;
mod refunds;
mod reports;
pub(crate) mod return_origins;
mod routes;
mod staff;
mod stored_orders;
mod tickets;
mod told;
mod waitlist;
mod webhooks;

/// Attempts of a refund that a notification may trigger before a person is called; as the worker's
/// default.
const REFUND_ATTEMPTS_MAX: u32 = 24;

/// Why the office does not start.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A setting cannot work.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A key file is of no use.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// The file of staff tokens is of no use.
    #[error(transparent)]
    StaffToken(#[from] StaffTokenError),
    /// The key of push is of no use.
    #[error(transparent)]
    Push(#[from] PushKeyError),
    /// Passes for wallets cannot be signed.
    #[error(transparent)]
    Pass(#[from] PassKeyError),
    /// A payment provider cannot be made.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// The database address is of no use.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A port is in use.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// A background task died of a defect.
    #[error(transparent)]
    Task(#[from] TaskDied),
}

/// What every handler has at hand.
pub(crate) struct Office {
    grid: Grid,
    plans: Arc<Plans>,
    providers: Providers,
    /// What receipts say, by provider.
    receipts: BTreeMap<String, ReceiptConfig>,
    settlement: Settlement,
    database: Arc<Database>,
    history: History,
    catalogue: Arc<CatalogueCache>,
    tokens: TokenKey,
    contacts: Arc<ContactKey>,
    tickets: TicketSigner,
    verifier: TicketVerifier,
    formats: TicketFormats,
    refunds: RefundConfig,
    /// Where shoppers may be sent back to by gateways.
    return_origins: ReturnOrigins,
    /// The bot's name, where there is one.
    telegram_bot: Option<String>,
    push: PushParts,
    staff: StaffTokens,
    access: Access,
    people: PeopleParts,
    social: SocialProviders,
    recent: RecentOrders,
    joins: JoinBudget,
    journal: JournalKeeper,
    /// Stored notifications to process; what does not fit is left to the worker.
    notices: mpsc::Sender<Waiting>,
    payment_create_max: Duration,
    /// Makes idempotence keys at gateways unique between installations that share a shop.
    installation: String,
}

/// Bound ports, so that the caller knows the addresses before serving.
#[derive(Debug)]
pub struct Listeners {
    /// For the router.
    pub http: TcpListener,
    /// Probes and metrics.
    pub admin: TcpListener,
}

impl Listeners {
    /// Binds what the configuration asks for.
    ///
    /// # Errors
    /// [`BindError`] names the address.
    pub async fn bind(config: &OfficeConfig) -> Result<Self, BindError> {
        let admin = server::bind(config.admin_listen).await?;
        Ok(Self { http: server::bind(config.listen).await?, admin })
    }
}

/// Binds and serves until `shutdown`.
///
/// # Errors
/// [`RunError`] before anything was served.
pub async fn run(config: OfficeConfig, shutdown: CancellationToken) -> Result<(), RunError> {
    config.validate()?;
    let listeners = Listeners::bind(&config).await?;
    serve(config, listeners, shutdown).await
}

/// Serves on bound ports until `shutdown`.
///
/// # Errors
/// [`RunError`] before anything was served, or [`RunError::Task`] later.
pub async fn serve(
    config: OfficeConfig,
    listeners: Listeners,
    shutdown: CancellationToken,
) -> Result<(), RunError> {
    config.validate()?;
    let (notices, waiting) = mpsc::channel(config.notices_queue_max);
    let (office, journal) = Office::new(&config, notices)?;
    let office = Arc::new(office);
    let probes = Probes::new();
    let stop = shutdown.child_token();
    let (passed, unreachable) = (watch::Sender::new(false), watch::Sender::new(false));
    let ready =
        tell_ready(probes.clone(), passed.subscribe(), unreachable.subscribe(), stop.clone());
    let parallel_max = config.notices_parallel_max;
    let mut tasks = JoinSet::new();
    tasks.spawn(ready);
    tasks.spawn(upkeep(&config, &office, unreachable).run(stop.clone()));
    tasks.spawn(publisher(&office, passed).run(stop.clone()));
    tasks.spawn(webhooks::work_off(office.clone(), waiting, parallel_max, stop.clone()));
    tasks.spawn(drain(probes.clone(), stop.clone()));
    // Probes are answered, and notifications stored, until the last request is answered.
    let served = CancellationToken::new();
    tasks.spawn(admin::serve_on(listeners.admin, probes, Router::new(), served.clone()));
    let (storing, until) = (journal.run(), served.clone());
    tasks.spawn(async move { until.run_until_cancelled(storing).await.unwrap_or_default() });

    let routes = routes::routes(office.clone());
    let serving = server::serve(listeners.http, routes, ServerLimits::default(), stop.clone());
    let died = tokio::select! {
        () = serving => None,
        died = tasks::first_death(&mut tasks) => Some(died),
    };
    stop.cancel();
    served.cancel();
    tasks::end(tasks).await;
    office.history.close().await;
    office.database.close().await;
    died.map_or(Ok(()), |died| Err(died.into()))
}

async fn drain(probes: Probes, shutdown: CancellationToken) {
    shutdown.cancelled().await;
    probes.drain();
}

impl Office {
    fn new(
        config: &OfficeConfig,
        notices: mpsc::Sender<Waiting>,
    ) -> Result<(Self, JournalTasks), RunError> {
        let providers = gateways::providers(&config.providers)?;
        let grid = Grid::connect(&config.grid);
        let plans = Arc::new(Plans::new(grid.clone()));
        let contacts = Arc::new(ContactKey::load(&config.contact_key_file)?);
        let receipts = RefundReceipts::new(&config.providers, Some(contacts.clone()));
        let settlement = Settlement::with_plans(grid.clone(), providers.clone(), plans.clone());
        let settlement = settlement.with_receipts(receipts);
        let database = Database::open(
            config.database_url_file.as_deref(),
            &config.database_url,
            config.database_connections_max,
        )?;
        let database = Arc::new(database);
        let history = History::new(config, database.clone())?;
        let (journal, journal_tasks) = journal_keeper::journal(database.clone());
        let hold_key = load_key_file(&config.hold_token_key_file)?;
        let tickets = TicketSigner::new(&load_key_file(&config.ticket_key_file)?);
        let office = Self {
            grid,
            plans,
            providers,
            receipts: receipt_terms(config),
            settlement,
            database,
            history,
            journal,
            catalogue: Arc::new(CatalogueCache::new()),
            tokens: TokenKey::new(&hold_key),
            contacts,
            verifier: tickets.verifier(),
            tickets,
            formats: TicketFormats::with_passes(&config.wallet)?,
            refunds: config.refunds.clone(),
            return_origins: ReturnOrigins::new(&config.return_origins, config.is_https),
            telegram_bot: config.telegram_bot.clone(),
            push: PushParts::new(&config.push)?,
            staff: StaffTokens::load(config.staff_token_file.as_deref())?,
            access: Access::load(config.access_key_file.as_deref(), config.is_https)?,
            people: PeopleParts::new(),
            social: SocialProviders::load(&config.social).map_err(social_fault)?,
            recent: RecentOrders::default(),
            joins: JoinBudget::default(),
            notices,
            payment_create_max: Duration::from_millis(config.payment_create_ms_max),
            installation: installation(&hold_key),
        };
        Ok((office, journal_tasks))
    }
}

/// The terms of providers that make receipts.
fn receipt_terms(config: &OfficeConfig) -> BTreeMap<String, ReceiptConfig> {
    let terms = |(name, provider): (&String, &ProviderConfig)| {
        Some((name.clone(), provider.receipts.clone()?))
    };
    config.providers.iter().filter_map(terms).collect()
}

fn social_fault(detail: String) -> ConfigError {
    ConfigError { field: "social".to_owned(), detail }
}

/// A short name derived from a secret that only this installation has; tells nothing about it.
fn installation(key: &[u8]) -> String {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key);
    let tag = ring::hmac::sign(&key, b"payment keys of this installation");
    to_hex(&tag.as_ref()[..8])
}

fn upkeep(config: &OfficeConfig, office: &Office, unreachable: watch::Sender<bool>) -> Upkeep {
    Upkeep {
        database: office.database.clone(),
        catalogue: office.catalogue.clone(),
        demo_hold_ttl_s: config.demo.then_some(config.demo_hold_ttl_s),
        admin_password_file: config.admin_password_file.clone(),
        contacts: office.contacts.clone(),
        poll: Duration::from_millis(config.catalogue_poll_ms),
        unreachable,
    }
}

fn publisher(office: &Office, passed: watch::Sender<bool>) -> Publisher {
    let (database, catalogue) = (office.database.clone(), office.catalogue.clone());
    Publisher::new(office.grid.clone(), database, catalogue, passed)
}

/// Ready once every published event was dealt with, or at once when PostgreSQL is away: orders and
/// payments need it for nothing.
async fn tell_ready(
    probes: Probes,
    mut passed: watch::Receiver<bool>,
    mut unreachable: watch::Receiver<bool>,
    shutdown: CancellationToken,
) {
    probes.not_ready("published events are not open in the grid yet");
    tokio::select! {
        () = shutdown.cancelled() => return,
        _ = passed.wait_for(|passed| *passed) => {}
        _ = unreachable.wait_for(|away| *away) => {}
    }
    probes.ready();
}
