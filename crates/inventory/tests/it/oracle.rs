//! A naive oracle: seats as a plain list of owners, everything found by looking through lists. It
//! shares no code with the rules. It predicts each answer, except which seats best available
//! picks, and there checks that the choice was lawful.

use inventory::*;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    Nobody,
    Hold(u64),
    Order(u64),
}

struct OracleHold {
    no: u64,
    ends_at_ms: u64,
    ended: Option<&'static str>,
}

struct OracleOrder {
    no: u64,
    hold: u64,
    seats: Vec<usize>,
    total: i64,
    status: OrderStatus,
}

struct OraclePayment {
    no: u64,
    order: u64,
    /// "pending", "canceled", "confirmed", "retaken" or "refunded".
    end: &'static str,
}

/// What the shard should look like.
pub struct Oracle {
    owners: Vec<Owner>,
    rows: Vec<usize>,
    prices: Vec<i64>,
    holds: Vec<OracleHold>,
    orders: Vec<OracleOrder>,
    payments: Vec<OraclePayment>,
    next_no: u64,
    ttl_ms: u64,
    per_hold_max: usize,
    now_ms: u64,
}

impl Oracle {
    pub fn new(plan: &Plan, sale: &Sale) -> Self {
        let rows = plan.sections.iter().flat_map(|s| &s.rows).enumerate();
        let rows: Vec<usize> = rows.flat_map(|(at, row)| vec![at; row.seats.len()]).collect();
        let price = |s: &Seat| plan.tiers[usize::from(s.tier)].price_minor;
        Self {
            owners: vec![Owner::Nobody; rows.len()],
            rows,
            prices: plan.seats().map(|(_, _, seat)| price(seat)).collect(),
            holds: vec![],
            orders: vec![],
            payments: vec![],
            next_no: 1,
            ttl_ms: u64::from(sale.hold_ttl_ms),
            per_hold_max: usize::from(sale.per_hold_max),
            now_ms: 0,
        }
    }

    /// Checks a command's answer and follows its effect; `Err` says what was wrong.
    pub fn follow(&mut self, now_ms: u64, command: &Command, got: &Outcome) -> Result<(), String> {
        self.now_ms = self.now_ms.max(now_ms);
        let expected = match command {
            Command::Hold(c) => match &c.choice {
                Choice::Seats(seats) => self.hold_named(seats),
                Choice::Best(wish) => return self.hold_best(wish, got),
                Choice::Area { .. } => panic!("this hall has no area"),
            },
            Command::ReleaseHold(c) => self.release(c.hold.no),
            Command::PlaceOrder(c) => self.place(c.hold.no),
            Command::CancelOrder(c) => self.cancel(c.order.no),
            Command::StartPayment(c) => self.pay(c.order.no),
            Command::Settle(c) => self.settle(c.payment.no, &c.result),
            Command::ExpireHolds => self.expire(),
            other => panic!("the model does not make {other:?}"),
        };
        let got = tell(got);
        if got == expected { Ok(()) } else { Err(format!("expected {expected}, got {got}")) }
    }

    /// Seat statuses in plan order.
    pub fn statuses(&self) -> Vec<SeatStatus> {
        let status = |owner: &Owner| match owner {
            Owner::Nobody => SeatStatus::Free,
            Owner::Hold(_) => SeatStatus::Held,
            Owner::Order(_) => SeatStatus::Sold,
        };
        self.owners.iter().map(status).collect()
    }

    fn number(&mut self) -> u64 {
        self.next_no += 1;
        self.next_no - 1
    }

    fn hold_named(&mut self, seats: &[SeatIx]) -> String {
        let seats: Vec<usize> = seats.iter().map(|s| s.0 as usize).collect();
        let twice = (0..seats.len()).any(|i| seats[..i].contains(&seats[i]));
        if seats.is_empty() {
            return "SeatsInvalid".into();
        }
        if seats.len() > self.per_hold_max {
            return "LimitPerHold".into();
        }
        if twice || seats.iter().any(|s| *s >= self.owners.len()) {
            return "SeatsInvalid".into();
        }
        if seats.iter().any(|s| self.owners[*s] != Owner::Nobody) {
            return "SeatTaken".into();
        }
        self.take(&seats)
    }

    fn take(&mut self, seats: &[usize]) -> String {
        let no = self.number();
        for seat in seats {
            self.owners[*seat] = Owner::Hold(no);
        }
        self.holds.push(OracleHold { no, ends_at_ms: self.now_ms + self.ttl_ms, ended: None });
        let total: i64 = seats.iter().map(|s| self.prices[*s]).sum();
        format!("held {no} {} {total}", seats.len())
    }

    fn hold_best(&mut self, wish: &Best, got: &Outcome) -> Result<(), String> {
        let n = usize::from(wish.number);
        let free = |s: &usize| self.owners[*s] == Owner::Nobody;
        // The hall's only accessible seat is the last one; best available never offers it.
        let open: Vec<usize> = (0..self.owners.len() - 1).filter(free).collect();
        let possible = open.windows(n.max(1)).any(|w| {
            w[w.len() - 1] - w[0] + 1 == n && self.rows[w[0]] == self.rows[w[w.len() - 1]]
        });
        match got {
            Outcome::Held(held) => {
                let seats: Vec<usize> = held.seats.iter().map(|s| s.seat.0 as usize).collect();
                let side_by_side = seats.windows(2).all(|p| p[0] + 1 == p[1])
                    && seats.iter().all(|s| self.rows[*s] == self.rows[seats[0]]);
                if seats.len() != n || !seats.iter().all(|s| open.contains(s)) {
                    return Err(format!("best {n} took {seats:?} of {open:?}"));
                }
                if possible != side_by_side
                    || possible
                        == matches!(held.step, Some(HoldStep::Split | HoldStep::NeighbouringRows))
                {
                    return Err(format!("best {n} as {:?}, a run was free: {possible}", held.step));
                }
                let expected = self.take(&seats);
                let got = tell(got);
                if got == expected { Ok(()) } else { Err(format!("{got}, not {expected}")) }
            }
            other => {
                let expected = match n {
                    0 => "SeatsInvalid",
                    n if n > self.per_hold_max => "LimitPerHold",
                    n if n > open.len() => "NotEnoughSeats",
                    _ if wish.together && !possible => "NotEnoughAdjacent",
                    _ => "held",
                };
                let got = tell(other);
                if got == expected { Ok(()) } else { Err(format!("{got}, not {expected}")) }
            }
        }
    }

    /// `Ok` with the hold's place in the list when it lives.
    fn live(&self, no: u64) -> Result<usize, String> {
        let Some(at) = self.holds.iter().position(|h| h.no == no) else {
            return Err("HoldNotFound".into());
        };
        match self.holds[at].ended {
            Some("expired") => Err("HoldExpired".into()),
            Some(_) => Err("HoldNotFound".into()),
            None if self.holds[at].ends_at_ms <= self.now_ms => Err("HoldExpired".into()),
            None => Ok(at),
        }
    }

    fn end(&mut self, no: u64, how: &'static str, order_status: OrderStatus) {
        for owner in &mut self.owners {
            if *owner == Owner::Hold(no) {
                *owner = Owner::Nobody;
            }
        }
        for hold in &mut self.holds {
            if hold.no == no && hold.ended.is_none() {
                hold.ended = Some(how);
            }
        }
        for order in &mut self.orders {
            if order.hold == no {
                order.status = order_status;
            }
        }
    }

    fn release(&mut self, no: u64) -> String {
        if let Err(refusal) = self.live(no) {
            return refusal;
        }
        self.end(no, "released", OrderStatus::Cancelled);
        "released".into()
    }

    fn place(&mut self, hold: u64) -> String {
        if let Err(refusal) = self.live(hold) {
            return refusal;
        }
        if self.orders.iter().any(|o| o.hold == hold) {
            return "OrderState".into();
        }
        let mine = |s: &usize| self.owners[*s] == Owner::Hold(hold);
        let seats: Vec<usize> = (0..self.owners.len()).filter(mine).collect();
        let total = seats.iter().map(|s| self.prices[*s]).sum();
        let no = self.number();
        let status = OrderStatus::PendingPayment;
        self.orders.push(OracleOrder { no, hold, seats, total, status });
        format!("order {no} {total}")
    }

    fn cancel(&mut self, no: u64) -> String {
        let Some(order) = self.orders.iter().find(|o| o.no == no) else {
            return "OrderNotFound".into();
        };
        if order.status != OrderStatus::PendingPayment {
            return "OrderState".into();
        }
        let hold = order.hold;
        if let Err(refusal) = self.live(hold) {
            return refusal;
        }
        self.end(hold, "released", OrderStatus::Cancelled);
        "cancelled".into()
    }

    fn pay(&mut self, no: u64) -> String {
        let Some(order) = self.orders.iter().find(|o| o.no == no) else {
            return "OrderNotFound".into();
        };
        if order.status != OrderStatus::PendingPayment {
            return "OrderState".into();
        }
        let total = order.total;
        if let Err(refusal) = self.live(order.hold) {
            return refusal;
        }
        let attempts: Vec<_> = self.payments.iter().filter(|p| p.order == no).collect();
        if attempts.iter().any(|p| p.end == "pending") {
            return "PaymentPending".into();
        }
        if attempts.len() >= 20 {
            return "PaymentAttempts".into();
        }
        let payment = self.number();
        self.payments.push(OraclePayment { no: payment, order: no, end: "pending" });
        format!("payment {payment} {total}")
    }

    fn settle(&mut self, no: u64, result: &GatewayResult) -> String {
        let Some(at) = self.payments.iter().position(|p| p.no == no) else {
            return "PaymentNotFound".into();
        };
        let order_no = self.payments[at].order;
        let order_at = self.orders.iter().position(|o| o.no == order_no).expect("kept");
        let taken = match result {
            GatewayResult::Captured { amount_minor } if *amount_minor > 0 => Some(*amount_minor),
            _ => None,
        };
        match (self.payments[at].end, taken) {
            ("pending", None) => self.payments[at].end = "canceled",
            ("pending" | "canceled", Some(amount)) => {
                self.payments[at].end = self.spend(order_at, amount);
            }
            _ => {}
        }
        format!("settled {} {:?}", self.payments[at].end, self.orders[order_at].status)
    }

    /// What captured money becomes.
    fn spend(&mut self, at: usize, amount: i64) -> &'static str {
        let hold = self.orders[at].hold;
        let overdue = self
            .holds
            .iter()
            .any(|h| h.no == hold && h.ended.is_none() && h.ends_at_ms <= self.now_ms);
        if overdue {
            self.end(hold, "expired", OrderStatus::Expired);
        }
        let right_amount = amount == self.orders[at].total;
        let all_free = self.orders[at].seats.iter().all(|s| self.owners[*s] == Owner::Nobody);
        let end = match self.orders[at].status {
            OrderStatus::PendingPayment if right_amount => "confirmed",
            OrderStatus::Expired if right_amount && all_free => "retaken",
            _ => "refunded",
        };
        if end == "refunded" {
            self.number();
            let status = &mut self.orders[at].status;
            if matches!(*status, OrderStatus::Expired | OrderStatus::Cancelled) {
                *status = OrderStatus::RefundPending;
            }
            return end;
        }
        self.end(hold, "sold", OrderStatus::Paid);
        for seat in self.orders[at].seats.clone() {
            self.owners[seat] = Owner::Order(self.orders[at].no);
        }
        self.orders[at].status = OrderStatus::Paid;
        end
    }

    fn expire(&mut self) -> String {
        let due = |h: &&OracleHold| h.ended.is_none() && h.ends_at_ms <= self.now_ms;
        let due: Vec<u64> = self.holds.iter().filter(due).map(|h| h.no).collect();
        for no in &due {
            self.end(*no, "expired", OrderStatus::Expired);
        }
        format!("expired {}", due.len())
    }
}

/// An answer in the oracle's words.
fn tell(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Held(h) => format!("held {} {} {}", h.hold.no, h.seats.len(), h.total_minor),
        Outcome::Released => "released".into(),
        Outcome::OrderPlaced(o) => format!("order {} {}", o.order.no, o.total_minor),
        Outcome::OrderCancelled => "cancelled".into(),
        Outcome::PaymentStarted(p) => format!("payment {} {}", p.payment.no, p.amount_minor),
        Outcome::Settled(s) => {
            let end = match (s.status, s.settled_as) {
                (PaymentStatus::Pending, _) => "pending",
                (PaymentStatus::Canceled, _) => "canceled",
                (PaymentStatus::Succeeded, end) => end.map_or("lost", SettledAs::as_str),
            };
            format!("settled {end} {:?}", s.order_status)
        }
        Outcome::Expired { holds, .. } => format!("expired {holds}"),
        Outcome::Refused(refusal) => {
            format!("{refusal:?}").chars().take_while(|c| c.is_alphanumeric()).collect()
        }
        other => format!("{other:?}"),
    }
}
