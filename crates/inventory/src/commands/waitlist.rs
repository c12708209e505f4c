//! The waiting list's turn: seats that came back become holds of those who wait, strictly in the
//! order of joining, in the command that freed them. Whoever is next but lacks seats keeps what
//! there is of their tiers from those behind, and from the public.

use super::best::Search;
use super::scope::NewHold;
use super::terms::{Asker, freeze};
use super::{HOLD_ROOM, Scope};
use crate::event::HoldPurpose;
use crate::{Actor, Best, Change, Event, HoldStep, SeatIx, WaitChange};

/// Records promised to each place that waits: served or left, hold granted, and the hold's own.
pub(crate) const WAIT_ROOM: u64 = 2 + HOLD_ROOM;

/// Free seats that are not yet promised in this turn.
struct Free {
    /// Per row, as bits.
    bits: Vec<u128>,
    /// Rows that have some, in the order of best available.
    rows: Vec<usize>,
}

/// Serves whoever can be served. Called at the end of every command that may have freed seats.
pub(super) fn serve(s: &mut Scope<'_>) {
    let Some(ttl_ms) = s.event.sale.rules.waitlist_ttl_ms else { return };
    if s.event.waiting.is_empty() || !is_selling(s.event, s.at_ms) || s.opening_waits() {
        return;
    }
    let asked_by = std::mem::replace(&mut s.actor, Actor::SYSTEM);
    let mut free = Free::of(s.event, s.at_ms);
    let all: Vec<u64> = s.event.waiting.iter().copied().collect();
    for no in all {
        if free.rows.is_empty() {
            break;
        }
        turn(s, &mut free, (no, ttl_ms));
    }
    s.actor = asked_by;
}

/// Whether seats are sold now and some are free.
pub(super) fn is_selling(event: &Event, at_ms: u64) -> bool {
    let window = event.sale.opens_at_ms..event.sale.closes_at_ms;
    !event.paused
        && event.cancel.is_none()
        && window.contains(&at_ms)
        && event.seats.total().free > 0
}

/// The turn of one place.
fn turn(s: &mut Scope<'_>, free: &mut Free, (no, ttl_ms): (u64, u32)) {
    let entry = s.event.waitlist[&no].clone();
    let number = u32::from(entry.wish.number);
    let person = Some(entry.person);
    if s.event.people.check_seats(&s.event.sale.rules, person, number).is_err() {
        // Bought elsewhere meanwhile; the place would block those behind for ever.
        leave(s, no);
        return;
    }
    match free.choose(s.event, &entry.wish, s.at_ms) {
        Some((seats, step)) => {
            free.take(s.event, &seats);
            grant(s, no, (seats, step), ttl_ms);
        }
        None => free.keep(s.event, &entry.wish),
    }
}

fn grant(s: &mut Scope<'_>, no: u64, (seats, step): (Vec<SeatIx>, HoldStep), ttl_ms: u32) {
    let person = Some(s.event.waitlist[&no].person);
    let asker = Asker { person, promo: None, presale: None };
    let (seats, terms) =
        freeze(s, asker, &seats, &[]).expect("without codes nothing speaks against a price");
    s.begin_change();
    stop_waiting(s, no);
    let purpose = HoldPurpose::Waitlist { entry: no };
    let hold = s.grant(NewHold { seats, terms, step: Some(step), ttl_ms, purpose, order: None });
    if let Some(entry) = s.event.waitlist.get_mut(&no) {
        entry.hold = Some(hold.no);
    }
    let change = WaitChange::Served { hold: hold.no };
    s.record(Change::WaitlistChanged { entry: no, change });
}

/// Gives a place up.
pub(super) fn leave(s: &mut Scope<'_>, no: u64) {
    s.begin_change();
    stop_waiting(s, no);
    s.event.waitlist.remove(&no);
    s.record(Change::WaitlistChanged { entry: no, change: WaitChange::Left });
}

/// Ends all waiting: the sale is over.
pub(super) fn clear(s: &mut Scope<'_>) {
    let all: Vec<u64> = s.event.waiting.iter().copied().collect();
    for no in all {
        stop_waiting(s, no);
        s.event.waitlist.remove(&no);
    }
}

fn stop_waiting(s: &mut Scope<'_>, no: u64) {
    s.event.waiting.remove(&no);
    let wish = s.event.waitlist[&no].wish.clone();
    s.event.count_wish(&wish, false);
    s.outbox.unreserve(WAIT_ROOM);
}

impl Free {
    fn of(event: &Event, at_ms: u64) -> Self {
        let rows = event.index.rows();
        let offered = |at: usize| event.seats.free_bits(at) & event.offered_bits(at, at_ms);
        let bits: Vec<u128> = (0..rows.len()).map(offered).collect();
        let order = event.index.best_order().iter().map(|at| *at as usize);
        let rows = order.filter(|at| bits[*at] != 0).collect();
        Self { bits, rows }
    }

    fn choose(&self, event: &Event, wish: &Best, at_ms: u64) -> Option<(Vec<SeatIx>, HoldStep)> {
        let search = Search {
            index: &event.index,
            wish,
            min_price_minor: 0,
            everybody: event.everybody(at_ms),
            free: |row: usize| self.bits[row],
        };
        search.choose(self.rows.iter().copied())
    }

    fn take(&mut self, event: &Event, seats: &[SeatIx]) {
        for place in seats.iter().map(|seat| event.index.place(*seat)) {
            self.bits[place.row as usize] &= !(1 << place.bit);
        }
        self.forget_full_rows();
    }

    /// Keeps all that the wish could have from those behind.
    fn keep(&mut self, event: &Event, wish: &Best) {
        for row in &self.rows {
            let tiers = &event.index.rows()[*row].tiers;
            let wanted = tiers.iter().filter(|(tier, _)| event.wants(wish, *tier));
            self.bits[*row] &= !wanted.fold(0, |bits, (_, of_tier)| bits | of_tier);
        }
        self.forget_full_rows();
    }

    fn forget_full_rows(&mut self) {
        let bits = &self.bits;
        self.rows.retain(|row| bits[*row] != 0);
    }
}
