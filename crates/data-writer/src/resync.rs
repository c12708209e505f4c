//! For a database that has lost rows which the grid has let go of already: restored from an older
//! backup, or failed over to a standby that is missing the last transactions. The tables are brought
//! to what the grid has now, row by row where the grid's version is higher; the lost records of the
//! ledger cannot come back, and a record of their own says so, as the first of a new incarnation.
//! The writer then goes on with what the grid still tells.
//!
//! Asked for by a person only: whoever writes must know that evidence is lost. Never touches the
//! grid, and never a shard whose tables reach as far as the grid remembers.

mod kept;
mod orders;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use inventory::{EventNo, FeedPosition};
use processing_unit::{CheckedEvent, Feed, Grid, GridError, ShardId};
use serde::Serialize;

use crate::attempts::blank;
use crate::batch::Batch;
use crate::database::UrlError;
use crate::now::Now;
use crate::reconcile::ReconcileOptions;
use crate::rows::LedgerRow;
use crate::sink::{Checkpoint, Sink, WriteError};
use crate::{EventTerms, FeedSource};

/// The kind of the record that tells of lost ones.
pub(crate) const GAP_KIND: &str = "ledger_gap";
/// Its event: all of the shard.
pub(crate) const ALL_EVENTS: &str = "*";
/// How often an event is asked for whose plan was being replaced.
const LOOKS_MAX: u32 = 5;

/// What was lost of a shard, and what was written in its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Resynced {
    /// The shard.
    pub shard: ShardId,
    /// The last record that the tables had: log index and row within it.
    pub lost_after: (u64, u32),
    /// The last record that is lost.
    pub lost_up_to: (u64, u32),
    /// The tables were complete up to this, milliseconds since 1970: what is lost happened later.
    pub lost_from_ms: u64,
    /// What is lost happened before this, milliseconds since 1970.
    pub lost_until_ms: u64,
    /// Events that were compared with the grid.
    pub events: u64,
    /// Rows compared, of all tables; those of a lower version were written anew.
    pub rows: u64,
    /// The ledger's incarnation from here on.
    pub incarnation: u64,
}

impl fmt::Display for Resynced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "shard {}: the ledger's records after {}.{} up to {}.{} are lost ({} ms, from {} to {} \
             in ms since 1970); {} rows of {} events are as in the grid, incarnation {} begins",
            self.shard,
            self.lost_after.0,
            self.lost_after.1,
            self.lost_up_to.0,
            self.lost_up_to.1,
            self.lost_until_ms.saturating_sub(self.lost_from_ms),
            self.lost_from_ms,
            self.lost_until_ms,
            self.rows,
            self.events,
            self.incarnation
        )
    }
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum ResyncError {
    /// The URL is none.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// The grid did not answer.
    #[error("the grid does not answer: {0}")]
    Grid(#[from] GridError),
    /// The tables have an event that the grid does not: they are of another grid.
    #[error("the tables have event {event_id}, which this grid does not know: another grid's?")]
    Foreign {
        /// The event.
        event_id: String,
    },
    /// The grid writes the shard to another database.
    #[error(
        "the grid writes shard {shard} to another database: this one is another grid's, or older"
    )]
    OtherDatabase {
        /// The shard.
        shard: ShardId,
    },
    /// An order of the tables is another one in the grid.
    #[error("order {order_id} has another time or contact in the grid: another grid's tables?")]
    OtherOrder {
        /// The order.
        order_id: String,
    },
    /// The database did not take it, or a writer moved the shard meanwhile.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// Brings every shard whose tables have lost rows to what the grid has; none is the rule.
///
/// # Errors
/// When one side does not answer; what was written before stays and is not written again.
pub async fn resync(options: &ReconcileOptions) -> Result<Vec<Resynced>, ResyncError> {
    resync_from(&Grid::connect(&options.grid), &options.database_url).await
}

/// As [`resync`], from any source.
///
/// # Errors
/// As [`resync`].
pub async fn resync_from<S: FeedSource>(
    source: &S,
    database_url: &str,
) -> Result<Vec<Resynced>, ResyncError> {
    let sink = Sink::connect(database_url, 1)?;
    let pins = source.pins().await?;
    let shards: BTreeSet<ShardId> = pins.iter().map(|(_, pin)| pin.shard).collect();
    let mut all = Vec::new();
    for shard in shards {
        let here = pins.iter().filter(|(_, pin)| pin.shard == shard);
        let known: BTreeMap<&str, u32> = here.map(|(id, pin)| (id.as_str(), pin.number)).collect();
        all.extend(one_shard(source, &sink, (shard, &known)).await?);
    }
    Ok(all)
}

async fn one_shard<S: FeedSource>(
    source: &S,
    sink: &Sink,
    (shard, events): (ShardId, &BTreeMap<&str, u32>),
) -> Result<Option<Resynced>, ResyncError> {
    let Some(from) = sink.checkpoint(shard).await? else { return Ok(None) };
    let feed = source.feed(shard, from.position, 1, Duration::ZERO).await?;
    if feed.acknowledged <= from.position {
        return Ok(None);
    }
    let written = sink.events(shard).await?;
    let named = feed.bound.is_none_or(|bound| bound == from.database_id);
    // A database that never had anything of the shard takes the place of one that is lost.
    let fresh = written.is_empty() && from.position == FeedPosition::default();
    if !named && !fresh {
        return Err(ResyncError::OtherDatabase { shard });
    }
    if let Some((event_id, _)) =
        written.into_iter().find(|(id, no)| events.get(id.as_str()) != Some(no))
    {
        return Err(ResyncError::Foreign { event_id });
    }
    let until_ms = feed.records.first().map_or(feed.at_ms, |record| record.at_ms);
    let gap = gap_row(&from, &feed, until_ms.max(from.applied_at_ms));
    let mut batch = Batch { ledger: vec![gap], ..Batch::default() };
    let mut told = 0;
    for number in events.values() {
        let event = EventNo(*number);
        told += u64::from(put_event(source, sink, (event, &feed, &mut batch)).await?);
    }
    if !named {
        source.bind(shard, feed.bound, from.database_id).await?;
    }
    let to = sink.begin_anew(&from, &batch, from.applied_at_ms).await?;
    let place = |at: FeedPosition| (at.log_index, at.ordinal);
    Ok(Some(Resynced {
        shard,
        lost_after: place(from.position),
        lost_up_to: place(to.position),
        lost_from_ms: from.applied_at_ms,
        lost_until_ms: until_ms,
        events: told,
        rows: batch.row_count() as u64 - 1,
        incarnation: to.incarnation,
    }))
}

/// Where the grid's memory begins, in place of the records that are lost.
fn gap_row(from: &Checkpoint, feed: &Feed, at_ms: u64) -> LedgerRow {
    let FeedPosition { log_index, ordinal } = from.position;
    LedgerRow {
        position: feed.acknowledged,
        event_id: ALL_EVENTS.to_owned(),
        ..blank(at_ms, GAP_KIND.to_owned(), format!("lost after {log_index}.{ordinal}"))
    }
}

/// The event's rows; `false` for one that is pinned and not on sale.
async fn put_event<S: FeedSource>(
    source: &S,
    sink: &Sink,
    (event, feed, batch): (EventNo, &Feed, &mut Batch),
) -> Result<bool, ResyncError> {
    let Some((terms, checked)) = look(source, event).await? else { return Ok(false) };
    let known = sink.orders(&checked.event_id).await?;
    if let Some(order_id) = orders::foreign(&checked, &known) {
        return Err(ResyncError::OtherOrder { order_id: order_id.to_owned() });
    }
    orders::end_forgotten(&checked, &known, feed.at_ms, batch);
    let (standing, kept) =
        (source.standing(event).await?, sink.kept_sale(&checked.event_id).await?);
    let held_until_ms = feed.at_ms + u64::from(terms.sale.hold_ttl_ms);
    let terms = Arc::new(terms);
    kept::Known { checked: &checked, terms: &terms, standing: &standing, kept: &kept }.put(batch);
    Now { checked: &checked, terms, held_until_ms }.put_all(feed.at_ms, batch);
    Ok(true)
}

/// Terms and contents of one moment: the plan may be replaced between two questions.
async fn look<S: FeedSource>(
    source: &S,
    event: EventNo,
) -> Result<Option<(EventTerms, CheckedEvent)>, ResyncError> {
    for _ in 0..LOOKS_MAX {
        let terms = match source.plan(event).await {
            Ok(answer) => EventTerms::new(&answer),
            Err(GridError::NotFound) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let checked = source.check(event).await?;
        let again = EventTerms::new(&source.plan(event).await?);
        if again.plan_version() == terms.plan_version() {
            return Ok(Some((terms, checked)));
        }
    }
    Err(GridError::Overloaded.into())
}
