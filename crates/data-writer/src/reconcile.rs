//! Compares the grid with the tables, event by event: seats, orders, payments, refunds, money. Waits
//! until the tables have reached the moment at which the grid was asked, so that a busy writer is
//! not taken for a wrong one. Only reads, on both sides.

mod compare;
mod grid_side;
mod report;
mod table_side;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use processing_unit::{CheckedEvent, Grid, GridConfig, GridError, Pin, ShardId};
use sqlx::{ConnectOptions, PgConnection};

pub(crate) use grid_side::seat_status_of;
use inventory::FeedPosition;
pub use report::{Counts, Difference, Report, Thing};

use crate::database::{UrlError, connect_options};
use crate::{EventTerms, FeedSource};
use compare::Facts;

/// Between looks at a checkpoint that is behind, or at an event that has moved.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How long the tables may take to reach the grid, unless said otherwise: a writer that was just
/// started included.
const WAIT: Duration = Duration::from_secs(30);

/// What to compare.
#[derive(Clone)]
pub struct ReconcileOptions {
    /// The database.
    pub database_url: String,
    /// The grid.
    pub grid: GridConfig,
    /// How long the tables may take to reach the grid.
    pub wait: Duration,
}

impl ReconcileOptions {
    /// With the usual wait of 30 s.
    pub fn new(database_url: String, grid: GridConfig) -> Self {
        Self { database_url, grid, wait: WAIT }
    }
}

/// Why there is no comparison.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The URL is none.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// The database did not answer.
    #[error("the database does not answer: {0}")]
    Database(#[from] sqlx::Error),
    /// The grid did not answer.
    #[error("the grid does not answer: {0}")]
    Grid(#[from] GridError),
    /// The grid writes the shard to a database of another name.
    #[error("the grid writes shard {shard} to another database than this one")]
    OtherDatabase {
        /// The shard.
        shard: ShardId,
    },
    /// The writer has not come far enough in time.
    #[error("the tables of shard {shard} are at {tables:?}, the grid is at {grid:?}: no writer?")]
    Behind {
        /// The shard.
        shard: ShardId,
        /// Where the tables are.
        tables: FeedPosition,
        /// Where the grid was when asked.
        grid: FeedPosition,
    },
}

/// Compares everything: after quiescence the grid equals PostgreSQL (invariant I16).
///
/// # Errors
/// When one side does not answer or the tables do not reach the grid in time. Differences are no
/// error; they are in the report.
pub async fn reconcile(options: &ReconcileOptions) -> Result<Report, ReconcileError> {
    let grid = Grid::connect(&options.grid);
    reconcile_from(&grid, &options.database_url, options.wait).await
}

/// As [`reconcile`], with any source.
///
/// # Errors
/// As [`reconcile`].
pub async fn reconcile_from<S: FeedSource>(
    source: &S,
    database_url: &str,
    wait: Duration,
) -> Result<Report, ReconcileError> {
    let options = connect_options(database_url)?;
    let connection = options.application_name("seatgrid-reconcile").connect().await?;
    let deadline = Instant::now() + wait;
    let report = Report::default();
    let mut run = Run { source, connection, deadline, report };
    let pins = run.source.pins().await?;
    let shards: BTreeSet<ShardId> = pins.iter().map(|(_, pin)| pin.shard).collect();
    for shard in shards {
        run.same_database(shard).await?;
    }
    for (event_id, pin) in &pins {
        run.event(event_id, *pin).await?;
    }
    let pinned: BTreeSet<&str> = pins.iter().map(|(id, _)| id.as_str()).collect();
    run.rest(&pinned).await?;
    Ok(run.report)
}

struct Run<'a, S> {
    source: &'a S,
    connection: PgConnection,
    deadline: Instant,
    report: Report,
}

impl<S: FeedSource> Run<'_, S> {
    /// Rows of another database may be the same for a while: a copy has its own writer.
    async fn same_database(&mut self, shard: ShardId) -> Result<(), ReconcileError> {
        let Some((at, name)) = table_side::name(&mut self.connection, shard).await? else {
            return Ok(());
        };
        let feed = self.source.feed(shard, at, 1, Duration::ZERO).await?;
        match feed.bound {
            Some(bound) if bound != name => Err(ReconcileError::OtherDatabase { shard }),
            Some(_) | None => Ok(()),
        }
    }

    async fn event(&mut self, event_id: &str, pin: Pin) -> Result<(), ReconcileError> {
        let event = inventory::EventNo(pin.number);
        let terms = match self.source.plan(event).await {
            Ok(answer) => EventTerms::new(&answer),
            // Pinned but not on sale; then the tables must not have it either.
            Err(GridError::NotFound) => return self.not_in_grid(event_id).await,
            Err(error) => return Err(error.into()),
        };
        loop {
            let checked = self.source.check(event).await?;
            self.wait_for_tables(pin.shard, checked.position).await?;
            let tables = table_side::load(&mut self.connection, event_id, pin.shard).await?;
            let grid = grid_side::facts(&checked, &terms, pin.shard);
            let found = compare::differences(event_id, &grid, &tables.facts);
            let same_moment = tables.position == checked.position;
            if found.is_empty() || same_moment || Instant::now() >= self.deadline {
                self.report.add(found, same_moment);
                self.count(&checked, &tables.facts);
                return Ok(());
            }
            // The sale went on between the two looks.
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn wait_for_tables(
        &mut self,
        shard: ShardId,
        grid: FeedPosition,
    ) -> Result<(), ReconcileError> {
        loop {
            let tables = table_side::position(&mut self.connection, shard).await?;
            if tables >= grid {
                return Ok(());
            }
            if Instant::now() >= self.deadline {
                return Err(ReconcileError::Behind { shard, tables, grid });
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn not_in_grid(&mut self, event_id: &str) -> Result<(), ReconcileError> {
        if table_side::events(&mut self.connection).await?.iter().any(|known| known == event_id) {
            self.report
                .add(vec![Difference::only_in_tables(event_id, Thing::Event, event_id)], true);
        }
        Ok(())
    }

    /// What belongs to no event of the grid.
    async fn rest(&mut self, pinned: &BTreeSet<&str>) -> Result<(), ReconcileError> {
        for event_id in table_side::events(&mut self.connection).await? {
            if !pinned.contains(event_id.as_str()) {
                let unknown = Difference::only_in_tables(&event_id, Thing::Event, &event_id);
                self.report.add(vec![unknown], true);
            }
        }
        let twice = table_side::double_sold(&mut self.connection).await?;
        let twice =
            twice.iter().map(|(event, seat, owners)| Difference::double_sold(event, seat, *owners));
        self.report.add(twice.collect(), true);
        self.report.counts.quarantine = table_side::quarantine(&mut self.connection).await?;
        Ok(())
    }

    fn count(&mut self, checked: &CheckedEvent, tables: &Facts) {
        let counts = &mut self.report.counts;
        counts.events += 1;
        counts.seats += checked.seats.len() as u64;
        counts.orders += checked.orders.len() as u64;
        counts.payments += checked.payments.len() as u64;
        counts.refunds += checked.refunds.len() as u64;
        counts.forgotten_orders += compare::forgotten_orders(checked, tables);
        let sold = compare::sold_seats(tables);
        self.report.sold_by_event.insert(checked.event_id.clone(), sold);
    }
}
