//! What goes on the fiscal receipt of a partial refund (54-FZ): tickets to an event, in one position of the
//! whole amount. When all of a payment goes back the gateway repeats the payment's own receipt, and nothing
//! is said here.
//!
//! In the flow: whoever carries a refund out asks here once the gateway has said how much it took. The same
//! refund must come with the same receipt whenever it is repeated, so it says nothing that a later change of
//! the order, such as an exchange of seats, could change: which seats a refund was for is not recorded.

use std::collections::BTreeMap;
use std::sync::Arc;

use inventory::{EventNo, HoldId};
use payments::{Money, Receipt, ReceiptContact, ReceiptItem};
use processing_unit::OrderAnswer;

use crate::config::{ProviderConfig, ReceiptConfig};
use crate::contact::Contact;
use crate::sealing::ContactKey;

/// What is given back.
const POSITION: &str = "Возврат: билеты на мероприятие";

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
        (event, amount): (EventNo, Money),
        order: &OrderAnswer,
    ) -> Option<Receipt> {
        let terms = self.terms.get(provider)?;
        let order = &order.order;
        let hold = HoldId { event, no: order.hold };
        let plain = self.keys.as_ref().and_then(|keys| keys.open(hold, &order.contact).ok());
        let email =
            plain.and_then(|plain| Contact::from_bytes(&plain)).map(|contact| contact.email);
        let item =
            ReceiptItem { description: POSITION.to_owned(), amount, vat_code: terms.vat_code };
        Some(Receipt {
            contact: ReceiptContact::Email(email.unwrap_or_else(|| terms.email.clone())),
            items: vec![item],
            tax_system_code: terms.tax_system_code,
        })
    }
}
