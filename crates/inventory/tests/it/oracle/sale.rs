//! Holds: taken, exchanged, extended, given back, and what they freeze.

use inventory::*;

use super::{EVENT, Held, Oracle, Owner, Priced, Terms, priced};

/// Seats with what a hold of them freezes.
type Frozen = (Priced, Terms);

impl Oracle {
    /// Refuses while no holds are granted; the presale code, if that is what lets the asker in.
    pub fn window(&self, presale: Option<u128>) -> Result<Option<u128>, Refusal> {
        let waits = self.opening_waits();
        match () {
            () if self.cancelled => Err(Refusal::EventCancelled),
            () if self.paused => Err(Refusal::SalePaused),
            () if self.now >= self.sale.closes_at_ms => Err(Refusal::SaleClosed),
            () if self.now >= self.sale.opens_at_ms && !waits => Ok(None),
            () if presale.is_some() => self.code(presale, false).map(|_| presale),
            () if waits => Err(Refusal::PersistenceBacklog),
            () => Err(Refusal::SaleNotOpen { opens_at_ms: self.sale.opens_at_ms }),
        }
    }

    /// A code that works now, of the wanted kind.
    fn code(&self, hash: Option<u128>, promo: bool) -> Result<&Code, Refusal> {
        let known = self.codes.iter().map(|one| &one.code).find(|code| Some(code.hash) == hash);
        let known = known.ok_or(Refusal::CodeUnknown)?;
        let is_promo = matches!(known.kind, CodeKind::Promo(_));
        if is_promo != promo {
            return Err(Refusal::CodeUnknown);
        }
        let works = known.from_ms <= self.now && self.now < known.until_ms;
        if works { Ok(known) } else { Err(Refusal::CodeNotValid) }
    }

    pub fn seats_of(&self, person: u128) -> usize {
        let mine = |terms: &Terms| terms.person == Some(person);
        let held = self.holds.iter().filter(|one| one.end.is_none() && mine(&one.terms));
        let owns = |status| matches!(status, OrderStatus::Paid | OrderStatus::PartiallyRefunded);
        let owned = self.orders.iter().filter(|one| owns(one.status) && mine(&one.terms));
        held.map(|one| one.seats.len()).sum::<usize>()
            + owned.map(|one| one.seats.len()).sum::<usize>()
    }

    pub fn person_may(&self, person: Option<u128>, more: usize) -> Result<(), Refusal> {
        let Some(person) = person else { return Ok(()) };
        let own = self.limits.iter().find(|(who, _)| *who == person).map(|(_, max)| *max);
        let Some(max) = own.or(self.sale.rules.per_person_max) else { return Ok(()) };
        let has = self.seats_of(person);
        if has + more <= usize::from(max) {
            return Ok(());
        }
        Err(Refusal::LimitPerPerson { max, has: has as u32 })
    }

    fn budget(&self, person: Option<u128>) -> Result<(), Refusal> {
        let (Some(person), Some(rule)) = (person, self.sale.rules.hold_budget) else {
            return Ok(());
        };
        let known = self.budgets.iter().find(|(who, ..)| *who == person);
        match known {
            Some((_, holds, until)) if *until > self.now && *holds >= rule.holds_max => {
                Err(Refusal::HoldBudget { until_ms: *until })
            }
            Some(_) | None => Ok(()),
        }
    }

    fn count_hold(&mut self, person: Option<u128>) {
        let (Some(person), Some(rule)) = (person, self.sale.rules.hold_budget) else { return };
        let now = self.now;
        self.budgets.retain(|(who, _, until)| *who != person || *until > now);
        match self.budgets.iter_mut().find(|(who, ..)| *who == person) {
            Some((_, holds, _)) => *holds += 1,
            None => self.budgets.push((person, 1, now + u64::from(rule.cool_down_ms))),
        }
    }

    /// Prices of now, but `known` ones where there are; with what the codes make of them.
    fn freeze(&self, mut terms: Terms, seats: &[usize], known: &Priced) -> Result<Frozen, Refusal> {
        let fits = |code: &Code, at: usize| {
            code.tiers.is_empty() || code.tiers.contains(&(self.spots[at].tier as u16))
        };
        if terms.presale.is_some() {
            let code = self.code(terms.presale, false)?;
            if seats.iter().any(|at| !fits(code, *at)) {
                return Err(Refusal::CodeNotValid);
            }
        }
        let promo = if terms.promo.is_some() { Some(self.code(terms.promo, true)?) } else { None };
        (terms.promo_seats, terms.discount) = (0, 0);
        let mut all = vec![];
        for at in seats {
            let full = self.price(*at);
            let cheaper = match promo.map(|code| (code, code.kind)) {
                Some((code, CodeKind::Promo(off))) if fits(code, *at) => {
                    let part = full * i64::from(off.basis_points) / 10_000;
                    Some((full - off.per_seat_minor - part).max(0))
                }
                _ => None,
            };
            let held = known.iter().find(|(seat, _)| seat == at).map(|(_, price)| *price);
            let price = held.or(cheaper).unwrap_or(full);
            if cheaper.is_some() {
                terms.promo_seats += 1;
                terms.discount += (full - price).max(0);
            }
            all.push((*at, price));
        }
        if promo.is_some() && terms.promo_seats == 0 {
            return Err(Refusal::CodeNotValid);
        }
        Ok((all, terms))
    }

    /// Seats and money that live holds have under a code, without one of them.
    pub fn held_under(&self, hash: u128, without: Option<u64>) -> (usize, i64) {
        let live = self
            .holds
            .iter()
            .filter(|one| one.end.is_none() && one.offer.is_none() && Some(one.no) != without);
        let mut all = (0, 0);
        for hold in live {
            if hold.terms.promo == Some(hash) {
                all = (all.0 + hold.terms.promo_seats, all.1 + hold.terms.discount);
            }
            if hold.terms.presale == Some(hash) {
                all.0 += hold.seats.len();
            }
        }
        all
    }

    fn within_codes(
        &self,
        terms: &Terms,
        seats: usize,
        without: Option<u64>,
    ) -> Result<(), Refusal> {
        let promo = terms.promo.map(|hash| (hash, terms.promo_seats, terms.discount));
        let presale = terms.presale.map(|hash| (hash, seats, 0));
        for (hash, seats, minor) in promo.into_iter().chain(presale) {
            let known = self.codes.iter().find(|one| one.code.hash == hash).expect("found before");
            let held = self.held_under(hash, without);
            let seats = held.0 + known.sold_seats + seats;
            let minor = held.1 + known.sold_minor + minor;
            let full = known.code.seats_max.is_some_and(|max| seats > max as usize)
                || known.code.budget_minor.is_some_and(|max| minor > max);
            if full {
                return Err(Refusal::CodeUsedUp);
            }
        }
        Ok(())
    }

    pub fn hold(&mut self, c: &HoldSeats) -> Result<Outcome, Refusal> {
        if c.plan_version != self.plan.version {
            return Err(Refusal::PlanChanged { version: self.plan.version });
        }
        let presale = self.window(c.presale)?;
        let number = self.asked_for(&c.choice)?;
        self.person_may(c.person, number)?;
        self.budget(c.person)?;
        self.need_room(5)?;
        let (seats, step) = self.chosen(&c.choice, None)?;
        let terms = Terms { person: c.person, promo: c.promo, presale, ..Terms::default() };
        let (seats, terms) = self.freeze(terms, &seats, &vec![])?;
        self.within_codes(&terms, seats.len(), None)?;
        self.change();
        self.count_hold(c.person);
        let ends = self.now + u64::from(self.sale.hold_ttl_ms);
        let no = self.grant(seats, terms, (step, ends));
        Ok(Outcome::Held(self.describe_hold(no)))
    }

    /// Gives seats to a new hold; its number.
    pub fn grant(
        &mut self,
        seats: Priced,
        terms: Terms,
        (step, ends): (Option<HoldStep>, u64),
    ) -> u64 {
        let no = self.number();
        self.give(&seats, Owner::Hold(no));
        let (order, place, offer, end, extensions) = (None, None, None, None, 0);
        self.holds.push(Held {
            no,
            seats,
            ends,
            order,
            step,
            terms,
            extensions,
            place,
            offer,
            end,
        });
        self.note(format!("HoldGranted {no}"));
        no
    }

    pub fn describe_hold(&self, no: u64) -> Held_ {
        let hold = &self.holds[self.hold_at(no).expect("known")];
        inventory::Held {
            hold: HoldId { event: EVENT, no },
            seats: priced(&hold.seats),
            total_minor: self.total(&hold.seats),
            step: hold.step,
            adjacent: self.adjacent(&hold.seats),
            expires_at_ms: hold.ends,
            at_ms: self.now,
        }
    }

    /// Whether seats are neighbours in one row, or places of one area.
    pub fn adjacent(&self, seats: &[(usize, i64)]) -> bool {
        seats.windows(2).all(|pair| {
            let (a, b) = (&self.spots[pair[0].0], &self.spots[pair[1].0]);
            a.row == b.row && a.place + 1 == b.place || a.area && a.section == b.section
        })
    }

    pub fn hold_at(&self, no: u64) -> Option<usize> {
        self.holds.iter().position(|hold| hold.no == no)
    }

    /// A live hold's place in the list.
    pub fn live(&self, no: u64) -> Result<usize, Refusal> {
        let at = self.hold_at(no).ok_or(Refusal::HoldNotFound)?;
        match self.holds[at].end {
            Some(HoldEnd::Expired) => Err(Refusal::HoldExpired),
            Some(_) => Err(Refusal::HoldNotFound),
            None if self.holds[at].ends <= self.now => Err(Refusal::HoldExpired),
            None => Ok(at),
        }
    }

    /// A hold is over; a place in the waiting list that it served is over with it.
    pub fn over(&mut self, no: u64, end: HoldEnd) {
        let at = self.hold_at(no).expect("live");
        self.holds[at].end = Some(end);
        self.line.retain(|one| one.hold != Some(no));
    }

    /// A hold ends unsold: a change of its own.
    pub fn let_go(&mut self, no: u64, end: HoldEnd, status: OrderStatus) {
        self.change();
        self.over(no, end);
        let hold = self.holds[self.hold_at(no).expect("known")].clone();
        self.give(&hold.seats, Owner::Nobody);
        let what = match end {
            HoldEnd::Expired => "HoldExpired",
            HoldEnd::Withdrawn => "HoldWithdrawn",
            HoldEnd::Released | HoldEnd::Sold => "HoldReleased",
        };
        self.note(format!("{what} {no}"));
        match (hold.offer, hold.order) {
            (Some(payment), _) => self.refund_offer(payment),
            (None, Some(order)) => {
                self.set_order(order, status);
                let at = self.order_at(order).expect("an order outlives its hold");
                self.orders[at].forget = Some(self.now + 2 * 3_600_000);
            }
            (None, None) => {}
        }
    }

    pub fn release(&mut self, no: u64) -> Result<Outcome, Refusal> {
        self.live(no)?;
        self.let_go(no, HoldEnd::Released, OrderStatus::Cancelled);
        self.serve();
        Ok(Outcome::Released)
    }

    pub fn extend(&mut self, no: u64) -> Result<Outcome, Refusal> {
        let at = self.live(no)?;
        let hold = self.holds[at].clone();
        let rule = self.sale.rules.extension.ok_or(Refusal::ExtensionNotAllowed)?;
        if hold.extensions >= rule.times_max || hold.offer.is_some() {
            return Err(Refusal::ExtensionNotAllowed);
        }
        self.need_room(1)?;
        self.change();
        let ends = hold.ends + u64::from(rule.by_ms);
        self.holds[at].ends = ends;
        self.holds[at].extensions += 1;
        if let Some(order) = hold.order.and_then(|no| self.order_at(no)) {
            self.orders[order].ends = ends;
        }
        self.give(&hold.seats, Owner::Hold(no));
        self.note(format!("HoldExtended {no}"));
        let left = rule.times_max - hold.extensions - 1;
        Ok(Outcome::Extended { expires_at_ms: ends, at_ms: self.now, left })
    }

    pub fn swap(&mut self, c: &SwapSeats) -> Result<Outcome, Refusal> {
        if c.plan_version != self.plan.version {
            return Err(Refusal::PlanChanged { version: self.plan.version });
        }
        let no = c.hold.no;
        let at = self.live(no)?;
        let old = self.holds[at].clone();
        if let Some(order) = old.order.and_then(|order| self.order_at(order)) {
            return Err(Refusal::OrderState { status: self.orders[order].status });
        }
        if old.place.is_some() {
            return Err(Refusal::KeptForWaitlist);
        }
        let presale = self.window(old.terms.presale)?;
        let number = self.asked_for(&c.choice)?;
        self.person_may(old.terms.person, number.saturating_sub(old.seats.len()))?;
        self.need_room(2)?;
        let (seats, step) = self.chosen(&c.choice, Some(no))?;
        let (seats, terms) = self.freeze(Terms { presale, ..old.terms }, &seats, &old.seats)?;
        self.within_codes(&terms, seats.len(), Some(no))?;
        self.change();
        let not_in = |of: &Priced, others: &Priced| -> Priced {
            let gone = |one: &&(usize, i64)| others.iter().all(|other| other.0 != one.0);
            of.iter().filter(gone).copied().collect()
        };
        let (dropped, added) = (not_in(&old.seats, &seats), not_in(&seats, &old.seats));
        self.give(&dropped, Owner::Nobody);
        self.give(&added, Owner::Hold(no));
        if !dropped.is_empty() {
            self.note(format!("HoldReleased {no}"));
        }
        if !added.is_empty() {
            self.note(format!("HoldGranted {no}"));
        }
        (self.holds[at].seats, self.holds[at].terms, self.holds[at].step) = (seats, terms, step);
        let told = self.describe_hold(no);
        self.serve();
        Ok(Outcome::Swapped(told))
    }
}

/// The crate's own word for what a hold answers; the oracle's [`Held`] is its list entry.
type Held_ = inventory::Held;
