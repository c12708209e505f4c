//! The publisher: every published event is pinned to a shard and its sale opened there.
//!
//! Level-triggered: it compares the catalogue with the grid and does what is missing, so start,
//! change and restart are one path. Terms stay as they were at the opening; codes are told again at
//! wherever the grid has others, and the window follows the catalogue, whenever it was edited.

mod lost;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use inventory::{
    Actor, Code, CodeUse, Command, Envelope, EventNo, OpenSale, Outcome, Plan, PutCodes, Refusal,
    Sale, SetWindow,
};
use processing_unit::{Grid, GridError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::catalogue::{Catalogue, CatalogueCache, EventRecord, is_void, store, void};
use crate::database::{Database, DatabaseError};

/// Pause before what failed is tried again.
const RETRY_PAUSE: Duration = Duration::from_millis(500);
/// Deadline of one event: a plan of 20,000 seats is committed in well under a second.
const EVENT_DEADLINE: Duration = Duration::from_secs(10);

/// How long a row is kept from changing while the grid is told; staff that waits for it gives up after 3 s.
const KEPT_MAX: Duration = Duration::from_secs(2);

/// Codes told in one command, as many as the rules take.
const CODES_PER_COMMAND: usize = 1_000;

/// Why an event is not open yet.
#[derive(Debug, thiserror::Error)]
enum PublishError {
    #[error(transparent)]
    Grid(#[from] GridError),
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// PostgreSQL is too far behind for a new sale (`persistence_backlog`); it opens by itself later.
    #[error("persistence_backlog: no new sale opens until PostgreSQL has caught up")]
    Backlog,
    /// The tables have events that the grid has lost: opening one would sell its seats again.
    #[error(
        "the grid has lost events that the tables have: `seatgrid ctl shard recover --from-database`"
    )]
    Lost,
    /// The event cannot be sold as it is; trying again helps only after it was edited.
    #[error("{0}")]
    Unsellable(String),
}

pub(crate) struct Publisher {
    grid: Grid,
    database: Arc<Database>,
    catalogue: Arc<CatalogueCache>,
    /// Events that are open, as they were then: they need nothing more.
    open: BTreeMap<String, Arc<EventRecord>>,
    /// Events that cannot be sold until somebody edits them.
    unsellable: BTreeSet<String>,
    /// Events whose sale waits until PostgreSQL has caught up.
    held_back: BTreeSet<String>,
    /// Whether the grid had lost something at the last look.
    lost: bool,
    /// Tells that every event of one copy of the catalogue was dealt with.
    passed: watch::Sender<bool>,
}

impl Publisher {
    pub(crate) fn new(
        grid: Grid,
        database: Arc<Database>,
        catalogue: Arc<CatalogueCache>,
        passed: watch::Sender<bool>,
    ) -> Self {
        Self {
            grid,
            database,
            catalogue,
            open: BTreeMap::new(),
            unsellable: BTreeSet::new(),
            held_back: BTreeSet::new(),
            lost: false,
            passed,
        }
    }

    /// Runs until `shutdown`.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) {
        let work = async {
            let mut news = self.catalogue.watch();
            loop {
                let catalogue = news.borrow_and_update().clone();
                let waiting = match catalogue {
                    Some(catalogue) => self.pass(&catalogue).await,
                    None => 0,
                };
                if waiting == 0 {
                    // The sender lives as long as this task's own handle on the cache.
                    let _ = news.changed().await;
                    self.unsellable.clear();
                } else {
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = work => {}
        }
    }

    /// Deals with every event once; returns how many still wait.
    async fn pass(&mut self, catalogue: &Catalogue) -> usize {
        let mut waiting = 0;
        let mut lost = false;
        for event in &catalogue.events {
            if self.open.get(&event.id) == Some(event) || self.unsellable.contains(&event.id) {
                continue;
            }
            match self.publish(event).await {
                Ok(()) => {
                    self.held_back.remove(&event.id);
                    self.open.insert(event.id.clone(), event.clone());
                }
                Err(error @ PublishError::Backlog) => {
                    waiting += 1;
                    // Told once per event, since it is tried twice a second.
                    if self.held_back.insert(event.id.clone()) {
                        tracing::warn!(event = %event.id, %error, "the sale waits");
                    }
                }
                Err(error @ PublishError::Lost) => {
                    waiting += 1;
                    // Told once, since it is tried twice a second.
                    if !std::mem::replace(&mut lost, true) && !self.lost {
                        tracing::error!(%error, "no sale is opened");
                    }
                }
                Err(PublishError::Unsellable(reason)) => {
                    self.held_back.remove(&event.id);
                    tracing::warn!(event = %event.id, reason, "the event is not sold as published");
                    self.unsellable.insert(event.id.clone());
                }
                Err(error) => {
                    tracing::debug!(event = %event.id, %error, "not published yet, trying again");
                    waiting += 1;
                }
            }
        }
        self.lost = lost;
        metrics::gauge!("seatgrid_office_events_unpublished").set(waiting as f64);
        metrics::gauge!("seatgrid_office_sales_held_back").set(self.held_back.len() as f64);
        if waiting == 0 {
            self.passed.send_replace(true);
        }
        waiting
    }

    async fn publish(&self, event: &EventRecord) -> Result<(), PublishError> {
        let deadline = Instant::now() + EVENT_DEADLINE;
        let written = self.database.run(|pool| async move { lost::written(&pool).await }).await?;
        let routes = self.grid.refresh_routes(deadline).await?;
        // A pin that is made before those of the tables are back would take another's number.
        if !written.iter().all(|id| routes.pins.contains_key(id)) {
            return Err(PublishError::Lost);
        }
        let no = EventNo(self.grid.pin(&event.id, deadline).await?.number);
        // Whoever edits window or codes tells the grid after the row has changed. The row is kept from
        // changing while its content is told here, so that nothing older is ever told after that.
        let mut kept = self.database.begin().await?;
        let Some(event) = &store::kept(kept.db(), event).await.map_err(DatabaseError::of)? else {
            return Ok(());
        };
        let told = deadline.min(Instant::now() + KEPT_MAX);
        let shard = routes.pins.get(&event.id).map(|pin| pin.shard);
        let beside = routes.pins.iter().filter(|(id, pin)| {
            Some(pin.shard) == shard && written.contains(*id) && **id != event.id
        });
        let beside: Vec<EventNo> = beside.map(|(_, pin)| EventNo(pin.number)).collect();
        let is_written = written.contains(&event.id);
        let done = self.tell_all(no, event, (is_written, &beside), told).await;
        kept.commit().await?;
        done
    }

    /// Opens the sale, or tells what is otherwise in an open one.
    async fn tell_all(
        &self,
        no: EventNo,
        event: &EventRecord,
        (is_written, beside): (bool, &[EventNo]),
        deadline: Instant,
    ) -> Result<(), PublishError> {
        let sale = terms(event)?;
        let open = match self.grid.sale(no, deadline).await {
            // Nothing is sold any more, so nothing is told.
            Ok(open) if open.cancel.is_some() => return Ok(()),
            Ok(open) => open.sale,
            Err(GridError::NotFound) if is_written => return Err(PublishError::Lost),
            Err(GridError::NotFound) => {
                self.check_shard(beside, deadline).await?;
                self.open_sale(no, event, sale.clone(), deadline).await?;
                Arc::new(sale.clone())
            }
            Err(error) => return Err(error.into()),
        };
        self.put_codes(no, event, deadline).await?;
        self.move_window(no, &open, &sale, deadline).await?;
        if is_same(&open, sale) { Ok(()) } else { Err(differs()) }
    }

    /// A shard that lacks what the tables have of it was founded anew and waits to be recovered; an
    /// event that was opened there would keep it from that.
    async fn check_shard(&self, beside: &[EventNo], deadline: Instant) -> Result<(), PublishError> {
        for no in beside {
            match self.grid.sale(*no, deadline).await {
                Ok(_) => {}
                Err(GridError::NotFound) => return Err(PublishError::Lost),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    async fn put_codes(
        &self,
        no: EventNo,
        event: &EventRecord,
        deadline: Instant,
    ) -> Result<(), PublishError> {
        let codes = event.codes.iter().map(|code| code.to_code(&event.id, &event.tiers));
        let codes = codes.collect::<Result<Vec<_>, _>>().map_err(unsellable)?;
        let codes = to_tell(codes, self.grid.codes(no, deadline).await?);
        for codes in codes.chunks(CODES_PER_COMMAND) {
            let command = Command::PutCodes(PutCodes { event: no, codes: codes.to_vec() });
            match self.tell(no, command, deadline).await? {
                Outcome::CodesPut => {}
                other => return Err(foreign(other)),
            }
        }
        Ok(())
    }

    /// The window is the catalogue's, also when it was edited there while nobody looked.
    async fn move_window(
        &self,
        no: EventNo,
        open: &Sale,
        sale: &Sale,
        deadline: Instant,
    ) -> Result<(), PublishError> {
        let (opens_at_ms, closes_at_ms) = (sale.opens_at_ms, sale.closes_at_ms);
        if (open.opens_at_ms, open.closes_at_ms) == (opens_at_ms, closes_at_ms) {
            return Ok(());
        }
        let command = Command::SetWindow(SetWindow { event: no, opens_at_ms, closes_at_ms });
        match self.tell(no, command, deadline).await? {
            Outcome::WindowSet => {
                let event = &sale.event_id;
                tracing::info!(event, opens_at_ms, closes_at_ms, "the window is moved");
                Ok(())
            }
            other => Err(foreign(other)),
        }
    }

    async fn tell(
        &self,
        no: EventNo,
        command: Command,
        deadline: Instant,
    ) -> Result<Outcome, PublishError> {
        let envelope = Envelope { key: None, actor: Actor::SYSTEM, command };
        Ok(self.grid.command(no, &envelope, deadline).await?.outcome)
    }

    async fn open_sale(
        &self,
        no: EventNo,
        event: &EventRecord,
        sale: Sale,
        deadline: Instant,
    ) -> Result<(), PublishError> {
        let plan = self.plan(event).await?;
        let command = Command::OpenSale(OpenSale { event: no, sale, plan });
        match self.tell(no, command, deadline).await? {
            Outcome::SaleOpened => {
                tracing::info!(event = %event.id, number = no.0, "the sale is open in the grid");
                Ok(())
            }
            other => Err(foreign(other)),
        }
    }

    async fn plan(&self, event: &EventRecord) -> Result<Plan, PublishError> {
        let id = event.id.clone();
        let stored = self.database.run(|pool| async move { store::plan(&pool, &id).await }).await?;
        let stored = stored.ok_or_else(|| unsellable("it has no plan"))?;
        stored.to_plan(&event.tiers).map_err(unsellable)
    }
}

/// Codes that the grid has not, or otherwise; those that the catalogue has no more work for nobody.
fn to_tell(wanted: Vec<Code>, known: Vec<CodeUse>) -> Vec<Code> {
    let by_hash: BTreeMap<u128, &Code> =
        known.iter().map(|one| (one.code.hash, &one.code)).collect();
    let hashes: BTreeSet<u128> = wanted.iter().map(|code| code.hash).collect();
    let mut tell = wanted;
    tell.retain(|code| by_hash.get(&code.hash) != Some(&code));
    let gone = known.iter().map(|one| &one.code);
    let gone = gone.filter(|code| !hashes.contains(&code.hash) && !is_void(code));
    tell.extend(gone.cloned().map(void));
    tell
}

/// Whether the open sale is this one. Its window may have been moved since, in the grid; its name and
/// the moment it starts are the catalogue's alone, and the grid keeps those of the opening.
fn is_same(open: &Sale, mut sale: Sale) -> bool {
    (sale.opens_at_ms, sale.closes_at_ms) = (open.opens_at_ms, open.closes_at_ms);
    sale.starts_at_ms = open.starts_at_ms;
    sale.name.clone_from(&open.name);
    *open == sale
}

/// What an outcome that was not hoped for means.
fn foreign(outcome: Outcome) -> PublishError {
    match outcome {
        Outcome::Refused(Refusal::PersistenceBacklog) => PublishError::Backlog,
        // It is on its way to another shard, or the route here is an old one.
        Outcome::Refused(Refusal::EventMoved) => GridError::NoLeader.into(),
        Outcome::Refused(Refusal::SaleDiffers) => differs(),
        Outcome::Refused(refusal) => unsellable(format!("{refusal:?}")),
        other => GridError::Protocol(format!("not this command's: {other:?}")).into(),
    }
}

fn differs() -> PublishError {
    unsellable("its sale is open with other terms, which stay as they were")
}

fn unsellable(reason: impl std::fmt::Display) -> PublishError {
    PublishError::Unsellable(reason.to_string())
}

/// Whether an event can be sold as it is, its plan apart.
///
/// # Errors
/// What is out of range, for people.
pub(crate) fn check_terms(event: &EventRecord) -> Result<(), String> {
    let sale = terms(event).map_err(|error| error.to_string())?;
    sale.check().map_err(str::to_owned)
}

/// The terms of an event's sale in the grid.
fn terms(event: &EventRecord) -> Result<Sale, PublishError> {
    let moment = |ms: i64| u64::try_from(ms).map_err(|_| unsellable("a time before 1970"));
    let currency = event.currency.as_bytes().try_into();
    let per_person_max = u16::try_from(event.per_person_max).ok();
    let rules = per_person_max.and_then(|max| event.rules.to_rules(max));
    let hold_ttl_ms = u32::try_from(event.hold_ttl_s).ok().and_then(|s| s.checked_mul(1_000));
    Ok(Sale {
        event_id: event.id.clone(),
        name: event.name.clone(),
        starts_at_ms: moment(event.starts_at_ms)?,
        currency: currency.map_err(|_| unsellable("a currency has three letters"))?,
        opens_at_ms: moment(event.opens_at_ms)?,
        closes_at_ms: moment(event.closes_at_ms)?,
        hold_ttl_ms: hold_ttl_ms.ok_or_else(|| unsellable("the hold time is out of range"))?,
        per_hold_max: u16::try_from(event.per_hold_max)
            .map_err(|_| unsellable("the seats per hold are out of range"))?,
        rules: rules.ok_or_else(|| unsellable("the limits or times are out of range"))?,
    })
}
