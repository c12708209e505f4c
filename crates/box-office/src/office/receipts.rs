//! What goes on the fiscal receipt of a payment (54-FZ), where the shop has its receipts made by
//! the gateway.
//!
//! A receipt must not keep anybody from a ticket: where the buyer's address cannot be opened it
//! goes to the shop's own, and where seats and fees do not add up to the amount it has one position.

use inventory::HoldId;
use payments::{Money, Receipt, ReceiptContact, ReceiptItem};
use processing_unit::OrderAnswer;

use super::Office;
use super::answer::Shopper;
use crate::config::ReceiptConfig;
use crate::contact::Contact;
use crate::plans::EventPlan;
use crate::sealing::about_hold;

/// What is paid beside the price of a seat.
const FEE: &str = "Сервисный сбор";
/// What is paid when nothing finer can be said.
const EVERYTHING: &str = "Билеты на мероприятие";

impl Office {
    /// The receipt of a payment of that amount; the same at every repeat of a request.
    pub(super) fn receipt(
        &self,
        (hold, answer): (HoldId, &OrderAnswer),
        shopper: &Shopper,
        plan: &EventPlan,
        (amount, config): (Money, &ReceiptConfig),
    ) -> Receipt {
        let email = self.opened_contact(hold, answer, shopper).map(|contact| contact.email);
        Receipt {
            contact: ReceiptContact::Email(email.unwrap_or_else(|| config.email.clone())),
            items: items(answer, plan, amount, config.vat_code),
            tax_system_code: config.tax_system_code,
        }
    }

    /// The buyer's contact, if the shop's key or the shopper's own opens it.
    fn opened_contact(
        &self,
        hold: HoldId,
        answer: &OrderAnswer,
        shopper: &Shopper,
    ) -> Option<Contact> {
        let sealed = &answer.order.contact;
        let own = || {
            let key = self.person_key(shopper.claims.as_ref()?).ok()?;
            key.open_about(&about_hold(hold), sealed).ok()
        };
        let plain = self.contacts.open(hold, sealed).ok().or_else(own)?;
        Contact::from_bytes(&plain)
    }
}

fn items(answer: &OrderAnswer, plan: &EventPlan, amount: Money, vat_code: u8) -> Vec<ReceiptItem> {
    let item = |description: String, minor: i64| ReceiptItem {
        description,
        amount: Money::new(minor, amount.currency),
        vat_code,
    };
    let mut items: Vec<ReceiptItem> = plan
        .named(&answer.order.seats)
        .filter(|(seat, _)| seat.price_minor > 0)
        .map(|(seat, name)| {
            let place = [name.section_name, name.row, name.number];
            let place = place.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
            item(format!("Билет: {}", place.join(", ")), seat.price_minor)
        })
        .collect();
    let prices: i64 = items.iter().map(|item| item.amount.minor).sum();
    let fee = amount.minor - prices;
    if fee > 0 {
        items.push(item(FEE.to_owned(), fee));
    }
    if fee < 0 || items.len() > payments::RECEIPT_ITEMS_MAX {
        return vec![item(EVERYTHING.to_owned(), amount.minor)];
    }
    items
}
