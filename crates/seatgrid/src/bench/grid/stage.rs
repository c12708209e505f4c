//! The events that are sold from, and the places at which shoppers stand: each has a seat of its
//! own, which it holds and releases in turn, so that every command does its full work.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use inventory::{
    Actor, Choice, Command, Envelope, EventNo, HoldId, HoldSeats, OpenSale, Outcome, Plan,
    ReleaseHold, RequestKey, Sale, SaleRules, SeatIx,
};
use processing_unit::{Grid, ShardId};
use tokio::time::Instant;

use super::case::Case;

/// Units elect and found their groups meanwhile.
const OPEN_MAX: Duration = Duration::from_secs(60);
const ROW_SEATS: u32 = 100;
const HOUR_MS: u64 = 3_600_000;

/// Open events.
pub struct Stage {
    pub events: Vec<(EventNo, ShardId)>,
    seats: u32,
}

impl Stage {
    /// Opens the events of a case.
    pub async fn set(grid: &Grid, case: &Case) -> Result<Self> {
        let deadline = || (Instant::now() + OPEN_MAX).into();
        let plan = Plan::hall(case.seats, ROW_SEATS);
        let mut events = Vec::new();
        for no in 0..case.shards * case.events {
            let id = format!("bench-{no}");
            let pin = grid.pin(&id, deadline()).await.context("pinning an event")?;
            let event = EventNo(pin.number);
            let open = OpenSale { event, sale: sale(id), plan: plan.clone() };
            let envelope = envelope(None, Command::OpenSale(open));
            let reply = grid.shard_command(pin.shard, &envelope, deadline()).await?;
            ensure!(reply.outcome == Outcome::SaleOpened, "{:?}", reply.outcome);
            events.push((event, pin.shard));
        }
        Ok(Self { events, seats: case.seats })
    }

    /// Places for so many shoppers, spread over all events; fewer where there are fewer seats.
    pub fn places(&self, wanted: u32) -> Vec<Place> {
        let events = self.events.len() as u32;
        let count = wanted.min(self.seats.saturating_mul(events));
        let place = |no: u32| {
            let (event, shard) = self.events[(no % events) as usize];
            // Neighbours would share a row: a stride without a common divisor spreads them.
            let stride = if self.seats.is_multiple_of(7_919) { 7_907 } else { 7_919 };
            let nth = u64::from(no / events);
            let seat = (nth * stride % u64::from(self.seats)) as u32;
            Place { no, event, shard, seat: SeatIx(seat), held: None, sent: 0 }
        };
        (0..count).map(place).collect()
    }
}

/// Where one shopper stands.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    no: u32,
    event: EventNo,
    pub shard: ShardId,
    seat: SeatIx,
    held: Option<u64>,
    sent: u64,
}

impl Place {
    /// The next command: a hold, or the release of the one before.
    pub fn next(&mut self) -> Envelope {
        self.sent += 1;
        let made_at_ms = now_ms();
        let id = u128::from(made_at_ms) << 80
            | u128::from(self.no) << 48
            | u128::from(self.sent & 0xffff_ffff_ffff);
        let key = RequestKey { id, hash: self.sent, made_at_ms: Some(made_at_ms) };
        let command = match self.held {
            Some(no) => {
                Command::ReleaseHold(ReleaseHold { hold: HoldId { event: self.event, no } })
            }
            None => {
                let choice = Choice::Seats(vec![self.seat]);
                Command::Hold(HoldSeats::of(self.event, 1, choice))
            }
        };
        envelope(Some(key), command)
    }

    /// Takes the answer in; what is wrong with it otherwise.
    pub fn answered(&mut self, outcome: &Outcome) -> Result<(), String> {
        match (self.held, outcome) {
            (None, Outcome::Held(held)) => self.held = Some(held.hold.no),
            (Some(_), Outcome::Released) => self.held = None,
            (_, other) => return Err(format!("{other:?}")),
        }
        Ok(())
    }
}

fn envelope(key: Option<RequestKey>, command: Command) -> Envelope {
    Envelope { key, actor: Actor::SYSTEM, command }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn sale(event_id: String) -> Sale {
    let now = now_ms();
    Sale {
        event_id,
        name: "Measured".into(),
        starts_at_ms: now + 24 * HOUR_MS,
        currency: *b"RUB",
        opens_at_ms: now.saturating_sub(HOUR_MS),
        closes_at_ms: now + 12 * HOUR_MS,
        hold_ttl_ms: 600_000,
        per_hold_max: 6,
        rules: SaleRules::default(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_places_have_the_same_seat() {
        for seats in [2_000, 7_919] {
            let events = vec![(EventNo(1), 1), (EventNo(2), 2), (EventNo(3), 1)];
            let places = Stage { events, seats }.places(100_000);
            let taken: BTreeSet<_> = places.iter().map(|p| (p.event, p.seat)).collect();
            assert_eq!((places.len(), taken.len()), (3 * seats as usize, 3 * seats as usize));
        }
    }
}
