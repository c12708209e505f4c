//! A second naive oracle: staff commands, limits of persons, codes, refunds and the waiting list, in
//! plain lists. It shares no code with the rules; which seats somebody who waited was given it reads
//! from the shard, and checks that they were lawful.

use inventory::*;

mod staff;

pub const TTL_MS: u64 = 300_000;
pub const WAIT_TTL_MS: u64 = 60_000;
pub const PERSON_MAX: usize = 5;
pub const PER_HOLD_MAX: usize = 6;
/// The hall's only accessible seat: nobody who waits is given it.
pub const ACCESSIBLE: usize = 21;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    Nobody,
    Hold(u64),
    Order(u64),
    Staff,
}

#[derive(Clone)]
struct Held {
    no: u64,
    person: u128,
    ends_at_ms: u64,
    seats: Vec<(usize, i64)>,
    code: Option<u128>,
    place: Option<u64>,
    end: Option<&'static str>,
}

struct Bought {
    no: u64,
    hold: u64,
    person: u128,
    seats: Vec<(usize, i64)>,
    total: i64,
    status: OrderStatus,
    given_back: i64,
}

struct Coupon {
    hash: u128,
    basis_points: i64,
    until_ms: u64,
    seats_max: usize,
    sold: usize,
}

struct Waiting {
    no: u64,
    person: u128,
    number: usize,
    turn_came: bool,
}

/// What the event should look like.
pub struct Oracle {
    prices: Vec<i64>,
    owners: Vec<Owner>,
    gone: Vec<bool>,
    holds: Vec<Held>,
    orders: Vec<Bought>,
    payments: Vec<(u64, u64, bool)>,
    codes: Vec<Coupon>,
    limits: Vec<(u128, usize)>,
    line: Vec<Waiting>,
    paused: bool,
    cancelled: bool,
    next_no: u64,
    now_ms: u64,
}

type Answer = Result<String, &'static str>;

impl Oracle {
    pub fn new(plan: &Plan) -> Self {
        let prices: Vec<i64> =
            plan.seats().map(|(_, _, s)| plan.tiers[usize::from(s.tier)].price_minor).collect();
        Self {
            owners: vec![Owner::Nobody; prices.len()],
            gone: vec![false; prices.len()],
            prices,
            holds: vec![],
            orders: vec![],
            payments: vec![],
            codes: vec![],
            limits: vec![],
            line: vec![],
            paused: false,
            cancelled: false,
            next_no: 1,
            now_ms: 0,
        }
    }

    /// Checks a command's answer and follows its effect; `Err` says what was wrong.
    pub fn follow(
        &mut self,
        now_ms: u64,
        command: &Command,
        (got, event): (&Outcome, &Event),
    ) -> Result<(), String> {
        self.now_ms = self.now_ms.max(now_ms);
        let expected = match self.answer(command, event) {
            Ok(effect) => effect,
            Err(refusal) => refusal.to_owned(),
        };
        let got = tell(got);
        if got == expected { Ok(()) } else { Err(format!("expected {expected}, got {got}")) }
    }

    fn answer(&mut self, command: &Command, event: &Event) -> Answer {
        let effect = match command {
            Command::Hold(c) => match &c.choice {
                Choice::Seats(seats) => self.hold(seats, c.person.unwrap_or(0), c.promo),
                other => panic!("the model does not make {other:?}"),
            },
            Command::ReleaseHold(c) => self.release(c.hold.no),
            Command::PlaceOrder(c) => self.place(c.hold.no),
            Command::StartPayment(c) => self.pay(c.order.no),
            Command::Settle(c) => self.settle(c.payment.no),
            Command::ExpireHolds => Ok(self.expire()),
            Command::PauseSale(_) => {
                self.paused = true;
                Ok("SalePaused".into())
            }
            Command::ResumeSale(_) => {
                self.paused = false;
                Ok("SaleResumed".into())
            }
            Command::BlockSeats(c) => self.block(&c.seats),
            Command::UnblockSeats(c) => self.unblock(&c.seats),
            Command::RemoveSeats(c) => self.remove(&c.seats),
            Command::ReassignSeats(c) => self.reassign(c),
            Command::RefundSeats(c) => self.refund(c),
            Command::SetPersonLimit(c) => Ok(self.set_limit(c)),
            Command::PutCodes(c) => Ok(self.put_codes(&c.codes)),
            Command::JoinWaitlist(c) => self.join(c.person, usize::from(c.wish.number)),
            Command::LeaveWaitlist(c) => self.leave(c.entry.no),
            Command::CancelEvent(_) => Ok(self.cancel_event()),
            other => panic!("the model does not make {other:?}"),
        };
        let frees = !matches!(
            command,
            Command::Hold(_)
                | Command::JoinWaitlist(_)
                | Command::PlaceOrder(_)
                | Command::StartPayment(_)
                | Command::Settle(_)
                | Command::PauseSale(_)
                | Command::BlockSeats(_)
                | Command::SetPersonLimit(_)
                | Command::PutCodes(_)
        );
        // Where no hold was due, nothing was freed either.
        let frees = frees && effect.as_ref().is_ok_and(|effect| effect != "expired 0");
        if frees {
            self.serve(event);
        }
        effect
    }

    /// Seat statuses in plan order.
    pub fn statuses(&self) -> Vec<SeatStatus> {
        let status = |owner: &Owner| match owner {
            Owner::Nobody => SeatStatus::Free,
            Owner::Hold(_) => SeatStatus::Held,
            Owner::Order(_) => SeatStatus::Sold,
            Owner::Staff => SeatStatus::Blocked,
        };
        self.owners.iter().map(status).collect()
    }

    /// Seats that a person holds and owns.
    pub fn seats_of(&self, person: u128) -> usize {
        let held = self.holds.iter().filter(|h| h.person == person && h.end.is_none());
        let owned = self.orders.iter().filter(|o| {
            let owns = matches!(o.status, OrderStatus::Paid | OrderStatus::PartiallyRefunded);
            o.person == person && owns
        });
        held.map(|h| h.seats.len()).sum::<usize>() + owned.map(|o| o.seats.len()).sum::<usize>()
    }

    fn number(&mut self) -> u64 {
        self.next_no += 1;
        self.next_no - 1
    }

    fn over_limit(&self, person: u128, more: usize) -> bool {
        let own = self.limits.iter().find(|(who, _)| *who == person);
        self.seats_of(person) + more > own.map_or(PERSON_MAX, |(_, max)| *max)
    }

    fn distinct(&self, seats: &[SeatIx]) -> Result<Vec<usize>, &'static str> {
        let mut all: Vec<usize> = seats.iter().map(|seat| seat.0 as usize).collect();
        all.sort_unstable();
        let twice = (1..all.len()).any(|at| all[at] == all[at - 1]);
        let outside = all.iter().any(|seat| *seat >= self.owners.len());
        if all.is_empty() || twice || outside { Err("SeatsInvalid") } else { Ok(all) }
    }

    fn someone_waits(&self) -> bool {
        self.line.iter().any(|one| !one.turn_came)
    }

    fn hold(&mut self, seats: &[SeatIx], person: u128, promo: Option<u128>) -> Answer {
        match () {
            () if self.cancelled => return Err("EventCancelled"),
            () if self.paused => return Err("SalePaused"),
            () if seats.is_empty() => return Err("SeatsInvalid"),
            () if seats.len() > PER_HOLD_MAX => return Err("LimitPerHold"),
            () if self.over_limit(person, seats.len()) => return Err("LimitPerPerson"),
            () => {}
        }
        let seats = self.distinct(seats)?;
        if seats.iter().any(|seat| self.owners[*seat] != Owner::Nobody) {
            return Err("SeatTaken");
        }
        if self.someone_waits() && seats.iter().any(|seat| *seat != ACCESSIBLE) {
            return Err("KeptForWaitlist");
        }
        let mut basis_points = 0;
        if let Some(hash) = promo {
            let code = self.codes.iter().find(|code| code.hash == hash).ok_or("CodeUnknown")?;
            if self.now_ms >= code.until_ms {
                return Err("CodeNotValid");
            }
            let live = self.holds.iter().filter(|h| h.code == promo && h.end.is_none());
            let held: usize = live.map(|h| h.seats.len()).sum();
            if held + code.sold + seats.len() > code.seats_max {
                return Err("CodeUsedUp");
            }
            basis_points = code.basis_points;
        }
        let price = |seat: &usize| self.prices[*seat] - self.prices[*seat] * basis_points / 10_000;
        let seats = seats.iter().map(|seat| (*seat, price(seat))).collect();
        let ends_at_ms = self.now_ms + TTL_MS;
        let no = self.number();
        let total =
            self.grant(Held { no, person, ends_at_ms, seats, code: promo, place: None, end: None });
        Ok(format!("held {no} {total}"))
    }

    fn grant(&mut self, held: Held) -> i64 {
        for (seat, _) in &held.seats {
            self.owners[*seat] = Owner::Hold(held.no);
        }
        let total = total(&held.seats);
        self.holds.push(held);
        total
    }

    /// The hold's place in the list, if it lives.
    fn live(&self, no: u64) -> Result<usize, &'static str> {
        let at = self.holds.iter().position(|h| h.no == no).ok_or("HoldNotFound")?;
        match self.holds[at].end {
            Some("expired") => Err("HoldExpired"),
            Some(_) => Err("HoldNotFound"),
            None if self.holds[at].ends_at_ms <= self.now_ms => Err("HoldExpired"),
            None => Ok(at),
        }
    }

    fn end(&mut self, at: usize, how: &'static str) {
        let (no, place) = (self.holds[at].no, self.holds[at].place);
        for owner in self.owners.iter_mut().filter(|owner| **owner == Owner::Hold(no)) {
            *owner = Owner::Nobody;
        }
        self.holds[at].end = Some(how);
        self.line.retain(|one| Some(one.no) != place);
        let status = if how == "expired" { OrderStatus::Expired } else { OrderStatus::Cancelled };
        for order in self.orders.iter_mut().filter(|order| order.hold == no) {
            order.status = status;
        }
    }

    fn release(&mut self, no: u64) -> Answer {
        let at = self.live(no)?;
        self.end(at, "released");
        Ok("released".into())
    }

    fn expire(&mut self) -> String {
        let due = |h: &Held| h.end.is_none() && h.ends_at_ms <= self.now_ms;
        let due: Vec<usize> = (0..self.holds.len()).filter(|at| due(&self.holds[*at])).collect();
        due.iter().for_each(|at| self.end(*at, "expired"));
        format!("expired {}", due.len())
    }

    fn place(&mut self, hold: u64) -> Answer {
        if self.cancelled {
            return Err("EventCancelled");
        }
        let at = self.live(hold)?;
        if self.orders.iter().any(|order| order.hold == hold) {
            return Err("OrderState");
        }
        let (person, seats) = (self.holds[at].person, self.holds[at].seats.clone());
        let (no, total, status) = (self.number(), total(&seats), OrderStatus::PendingPayment);
        self.orders.push(Bought { no, hold, person, seats, total, status, given_back: 0 });
        Ok(format!("order {no} {total}"))
    }

    fn pay(&mut self, order: u64) -> Answer {
        if self.cancelled {
            return Err("EventCancelled");
        }
        let found = self.orders.iter().find(|one| one.no == order).ok_or("OrderNotFound")?;
        if found.status != OrderStatus::PendingPayment {
            return Err("OrderState");
        }
        let (hold, total) = (found.hold, found.total);
        self.live(hold)?;
        let no = self.number();
        self.payments.push((no, order, false));
        Ok(format!("payment {no} {total}"))
    }

    /// The model settles at once and with the right amount: it confirms.
    fn settle(&mut self, no: u64) -> Answer {
        let at = self.payments.iter().position(|(one, ..)| *one == no).ok_or("PaymentNotFound")?;
        let order = self.payments[at].1;
        let order_at = self.orders.iter().position(|one| one.no == order).ok_or("lost")?;
        if !std::mem::replace(&mut self.payments[at].2, true) {
            let hold = self.live(self.orders[order_at].hold)?;
            let (code, place) = (self.holds[hold].code, self.holds[hold].place);
            self.holds[hold].end = Some("sold");
            self.line.retain(|one| Some(one.no) != place);
            let seats = self.orders[order_at].seats.clone();
            seats.iter().for_each(|(seat, _)| self.owners[*seat] = Owner::Order(order));
            let coupon = self.codes.iter_mut().find(|one| Some(one.hash) == code);
            coupon.into_iter().for_each(|one| one.sold += seats.len());
            self.orders[order_at].status = OrderStatus::Paid;
        }
        Ok("settled".into())
    }

    fn join(&mut self, person: u128, number: usize) -> Answer {
        match () {
            () if self.cancelled => return Err("EventCancelled"),
            () if number == 0 => return Err("SeatsInvalid"),
            () if number > PER_HOLD_MAX => return Err("LimitPerHold"),
            () if self.line.iter().any(|one| one.person == person) => return Err("WaitlistTwice"),
            () if self.over_limit(person, number) => return Err("LimitPerPerson"),
            () if !self.someone_waits() && self.offered().len() >= number => {
                return Err("SeatsFree");
            }
            () => {}
        }
        let before = self.line.iter().filter(|one| !one.turn_came).count();
        let no = self.number();
        self.line.push(Waiting { no, person, number, turn_came: false });
        Ok(format!("waits {no} {before}"))
    }

    fn leave(&mut self, no: u64) -> Answer {
        let at = self.line.iter().position(|one| one.no == no && !one.turn_came);
        self.line.remove(at.ok_or("WaitNotFound")?);
        Ok("left".into())
    }

    fn offered(&self) -> Vec<usize> {
        let free = |seat: &usize| self.owners[*seat] == Owner::Nobody && *seat != ACCESSIBLE;
        (0..self.owners.len()).filter(free).collect()
    }

    /// Whoever is first and can be served is; whoever is first and cannot keeps all from the rest.
    fn serve(&mut self, event: &Event) {
        let any_free = self.owners.contains(&Owner::Nobody);
        if self.paused || self.cancelled || !any_free {
            return;
        }
        let turns: Vec<u64> =
            self.line.iter().filter(|one| !one.turn_came).map(|one| one.no).collect();
        for no in turns {
            let offered = self.offered();
            if offered.is_empty() {
                return;
            }
            let at = self.line.iter().position(|one| one.no == no).expect("in the line");
            let (person, number) = (self.line[at].person, self.line[at].number);
            if self.over_limit(person, number) {
                self.line.remove(at);
                continue;
            }
            if offered.len() < number {
                return;
            }
            let hold = self.number();
            let given = event.hold(hold).unwrap_or_else(|| panic!("place {no} got no hold"));
            let seats: Vec<_> =
                given.seats.iter().map(|s| (s.seat.0 as usize, s.price_minor)).collect();
            assert_eq!(seats.len(), number, "place {no}");
            let full = |(seat, price): &(usize, i64)| {
                offered.contains(seat) && self.prices[*seat] == *price
            };
            assert!(seats.iter().all(full), "place {no} got {seats:?} of {offered:?}");
            self.line[at].turn_came = true;
            let ends_at_ms = self.now_ms + WAIT_TTL_MS;
            self.grant(Held {
                no: hold,
                person,
                ends_at_ms,
                seats,
                code: None,
                place: Some(no),
                end: None,
            });
        }
    }
}

/// What seats cost with the fee: 3 % and five on each.
fn total(seats: &[(usize, i64)]) -> i64 {
    seats.iter().map(|(_, price)| price + fee(*price)).sum()
}

fn fee(price: i64) -> i64 {
    5 + (price * 300 + 5_000) / 10_000
}

/// An answer in the oracle's words.
fn tell(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Held(h) => format!("held {} {}", h.hold.no, h.total_minor),
        Outcome::Released => "released".into(),
        Outcome::OrderPlaced(o) => format!("order {} {}", o.order.no, o.total_minor),
        Outcome::PaymentStarted(p) => format!("payment {} {}", p.payment.no, p.amount_minor),
        Outcome::Settled(_) => "settled".into(),
        Outcome::Expired { holds, .. } => format!("expired {holds}"),
        Outcome::WaitlistJoined { entry, before } => format!("waits {} {before}", entry.no),
        Outcome::WaitlistLeft => "left".into(),
        Outcome::SeatsBlocked { seats } => format!("blocked {seats}"),
        Outcome::SeatsUnblocked { seats } => format!("unblocked {seats}"),
        Outcome::SeatsRemoved { holds, refunds } => {
            let holds: Vec<u64> = holds.iter().map(|hold| hold.no).collect();
            let refunds: Vec<u64> = refunds.iter().map(|refund| refund.no).collect();
            format!("removed {holds:?} {refunds:?}")
        }
        Outcome::SeatsRefunded { refund, amount_minor } => {
            format!("refund {:?} {amount_minor}", refund.map(|refund| refund.no))
        }
        Outcome::EventCancelled { holds, orders, more } => {
            format!("cancelled {holds} {orders} {more}")
        }
        Outcome::Refused(refusal) => {
            format!("{refusal:?}").chars().take_while(|c| c.is_alphanumeric()).collect()
        }
        other => format!("{other:?}"),
    }
}
