//! A naive oracle of a whole shard: plain lists, everything found by looking through them and counted
//! anew each time. It shares no rule with the crate and predicts each answer exactly, with the
//! event's version, every seat, every counter and the kinds of the ledger's new records.

mod back;
mod best;
mod choice;
mod line;
mod money;
pub mod others;
mod sale;
pub mod same;
mod staff;

use inventory::*;

use self::others::Others;

/// Who has a seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    Nobody,
    Hold(u64),
    Order(u64),
    Staff,
}

/// A seat; where it is and what it costs is in the plan's list.
#[derive(Clone)]
pub struct Chair {
    pub owner: Owner,
    pub gone: bool,
    pub version: u64,
}

/// Where a seat is, by looking at the plan.
#[derive(Clone)]
pub struct Spot {
    pub section: usize,
    pub row: usize,
    pub place: usize,
    pub row_len: usize,
    pub tier: usize,
    pub area: bool,
    pub wheelchair: bool,
    pub companion: bool,
    pub at: (i32, i32),
}

pub type Priced = Vec<(usize, i64)>;

#[derive(Clone, Copy, Default)]
pub struct Terms {
    pub person: Option<u128>,
    pub promo: Option<u128>,
    pub promo_seats: usize,
    pub discount: i64,
    pub presale: Option<u128>,
}

#[derive(Clone)]
pub struct Held {
    pub no: u64,
    pub seats: Priced,
    pub ends: u64,
    pub order: Option<u64>,
    pub step: Option<HoldStep>,
    pub terms: Terms,
    pub extensions: u8,
    /// The place in the waiting list that it serves, and the payment that it is offered for.
    pub place: Option<u64>,
    pub offer: Option<u64>,
    pub end: Option<HoldEnd>,
}

#[derive(Clone)]
pub struct Bought {
    pub no: u64,
    pub hold: u64,
    pub seats: Priced,
    pub left: Priced,
    pub total: i64,
    pub terms: Terms,
    pub offer: Option<u64>,
    pub status: OrderStatus,
    pub ends: u64,
    pub payments: Vec<u64>,
    pub refunds: Vec<u64>,
    pub forget: Option<u64>,
}

#[derive(Clone)]
pub struct Paid {
    pub no: u64,
    pub order: u64,
    pub amount: i64,
    pub status: PaymentStatus,
    pub became: Option<SettledAs>,
    pub captured: i64,
    pub recorded: bool,
}

#[derive(Clone)]
pub struct Back {
    pub no: u64,
    pub payment: u64,
    pub order: u64,
    pub amount: i64,
    pub status: RefundStatus,
    pub attempts: u32,
}

#[derive(Clone)]
pub struct Coupon {
    pub code: Code,
    pub sold_seats: usize,
    pub sold_minor: i64,
}

#[derive(Clone)]
pub struct Waits {
    pub no: u64,
    pub person: u128,
    pub wish: Best,
    pub hold: Option<u64>,
}

/// The version that the reply carries, 0 for what concerns the whole shard, and what was done.
pub type Answer = Result<(u64, Outcome), Refusal>;

/// The shard as it should be.
pub struct Oracle {
    pub sale: Sale,
    pub plan: Plan,
    pub spots: Vec<Spot>,
    pub chairs: Vec<Chair>,
    pub holds: Vec<Held>,
    pub orders: Vec<Bought>,
    pub payments: Vec<Paid>,
    pub refunds: Vec<Back>,
    pub codes: Vec<Coupon>,
    pub limits: Vec<(u128, u16)>,
    /// (person, holds taken, until when they count).
    pub budgets: Vec<(u128, u16, u64)>,
    pub line: Vec<Waits>,
    pub paused: bool,
    pub cancelled: bool,
    /// Whether a cancelled event has something left, and the last order looked at.
    pub undoing: Option<u64>,
    pub told_opened: bool,
    pub told_closed: bool,
    pub version: u64,
    pub next_no: u64,
    pub now: u64,
    /// Records that wait for the database: when, and what.
    pub ledger: Vec<(u64, String)>,
    pub ledger_max: u64,
    /// When the database was last heard of.
    pub heard: Option<u64>,
    pub others: Others,
}

pub const EVENT: EventNo = EventNo(1);

impl Oracle {
    /// A shard in which the event's sale has just been opened.
    pub fn opened(plan: &Plan, sale: &Sale, (now, ledger_max): (u64, u64)) -> Self {
        let spots = spots(plan);
        let chair = Chair { owner: Owner::Nobody, gone: false, version: 1 };
        Self {
            sale: sale.clone(),
            plan: plan.clone(),
            chairs: vec![chair; spots.len()],
            spots,
            holds: vec![],
            orders: vec![],
            payments: vec![],
            refunds: vec![],
            codes: vec![],
            limits: vec![],
            budgets: vec![],
            line: vec![],
            paused: false,
            cancelled: false,
            undoing: None,
            told_opened: sale.opens_at_ms <= now,
            told_closed: sale.closes_at_ms <= now,
            version: 1,
            next_no: 1,
            now,
            ledger: vec![(now, "SaleOpened 1".into())],
            ledger_max,
            heard: None,
            others: Others::default(),
        }
    }

    /// What the command should answer, its effect taken.
    pub fn answer(&mut self, now: u64, command: &Command) -> Reply {
        self.now = self.now.max(now);
        match self.dispatch(command) {
            Ok((version, outcome)) => Reply { version, replayed: false, outcome },
            Err(refusal) => {
                Reply { version: 0, replayed: false, outcome: Outcome::Refused(refusal) }
            }
        }
    }

    fn dispatch(&mut self, command: &Command) -> Answer {
        if let Some(answer) = self.of_the_shard(command) {
            return answer;
        }
        if command.event() != Some(EVENT) {
            return Err(self.others.missing(command.event()));
        }
        let outcome = match command {
            Command::Hold(c) => self.hold(c),
            Command::ReleaseHold(c) => self.release(c.hold.no),
            Command::SwapSeats(c) => self.swap(c),
            Command::ExtendHold(c) => self.extend(c.hold.no),
            Command::PlaceOrder(c) => self.place_order(c),
            Command::CancelOrder(c) => self.cancel_order(c.order.no),
            Command::StartPayment(c) => self.start_payment(c),
            Command::RecordPayment(c) => self.record_payment(c),
            Command::Settle(c) => self.settle(c),
            Command::AnswerOffer(c) => self.answer_offer(c),
            Command::RecordRefund(c) => self.record_refund(c),
            Command::RefundSeats(c) => self.refund_seats(c),
            Command::RetryRefund(c) => self.retry_refund(c.refund.no),
            Command::JoinWaitlist(c) => self.join(c),
            Command::LeaveWaitlist(c) => self.leave(c.entry.no),
            Command::PauseSale(_) => self.pause(true),
            Command::ResumeSale(_) => self.pause(false),
            Command::SetPersonLimit(c) => self.set_limit(c),
            Command::SetWindow(c) => self.set_window(c),
            Command::PutCodes(c) => self.put_codes(c),
            Command::BlockSeats(c) => self.block(c),
            Command::UnblockSeats(c) => self.unblock(c),
            Command::RemoveSeats(c) => self.remove(c),
            Command::ReassignSeats(c) => self.reassign(c),
            Command::ReplacePlan(c) => self.replace_plan(c),
            Command::CancelEvent(_) => self.cancel_event(),
            other => panic!("about the whole shard: {other:?}"),
        };
        outcome.map(|outcome| (self.version, outcome))
    }

    /// The next number for a hold, order, payment, refund or place.
    pub fn number(&mut self) -> u64 {
        self.next_no += 1;
        self.next_no - 1
    }

    /// One more change: what it touches carries the new version.
    pub fn change(&mut self) {
        self.version += 1;
    }

    /// One more record for the database.
    pub fn note(&mut self, what: String) {
        self.ledger.push((self.now, what));
    }

    /// Records promised to each payment, refund and offer that is open.
    pub fn payment_room(&self) -> u64 {
        if self.sale.rules.offer_ttl_ms.is_some() { 15 } else { 7 }
    }

    /// Records promised to everything that may still write some, without the window's ends.
    fn promised(&self) -> u64 {
        let live = self.holds.iter().filter(|hold| hold.end.is_none());
        let (all, offers) = live.fold((0, 0), |(all, offers), hold| {
            (all + 1, offers + u64::from(hold.offer.is_some()))
        });
        let open = self.payments.iter().filter(|one| one.status == PaymentStatus::Pending);
        let back = self.refunds.iter().filter(|one| one.status == RefundStatus::Pending);
        let money = open.count() + back.count();
        let waiting = self.line.iter().filter(|one| one.hold.is_none()).count() as u64;
        all * 4 + (money as u64 + offers) * self.payment_room() + waiting * 6 + self.others.promised
    }

    fn turns(&self) -> u64 {
        u64::from(!self.told_opened) + u64::from(!self.told_closed)
    }

    pub fn has_room(&self, records: u64) -> bool {
        self.ledger.len() as u64 + self.promised() + self.turns() + records <= self.ledger_max
    }

    pub fn need_room(&self, records: u64) -> Result<(), Refusal> {
        if self.has_room(records) { Ok(()) } else { Err(Refusal::PersistenceBacklog) }
    }

    /// Whether the database keeps up, so that sales may begin.
    pub fn is_fine(&self, turns: u64) -> bool {
        let taken = self.ledger.len() as u64 + self.promised() + turns;
        let oldest = self.ledger.first().map_or(self.now, |(since, _)| *since);
        let age = self.now.saturating_sub(oldest.min(self.heard.unwrap_or(self.now)));
        taken + 5 <= self.ledger_max && age <= 30_000 && taken * 100 < self.ledger_max * 70
    }

    /// Whether the sale should have begun and waits for the database.
    pub fn opening_waits(&self) -> bool {
        let due = !self.told_opened && self.now >= self.sale.opens_at_ms;
        due && !self.is_fine(self.turns())
    }

    pub fn price(&self, seat: usize) -> i64 {
        self.plan.tiers[self.spots[seat].tier].price_minor
    }

    /// What seats cost with their fees, halves rounded up.
    pub fn total(&self, seats: &[(usize, i64)]) -> i64 {
        seats.iter().map(|(_, price)| price + self.fee(*price)).sum()
    }

    pub fn fee(&self, price: i64) -> i64 {
        let fee = self.sale.rules.fee;
        fee.per_seat_minor + (price * i64::from(fee.basis_points) + 5_000).div_euclid(10_000)
    }

    pub fn give(&mut self, seats: &[(usize, i64)], owner: Owner) {
        for (seat, _) in seats {
            self.chairs[*seat].owner = owner;
            self.chairs[*seat].version = self.version;
        }
    }

    pub fn status(&self, seat: usize) -> SeatStatus {
        match self.chairs[seat].owner {
            Owner::Nobody => SeatStatus::Free,
            Owner::Hold(_) => SeatStatus::Held,
            Owner::Order(_) => SeatStatus::Sold,
            Owner::Staff => SeatStatus::Blocked,
        }
    }
}

/// Each seat of a plan with its place.
pub fn spots(plan: &Plan) -> Vec<Spot> {
    let (mut all, mut row_no) = (vec![], 0);
    for (section, of) in plan.sections.iter().enumerate() {
        for row in &of.rows {
            for (place, seat) in row.seats.iter().enumerate() {
                let area = of.kind == SectionKind::Area;
                all.push(Spot {
                    section,
                    row: row_no,
                    place,
                    row_len: row.seats.len(),
                    tier: usize::from(seat.tier),
                    area,
                    wheelchair: seat.accessible && !area,
                    companion: seat.companion && !seat.accessible && !area,
                    at: (seat.x, seat.y),
                });
            }
            row_no += 1;
        }
    }
    all
}

pub fn priced(seats: &[(usize, i64)]) -> PricedSeats {
    let one = |(seat, price): &(usize, i64)| PricedSeat {
        seat: SeatIx(*seat as u32),
        price_minor: *price,
    };
    seats.iter().map(one).collect()
}
