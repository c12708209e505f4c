//! Whether the shard is as the oracle says, in everything that can be asked of it.

use inventory::*;

use super::{EVENT, Oracle, Owner, priced};

impl Oracle {
    /// Names the first difference.
    pub fn compare(&self, state: &State) -> Result<(), String> {
        let event = state.event(EVENT).ok_or("the event is gone")?;
        same("version", event.version(), self.version)?;
        self.compare_seats(event)?;
        self.compare_holds(event)?;
        self.compare_orders(event)?;
        self.compare_counters(event)?;
        self.compare_reads(event)?;
        same("time", state.at_ms(), self.now)?;
        same("last heard of", state.persisted_ms(), self.heard)?;
        same("most records", state.ledger_records_max(), self.ledger_max)?;
        same("backlog", state.backlog(self.now) == Backlog::Fine, self.is_fine(self.turns()))?;
        let waits = usize::from(self.opening_waits());
        same("sales that wait to begin", state.openings_waiting(self.now), waits)?;
        let (records, reserved) = state.ledger_room();
        same("records", records, self.ledger.len() as u64)?;
        same("promised records", reserved, self.promised() + self.turns())?;
        same("pause", event.is_paused(), self.paused)?;
        same("cancel", event.is_cancelled(), self.cancelled)?;
        let bound = state.bound();
        same("database", bound, self.others.bound)
    }

    fn compare_seats(&self, event: &Event) -> Result<(), String> {
        let table = event.seats();
        same("number of seats", table.len(), self.chairs.len())?;
        for (at, chair) in self.chairs.iter().enumerate() {
            let seat = SeatIx(at as u32);
            let section = usize::from(event.index().section_of(seat));
            same("section of a seat", section, self.spots[at].section)?;
            let holder = match chair.owner {
                Owner::Nobody | Owner::Staff => 0,
                Owner::Hold(no) | Owner::Order(no) => no,
            };
            let is = (table.status(seat), table.holder(seat), table.version(seat));
            same(&format!("seat {at}"), is, (self.status(at), holder, chair.version))?;
        }
        let gone = (0..).zip(&self.chairs).filter(|(_, chair)| chair.gone);
        let gone: Vec<SeatIx> = gone.map(|(at, _)| SeatIx(at)).collect();
        same("removed seats", event.removed().collect(), gone)
    }

    fn compare_holds(&self, event: &Event) -> Result<(), String> {
        let live = self.holds.iter().filter(|hold| hold.end.is_none());
        let numbers: Vec<u64> = live.clone().map(|hold| hold.no).collect();
        same("live holds", event.holds().map(|hold| hold.no).collect(), numbers)?;
        for hold in live {
            let is = event.hold(hold.no).ok_or("listed above")?;
            let name = format!("hold {}", hold.no);
            same(&name, is.seats.clone(), priced(&hold.seats))?;
            let told = (is.expires_at_ms, is.order, is.extensions, is.step);
            same(&name, told, (hold.ends, hold.order, hold.extensions, hold.step))?;
            let terms = &is.terms;
            let frozen = (terms.person, terms.promo, terms.presale, terms.discount_minor);
            let mine = &hold.terms;
            same(&name, frozen, (mine.person, mine.promo, mine.presale, mine.discount))?;
        }
        for hold in self.holds.iter().filter(|hold| hold.end.is_some()) {
            same(&format!("end of hold {}", hold.no), event.hold_end(hold.no), hold.end)?;
        }
        Ok(())
    }

    fn compare_orders(&self, event: &Event) -> Result<(), String> {
        let numbers: Vec<u64> = self.orders.iter().map(|order| order.no).collect();
        same("orders", event.orders().map(|order| order.no).collect(), numbers)?;
        for order in &self.orders {
            let is = event.order(order.no).ok_or("listed above")?;
            let name = format!("order {}", order.no);
            let told = (is.status, is.offer, is.total_minor, is.expires_at_ms);
            same(&name, told, (order.status, order.offer, order.total, order.ends))?;
            same(&name, PricedSeats::from(is.seats.clone()), priced(&order.seats))?;
            same(&name, PricedSeats::from(is.left.clone()), priced(&order.left))?;
            same(&name, &is.payments, &order.payments)?;
            same(&name, &is.refunds, &order.refunds)?;
        }
        let payments: Vec<_> = event
            .payments()
            .map(|one| (one.no, one.order, one.status, one.settled_as, one.amount_minor))
            .collect();
        let mine = self.payments.iter();
        let mine = mine.map(|one| (one.no, one.order, one.status, one.became, one.amount));
        same("payments", payments, mine.collect())?;
        let refunds: Vec<_> = event
            .refunds()
            .map(|one| (one.no, one.payment, one.amount_minor, one.status, one.attempts))
            .collect();
        let mine = self.refunds.iter();
        let mine = mine.map(|one| (one.no, one.payment, one.amount, one.status, one.attempts));
        same("refunds", refunds, mine.collect())
    }

    fn compare_counters(&self, event: &Event) -> Result<(), String> {
        for code in &self.codes {
            let hash = code.code.hash;
            let is = event.code(hash).ok_or("a code is unknown")?;
            let (seats, minor) = self.held_under(hash, None);
            let held = (is.held_seats as usize, is.held_minor);
            same("use of a code", held, (seats, minor))?;
            let sold = (is.sold_seats as usize, is.sold_minor);
            same("sales under a code", sold, (code.sold_seats, code.sold_minor))?;
        }
        for person in 0..8 {
            let seats = event.seats_of(person) as usize;
            same(&format!("seats of {person}"), seats, self.seats_of(person))?;
        }
        let waiting = self.line.iter().filter(|one| one.hold.is_none());
        same("waiting", event.waiting_count(), waiting.count())?;
        for one in &self.line {
            let (is, _) = event.wait_entry(one.no).ok_or("a place is gone")?;
            same(&format!("place {}", one.no), (is.person, is.hold), (one.person, one.hold))?;
        }
        Ok(())
    }
}

impl Oracle {
    /// What is counted or listed for those who only look.
    fn compare_reads(&self, event: &Event) -> Result<(), String> {
        same("number", event.no(), EVENT)?;
        let table = event.seats();
        same("counts", table.total(), self.counts(|_| true))?;
        same("all seats", table.total().total() as usize, self.chairs.len())?;
        same("a table without seats", table.is_empty(), false)?;
        for (at, counts) in table.sections().iter().enumerate() {
            same("section", *counts, self.counts(|seat| self.spots[seat].section == at))?;
        }
        same("sections", table.sections().len(), self.plan.sections.len())?;
        for (at, counts) in table.tiers().iter().enumerate() {
            same("tier", *counts, self.counts(|seat| self.spots[seat].tier == at))?;
        }
        same("tiers", table.tiers().len(), self.plan.tiers.len())?;
        let since = self.version.saturating_sub(3);
        let changed = (0..).zip(&self.chairs).filter(|(_, chair)| chair.version > since);
        let changed: Vec<_> =
            changed.map(|(at, _)| (SeatIx(at), self.status(at as usize))).collect();
        same("lately changed seats", table.changed_since(since).collect(), changed)?;
        let open = self.payments.iter().filter(|one| one.status == PaymentStatus::Pending);
        let listed: Vec<u64> = event.pending_payments().map(|one| one.no).collect();
        same("open payments", listed, open.map(|one| one.no).collect())?;
        let open = self.refunds.iter().filter(|one| one.status == RefundStatus::Pending);
        let listed: Vec<u64> = event.pending_refunds().map(|one| one.no).collect();
        same("open refunds", listed, open.map(|one| one.no).collect())?;
        let come = self.line.iter().filter(|one| one.hold.is_some());
        let listed: Vec<u64> = event.turns_come().map(|one| one.no).collect();
        same("turns that came", listed, come.map(|one| one.no).collect())?;
        let mut before = 0;
        for one in &self.line {
            let (_, is) = event.wait_entry(one.no).ok_or("a place is gone")?;
            same("places before one", is, before)?;
            before += usize::from(one.hold.is_none());
        }
        let progress = self.cancelled.then(|| CancelProgress {
            orders: self.orders.len() as u64,
            orders_done: match self.undoing {
                Some(last) => self.orders.iter().filter(|order| order.no <= last).count() as u64,
                None => self.orders.len() as u64,
            },
            done: self.undoing.is_none(),
        });
        same("progress of a cancel", event.cancel_progress(), progress)
    }

    fn counts(&self, of: impl Fn(usize) -> bool) -> SeatCounts {
        let mut counts = SeatCounts::default();
        for seat in (0..self.chairs.len()).filter(|seat| of(*seat)) {
            match self.status(seat) {
                SeatStatus::Free => counts.free += 1,
                SeatStatus::Held => counts.held += 1,
                SeatStatus::Sold => counts.sold += 1,
                SeatStatus::Blocked => counts.blocked += 1,
            }
        }
        counts
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, is: T, should: T) -> Result<(), String> {
    if is == should { Ok(()) } else { Err(format!("{what} is {is:?}, should be {should:?}")) }
}

/// A record of the ledger in the oracle's words: its kind and the number that it is about.
pub fn kind(record: &LedgerRecord) -> String {
    let name = format!("{:?}", record.change);
    let name: String = name.chars().take_while(|c| c.is_alphanumeric()).collect();
    let no = match &record.change {
        Change::SaleOpened { .. } => u64::from(record.event.0),
        Change::HoldGranted { hold, .. }
        | Change::HoldReleased { hold, .. }
        | Change::HoldExpired { hold, .. }
        | Change::HoldExtended { hold, .. }
        | Change::HoldWithdrawn { hold, .. } => *hold,
        Change::OrderPlaced { order, .. }
        | Change::OrderChanged { order, .. }
        | Change::SeatsSold { order, .. }
        | Change::SeatsReturned { order, .. } => *order,
        Change::PaymentStarted { payment, .. }
        | Change::PaymentRecorded { payment, .. }
        | Change::PaymentSettled { payment, .. } => *payment,
        Change::RefundChanged { refund, .. } => *refund,
        Change::WaitlistChanged { entry, .. } => *entry,
        Change::SaleChanged(_)
        | Change::SeatsBlocked { .. }
        | Change::SeatsUnblocked { .. }
        | Change::SeatsRemoved { .. }
        | Change::SeatsAdded { .. }
        | Change::PlanReplaced { .. } => 0,
    };
    format!("{name} {no}")
}
