//! Amounts of money as integers of minor units with a currency, and their decimal text form.
//!
//! Stands under both the adapters and the sandbox. Never uses floating point, never rounds, and
//! never guesses a currency.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Decimal places of every supported currency; gateways write "3500.00".
const DECIMALS: usize = 2;
/// Minor units in one major unit.
const MINOR_PER_MAJOR: i64 = 100;
/// Longest accepted text of a value. Twelve digits, point, two digits: far above any real order,
/// and far below what 64 bits hold, so that sums cannot overflow.
const VALUE_LEN_MAX: usize = 15;

/// Three capital Latin letters as in ISO 4217, such as `RUB`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

impl Currency {
    /// The Russian rouble.
    pub const RUB: Self = Self(*b"RUB");
    /// The euro.
    pub const EUR: Self = Self(*b"EUR");
    /// The dollar of the United States.
    pub const USD: Self = Self(*b"USD");

    /// The code as text, three capital letters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("???")
    }
}

impl std::str::FromStr for Currency {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        match <[u8; 3]>::try_from(text.as_bytes()) {
            Ok(code) if code.iter().all(u8::is_ascii_uppercase) => Ok(Self(code)),
            _ => Err(MoneyError::Currency),
        }
    }
}

impl TryFrom<String> for Currency {
    type Error = MoneyError;

    fn try_from(text: String) -> Result<Self, MoneyError> {
        text.parse()
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.as_str().to_owned()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An amount: `minor` hundredths of one unit of `currency`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    /// Minor units (kopecks, cents). Never negative in an answer of a gateway.
    pub minor: i64,
    /// Whose minor units.
    pub currency: Currency,
}

impl Money {
    /// An amount of `minor` hundredths of `currency`.
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// The value as gateways write it: digits, a point, two digits.
    pub fn value(&self) -> String {
        let sign = if self.minor < 0 { "-" } else { "" };
        let minor = self.minor.unsigned_abs();
        let per_major = MINOR_PER_MAJOR.unsigned_abs();
        format!("{sign}{}.{:02}", minor / per_major, minor % per_major)
    }

    /// Reads a value such as `3500.00`: one to twelve digits, a point, exactly two digits.
    ///
    /// # Errors
    /// [`MoneyError::Value`] for anything else: signs, spaces, exponents, other precision.
    pub fn parse(value: &str, currency: Currency) -> Result<Self, MoneyError> {
        let (major, minor) = value.split_once('.').ok_or(MoneyError::Value)?;
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let sized = value.len() <= VALUE_LEN_MAX && minor.len() == DECIMALS;
        if !sized || !digits(major) || !digits(minor) {
            return Err(MoneyError::Value);
        }
        let major: i64 = major.parse().map_err(|_| MoneyError::Value)?;
        let minor: i64 = minor.parse().map_err(|_| MoneyError::Value)?;
        Ok(Self::new(major * MINOR_PER_MAJOR + minor, currency))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.value(), self.currency)
    }
}

/// Why a text is not an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not digits, a point and two digits, or too long.
    #[error("value is not a decimal with two places")]
    Value,
    /// Not three capital letters.
    #[error("currency is not three capital letters")]
    Currency,
}
