//! The only place that writes the grid's rows: one transaction moves a shard's checkpoint and
//! everything that the move means, or nothing.
//!
//! The checkpoint is compared and set first. It locks the shard's row, so that a transaction of a
//! lost connection that may still commit is waited for, and it fails for a writer whose epoch has
//! passed. No error leaves a doubt here: whoever got one claims again and reads where the shard is.

mod attempts;
mod checkpoint;
mod copy;
mod kept;
mod ledger;
mod money;
mod orders;
mod quarantine;
mod recovery;
mod resolve;
mod seats;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use inventory::LedgerRecord;
use parking_lot::Mutex;
use processing_unit::ShardId;
use sqlx::{Connection, PgConnection};
use tokio::time::timeout;

pub use checkpoint::Checkpoint;
pub(crate) use ledger::month_of;
pub(crate) use quarantine::Fault;
pub(crate) use recovery::OpenRun;
pub(crate) use resolve::Parked;
pub(crate) use seats::SeatColumns;

use crate::EventTerms;
use crate::batch::Batch;
use crate::database::{Connections, UrlError, connect_options};
use crate::failure::is_away;
use crate::signing::HeadSigner;

/// The longest one transaction may take, the turn at a connection included. A plan of 250,000 seats
/// takes seconds; above this the connection is given up.
const TRANSACTION_MAX: Duration = Duration::from_secs(60);

/// Why nothing is known to be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Another writer has the shard, or the checkpoint is not where it was: claim again.
    #[error("the checkpoint has moved or belongs to another writer")]
    Fenced,
    /// The database said no, or nothing at all.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    /// No answer in time.
    #[error("the database did not answer within {} s", TRANSACTION_MAX.as_secs())]
    Late,
}

/// The writing side of schema `grid`.
#[derive(Debug)]
pub struct Sink {
    connections: Arc<Connections>,
    /// First milliseconds of months whose ledger partition is known to exist.
    months: Mutex<BTreeSet<i64>>,
}

impl Sink {
    /// Writes through so many connections, made when first needed.
    ///
    /// # Errors
    /// When the URL is none.
    pub fn connect(database_url: &str, connections_max: u32) -> Result<Self, UrlError> {
        let options = connect_options(database_url)?;
        Ok(Self::new(Arc::new(Connections::new(options, connections_max))))
    }

    pub(crate) fn new(connections: Arc<Connections>) -> Self {
        Self { connections, months: Mutex::default() }
    }

    /// Takes a shard for a writer's epoch and says where it is. Waits for a transaction that is
    /// still moving it.
    ///
    /// # Errors
    /// `Fenced` when a higher epoch has it.
    pub async fn claim(&self, shard: ShardId, epoch: u64) -> Result<Checkpoint, WriteError> {
        self.within(async {
            let mut connection = self.connections.lend().await?;
            let claimed = checkpoint::claim(&mut connection, shard, epoch).await?;
            connection.give_back();
            claimed.ok_or(WriteError::Fenced)
        })
        .await
    }

    /// Where a shard's tables are, without taking the shard; `None` if nothing was ever written.
    ///
    /// # Errors
    /// What the database said.
    pub(crate) async fn checkpoint(
        &self,
        shard: ShardId,
    ) -> Result<Option<Checkpoint>, WriteError> {
        self.within(async {
            let mut connection = self.connections.lend().await?;
            let found = checkpoint::read(&mut connection, shard).await?;
            connection.give_back();
            Ok(found)
        })
        .await
    }

    /// The events that the tables have of a shard, with their numbers.
    ///
    /// # Errors
    /// What the database said.
    pub(crate) async fn events(&self, shard: ShardId) -> Result<Vec<(String, u32)>, WriteError> {
        self.within(async {
            let mut connection = self.connections.lend().await?;
            let found = seats::events(&mut connection, shard).await?;
            connection.give_back();
            Ok(found)
        })
        .await
    }

    /// Writes a batch that begins right after the checkpoint, and says where the shard is then. No
    /// row's version ever decreases, and an old epoch commits nothing (invariant I11).
    /// Every record with a time before `complete_up_to_ms` is in this batch or was before.
    ///
    /// # Errors
    /// `Fenced` when the checkpoint is not the given one any more; else what the database said.
    pub async fn write(
        &self,
        from: &Checkpoint,
        batch: &Batch,
        complete_up_to_ms: u64,
    ) -> Result<Checkpoint, WriteError> {
        self.write_as(from, from.incarnation, (batch, complete_up_to_ms)).await
    }

    /// As [`Sink::write`], with the batch's ledger rows as the first of a new incarnation: what is
    /// between them and the checkpoint is lost.
    ///
    /// # Errors
    /// As [`Sink::write`].
    pub(crate) async fn begin_anew(
        &self,
        from: &Checkpoint,
        batch: &Batch,
        complete_up_to_ms: u64,
    ) -> Result<Checkpoint, WriteError> {
        self.write_as(from, from.incarnation + 1, (batch, complete_up_to_ms)).await
    }

    async fn write_as(
        &self,
        from: &Checkpoint,
        incarnation: u64,
        (batch, complete_up_to_ms): (&Batch, u64),
    ) -> Result<Checkpoint, WriteError> {
        let Some(position) = batch.last() else {
            return self.refresh(from, complete_up_to_ms).await;
        };
        let first = Checkpoint { incarnation, ..*from };
        let (ledger, chain_hash) = ledger::chained(&first, &batch.ledger);
        let applied_at_ms = from.applied_at_ms.max(complete_up_to_ms);
        let to = Checkpoint { position, chain_hash, applied_at_ms, ..first };
        self.within(async {
            let mut connection = self.connections.lend().await?;
            let mut transaction = connection.begin().await?;
            let months = self.ensure_months(&mut transaction, batch).await?;
            if !checkpoint::advance(&mut transaction, from, &to).await? {
                return Err(WriteError::Fenced);
            }
            write_rows(&mut transaction, batch, to.shard).await?;
            ledger::insert(&mut transaction, &ledger).await?;
            transaction.commit().await?;
            connection.give_back();
            self.months.lock().extend(months);
            Ok(to)
        })
        .await
    }

    /// Passes a record that the database will never take: it goes to the quarantine and into the
    /// ledger as such, and the checkpoint moves on, all in one transaction.
    ///
    /// # Errors
    /// As [`Sink::write`].
    pub(crate) async fn park(
        &self,
        from: &Checkpoint,
        record: &LedgerRecord,
        terms: Option<&EventTerms>,
        fault: &Fault,
    ) -> Result<Checkpoint, WriteError> {
        let batch = quarantine::ledger_only(record, terms);
        let (ledger, chain_hash) = ledger::chained(from, &batch.ledger);
        let applied_at_ms = from.applied_at_ms.max(record.at_ms);
        let to = Checkpoint { position: record.last(), chain_hash, applied_at_ms, ..*from };
        self.within(async {
            let mut connection = self.connections.lend().await?;
            let mut transaction = connection.begin().await?;
            let months = self.ensure_months(&mut transaction, &batch).await?;
            if !checkpoint::advance(&mut transaction, from, &to).await? {
                return Err(WriteError::Fenced);
            }
            quarantine::insert(&mut transaction, &to, record, fault).await?;
            ledger::insert(&mut transaction, &ledger).await?;
            transaction.commit().await?;
            connection.give_back();
            self.months.lock().extend(months);
            Ok(to)
        })
        .await
    }

    /// Moves only the watermark: nothing happened up to that moment.
    ///
    /// # Errors
    /// As [`Sink::write`].
    pub async fn refresh(
        &self,
        from: &Checkpoint,
        complete_up_to_ms: u64,
    ) -> Result<Checkpoint, WriteError> {
        let to = Checkpoint { applied_at_ms: from.applied_at_ms.max(complete_up_to_ms), ..*from };
        self.within(async {
            let mut connection = self.connections.lend().await?;
            let moved = checkpoint::advance(&mut connection, from, &to).await?;
            connection.give_back();
            if moved { Ok(to) } else { Err(WriteError::Fenced) }
        })
        .await
    }

    /// When the ledger's last row at a checkpoint happened, in ms since 1970; `None` if it is not
    /// there.
    ///
    /// # Errors
    /// What the database said.
    pub(crate) async fn ledger_at_ms(&self, at: &Checkpoint) -> Result<Option<u64>, WriteError> {
        self.within(async {
            let mut connection = self.connections.lend().await?;
            let answer = ledger::at_ms(&mut connection, at).await?;
            connection.give_back();
            Ok(answer)
        })
        .await
    }

    /// Makes the partitions of this month and the next two, so that no batch has to.
    ///
    /// # Errors
    /// What the database said.
    pub async fn make_partitions_ahead(&self) -> Result<(), WriteError> {
        self.within(async {
            let mut connection = self.connections.lend().await?;
            ledger::make_partitions_ahead(&mut connection).await?;
            connection.give_back();
            Ok(())
        })
        .await
    }

    /// Signs the head of every shard that has moved since it was last signed; how many.
    ///
    /// # Errors
    /// What the database said.
    pub async fn sign_heads(&self, signer: &HeadSigner) -> Result<usize, WriteError> {
        self.within(async {
            let mut connection = self.connections.lend().await?;
            let heads = ledger::unsigned_heads(&mut connection).await?;
            let key_id = signer.verifier().key_id();
            for (place, head) in &heads {
                let now_ms = jiff::Timestamp::now().as_millisecond().unsigned_abs();
                let signature = signer.sign_head(*place, head, now_ms);
                let signed = (now_ms, key_id.as_str(), signature);
                ledger::put_signed_head(&mut connection, *place, head, signed).await?;
            }
            connection.give_back();
            Ok(heads.len())
        })
        .await
    }

    /// How many parked records wait for a person.
    ///
    /// # Errors
    /// What the database said.
    pub async fn quarantine_size(&self) -> Result<u64, WriteError> {
        self.within(async {
            let mut connection = self.connections.lend().await?;
            let answer = quarantine::size(&mut connection).await?;
            connection.give_back();
            Ok(answer)
        })
        .await
    }

    /// Runs work under the time limit. When the server is away the idle connections are forgotten,
    /// which are as dead as this one.
    async fn within<T>(
        &self,
        work: impl Future<Output = Result<T, WriteError>>,
    ) -> Result<T, WriteError> {
        let done = timeout(TRANSACTION_MAX, work).await.unwrap_or(Err(WriteError::Late));
        match &done {
            Err(WriteError::Database(error)) if is_away(error) => self.connections.forget_idle(),
            Err(WriteError::Late) => self.connections.forget_idle(),
            Ok(_) | Err(WriteError::Fenced | WriteError::Database(_)) => {}
        }
        done
    }

    /// Makes the partitions that the batch needs and nobody is known to have made. Comes before the
    /// transaction's other locks: a partition's making waits for everybody in the ledger.
    async fn ensure_months(
        &self,
        transaction: &mut PgConnection,
        batch: &Batch,
    ) -> Result<BTreeSet<i64>, sqlx::Error> {
        let needed: BTreeSet<i64> =
            batch.ledger.iter().map(|r| ledger::month_of(r.at_ms)).collect();
        let missing: BTreeSet<i64> = needed.difference(&self.months.lock()).copied().collect();
        for month in &missing {
            ledger::make_partition(transaction, *month).await?;
        }
        Ok(missing)
    }
}

/// Every table but the ledger. The order is the same in every transaction.
async fn write_rows(
    transaction: &mut PgConnection,
    batch: &Batch,
    shard: ShardId,
) -> Result<(), sqlx::Error> {
    seats::upsert_events(transaction, batch, shard).await?;
    seats::upsert(transaction, batch).await?;
    kept::upsert(transaction, batch).await?;
    orders::upsert(transaction, batch).await?;
    orders::change(transaction, batch).await?;
    orders::release_seats(transaction, batch).await?;
    orders::upsert_seats(transaction, batch).await?;
    money::upsert_payments(transaction, batch).await?;
    money::change_payments(transaction, batch).await?;
    money::upsert_refunds(transaction, batch).await
}

/// Grid numbers as PostgreSQL's signed ones. The grid's counters start at 0 and grow by one, so the
/// limit is never met; a wrapped value would break order, a stuck one cannot.
pub(crate) fn int8(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(crate) fn int4(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
