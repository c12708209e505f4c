//! I4: what was acknowledged is there, whatever crashed afterwards: each effect that a shopper was
//! told of stands in the ledger, as it was told.

use std::collections::BTreeMap;

use inventory::{Change, EventNo, Outcome, SeatIx};

use super::{Check, Finished};

/// See the module.
pub struct Acknowledged;

/// A version and the seats that were granted with it.
type Grant = (u64, Vec<SeatIx>);

/// Effects by what names them.
#[derive(Default)]
struct Ledger {
    holds: BTreeMap<(EventNo, u64), Vec<Grant>>,
    orders: BTreeMap<(EventNo, u64), u64>,
    payments: BTreeMap<(EventNo, u64), u64>,
    ended: BTreeMap<(EventNo, u64), u64>,
}

impl Ledger {
    fn of(run: &Finished<'_>) -> Self {
        let mut ledger = Self::default();
        for record in run.tables.ledger.values().flatten() {
            let (event, version) = (record.event, record.version);
            match &record.change {
                Change::HoldGranted { hold, seats, .. } => {
                    let seats = seats.iter().map(|one| one.seat).collect();
                    ledger.holds.entry((event, *hold)).or_default().push((version, seats));
                }
                Change::OrderPlaced { order, .. } => {
                    ledger.orders.insert((event, *order), version);
                }
                Change::PaymentStarted { payment, .. } => {
                    ledger.payments.insert((event, *payment), version);
                }
                Change::PaymentSettled { payment, .. } => {
                    ledger.ended.insert((event, *payment), version);
                }
                _ => {}
            }
        }
        ledger
    }

    fn has(&self, outcome: &Outcome, version: u64) -> bool {
        match outcome {
            Outcome::Held(held) => {
                let seats: Vec<_> = held.seats.iter().map(|one| one.seat).collect();
                let granted = self.holds.get(&(held.hold.event, held.hold.no));
                granted.is_some_and(|all| all.contains(&(version, seats)))
            }
            Outcome::OrderPlaced(order) => {
                self.orders.get(&(order.order.event, order.order.no)) == Some(&version)
            }
            Outcome::PaymentStarted(started) => {
                self.payments.get(&(started.payment.event, started.payment.no)) == Some(&version)
            }
            // A repeated settlement changes nothing and has a later version.
            Outcome::Settled(settled) => self
                .ended
                .get(&(settled.payment.event, settled.payment.no))
                .is_some_and(|at| *at <= version),
            _ => true,
        }
    }
}

impl Check for Acknowledged {
    fn name(&self) -> &'static str {
        "I4 what was acknowledged is kept"
    }

    fn finish(&mut self, run: &Finished<'_>) -> Result<(), String> {
        let ledger = Ledger::of(run);
        for operation in &run.log.operations {
            let lost = operation.replies.iter().find(|r| !ledger.has(&r.outcome, r.version));
            if let Some(reply) = lost {
                return Err(format!("acknowledged and not there: {reply:?}"));
            }
        }
        Ok(())
    }
}
