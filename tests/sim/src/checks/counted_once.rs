//! I18, as far as payments go here: captured money ends as exactly one of seats or a refund, and an
//! order's seats are sold once.

use std::collections::BTreeMap;

use inventory::{Change, PaymentStatus, SettledAs};

use super::{Check, Finished};

/// See the module.
pub struct CountedOnce;

impl Check for CountedOnce {
    fn name(&self) -> &'static str {
        "I18 captured money ends once"
    }

    fn finish(&mut self, run: &Finished<'_>) -> Result<(), String> {
        let mut ended = BTreeMap::new();
        let mut sold = BTreeMap::new();
        let mut refunds: BTreeMap<_, u32> = BTreeMap::new();
        for record in run.tables.ledger.values().flatten() {
            match &record.change {
                Change::PaymentSettled { payment, status, settled_as, .. }
                    if *status == PaymentStatus::Succeeded =>
                {
                    let key = (record.event, *payment);
                    if let Some(before) = ended.insert(key, *settled_as) {
                        return Err(format!("{key:?} was captured as {before:?}, then again"));
                    }
                }
                Change::SeatsSold { order, .. } => {
                    *sold.entry((record.event, *order)).or_insert(0) += 1;
                }
                Change::RefundChanged { payment, attempts: 0, .. } => {
                    *refunds.entry((record.event, *payment)).or_default() += 1;
                }
                _ => {}
            }
        }
        if let Some((order, times)) = sold.iter().find(|(_, times)| **times > 1) {
            return Err(format!("{order:?} was sold {times} times"));
        }
        let refunded = |key| refunds.get(key).copied().unwrap_or(0) > 0;
        let wrong = ended.iter().find(|(key, settled_as)| match settled_as {
            Some(SettledAs::Refunded) => !refunded(*key),
            Some(_) => refunded(*key),
            None => true,
        });
        match wrong {
            Some((key, settled_as)) => {
                Err(format!("{key:?} ended as {settled_as:?}, refunds differ"))
            }
            None => Ok(()),
        }
    }
}
