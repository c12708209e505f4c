//! Money and seats that go back.

use inventory::*;

use super::{Back, EVENT, Oracle, Owner, Paid, Priced};

impl Oracle {
    fn refund_at(&self, no: u64) -> Result<usize, Refusal> {
        self.refunds.iter().position(|one| one.no == no).ok_or(Refusal::RefundNotFound)
    }

    pub fn open_refund(&mut self, payment: u64, amount: i64) -> u64 {
        let order = self.payments[self.payment_at(payment).expect("known")].order;
        let no = self.number();
        let (status, attempts) = (RefundStatus::Pending, 0);
        self.refunds.push(Back { no, payment, order, amount, status, attempts });
        self.note(format!("RefundChanged {no}"));
        let at = self.order_at(order).expect("known");
        self.orders[at].refunds.push(no);
        let owns = [OrderStatus::Paid, OrderStatus::PendingPayment, OrderStatus::PartiallyRefunded];
        if !owns.contains(&self.orders[at].status) {
            self.set_order(order, OrderStatus::RefundPending);
        }
        no
    }

    pub fn record_refund(&mut self, c: &RecordRefund) -> Result<Outcome, Refusal> {
        let at = self.refund_at(c.refund.no)?;
        let known = self.refunds[at].clone();
        let good = c.result == RefundResult::Succeeded;
        let repeated = !good && c.attempt.is_some_and(|attempt| attempt != known.attempts);
        if known.status != RefundStatus::Pending || repeated {
            return Ok(Outcome::RefundRecorded);
        }
        self.change();
        self.refunds[at].attempts += u32::from(!good);
        self.refunds[at].status = match c.result {
            RefundResult::Succeeded => RefundStatus::Succeeded,
            RefundResult::Dead { .. } => RefundStatus::Dead,
            RefundResult::Failed { .. } | RefundResult::Canceled { .. } => RefundStatus::Pending,
        };
        self.note(format!("RefundChanged {}", known.no));
        if let Some(order) = self.order_at(known.order).map(|at| self.orders[at].clone()) {
            let mut of_it = self.refunds.iter().filter(|one| one.order == order.no);
            let all = of_it.all(|one| one.status == RefundStatus::Succeeded);
            if good && all && order.status == OrderStatus::RefundPending {
                self.set_order(order.no, OrderStatus::Refunded);
            }
        }
        Ok(Outcome::RefundRecorded)
    }

    pub fn retry_refund(&mut self, no: u64) -> Result<Outcome, Refusal> {
        let at = self.refund_at(no)?;
        let status = self.refunds[at].status;
        if status != RefundStatus::Dead {
            return Err(Refusal::RefundState { status });
        }
        self.need_room(1 + self.payment_room())?;
        self.change();
        (self.refunds[at].status, self.refunds[at].attempts) = (RefundStatus::Pending, 0);
        self.note(format!("RefundChanged {no}"));
        Ok(Outcome::RefundRetried)
    }

    /// An order that owns seats.
    pub fn owner(&self, no: u64) -> Result<usize, Refusal> {
        let at = self.order_at(no).ok_or(Refusal::OrderNotFound)?;
        match self.orders[at].status {
            OrderStatus::Paid | OrderStatus::PartiallyRefunded => Ok(at),
            status => Err(Refusal::OrderState { status }),
        }
    }

    pub fn refund_seats(&mut self, c: &RefundSeats) -> Result<Outcome, Refusal> {
        let at = self.owner(c.order.no)?;
        let own: Vec<usize> = self.orders[at].seats.iter().map(|(seat, _)| *seat).collect();
        let mut wished: Vec<usize> = c.seats.iter().map(|seat| seat.0 as usize).collect();
        wished.sort_unstable();
        let twice = (1..wished.len()).any(|at| wished[at] == wished[at - 1]);
        if twice || !wished.iter().all(|seat| own.contains(seat)) {
            return Err(Refusal::SeatsInvalid);
        }
        if c.share_basis_points > 10_000 {
            return Err(Refusal::OutOfRange);
        }
        self.need_room(3 + self.payment_room())?;
        let seats = if wished.is_empty() { own } else { wished };
        self.change();
        let share = (i64::from(c.share_basis_points), c.with_fee);
        let (refund, amount_minor) = self.take_back(c.order.no, &seats, share, c.block);
        let refund = refund.map(|no| RefundId { event: EVENT, no });
        self.serve();
        Ok(Outcome::SeatsRefunded { refund, amount_minor })
    }

    /// Takes seats from the order that owns them, with a share of their money.
    pub fn take_back(
        &mut self,
        no: u64,
        seats: &[usize],
        (share, with_fee): (i64, bool),
        block: bool,
    ) -> (Option<u64>, i64) {
        let at = self.order_at(no).expect("known");
        let (gone, kept): (Priced, Priced) =
            self.orders[at].seats.iter().partition(|(seat, _)| seats.contains(seat));
        self.orders[at].seats = kept.clone();
        self.orders[at].left.extend(&gone);
        self.give(&gone, if block { Owner::Staff } else { Owner::Nobody });
        self.note(format!("SeatsReturned {no}"));
        let of_one = |price: i64| {
            let fee = if with_fee { self.fee(price) } else { 0 };
            price * share / 10_000 + fee * share / 10_000
        };
        let wish: i64 = gone.iter().map(|(_, price)| of_one(*price)).sum();
        let bought = |one: &&Paid| {
            let seats = [SettledAs::Confirmed, SettledAs::Retaken, SettledAs::Swapped];
            one.order == no && one.became.is_some_and(|end| seats.contains(&end))
        };
        let payment = self.payments.iter().find(bought).map(|one| (one.no, one.captured));
        let (mut refund, mut amount) = (None, 0);
        if let Some((payment, captured)) = payment {
            let back = self.refunds.iter().filter(|one| one.payment == payment);
            let left = captured - back.map(|one| one.amount).sum::<i64>();
            amount = wish.min(left).max(0);
            if amount > 0 {
                refund = Some(self.open_refund(payment, amount));
            }
        }
        let status = match (kept.is_empty(), refund) {
            (true, Some(_)) => OrderStatus::RefundPending,
            (true, None) => OrderStatus::Refunded,
            (false, _) => OrderStatus::PartiallyRefunded,
        };
        self.set_order(no, status);
        (refund, amount)
    }
}
