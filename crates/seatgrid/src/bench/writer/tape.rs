//! Records by the real rules: holds that are released again, now and then one that is bought, in
//! halls of 10,000 seats, one after the other. The same arguments make the same tape but for its times,
//! which end now.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use data_writer::{EventTerms, TermsByEvent};
use inventory::{
    Acknowledge, Actor, Choice, Command, Envelope, EventNo, FeedPosition, GatewayResult, HoldId,
    HoldSeats, LedgerRecord, OpenSale, Outcome, PlaceOrder, Plan, RecordPayment, ReleaseHold, Row,
    Sale, SaleRules, Seat, SeatIx, Section, SectionKind, Settle, Stamp, StartPayment, State,
    Subject, Tier,
};
use processing_unit::PlanAnswer;

/// Rows of a hall, and seats of a row.
const HALL: (usize, usize) = (100, 100);
/// Seats of one hold.
const HOLD_SEATS: usize = 4;
/// Holds that live at a time before the oldest is given up.
const HOLDS_ALIVE: usize = 64;
/// A day in milliseconds.
const DAY_MS: u64 = 24 * 3_600_000;
/// A sale lasts longer than any tape.
const SALE_MS: u64 = 4_000 * DAY_MS;
/// Halls whose terms are remembered: the present one, and the last for what is still in the feed.
const TERMS_KEPT: usize = 2;

/// A shard that sells, as long as rows are wanted.
pub(super) struct Tape {
    state: State,
    terms: TermsByEvent,
    event: EventNo,
    /// The next seat to hold, in plan order.
    seat: usize,
    alive: VecDeque<HoldId>,
    held: u64,
    index: u64,
    at_ms: u64,
    step_ms: u64,
    buy_one_of: u64,
    rows_left: u64,
}

impl Tape {
    /// About so many rows over so many days that end now.
    pub(super) fn new(rows: u64, days: u32, buy_one_of: u32) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let span_ms = u64::from(days) * DAY_MS;
        let mut tape = Self {
            state: State::new(),
            terms: TermsByEvent::new(),
            event: EventNo(0),
            seat: 0,
            alive: VecDeque::new(),
            held: 0,
            index: 0,
            at_ms: (now.as_millis() as u64).saturating_sub(span_ms),
            // Each command makes a record of four rows, about.
            step_ms: (span_ms * HOLD_SEATS as u64 / rows.max(1)).max(1),
            buy_one_of: u64::from(buy_one_of),
            rows_left: rows,
        };
        tape.open();
        tape
    }

    /// The terms of every event that the last answer of [`Tape::next`] speaks of.
    pub(super) fn terms(&self) -> &TermsByEvent {
        &self.terms
    }

    /// The last record's last row.
    pub(super) fn end(&self) -> FeedPosition {
        self.state.feed_end()
    }

    /// The next records, about so many rows; `None` at the end.
    pub(super) fn next(&mut self, rows: u32) -> Option<Vec<LedgerRecord>> {
        if self.rows_left == 0 {
            return None;
        }
        self.acknowledge();
        if self.seat + HOLD_SEATS * HOLDS_ALIVE > HALL.0 * HALL.1 && self.buy_one_of > 0 {
            // Sold to its end: the next one. What is held in the old one is given up in its turn.
            self.open();
        }
        let (wanted, mut made) = (self.rows_left.min(u64::from(rows)), 0);
        while made < wanted {
            let before = self.state.feed().len();
            self.one_shopper();
            let new = self.state.feed_after(FeedPosition::default()).skip(before);
            made += new.map(|record| u64::from(record.change.row_count())).sum::<u64>();
        }
        self.rows_left -= wanted;
        Some(self.state.feed().cloned().collect())
    }

    /// One hold, and the end of the oldest one.
    fn one_shopper(&mut self) {
        if self.seat + HOLD_SEATS > HALL.0 * HALL.1 {
            // Without purchases everything is free again but the youngest holds.
            self.seat = 0;
        }
        let seats = self.seat..self.seat + HOLD_SEATS;
        self.seat += HOLD_SEATS;
        let seats = seats.map(|ix| SeatIx(ix as u32)).collect();
        let hold = HoldSeats::of(self.event, 1, Choice::Seats(seats));
        let Outcome::Held(held) = self.apply(Command::Hold(hold)) else {
            // Time runs fast on a thin tape: the old holds have ended by themselves.
            self.apply(Command::ExpireHolds);
            return;
        };
        self.held += 1;
        if self.buy_one_of > 0 && self.held.is_multiple_of(self.buy_one_of) {
            return self.buy(held.hold);
        }
        self.alive.push_back(held.hold);
        if self.alive.len() > HOLDS_ALIVE {
            self.release_oldest();
        }
    }

    fn release_oldest(&mut self) {
        if let Some(hold) = self.alive.pop_front() {
            self.apply(Command::ReleaseHold(ReleaseHold { hold }));
        }
    }

    fn buy(&mut self, hold: HoldId) {
        let place = PlaceOrder { hold, contact: b"sealed".to_vec(), buyer: None };
        let Outcome::OrderPlaced(placed) = self.apply(Command::PlaceOrder(place)) else { return };
        let (provider, method) = ("sandbox".to_owned(), "bank_card".to_owned());
        let start = StartPayment { order: placed.order, provider, method };
        let Outcome::PaymentStarted(started) = self.apply(Command::StartPayment(start)) else {
            return;
        };
        let (payment, amount_minor) = (started.payment, started.amount_minor);
        let (provider_ref, confirmation_url) = (format!("ref-{payment}"), "http://pay".to_owned());
        let record = RecordPayment { payment, provider_ref, confirmation_url };
        self.apply(Command::RecordPayment(record));
        let result = GatewayResult::Captured { amount_minor };
        self.apply(Command::Settle(Settle { payment, result }));
    }

    fn open(&mut self) {
        self.event = EventNo(self.event.0 + 1);
        self.seat = 0;
        let (event, sale, plan) = (self.event, sale(self.event, self.at_ms), hall());
        let answer =
            PlanAnswer { event, sale: Arc::new(sale.clone()), plan: Arc::new(plan.clone()) };
        self.terms.insert(event, Arc::new(EventTerms::new(&answer)));
        while self.terms.len() > TERMS_KEPT {
            self.terms.pop_first();
        }
        // A shard that has not heard of PostgreSQL for long opens no sale.
        self.acknowledge();
        let opened = self.apply_now(Command::OpenSale(OpenSale { event, sale, plan }));
        assert_eq!(opened, Outcome::SaleOpened, "a sale of the tape opens");
    }

    fn acknowledge(&mut self) {
        let up_to = self.state.feed_end();
        if self.index > 1 {
            self.apply(Command::Acknowledge(Acknowledge { up_to }));
        }
    }

    fn apply(&mut self, command: Command) -> Outcome {
        self.at_ms += self.step_ms;
        self.apply_now(command)
    }

    /// At the time of the last command.
    fn apply_now(&mut self, command: Command) -> Outcome {
        self.index += 1;
        let stamp = Stamp { log_index: self.index, at_ms: self.at_ms };
        let ip = Some([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 7]);
        let actor = Actor { subject: Subject::Guest, ip };
        self.state.apply(stamp, &Envelope { key: None, actor, command }).outcome
    }
}

fn sale(event: EventNo, at_ms: u64) -> Sale {
    Sale {
        event_id: format!("bench-{}", event.0),
        name: format!("Evening {}", event.0),
        starts_at_ms: at_ms + SALE_MS,
        currency: *b"RUB",
        opens_at_ms: at_ms,
        closes_at_ms: at_ms + SALE_MS,
        hold_ttl_ms: 1_800_000,
        per_hold_max: HOLD_SEATS as u16,
        rules: SaleRules::default(),
    }
}

fn hall() -> Plan {
    let seat = |row: usize, n: usize| Seat {
        number: (n + 1).to_string().into(),
        tier: u16::from(row >= HALL.0 / 2),
        x: n as i32 * 100,
        y: row as i32 * 100,
        accessible: false,
        companion: false,
    };
    let row = |row: usize| Row {
        label: (row + 1).to_string(),
        seats: (0..HALL.1).map(|n| seat(row, n)).collect(),
    };
    let tier = |id: &str, price_minor| Tier { id: id.into(), name: id.into(), price_minor };
    let section = Section {
        id: "A".to_owned(),
        name: "Stalls".to_owned(),
        rows: (0..HALL.0).map(row).collect(),
        kind: SectionKind::Seated,
    };
    Plan {
        version: 1,
        tiers: vec![tier("gold", 500_000), tier("silver", 250_050)],
        sections: vec![section],
        focal: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tape_has_the_rows_and_the_time_that_were_asked_for() {
        let mut tape = Tape::new(50_000, 100, 50);
        let (mut rows, mut first, mut last, mut sold) = (0_u64, u64::MAX, 0, 0);
        while let Some(records) = tape.next(5_000) {
            for record in &records {
                rows += u64::from(record.change.row_count());
                (first, last) = (first.min(record.at_ms), last.max(record.at_ms));
                sold +=
                    u64::from(matches!(record.change, inventory::Change::PaymentSettled { .. }));
                assert!(tape.terms().contains_key(&record.event), "terms of {record:?}");
            }
        }
        assert!((50_000..70_000).contains(&rows), "{rows} rows");
        let days = (last - first) / DAY_MS;
        assert!((30..=200).contains(&days), "{days} days");
        assert!(sold > 10, "{sold} are bought");
    }
}
