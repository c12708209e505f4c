//! I1: a seat has at most one live hold or one owner, and leaves an owner only by a refund or
//! removal. The ledger is played back on a model that knows nothing but these sentences.

use std::collections::BTreeMap;

use inventory::{Change, EventNo, PricedSeats, SeatIx};

use super::{Check, Finished};

/// See the module.
pub struct Owners;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seat {
    Free,
    Held(u64),
    Sold(u64),
    Blocked,
}

#[derive(Default)]
struct Model {
    seats: BTreeMap<(EventNo, SeatIx), Seat>,
    /// The hold of each order.
    holds: BTreeMap<(EventNo, u64), u64>,
}

impl Model {
    /// Moves seats, each of which must be one of `from`.
    fn shift(
        &mut self,
        event: EventNo,
        seats: &PricedSeats,
        (from, to): (&[Seat], Seat),
    ) -> Result<(), String> {
        for one in seats.iter() {
            let seat = self.seats.entry((event, one.seat)).or_insert(Seat::Free);
            if !from.contains(seat) {
                return Err(format!("{event:?} {:?} was {seat:?} and became {to:?}", one.seat));
            }
            *seat = to;
        }
        Ok(())
    }

    fn take(&mut self, event: EventNo, change: &Change) -> Result<(), String> {
        match change {
            Change::HoldGranted { hold, seats, .. } => {
                self.shift(event, seats, (&[Seat::Free], Seat::Held(*hold)))
            }
            Change::HoldReleased { hold, seats }
            | Change::HoldExpired { hold, seats }
            | Change::HoldWithdrawn { hold, seats } => {
                self.shift(event, seats, (&[Seat::Held(*hold)], Seat::Free))
            }
            Change::OrderPlaced { order, hold, .. } => {
                self.holds.insert((event, *order), *hold);
                Ok(())
            }
            Change::SeatsSold { order, seats } => {
                // Late money buys seats that are free again.
                let hold = self.holds.get(&(event, *order)).copied();
                let held = hold.map_or(Seat::Free, Seat::Held);
                self.shift(event, seats, (&[Seat::Free, held], Seat::Sold(*order)))
            }
            Change::SeatsReturned { order, seats, blocked, .. } => {
                let to = if *blocked { Seat::Blocked } else { Seat::Free };
                self.shift(event, seats, (&[Seat::Sold(*order)], to))
            }
            Change::SeatsBlocked { seats } | Change::SeatsRemoved { seats } => {
                self.shift(event, seats, (&[Seat::Free, Seat::Blocked], Seat::Blocked))
            }
            Change::SeatsUnblocked { seats } => {
                self.shift(event, seats, (&[Seat::Blocked], Seat::Free))
            }
            _ => Ok(()),
        }
    }
}

impl Check for Owners {
    fn name(&self) -> &'static str {
        "I1 one hold or owner a seat"
    }

    fn finish(&mut self, run: &Finished<'_>) -> Result<(), String> {
        let mut model = Model::default();
        for record in run.tables.ledger.values().flatten() {
            let taken = model.take(record.event, &record.change);
            taken.map_err(|why| {
                format!("{why} at {:?} version {}", record.position, record.version)
            })?;
        }
        Ok(())
    }
}
