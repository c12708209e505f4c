//! Orders, payments, late money.

use inventory::*;

use super::best::Wish;
use super::{Bought, EVENT, Oracle, Owner, Paid, Priced, priced};

impl Oracle {
    pub fn order_at(&self, no: u64) -> Option<usize> {
        self.orders.iter().position(|order| order.no == no)
    }

    pub fn payment_at(&self, no: u64) -> Result<usize, Refusal> {
        self.payments.iter().position(|one| one.no == no).ok_or(Refusal::PaymentNotFound)
    }

    pub fn set_order(&mut self, no: u64, status: OrderStatus) {
        let at = self.order_at(no).expect("known");
        if self.orders[at].status != status {
            self.orders[at].status = status;
            self.note(format!("OrderChanged {no}"));
        }
    }

    pub fn place_order(&mut self, c: &PlaceOrder) -> Result<Outcome, Refusal> {
        if c.contact.len() > 4_096 {
            return Err(Refusal::TooLong);
        }
        if self.cancelled {
            return Err(Refusal::EventCancelled);
        }
        let at = self.live(c.hold.no)?;
        let hold = self.holds[at].clone();
        if let Some(order) = hold.order.and_then(|no| self.order_at(no)) {
            return Err(Refusal::OrderState { status: self.orders[order].status });
        }
        self.change();
        let no = self.number();
        let total = self.total(&hold.seats);
        self.holds[at].order = Some(no);
        self.orders.push(Bought {
            no,
            hold: hold.no,
            seats: hold.seats.clone(),
            left: vec![],
            total,
            terms: hold.terms,
            offer: None,
            status: OrderStatus::PendingPayment,
            ends: hold.ends,
            payments: vec![],
            refunds: vec![],
            forget: None,
        });
        self.note(format!("OrderPlaced {no}"));
        if total == 0 {
            self.over(hold.no, HoldEnd::Sold);
            self.sell(no);
        }
        Ok(Outcome::OrderPlaced(OrderPlaced {
            order: OrderId { event: EVENT, no },
            hold: c.hold,
            seats: priced(&hold.seats),
            total_minor: total,
            expires_at_ms: hold.ends,
            at_ms: self.now,
        }))
    }

    /// An order owns its seats from now on.
    fn sell(&mut self, no: u64) {
        let at = self.order_at(no).expect("known");
        let order = self.orders[at].clone();
        for code in &mut self.codes {
            if order.terms.promo == Some(code.code.hash) {
                code.sold_seats += order.terms.promo_seats;
                code.sold_minor += order.terms.discount;
            }
            if order.terms.presale == Some(code.code.hash) {
                code.sold_seats += order.seats.len();
            }
        }
        self.give(&order.seats, Owner::Order(no));
        self.set_order(no, OrderStatus::Paid);
        self.note(format!("SeatsSold {no}"));
    }

    pub fn cancel_order(&mut self, no: u64) -> Result<Outcome, Refusal> {
        let order = &self.orders[self.order_at(no).ok_or(Refusal::OrderNotFound)?];
        if order.status != OrderStatus::PendingPayment {
            return Err(Refusal::OrderState { status: order.status });
        }
        let hold = order.hold;
        self.live(hold)?;
        self.let_go(hold, HoldEnd::Released, OrderStatus::Cancelled);
        self.serve();
        Ok(Outcome::OrderCancelled)
    }

    pub fn start_payment(&mut self, c: &StartPayment) -> Result<Outcome, Refusal> {
        if c.provider.len() > 32 || c.method.len() > 32 {
            return Err(Refusal::TooLong);
        }
        if c.provider.contains('\0') || c.method.contains('\0') {
            return Err(Refusal::TextInvalid);
        }
        if self.cancelled {
            return Err(Refusal::EventCancelled);
        }
        let at = self.order_at(c.order.no).ok_or(Refusal::OrderNotFound)?;
        let order = self.orders[at].clone();
        if order.status != OrderStatus::PendingPayment {
            return Err(Refusal::OrderState { status: order.status });
        }
        self.live(order.hold)?;
        let attempts: Vec<&Paid> =
            self.payments.iter().filter(|one| one.order == order.no).collect();
        let open = attempts.iter().find(|one| one.status == PaymentStatus::Pending);
        if let Some(open) = open {
            let payment = PaymentId { event: EVENT, no: open.no };
            return Err(Refusal::PaymentPending { payment });
        }
        if attempts.len() >= 20 {
            return Err(Refusal::PaymentAttempts);
        }
        self.need_room(1 + self.payment_room())?;
        self.change();
        let no = self.number();
        self.payments.push(Paid {
            no,
            order: order.no,
            amount: order.total,
            status: PaymentStatus::Pending,
            became: None,
            captured: 0,
            recorded: false,
        });
        self.orders[at].payments.push(no);
        self.note(format!("PaymentStarted {no}"));
        Ok(Outcome::PaymentStarted(PaymentStarted {
            payment: PaymentId { event: EVENT, no },
            amount_minor: order.total,
            pay_until_ms: order.ends,
        }))
    }

    pub fn record_payment(&mut self, c: &RecordPayment) -> Result<Outcome, Refusal> {
        if c.provider_ref.len() > 128 || c.confirmation_url.len() > 1_024 {
            return Err(Refusal::TooLong);
        }
        if c.provider_ref.contains('\0') || c.confirmation_url.contains('\0') {
            return Err(Refusal::TextInvalid);
        }
        let at = self.payment_at(c.payment.no)?;
        if !self.payments[at].recorded {
            self.change();
            self.payments[at].recorded = true;
            self.note(format!("PaymentRecorded {}", c.payment.no));
        }
        Ok(Outcome::PaymentRecorded)
    }

    pub fn settle(&mut self, c: &Settle) -> Result<Outcome, Refusal> {
        let at = self.payment_at(c.payment.no)?;
        let (money, ours) = match c.result {
            GatewayResult::Captured { amount_minor } => (amount_minor, true),
            GatewayResult::Mismatched { amount_minor } => (amount_minor, false),
            GatewayResult::Canceled { .. } => (0, true),
        };
        match self.payments[at].status {
            PaymentStatus::Succeeded => {}
            PaymentStatus::Canceled if money <= 0 => {}
            PaymentStatus::Pending if money <= 0 => {
                self.change();
                self.payments[at].status = PaymentStatus::Canceled;
                self.note(format!("PaymentSettled {}", c.payment.no));
            }
            PaymentStatus::Pending | PaymentStatus::Canceled => {
                self.take_money(at, money, ours);
                self.serve();
            }
        }
        Ok(Outcome::Settled(self.describe_payment(c.payment.no)))
    }

    /// Captured money becomes seats, an offer or a refund.
    fn take_money(&mut self, at: usize, money: i64, ours: bool) {
        // A payment that the gateway had canceled is open again until the end is told.
        self.payments[at].status = PaymentStatus::Pending;
        let (no, order_no) = (self.payments[at].no, self.payments[at].order);
        let order_at = self.order_at(order_no).expect("kept with its payment");
        let hold = self.orders[order_at].hold;
        let overdue = self
            .holds
            .iter()
            .any(|one| one.no == hold && one.end.is_none() && one.ends <= self.now);
        if overdue {
            self.let_go(hold, HoldEnd::Expired, OrderStatus::Expired);
        }
        self.change();
        let order = self.orders[order_at].clone();
        let right = ours && money == self.payments[at].amount;
        let all_free = order.seats.iter().all(|(seat, _)| self.status(*seat) == SeatStatus::Free);
        let may = order.status == OrderStatus::Expired
            && !self.cancelled
            && order.offer.is_none()
            && self.person_may(order.terms.person, order.seats.len()).is_ok();
        let offer = if right && may && !all_free { self.offer_for(&order) } else { None };
        let became = match (right, order.status) {
            (true, OrderStatus::PendingPayment) => Some(SettledAs::Confirmed),
            (true, OrderStatus::Expired) if may && all_free => Some(SettledAs::Retaken),
            _ if offer.is_some() => None,
            _ => Some(SettledAs::Refunded),
        };
        self.payments[at].status = PaymentStatus::Succeeded;
        (self.payments[at].became, self.payments[at].captured) = (became, money);
        self.note(format!("PaymentSettled {no}"));
        match (became, offer) {
            (Some(SettledAs::Confirmed), _) => {
                self.over(hold, HoldEnd::Sold);
                self.sell(order_no);
            }
            (Some(SettledAs::Retaken), _) => self.sell(order_no),
            (None, Some((seats, step))) => {
                let ttl = self.sale.rules.offer_ttl_ms.expect("or there was no offer");
                let ends = self.now + u64::from(ttl);
                let hold = self.grant(seats, order.terms, (Some(step), ends));
                let hold_at = self.hold_at(hold).expect("granted");
                (self.holds[hold_at].offer, self.holds[hold_at].order) = (Some(no), Some(order_no));
                self.orders[order_at].offer = Some(hold);
            }
            _ => {
                self.open_refund(no, money);
            }
        }
    }

    /// Seats as good as those that an order lost, at the prices that it paid.
    fn offer_for(&self, order: &Bought) -> Option<(Priced, HoldStep)> {
        self.sale.rules.offer_ttl_ms?;
        let spots = || order.seats.iter().map(|(seat, _)| &self.spots[*seat]);
        if spots().any(|spot| spot.area) {
            return None;
        }
        let best = Best {
            number: order.seats.len() as u16,
            accessible: spots().filter(|spot| spot.wheelchair).count() as u16,
            prevent_orphans: true,
            ..Best::default()
        };
        let dearest = order.seats.iter().map(|(seat, _)| self.price(*seat)).max()?;
        let wish = Wish { best: &best, least_price: dearest, free: self.available(None) };
        let (seats, step) = self.best(&wish)?;
        let apart = matches!(step, HoldStep::Split | HoldStep::NeighbouringRows);
        if apart && self.adjacent(&order.seats) {
            return None;
        }
        let paid = seats.iter().zip(&order.seats).map(|(seat, (_, price))| (*seat, *price));
        Some((paid.collect(), step))
    }

    /// Offered seats are not taken: the money goes back.
    pub fn refund_offer(&mut self, payment: u64) {
        let at = self.payment_at(payment).expect("known");
        self.payments[at].became = Some(SettledAs::Refunded);
        self.note(format!("PaymentSettled {payment}"));
        let order = self.order_at(self.payments[at].order).expect("known");
        self.orders[order].offer = None;
        self.open_refund(payment, self.payments[at].captured);
    }

    pub fn answer_offer(&mut self, c: &AnswerOffer) -> Result<Outcome, Refusal> {
        let no = c.payment.no;
        let at = self.payment_at(no)?;
        let offered = |one: &&super::Held| one.end.is_none() && one.offer == Some(no);
        let hold = self.holds.iter().find(offered).ok_or(Refusal::NoOffer)?.clone();
        if self.now >= hold.ends {
            self.let_go(hold.no, HoldEnd::Expired, OrderStatus::RefundPending);
        } else if !c.accept {
            self.let_go(hold.no, HoldEnd::Released, OrderStatus::RefundPending);
        } else {
            self.change();
            self.over(hold.no, HoldEnd::Sold);
            self.payments[at].became = Some(SettledAs::Swapped);
            self.note(format!("PaymentSettled {no}"));
            let order = self.order_at(self.payments[at].order).expect("known");
            let order = &mut self.orders[order];
            order.offer = None;
            let old = std::mem::replace(&mut order.seats, hold.seats.clone());
            let stays = |seat: usize| hold.seats.iter().any(|(other, _)| *other == seat);
            order.left.extend(old.into_iter().filter(|(seat, _)| !stays(*seat)));
            let order = order.no;
            self.sell(order);
        }
        self.serve();
        Ok(Outcome::Settled(self.describe_payment(no)))
    }

    fn describe_payment(&self, no: u64) -> Settled {
        let payment = &self.payments[self.payment_at(no).expect("known")];
        let order = &self.orders[self.order_at(payment.order).expect("known")];
        let back = self.refunds.iter().find(|one| one.payment == no);
        let refund = back.filter(|_| payment.became == Some(SettledAs::Refunded));
        Settled {
            payment: PaymentId { event: EVENT, no },
            order: OrderId { event: EVENT, no: order.no },
            status: payment.status,
            settled_as: payment.became,
            refund: refund.map(|one| RefundId { event: EVENT, no: one.no }),
            order_status: order.status,
        }
    }
}
