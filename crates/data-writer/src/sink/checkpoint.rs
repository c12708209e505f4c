//! `grid.writer_checkpoint`: where each shard is and who may move it.

use inventory::FeedPosition;
use processing_unit::ShardId;
use sqlx::PgConnection;
use sqlx::types::Uuid;

use super::{int4, int8};
use crate::chain::{ChainKey, GENESIS, Hash};

/// Where a shard's tables are, as read by the writer that may move them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    /// The shard.
    pub shard: ShardId,
    /// Raised when the shard is rebuilt from the database.
    pub incarnation: u64,
    /// The writer's epoch.
    pub epoch: u64,
    /// The last row written.
    pub position: FeedPosition,
    /// Every row with an earlier time is written, milliseconds since 1970.
    pub applied_at_ms: u64,
    /// Hash of the last row.
    pub chain_hash: Hash,
    /// Names these rows of the shard for the grid.
    pub database_id: u128,
}

impl Checkpoint {
    /// What rows of this shard are hashed under.
    pub(crate) fn chain_key(&self) -> ChainKey {
        ChainKey { shard: self.shard, incarnation: self.incarnation }
    }
}

/// Incarnation, log index, ordinal, time in ms, hash, name.
type Row = (i64, i64, i32, i64, Vec<u8>, Uuid);

/// Writes the epoch into the shard's row, made if missing, and reads the row. The write waits for
/// any transaction that holds the row. `None` when a higher epoch is there or holds the lease.
pub(super) async fn claim(
    connection: &mut PgConnection,
    shard: ShardId,
    epoch: u64,
) -> Result<Option<Checkpoint>, sqlx::Error> {
    let row: Option<Row> = sqlx::query_as(
        "INSERT INTO grid.writer_checkpoint AS c (shard_id, incarnation, writer_epoch,
             applied_index, applied_ordinal, applied_at, chain_hash, updated_at)
         SELECT $1, 1, $2, 0, 0, to_timestamp(0), $3, clock_timestamp()
         FROM grid.writer_lease WHERE epoch <= $2
         ON CONFLICT (shard_id) DO UPDATE SET writer_epoch = EXCLUDED.writer_epoch
         WHERE c.writer_epoch <= EXCLUDED.writer_epoch
         RETURNING incarnation, applied_index, applied_ordinal, grid.to_ms(applied_at),
             chain_hash, database_id",
    )
    .bind(int4(shard))
    .bind(int8(epoch))
    .bind(GENESIS.as_slice())
    .fetch_optional(connection)
    .await?;
    row.map(|row| checkpoint((shard, epoch), row)).transpose()
}

/// Reads the shard's row as it is, without taking it for a writer; `None` if there is none.
pub(super) async fn read(
    connection: &mut PgConnection,
    shard: ShardId,
) -> Result<Option<Checkpoint>, sqlx::Error> {
    let epoch: Option<i64> =
        sqlx::query_scalar("SELECT writer_epoch FROM grid.writer_checkpoint WHERE shard_id = $1")
            .bind(int4(shard))
            .fetch_optional(&mut *connection)
            .await?;
    let row: Option<Row> = sqlx::query_as(
        "SELECT incarnation, applied_index, applied_ordinal, grid.to_ms(applied_at), chain_hash,
             database_id
         FROM grid.writer_checkpoint WHERE shard_id = $1",
    )
    .bind(int4(shard))
    .fetch_optional(connection)
    .await?;
    let found = row.zip(epoch);
    found.map(|(row, epoch)| checkpoint((shard, epoch.unsigned_abs()), row)).transpose()
}

fn checkpoint((shard, epoch): (ShardId, u64), row: Row) -> Result<Checkpoint, sqlx::Error> {
    let (incarnation, log_index, ordinal, applied_at_ms, chain_hash, id) = row;
    let position =
        FeedPosition { log_index: log_index.unsigned_abs(), ordinal: ordinal.unsigned_abs() };
    let chain_hash = Hash::try_from(chain_hash.as_slice()).map_err(|_| {
        sqlx::Error::Decode(format!("the chain hash of shard {shard} is not 32 bytes").into())
    })?;
    Ok(Checkpoint {
        shard,
        incarnation: incarnation.unsigned_abs(),
        epoch,
        position,
        applied_at_ms: applied_at_ms.unsigned_abs(),
        chain_hash,
        database_id: id.as_u128(),
    })
}

/// Compares and sets; `false` when the row is not at `from` under this epoch.
pub(super) async fn advance(
    connection: &mut PgConnection,
    from: &Checkpoint,
    to: &Checkpoint,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE grid.writer_checkpoint
         SET applied_index = $6, applied_ordinal = $7, applied_at = grid.from_ms($8),
             chain_hash = $9, incarnation = $10, database_id = $11, updated_at = clock_timestamp()
         WHERE shard_id = $1 AND incarnation = $2 AND writer_epoch = $3
           AND applied_index = $4 AND applied_ordinal = $5",
    )
    .bind(int4(from.shard))
    .bind(int8(from.incarnation))
    .bind(int8(from.epoch))
    .bind(int8(from.position.log_index))
    .bind(int4(from.position.ordinal))
    .bind(int8(to.position.log_index))
    .bind(int4(to.position.ordinal))
    .bind(int8(to.applied_at_ms))
    .bind(to.chain_hash.as_slice())
    .bind(int8(to.incarnation))
    .bind(Uuid::from_u128(to.database_id))
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}
