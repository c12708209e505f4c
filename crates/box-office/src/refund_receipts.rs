//! What goes on the fiscal receipt of a partial refund (54-FZ): the seats that were given back. When all
//! of a payment goes back the gateway repeats the payment's own receipt, and nothing is said here.
//!
//! In the flow: whoever carries a refund out asks here once the gateway has said how much it took. What a
//! receipt says follows from the order alone, so that every repeat of a refund says the same; where seats
//! do not account for the amount it has one position. A receipt never keeps money from going back.

use std::collections::BTreeMap;
use std::sync::Arc;

use inventory::{HoldId, PricedSeat, RefundId};
use payments::{Money, RECEIPT_ITEMS_MAX, Receipt, ReceiptContact, ReceiptItem};
use processing_unit::OrderAnswer;

use crate::config::{ProviderConfig, ReceiptConfig};
use crate::contact::Contact;
use crate::plans::EventPlan;
use crate::sealing::ContactKey;

/// What is given back beside the price of a seat.
const FEE: &str = "Возврат: сервисный сбор";
/// What is given back when nothing finer can be said.
const EVERYTHING: &str = "Возврат: билеты на мероприятие";

/// What the receipts of a shop say, by provider; none where the gateway makes none.
#[derive(Clone, Default)]
pub(crate) struct RefundReceipts {
    terms: BTreeMap<String, ReceiptConfig>,
    keys: Option<Arc<ContactKey>>,
}

impl RefundReceipts {
    /// Of these providers; `keys` open the contacts of guests.
    pub(crate) fn new(
        providers: &BTreeMap<String, ProviderConfig>,
        keys: Option<Arc<ContactKey>>,
    ) -> Self {
        let terms = |(name, provider): (&String, &ProviderConfig)| {
            Some((name.clone(), provider.receipts.clone()?))
        };
        Self { terms: providers.iter().filter_map(terms).collect(), keys }
    }

    /// Whether refunds at a provider come with a receipt.
    pub(crate) fn are_made_by(&self, provider: &str) -> bool {
        self.terms.contains_key(provider)
    }

    /// The receipt of a refund of `amount`, the same whenever it is asked for.
    pub(crate) fn of(
        &self,
        provider: &str,
        (refund, amount): (RefundId, Money),
        (order, plan): (&OrderAnswer, &EventPlan),
    ) -> Option<Receipt> {
        let terms = self.terms.get(provider)?;
        let hold = HoldId { event: refund.event, no: order.order.hold };
        let plain = self.keys.as_ref().and_then(|keys| keys.open(hold, &order.order.contact).ok());
        let email =
            plain.and_then(|plain| Contact::from_bytes(&plain)).map(|contact| contact.email);
        Some(Receipt {
            contact: ReceiptContact::Email(email.unwrap_or_else(|| terms.email.clone())),
            items: items(order, plan, (refund.no, amount), terms.vat_code),
            tax_system_code: terms.tax_system_code,
        })
    }
}

fn items(
    order: &OrderAnswer,
    plan: &EventPlan,
    (refund, amount): (u64, Money),
    vat_code: u8,
) -> Vec<ReceiptItem> {
    let item = |description: String, minor: i64| ReceiptItem {
        description,
        amount: Money::new(minor, amount.currency),
        vat_code,
    };
    let seats = seats_of(order, refund).unwrap_or_default();
    let mut items: Vec<ReceiptItem> = plan
        .named(seats)
        .filter(|(seat, _)| seat.price_minor > 0)
        .map(|(seat, name)| {
            let place = [name.section_name, name.row, name.number];
            let place = place.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
            item(format!("Возврат: билет {}", place.join(", ")), seat.price_minor)
        })
        .collect();
    let prices: i64 = items.iter().map(|item| item.amount.minor).sum();
    let fee = amount.minor - prices;
    if items.is_empty() || fee < 0 || items.len() >= RECEIPT_ITEMS_MAX {
        return vec![item(EVERYTHING.to_owned(), amount.minor)];
    }
    if fee > 0 {
        items.push(item(FEE.to_owned(), fee));
    }
    items
}

/// The seats that a refund is for: an order lets seats go in the order of its refunds, each for its price
/// with the fee. `None` when the amounts say otherwise, as where only a share goes back.
fn seats_of(order: &OrderAnswer, refund: u64) -> Option<&[PricedSeat]> {
    let (mut rest, terms) = (order.order.left.as_slice(), &order.order.terms);
    let mut refunds: Vec<_> = order.refunds.iter().collect();
    refunds.sort_by_key(|one| one.no);
    for one in refunds {
        let number = (1..=rest.len())
            .find(|number| terms.total_minor(&rest[..*number]) == one.amount_minor)?;
        let (seats, others) = rest.split_at(number);
        if one.no == refund {
            return Some(seats);
        }
        rest = others;
    }
    None
}
