//! A model of PostgreSQL and of the data writer's dealings with it: a checkpoint and the ledger per
//! shard, and the last state of each seat, changed in one step or not at all.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use inventory::{Change, EventNo, FeedPosition, LedgerRecord, SeatIx, SeatStatus};
use parking_lot::Mutex;
use processing_unit::{Grid, ShardId};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

/// A seat's row: status, holder or owner, version.
pub type SeatRow = (SeatStatus, u64, u64);

/// What is committed.
#[derive(Debug, Default)]
pub struct Tables {
    pub checkpoints: BTreeMap<ShardId, Checkpoint>,
    pub ledger: BTreeMap<ShardId, Vec<LedgerRecord>>,
    pub seats: BTreeMap<(EventNo, SeatIx), SeatRow>,
    /// Rows whose version would have gone back.
    pub regressions: Vec<String>,
}

/// Where a shard is, and whose it is.
#[derive(Debug, Default, Clone, Copy)]
pub struct Checkpoint {
    pub position: FeedPosition,
    pub epoch: u64,
}

/// Handle of the database; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Database(Arc<Mutex<Tables>>);

impl Database {
    /// Looks at what is committed.
    pub fn look<T>(&self, look: impl FnOnce(&Tables) -> T) -> T {
        look(&self.0.lock())
    }

    /// Takes a shard for an epoch; nothing when a higher one has it.
    fn claim(&self, shard: ShardId, epoch: u64) -> Option<FeedPosition> {
        let mut tables = self.0.lock();
        let checkpoint = tables.checkpoints.entry(shard).or_default();
        if checkpoint.epoch > epoch {
            return None;
        }
        checkpoint.epoch = epoch;
        Some(checkpoint.position)
    }

    /// One transaction: the checkpoint moves from where it is said to be, with all that it means.
    fn write(
        &self,
        (shard, epoch): (ShardId, u64),
        from: FeedPosition,
        records: &[LedgerRecord],
    ) -> Option<FeedPosition> {
        let tables = &mut *self.0.lock();
        let checkpoint = tables.checkpoints.entry(shard).or_default();
        let to = records.last().map(LedgerRecord::last)?;
        if checkpoint.epoch != epoch || checkpoint.position != from {
            return None;
        }
        checkpoint.position = to;
        tables.ledger.entry(shard).or_default().extend_from_slice(records);
        for record in records {
            tables.take(record);
        }
        Some(to)
    }
}

impl Tables {
    fn take(&mut self, record: &LedgerRecord) {
        for (seat, status, holder) in seats_of(&record.change) {
            let row = (status, holder, record.version);
            if let Some((_, _, known)) = self.seats.insert((record.event, seat), row)
                && known > record.version
            {
                self.regressions
                    .push(format!("{:?} {seat:?}: {known} then {record:?}", record.event));
            }
        }
    }
}

/// What a change makes of which seats.
pub fn seats_of(change: &Change) -> Vec<(SeatIx, SeatStatus, u64)> {
    let all = |seats: &inventory::PricedSeats, status, holder| {
        seats.iter().map(|one| (one.seat, status, holder)).collect()
    };
    match change {
        Change::HoldGranted { hold, seats, .. } => all(seats, SeatStatus::Held, *hold),
        Change::HoldReleased { seats, .. }
        | Change::HoldExpired { seats, .. }
        | Change::HoldWithdrawn { seats, .. }
        | Change::SeatsUnblocked { seats }
        | Change::SeatsAdded { seats } => all(seats, SeatStatus::Free, 0),
        Change::SeatsSold { order, seats } => all(seats, SeatStatus::Sold, *order),
        Change::SeatsBlocked { seats } | Change::SeatsRemoved { seats } => {
            all(seats, SeatStatus::Blocked, 0)
        }
        Change::SeatsReturned { seats, blocked, .. } => {
            all(seats, if *blocked { SeatStatus::Blocked } else { SeatStatus::Free }, 0)
        }
        Change::SaleOpened { .. }
        | Change::OrderPlaced { .. }
        | Change::OrderChanged { .. }
        | Change::PaymentStarted { .. }
        | Change::PaymentRecorded { .. }
        | Change::PaymentSettled { .. }
        | Change::RefundChanged { .. }
        | Change::SaleChanged(_)
        | Change::HoldExtended { .. }
        | Change::PlanReplaced { .. }
        | Change::WaitlistChanged { .. } => Vec::new(),
    }
}

/// A writer's life under one epoch: reads the feed after the checkpoint, commits, acknowledges.
pub struct Pump {
    pub grid: Grid,
    pub database: Database,
    pub shard: ShardId,
    pub epoch: u64,
    pub seed: u64,
}

impl Pump {
    /// Until another writer has the shard.
    pub async fn run(self) {
        let mut random = StdRng::seed_from_u64(self.seed);
        while let Some(from) = self.database.claim(self.shard, self.epoch) {
            self.session(from, &mut random).await;
            tokio::time::sleep(Duration::from_millis(random.random_range(1..200))).await;
        }
    }

    /// Until anything is not as expected.
    async fn session(&self, mut from: FeedPosition, random: &mut StdRng) {
        loop {
            let deadline = Instant::now() + Duration::from_secs(3);
            let limits = (random.random_range(1..60), Duration::from_millis(500));
            let Ok(feed) = self.grid.feed(self.shard, from, limits, deadline).await else { return };
            if !feed.records.is_empty() {
                tokio::time::sleep(Duration::from_millis(random.random_range(0..20))).await;
                let key = (self.shard, self.epoch);
                let Some(to) = self.database.write(key, from, &feed.records) else { return };
                if random.random_bool(0.02) {
                    // The answer to the commit is lost: where the shard is has to be asked.
                    return;
                }
                from = to;
            } else if feed.acknowledged >= from {
                continue;
            }
            let deadline = Instant::now() + Duration::from_secs(2);
            let _ = self.grid.acknowledge(self.shard, from, deadline).await;
        }
    }
}
