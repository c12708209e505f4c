//! The fiscal receipt of a payment or refund (54-FZ): who gets it and what it lists.
//!
//! Plain data that the seller fills in and adapters put into a gateway's form. It decides nothing
//! about taxes; the codes come from configuration.

use std::fmt;

use super::ProviderError;
use crate::money::Money;

/// Most positions of one receipt; the law's format has no more than a hundred.
pub const RECEIPT_ITEMS_MAX: usize = 100;

/// A receipt that the gateway's till makes and sends.
#[derive(Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Where the receipt goes: an address of e-mail, or a telephone number in digits.
    pub contact: ReceiptContact,
    /// What was bought; the amounts add up to the payment's or refund's.
    pub items: Vec<ReceiptItem>,
    /// The seller's system of taxes, 1 to 6, where it has several.
    pub tax_system_code: Option<u8>,
}

/// Where a receipt goes.
#[derive(Clone, PartialEq, Eq)]
pub enum ReceiptContact {
    /// An address of e-mail.
    Email(String),
    /// A telephone number: digits with the country's code, no sign before them.
    Phone(String),
}

/// One position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptItem {
    /// What it is; cut to what the gateway allows.
    pub description: String,
    /// The price of all of it; above zero.
    pub amount: Money,
    /// The rate of value-added tax as the gateway codes it, 1 to 12.
    pub vat_code: u8,
}

impl Receipt {
    /// Whether it can be sent with that amount.
    ///
    /// # Errors
    /// [`ProviderError::Refused`]: no or too many positions, or a sum that is not the amount.
    pub fn check(&self, amount: Money) -> Result<(), ProviderError> {
        if self.items.is_empty() || self.items.len() > RECEIPT_ITEMS_MAX {
            return Err(ProviderError::refused("invalid_receipt", "1 to 100 positions"));
        }
        let good =
            |item: &ReceiptItem| item.amount.currency == amount.currency && item.amount.minor > 0;
        let sum = self.items.iter().try_fold(0_i64, |sum, i| sum.checked_add(i.amount.minor));
        if !self.items.iter().all(good) || sum != Some(amount.minor) {
            let detail = "positions must be above zero and add up to the amount";
            return Err(ProviderError::refused("invalid_receipt", detail));
        }
        Ok(())
    }
}

/// The contact is personal data, so that it never shows in a log.
impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receipt")
            .field("contact", &self.contact)
            .field("items", &self.items)
            .field("tax_system_code", &self.tax_system_code)
            .finish()
    }
}

impl fmt::Debug for ReceiptContact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Email(_) => f.write_str("Email(********)"),
            Self::Phone(_) => f.write_str("Phone(********)"),
        }
    }
}
