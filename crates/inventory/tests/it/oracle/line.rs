//! The waiting list: strictly in the order of joining.

use inventory::*;

use super::best::Wish;
use super::{EVENT, Oracle, Terms, Waits};

impl Oracle {
    pub fn join(&mut self, c: &JoinWaitlist) -> Result<Outcome, Refusal> {
        if self.sale.rules.waitlist_ttl_ms.is_none() {
            return Err(Refusal::WaitlistOff);
        }
        match self.window(None) {
            Ok(_) | Err(Refusal::SalePaused) => {}
            Err(refusal) => return Err(refusal),
        }
        if c.contact.len() > 1_024 {
            return Err(Refusal::TooLong);
        }
        let choice = Choice::Best(c.wish.clone());
        let number = self.asked_for(&choice)?;
        let finer = !c.wish.sections.is_empty() || c.wish.accessible > 0 || c.wish.together;
        if finer || c.wish.tiers.iter().any(|tier| usize::from(*tier) >= self.plan.tiers.len()) {
            return Err(Refusal::OutOfRange);
        }
        if let Some(known) = self.line.iter().find(|one| one.person == c.person) {
            let entry = WaitId { event: EVENT, no: known.no };
            return Err(Refusal::WaitlistTwice { entry });
        }
        self.person_may(Some(c.person), number)?;
        if self.chosen(&choice, None).is_ok() {
            return Err(Refusal::SeatsFree);
        }
        self.need_room(7)?;
        self.change();
        let before = self.line.iter().filter(|one| one.hold.is_none()).count() as u32;
        let no = self.number();
        self.line.push(Waits { no, person: c.person, wish: c.wish.clone(), hold: None });
        self.note(format!("WaitlistChanged {no}"));
        Ok(Outcome::WaitlistJoined { entry: WaitId { event: EVENT, no }, before })
    }

    pub fn leave(&mut self, no: u64) -> Result<Outcome, Refusal> {
        if !self.line.iter().any(|one| one.no == no && one.hold.is_none()) {
            return Err(Refusal::WaitNotFound);
        }
        self.leaves(no);
        self.serve();
        Ok(Outcome::WaitlistLeft)
    }

    fn leaves(&mut self, no: u64) {
        self.change();
        self.line.retain(|one| one.no != no);
        self.note(format!("WaitlistChanged {no}"));
    }

    /// Whoever waits is looked at in turn. What the first ones lack but want stays for them.
    pub fn serve(&mut self) {
        let Some(ttl) = self.sale.rules.waitlist_ttl_ms else { return };
        let sells = self.sale.opens_at_ms <= self.now && self.now < self.sale.closes_at_ms;
        if self.paused || self.cancelled || !sells || self.opening_waits() {
            return;
        }
        let mut free: Vec<bool> = (0..self.chairs.len())
            .map(|seat| self.status(seat) == SeatStatus::Free && self.offered(seat))
            .collect();
        let turns: Vec<Waits> =
            self.line.iter().filter(|one| one.hold.is_none()).cloned().collect();
        for turn in turns {
            if !free.contains(&true) {
                return;
            }
            let number = usize::from(turn.wish.number);
            if self.person_may(Some(turn.person), number).is_err() {
                self.leaves(turn.no);
                continue;
            }
            let wish = Wish { best: &turn.wish, least_price: 0, free: free.clone() };
            let Some((seats, step)) = self.best(&wish) else {
                for (seat, free) in free.iter_mut().enumerate() {
                    *free &= !self.wants(&turn.wish, self.spots[seat].tier);
                }
                continue;
            };
            seats.iter().for_each(|seat| free[*seat] = false);
            self.change();
            let terms = Terms { person: Some(turn.person), ..Terms::default() };
            let seats = seats.iter().map(|seat| (*seat, self.price(*seat))).collect();
            let hold = self.grant(seats, terms, (Some(step), self.now + u64::from(ttl)));
            let at = self.hold_at(hold).expect("granted");
            self.holds[at].place = Some(turn.no);
            let place = self.line.iter_mut().find(|one| one.no == turn.no).expect("in the line");
            place.hold = Some(hold);
            self.note(format!("WaitlistChanged {}", turn.no));
        }
    }
}
