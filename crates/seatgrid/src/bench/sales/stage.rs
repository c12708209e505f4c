//! The events that are sold from, opened once under terms that never change, and who gets which seat:
//! each seat once, in plan order, event after event in turn.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use inventory::{
    Actor, Command, Envelope, EventNo, OpenSale, Outcome, Plan, Sale, SaleRules, SeatIx,
};
use processing_unit::{Grid, ShardId};
use tokio::time::Instant;

/// Opening writes a hall's seats; a busy machine needs a while.
const OPEN_MAX: Duration = Duration::from_secs(60);
const HALL_SEATS: u32 = 20_000;
const ROW_SEATS: u32 = 100;
/// From 2024 to 2100, so that a second run opens the same sale, in milliseconds since 1970.
const OPENS_AT_MS: u64 = 1_704_067_200_000;
const STARTS_AT_MS: u64 = 4_102_444_800_000;

/// Seats of one event that are sold together.
pub(super) struct Places {
    pub(super) event: EventNo,
    pub(super) shard: ShardId,
    pub(super) seats: Vec<SeatIx>,
}

/// Open events, and how far each is given out.
pub(super) struct Stage {
    events: Vec<(EventNo, ShardId, u32)>,
    turn: usize,
}

impl Stage {
    /// Opens the events, or finds them open.
    pub(super) async fn set(grid: &Grid, name: &str, events: u32) -> Result<Self> {
        let deadline = || (Instant::now() + OPEN_MAX).into();
        let plan = Plan::hall(HALL_SEATS, ROW_SEATS);
        let mut open = Vec::new();
        for no in 1..=events {
            let id = format!("{name}-{no}");
            let pin = grid.pin(&id, deadline()).await.context("pinning an event")?;
            let event = EventNo(pin.number);
            let command = OpenSale { event, sale: sale(id), plan: plan.clone() };
            let command = Command::OpenSale(command);
            let envelope = Envelope { key: None, actor: Actor::SYSTEM, command };
            let reply = grid.shard_command(pin.shard, &envelope, deadline()).await?;
            ensure!(reply.outcome == Outcome::SaleOpened, "{:?}", reply.outcome);
            let taken = given_out(grid, event).await?;
            open.push((event, pin.shard, taken));
        }
        Ok(Self { events: open, turn: 0 })
    }

    pub(super) fn seats_free(&self) -> u64 {
        self.events.iter().map(|(_, _, taken)| u64::from(HALL_SEATS - taken)).sum()
    }

    /// The next so many seats: of one event, and of a second where the first is sold out.
    pub(super) fn take(&mut self, wanted: u64) -> Vec<Places> {
        let mut left = u32::try_from(wanted).unwrap_or(u32::MAX);
        let mut all = Vec::new();
        for _ in 0..self.events.len() {
            let turn = self.turn % self.events.len();
            self.turn += 1;
            let (event, shard, taken) = &mut self.events[turn];
            let count = left.min(HALL_SEATS - *taken);
            if count > 0 {
                let seats = (*taken..*taken + count).map(SeatIx).collect();
                all.push(Places { event: *event, shard: *shard, seats });
                *taken += count;
                left -= count;
            }
            if left == 0 {
                break;
            }
        }
        all
    }
}

/// How many seats an earlier run has given out: it went in plan order.
async fn given_out(grid: &Grid, event: EventNo) -> Result<u32> {
    let map = grid.check(event, (Instant::now() + OPEN_MAX).into()).await?;
    let free = |seat: &inventory::SeatStatus| *seat == inventory::SeatStatus::Free;
    let last = map.seats.iter().rposition(|seat| !free(&seat.status));
    Ok(last.map_or(0, |at| at as u32 + 1))
}

fn sale(event_id: String) -> Sale {
    Sale {
        name: event_id.clone(),
        event_id,
        starts_at_ms: STARTS_AT_MS,
        currency: *b"RUB",
        opens_at_ms: OPENS_AT_MS,
        closes_at_ms: STARTS_AT_MS,
        hold_ttl_ms: 600_000,
        per_hold_max: 6,
        rules: SaleRules::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seat_is_given_out_once_and_events_take_turns() {
        let events = vec![(EventNo(1), 1, 0), (EventNo(2), 2, HALL_SEATS - 30)];
        let mut stage = Stage { events, turn: 0 };
        let told = |places: Vec<Places>| {
            let told = |p: &Places| (p.event.0, p.seats[0].0, p.seats.len());
            places.iter().map(told).collect::<Vec<_>>()
        };
        assert_eq!(told(stage.take(40)), [(1, 0, 40)]);
        assert_eq!(told(stage.take(40)), [(2, HALL_SEATS - 30, 30), (1, 40, 10)]);
        assert_eq!(stage.seats_free(), u64::from(HALL_SEATS) - 50);
        assert_eq!(told(stage.take(5)), [(1, 50, 5)]);
    }
}
