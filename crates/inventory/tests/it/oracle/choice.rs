//! Which seats a choice means, and when it means none.

use inventory::*;

use super::best::Wish;
use super::{Oracle, Owner};

impl Oracle {
    pub fn asked_for(&self, choice: &Choice) -> Result<usize, Refusal> {
        let number = match choice {
            Choice::Seats(seats) => seats.len(),
            Choice::Best(wish) if wish.accessible > wish.number => {
                return Err(Refusal::SeatsInvalid);
            }
            Choice::Best(wish) => usize::from(wish.number),
            Choice::Area { quantity, .. } => usize::from(*quantity),
        };
        let max = self.sale.per_hold_max;
        match number {
            0 => Err(Refusal::SeatsInvalid),
            n if n > usize::from(max) => Err(Refusal::LimitPerHold { max }),
            n => Ok(n),
        }
    }

    /// The seats that a choice means now.
    pub fn chosen(
        &self,
        choice: &Choice,
        own: Option<u64>,
    ) -> Result<(Vec<usize>, Option<HoldStep>), Refusal> {
        match choice {
            Choice::Seats(seats) => Ok((self.named(seats, own)?, None)),
            Choice::Best(wish) => {
                let all = Wish { best: wish, least_price: 0, free: self.available(own) };
                let (seats, step) = self.best(&all).ok_or(Refusal::NotEnoughSeats)?;
                let apart = matches!(step, HoldStep::Split | HoldStep::NeighbouringRows);
                if wish.together && apart {
                    return Err(Refusal::NotEnoughAdjacent);
                }
                Ok((seats, Some(step)))
            }
            Choice::Area { section, quantity } => {
                let places = self.places(*section)?;
                let free = self.available(own);
                let mut seats: Vec<usize> = places.into_iter().filter(|at| free[*at]).collect();
                seats.truncate(usize::from(*quantity));
                if seats.len() < usize::from(*quantity) {
                    return Err(Refusal::NotEnoughSeats);
                }
                Ok((seats, None))
            }
        }
    }

    /// All places of an area.
    pub fn places(&self, section: u16) -> Result<Vec<usize>, Refusal> {
        let is_there = |at: &usize| self.spots[*at].section == usize::from(section);
        let all: Vec<usize> = (0..self.spots.len()).filter(is_there).collect();
        let area = !all.is_empty() && all.iter().all(|at| self.spots[*at].area);
        if area { Ok(all) } else { Err(Refusal::SeatsInvalid) }
    }

    pub fn distinct(&self, seats: &[SeatIx]) -> Result<Vec<usize>, Refusal> {
        let mut all: Vec<usize> = seats.iter().map(|seat| seat.0 as usize).collect();
        all.sort_unstable();
        let twice = (1..all.len()).any(|at| all[at] == all[at - 1]);
        let outside = all.iter().any(|seat| *seat >= self.chairs.len());
        if all.is_empty() || twice || outside { Err(Refusal::SeatsInvalid) } else { Ok(all) }
    }

    fn named(&self, seats: &[SeatIx], own: Option<u64>) -> Result<Vec<usize>, Refusal> {
        let seats = self.distinct(seats)?;
        if seats.iter().any(|at| self.spots[*at].area) {
            return Err(Refusal::SeatsInvalid);
        }
        let mine = |at: usize| own.is_some_and(|no| self.chairs[at].owner == Owner::Hold(no));
        let others: Vec<usize> = seats.iter().copied().filter(|at| !mine(*at)).collect();
        let taken = others.iter().filter(|at| self.status(**at) != SeatStatus::Free);
        let taken: Vec<_> = taken.map(|at| (SeatIx(*at as u32), self.status(*at))).collect();
        if !taken.is_empty() {
            return Err(Refusal::SeatTaken { seats: taken });
        }
        let companion = seats.iter().any(|at| self.spots[*at].companion);
        let wheelchair = seats.iter().any(|at| self.spots[*at].wheelchair);
        if companion && !wheelchair && !self.everybody() {
            return Err(Refusal::CompanionAlone);
        }
        if others.iter().any(|at| self.kept(*at)) {
            return Err(Refusal::KeptForWaitlist);
        }
        Ok(seats)
    }
}
