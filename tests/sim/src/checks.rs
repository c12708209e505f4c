//! The judges: one file per invariant, each from what could be seen from outside and nothing else.
//!
//! They use neither the rules nor the grid: only shoppers' histories, committed rows, and what units
//! told of themselves.

mod acknowledged;
mod counted_once;
mod feed;
mod fresh_reads;
mod layout;
mod once_per_key;
mod owners;
mod pins;
mod replicas;
mod room;
mod rows;
mod tables_match;
mod time;

use grid_node::{MetaState, ShardId};
use inventory::{EventNo, FeedPosition, SeatStatus};

use crate::history::Log;
use crate::network::HostId;
use crate::tables::Tables;

/// What a unit told of one replica at one moment.
#[derive(Debug)]
pub struct Sample {
    pub host: HostId,
    pub shard: ShardId,
    pub applied_index: u64,
    pub digest: u64,
    pub state_at_ms: u64,
    pub acknowledged: FeedPosition,
    /// What the tables had of the shard then.
    pub checkpoint: FeedPosition,
    /// What the rules say of themselves.
    pub own_checks: Result<(), String>,
}

/// A run that has come to rest.
#[derive(Debug)]
pub struct Finished<'a> {
    pub log: &'a Log,
    pub tables: &'a Tables,
    /// Seats of each event as the leader has them: status and holder.
    pub seats: Vec<(EventNo, Vec<(SeatStatus, u64)>)>,
}

/// A judge of one invariant.
pub trait Check {
    /// Its number, and what it says in a few words.
    fn name(&self) -> &'static str;

    /// Looks at one replica.
    fn replica(&mut self, _sample: &Sample) -> Result<(), String> {
        Ok(())
    }

    /// Looks at the registry as one unit knows it.
    fn registry(&mut self, _host: HostId, _state: &MetaState) -> Result<(), String> {
        Ok(())
    }

    /// Looks at all that happened.
    fn finish(&mut self, _run: &Finished<'_>) -> Result<(), String> {
        Ok(())
    }
}

/// All judges.
pub fn all() -> Vec<Box<dyn Check>> {
    vec![
        Box::new(owners::Owners),
        Box::new(counted_once::CountedOnce),
        Box::<replicas::Replicas>::default(),
        Box::new(acknowledged::Acknowledged),
        Box::new(fresh_reads::FreshReads),
        Box::<pins::Pins>::default(),
        Box::<layout::Layout>::default(),
        Box::new(once_per_key::OncePerKey),
        Box::<time::Time>::default(),
        Box::new(feed::Feed),
        Box::new(rows::Rows),
        Box::new(room::Room),
        Box::new(tables_match::TablesMatch),
    ]
}
