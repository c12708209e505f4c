//! Whether the feed and the tables belong together. Refuses rather than skips.

use std::time::Duration;

use inventory::FeedPosition;
use processing_unit::{Feed, GridError};
use uuid::Uuid;

use super::{ShardError, Shared};
use crate::FeedSource;
use crate::sink::Checkpoint;

/// Rows of one question while looking for the checkpoint's record.
const LOOK_ROWS: u32 = 5_000;

/// An answer to "what comes after `after`" must follow it without a gap.
pub(super) fn check_feed(feed: &Feed, after: FeedPosition) -> Result<(), ShardError> {
    if feed.acknowledged > after {
        return Err(ShardError::Gap { checkpoint: after, acknowledged: feed.acknowledged });
    }
    let mut last = after;
    for record in &feed.records {
        let position = record.position;
        // Rows are numbered without a gap within a log entry; not every entry has one.
        let follows = if position.log_index == last.log_index {
            position.ordinal == last.ordinal + 1
        } else {
            position.log_index > last.log_index && position.ordinal == 0
        };
        if !follows {
            return Err(ShardError::Disorder { after: last, got: position });
        }
        last = record.last();
    }
    Ok(())
}

/// The shard and these tables name each other. A shard that was never written to any is told this name
/// once its records are known to go on from here.
pub(super) async fn check_name<S: FeedSource>(
    shared: &Shared<S>,
    checkpoint: &Checkpoint,
) -> Result<(), ShardError> {
    let (shard, id) = (checkpoint.shard, checkpoint.database_id);
    let feed = shared.source.feed(shard, checkpoint.position, 1, Duration::ZERO).await?;
    match feed.bound {
        Some(bound) if bound == id => check_resume(shared, checkpoint).await,
        Some(bound) => Err(ShardError::Foreign {
            bound: Uuid::from_u128(bound),
            database: Uuid::from_u128(id),
        }),
        None => {
            check_resume(shared, checkpoint).await?;
            check_feed(&feed, checkpoint.position)?;
            match shared.source.bind(shard, None, id).await {
                // Before the second form is active there are no names.
                Ok(()) | Err(GridError::NotActive) => Ok(()),
                Err(error) => Err(error.into()),
            }
        }
    }
}

/// A grid that has not heard of the last commit still has its record. One that has not, or has
/// another one there, is another grid: its records below the checkpoint would be lost.
async fn check_resume<S: FeedSource>(
    shared: &Shared<S>,
    checkpoint: &Checkpoint,
) -> Result<(), ShardError> {
    if checkpoint.position == FeedPosition::default() {
        return Ok(());
    }
    let ahead = || ShardError::Ahead { checkpoint: checkpoint.position };
    let ask = |after| shared.source.feed(checkpoint.shard, after, LOOK_ROWS, Duration::ZERO);
    let acknowledged = ask(checkpoint.position).await?.acknowledged;
    if acknowledged >= checkpoint.position {
        // Equal is the rule; a gap is found with the next answer.
        return Ok(());
    }
    let written_at_ms = shared.sink.ledger_at_ms(checkpoint).await?.ok_or_else(ahead)?;
    let mut after = acknowledged;
    loop {
        let feed = ask(after).await?;
        if feed.acknowledged >= checkpoint.position {
            return Ok(());
        }
        let known = feed.records.iter().find(|record| record.last() >= checkpoint.position);
        if let Some(record) = known {
            let same = record.last() == checkpoint.position && record.at_ms == written_at_ms;
            return if same { Ok(()) } else { Err(ahead()) };
        }
        after = feed.records.last().ok_or_else(ahead)?.last();
    }
}
