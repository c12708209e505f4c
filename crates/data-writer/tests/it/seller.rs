//! One client of one event of the grid in memory: holds, orders, money.

use inventory::{
    Actor, Best, Choice, Command, EventNo, GatewayResult, HoldId, HoldSeats, OrderId, Outcome,
    PaymentId, PlaceOrder, RecordPayment, RecordRefund, RefundId, RefundResult, ReleaseHold,
    SeatIx, Settle, StartPayment, Subject,
};
use processing_unit::ShardId;

use crate::grid::MemoryGrid;

/// One client of one event, whose commands each make a log entry.
#[derive(Clone)]
pub struct Seller {
    pub grid: MemoryGrid,
    pub shard: ShardId,
    pub event: EventNo,
}

/// A shopper from an address.
pub const GUEST: Actor = Actor {
    subject: Subject::Guest,
    ip: Some([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 7]),
};

impl Seller {
    /// One command, one log entry.
    pub fn apply(&self, actor: Actor, command: Command) -> Outcome {
        self.grid.entry(self.shard, &[(actor, command)]).remove(0)
    }

    pub fn hold(&self, seats: &[u32]) -> HoldId {
        let seats = seats.iter().map(|ix| SeatIx(*ix)).collect();
        self.held(Choice::Seats(seats))
    }

    pub fn hold_best(&self, number: u16) -> HoldId {
        self.held(Choice::Best(Best { number, ..Best::default() }))
    }

    fn held(&self, choice: Choice) -> HoldId {
        let command = HoldSeats::of(self.event, 1, choice);
        match self.apply(GUEST, Command::Hold(command)) {
            Outcome::Held(held) => held.hold,
            other => panic!("not held: {other:?}"),
        }
    }

    pub fn release(&self, hold: HoldId) {
        let outcome = self.apply(GUEST, Command::ReleaseHold(ReleaseHold { hold }));
        assert_eq!(outcome, Outcome::Released);
    }

    pub fn order(&self, hold: HoldId) -> OrderId {
        let command = PlaceOrder { hold, contact: b"sealed".to_vec(), buyer: Some(77) };
        match self.apply(GUEST, Command::PlaceOrder(command)) {
            Outcome::OrderPlaced(placed) => placed.order,
            other => panic!("no order: {other:?}"),
        }
    }

    pub fn pay(&self, order: OrderId) -> (PaymentId, i64) {
        let command =
            StartPayment { order, provider: "sandbox".into(), method: "bank_card".into() };
        match self.apply(GUEST, Command::StartPayment(command)) {
            Outcome::PaymentStarted(started) => (started.payment, started.amount_minor),
            other => panic!("no payment: {other:?}"),
        }
    }

    pub fn record_payment(&self, payment: PaymentId, provider_ref: &str) {
        let command = RecordPayment {
            payment,
            provider_ref: provider_ref.to_owned(),
            confirmation_url: "http://127.0.0.1/pay".into(),
        };
        let outcome = self.apply(Actor::SYSTEM, Command::RecordPayment(command));
        assert_eq!(outcome, Outcome::PaymentRecorded);
    }

    pub fn settle(&self, payment: PaymentId, result: GatewayResult) -> inventory::Settled {
        match self.apply(Actor::SYSTEM, Command::Settle(Settle { payment, result })) {
            Outcome::Settled(settled) => settled,
            other => panic!("not settled: {other:?}"),
        }
    }

    pub fn refund(&self, refund: RefundId, result: RefundResult) {
        let command = RecordRefund { refund, result, attempt: None };
        let outcome = self.apply(Actor::SYSTEM, Command::RecordRefund(command));
        assert_eq!(outcome, Outcome::RefundRecorded);
    }

    /// Hold, order, payment, capture.
    pub fn sell(&self, number: u16) -> OrderId {
        self.sell_held(self.hold_best(number))
    }

    pub fn sell_held(&self, hold: HoldId) -> OrderId {
        let order = self.order(hold);
        let (payment, amount_minor) = self.pay(order);
        self.record_payment(payment, &format!("ref-{payment}"));
        self.settle(payment, GatewayResult::Captured { amount_minor });
        order
    }

    /// Lets every hold's deadline pass.
    pub fn expire_all(&self) {
        self.grid.tick(self.shard, 700_000);
        self.apply(Actor::SYSTEM, Command::ExpireHolds);
    }

    /// Something of everything that can happen to seats and money.
    pub fn story(&self) {
        self.sell_held(self.hold(&[0, 1]));
        self.release(self.hold_best(3));
        let late = self.order(self.hold(&[30, 31]));
        let (late_payment, late_amount) = self.pay(late);
        let lost = self.order(self.hold(&[40]));
        let (lost_payment, lost_amount) = self.pay(lost);
        let canceled = self.order(self.hold(&[35]));
        let (canceled_payment, _) = self.pay(canceled);
        self.settle(canceled_payment, GatewayResult::Canceled { reason: "declined".into() });
        let given_up = self.order(self.hold(&[36]));
        let cancel = inventory::CancelOrder { order: given_up };
        assert_eq!(self.apply(GUEST, Command::CancelOrder(cancel)), Outcome::OrderCancelled);
        self.expire_all();
        // Its seats are still free: they are taken again.
        self.settle(late_payment, GatewayResult::Captured { amount_minor: late_amount });
        // Somebody else has the seat: the money goes back, at the second try.
        self.hold(&[40]);
        let lost = self.settle(lost_payment, GatewayResult::Captured { amount_minor: lost_amount });
        let refund = lost.refund.expect("money that buys nothing is refunded");
        self.refund(refund, RefundResult::Failed { error: "gateway away".into() });
        self.refund(refund, RefundResult::Succeeded);
        self.sell(1);
        self.hold_best(2);
    }
}
