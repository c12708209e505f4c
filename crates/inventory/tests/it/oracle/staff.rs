//! What staff does: the window, the stop switch, limits, codes, seats, plans, the end of an event.

use inventory::*;

use super::{Coupon, EVENT, Oracle, Owner, spots};

impl Oracle {
    pub fn pause(&mut self, paused: bool) -> Result<Outcome, Refusal> {
        if self.paused != paused {
            self.need_room(1)?;
            self.change();
            self.paused = paused;
            self.note("SaleChanged 0".into());
        }
        if paused {
            return Ok(Outcome::SalePaused);
        }
        self.serve();
        Ok(Outcome::SaleResumed)
    }

    pub fn set_limit(&mut self, c: &SetPersonLimit) -> Result<Outcome, Refusal> {
        self.need_room(1)?;
        self.change();
        self.limits.retain(|(person, _)| *person != c.person);
        self.limits.extend(c.max.map(|max| (c.person, max)));
        self.note("SaleChanged 0".into());
        Ok(Outcome::PersonLimitSet)
    }

    pub fn set_window(&mut self, c: &SetWindow) -> Result<Outcome, Refusal> {
        if self.cancelled {
            return Err(Refusal::EventCancelled);
        }
        if c.opens_at_ms >= c.closes_at_ms {
            return Err(Refusal::OutOfRange);
        }
        self.need_room(3)?;
        self.change();
        (self.sale.opens_at_ms, self.sale.closes_at_ms) = (c.opens_at_ms, c.closes_at_ms);
        let (began, due) = (self.told_opened, self.now >= c.opens_at_ms);
        self.told_closed = self.now >= c.closes_at_ms;
        // What has not begun begins now only if the database keeps up, or with its end.
        self.told_opened = due && (began || self.told_closed || self.is_fine(0));
        self.note("SaleChanged 0".into());
        self.serve();
        Ok(Outcome::WindowSet)
    }

    pub fn put_codes(&mut self, c: &PutCodes) -> Result<Outcome, Refusal> {
        let wrong = |code: &Code| {
            let off = match code.kind {
                CodeKind::Promo(off) => off.basis_points > 10_000 || off.per_seat_minor < 0,
                CodeKind::Presale => false,
            };
            off || code.from_ms >= code.until_ms || code.budget_minor.is_some_and(|max| max < 0)
        };
        if c.codes.is_empty() || c.codes.len() > 1_000 || c.codes.iter().any(wrong) {
            return Err(Refusal::OutOfRange);
        }
        let known = |code: &&Code| self.codes.iter().any(|one| one.code.hash == code.hash);
        if self.codes.len() + c.codes.iter().filter(|code| !known(code)).count() > 10_000 {
            return Err(Refusal::TooMany);
        }
        // Four codes are as large as a shopper's largest record.
        self.need_room(c.codes.len().div_ceil(4) as u64)?;
        self.change();
        for code in &c.codes {
            match self.codes.iter_mut().find(|one| one.code.hash == code.hash) {
                Some(known) => known.code = code.clone(),
                None => {
                    self.codes.push(Coupon { code: code.clone(), sold_seats: 0, sold_minor: 0 })
                }
            }
        }
        self.note("SaleChanged 0".into());
        Ok(Outcome::CodesPut)
    }

    /// Named seats, or the last places of an area that have a status.
    fn set(&self, set: &SeatSet, status: SeatStatus) -> Result<Vec<usize>, Refusal> {
        match set {
            SeatSet::Seats(seats) => self.distinct(seats),
            SeatSet::Area { quantity: 0, .. } => Err(Refusal::SeatsInvalid),
            SeatSet::Area { section, quantity } => {
                let mut seats = self.places(*section)?;
                seats.retain(|at| self.status(*at) == status && !self.chairs[*at].gone);
                let first = seats.len().checked_sub(usize::from(*quantity));
                Ok(seats.split_off(first.ok_or(Refusal::NotEnoughSeats)?))
            }
        }
    }

    fn hand(&mut self, seats: &[usize], owner: Owner) {
        let seats: Vec<(usize, i64)> = seats.iter().map(|seat| (*seat, 0)).collect();
        self.give(&seats, owner);
    }

    pub fn block(&mut self, c: &BlockSeats) -> Result<Outcome, Refusal> {
        let seats = self.set(&c.seats, SeatStatus::Free)?;
        let taken = seats.iter().filter(|at| self.status(**at) != SeatStatus::Free);
        let taken: Vec<_> = taken.map(|at| (SeatIx(*at as u32), self.status(*at))).collect();
        if !taken.is_empty() {
            return Err(Refusal::SeatTaken { seats: taken });
        }
        self.need_room(1)?;
        self.change();
        self.hand(&seats, Owner::Staff);
        self.note("SeatsBlocked 0".into());
        Ok(Outcome::SeatsBlocked { seats: seats.len() as u32 })
    }

    pub fn unblock(&mut self, c: &UnblockSeats) -> Result<Outcome, Refusal> {
        let seats = self.set(&c.seats, SeatStatus::Blocked)?;
        let wrong = |at: &&usize| self.chairs[**at].owner != Owner::Staff || self.chairs[**at].gone;
        if let Some(at) = seats.iter().find(wrong) {
            let (seat, status) = (SeatIx(*at as u32), self.status(*at));
            return Err(Refusal::SeatsWrong { seat, status });
        }
        self.need_room(1)?;
        self.change();
        self.hand(&seats, Owner::Nobody);
        self.note("SeatsUnblocked 0".into());
        self.serve();
        Ok(Outcome::SeatsUnblocked { seats: seats.len() as u32 })
    }

    pub fn remove(&mut self, c: &RemoveSeats) -> Result<Outcome, Refusal> {
        let seats = self.distinct(&c.seats)?;
        let (mut holds, mut orders) = (vec![], vec![]);
        for seat in &seats {
            match self.chairs[*seat].owner {
                Owner::Hold(no) => holds.push(no),
                Owner::Order(no) => orders.push(no),
                Owner::Nobody | Owner::Staff => {}
            }
        }
        for owners in [&mut holds, &mut orders] {
            owners.sort_unstable();
            owners.dedup();
        }
        self.need_room(1 + orders.len() as u64 * (3 + self.payment_room()))?;
        for no in &holds {
            self.let_go(*no, HoldEnd::Withdrawn, OrderStatus::Cancelled);
        }
        self.change();
        let mut refunds = vec![];
        for no in orders {
            refunds.extend(self.take_back(no, &seats, (10_000, true), true).0);
        }
        self.hand(&seats, Owner::Staff);
        seats.iter().for_each(|seat| self.chairs[*seat].gone = true);
        self.note("SeatsRemoved 0".into());
        self.serve();
        Ok(Outcome::SeatsRemoved {
            holds: holds.into_iter().map(|no| HoldId { event: EVENT, no }).collect(),
            refunds: refunds.into_iter().map(|no| RefundId { event: EVENT, no }).collect(),
        })
    }

    pub fn reassign(&mut self, c: &ReassignSeats) -> Result<Outcome, Refusal> {
        let at = self.owner(c.order.no)?;
        let (from, to): (Vec<SeatIx>, Vec<SeatIx>) = c.moves.iter().copied().unzip();
        let from = self.distinct(&from)?;
        let to = self.distinct(&to)?;
        if from.iter().any(|seat| self.orders[at].seats.iter().all(|(own, _)| own != seat)) {
            return Err(Refusal::SeatsInvalid);
        }
        let open = |at: usize| match self.chairs[at].owner {
            Owner::Nobody => true,
            Owner::Staff => !self.chairs[at].gone,
            Owner::Hold(_) | Owner::Order(_) => false,
        };
        if let Some(at) = to.iter().find(|at| !open(**at)) {
            let (seat, status) = (SeatIx(*at as u32), self.status(*at));
            return Err(Refusal::SeatsWrong { seat, status });
        }
        self.need_room(2)?;
        self.change();
        self.hand(&from, if c.block { Owner::Staff } else { Owner::Nobody });
        self.hand(&to, Owner::Order(c.order.no));
        let order = &mut self.orders[at];
        order.left.retain(|(seat, _)| !to.contains(seat));
        for own in &mut order.seats {
            if let Some((_, to)) = c.moves.iter().find(|(from, _)| from.0 as usize == own.0) {
                order.left.push(*own);
                own.0 = to.0 as usize;
            }
        }
        order.seats.sort_unstable();
        self.note(format!("SeatsReturned {}", c.order.no));
        self.note(format!("SeatsSold {}", c.order.no));
        self.serve();
        Ok(Outcome::SeatsReassigned)
    }

    pub fn replace_plan(&mut self, c: &ReplacePlan) -> Result<Outcome, Refusal> {
        if c.plan == self.plan {
            return Ok(Outcome::PlanReplaced);
        }
        if c.plan.version != self.plan.version + 1 {
            return Err(Refusal::PlanChanged { version: self.plan.version });
        }
        let invalid = |reason: &str| Err(Refusal::SaleInvalid { reason: reason.into() });
        if c.plan.tiers.is_empty() {
            return invalid("plan: needs 1 to 64 tiers");
        }
        let names = |plan: &Plan| -> Vec<(String, SectionKind)> {
            let name = |section: &Section, row: &Row, seat: &Seat| {
                (format!("{}-{}-{}", section.id, row.label, seat.number), section.kind)
            };
            plan.seats().map(|(section, row, seat)| name(section, row, seat)).collect()
        };
        let (old, new) = (names(&self.plan), names(&c.plan));
        if let Some(at) = (0..old.len()).find(|at| new.get(*at) != Some(&old[*at])) {
            return Err(Refusal::PlanLosesSeat { seat: SeatIx(at as u32) });
        }
        let tiers = |plan: &Plan| -> Vec<String> {
            plan.tiers.iter().map(|tier| tier.id.clone()).collect()
        };
        if !tiers(&c.plan).starts_with(&tiers(&self.plan)) {
            return invalid("plan: known tiers must stay, in their order");
        }
        let added = new.len() - old.len();
        self.need_room(1 + u64::from(added > 0))?;
        self.change();
        self.plan = c.plan.clone();
        self.spots = spots(&self.plan);
        let (owner, version) = (Owner::Nobody, self.version);
        self.chairs.resize(new.len(), super::Chair { owner, gone: false, version });
        self.note("PlanReplaced 0".into());
        if added > 0 {
            self.note("SeatsAdded 0".into());
        }
        self.serve();
        Ok(Outcome::PlanReplaced)
    }

    pub fn cancel_event(&mut self) -> Result<Outcome, Refusal> {
        if !self.cancelled {
            self.need_room(1)?;
            self.change();
            self.cancelled = true;
            self.undoing = Some(0);
            (self.told_opened, self.told_closed) = (true, true);
            self.line.retain(|one| one.hold.is_some());
            self.note("SaleChanged 0".into());
        }
        let (holds, orders) = self.undo();
        let more = self.undoing.is_some();
        Ok(Outcome::EventCancelled { holds, orders, more })
    }

    /// Ends holds, then takes back what orders own, as far as the outbox has room.
    fn undo(&mut self) -> (u32, u32) {
        let Some(mut done) = self.undoing else { return (0, 0) };
        let live = self.holds.iter().filter(|hold| hold.end.is_none());
        let live: Vec<u64> = live.map(|hold| hold.no).collect();
        live.iter().for_each(|no| self.let_go(*no, HoldEnd::Withdrawn, OrderStatus::Cancelled));
        let mut taken = 0;
        let orders: Vec<u64> = self.orders.iter().map(|order| order.no).collect();
        for no in orders.into_iter().filter(|no| *no > done).collect::<Vec<_>>() {
            if !self.has_room(3 + self.payment_room()) {
                self.undoing = Some(done);
                return (live.len() as u32, taken);
            }
            done = no;
            let Ok(at) = self.owner(no) else { continue };
            let seats: Vec<usize> = self.orders[at].seats.iter().map(|(seat, _)| *seat).collect();
            self.change();
            self.take_back(no, &seats, (10_000, true), false);
            taken += 1;
        }
        self.undoing = None;
        (live.len() as u32, taken)
    }

    /// What the time has brought.
    pub fn expire(&mut self) -> Outcome {
        let due = |hold: &super::Held| hold.end.is_none() && hold.ends <= self.now;
        let mut over: Vec<(u64, u64)> =
            self.holds.iter().filter(|hold| due(hold)).map(|hold| (hold.ends, hold.no)).collect();
        over.sort_unstable();
        over.iter().for_each(|(_, no)| self.let_go(*no, HoldEnd::Expired, OrderStatus::Expired));
        let closes = !self.told_closed && self.now >= self.sale.closes_at_ms;
        let opens = !self.told_opened && self.now >= self.sale.opens_at_ms;
        let begins = opens && (closes || self.is_fine(self.turns()));
        if begins || closes {
            self.change();
            (self.told_opened, self.told_closed) =
                (self.told_opened || begins, self.told_closed || closes);
            (0..u8::from(begins) + u8::from(closes))
                .for_each(|_| self.note("SaleChanged 0".into()));
            if closes {
                self.line.retain(|one| one.hold.is_some());
            }
        }
        if !over.is_empty() || begins || closes {
            self.serve();
        }
        self.undo();
        self.forget();
        Outcome::Expired { holds: over.len() as u32, more: false }
    }

    /// Ended, unpaid orders are forgotten in time, but not while money may move.
    fn forget(&mut self) {
        for order in self.orders.clone() {
            if order.forget.is_none_or(|when| when > self.now) {
                continue;
            }
            let at = self.order_at(order.no).expect("listed");
            self.orders[at].forget = None;
            if !matches!(order.status, OrderStatus::Expired | OrderStatus::Cancelled) {
                continue;
            }
            let mut paying = self.payments.iter().filter(|one| one.order == order.no);
            let mut back = self.refunds.iter().filter(|one| one.order == order.no);
            let open = paying.any(|one| one.status == PaymentStatus::Pending)
                || back.any(|one| one.status == RefundStatus::Pending)
                || order.offer.is_some();
            if open {
                self.orders[at].forget = Some(self.now + 2 * 3_600_000);
                continue;
            }
            self.payments.retain(|one| one.order != order.no);
            self.refunds.retain(|one| one.order != order.no);
            self.orders.remove(at);
        }
    }
}
