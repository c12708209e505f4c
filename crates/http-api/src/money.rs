//! Money as the contract writes it, `{"value":"3500.00","currency":"RUB"}`: minor units as decimal
//! text. Never a float.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Minor units in one unit; all currencies that are sold in have two decimals.
const MINOR_PER_UNIT: i64 = 100;
/// Longest text of a value: far above any price, far below what 64 bits hold.
const VALUE_LEN_MAX: usize = 15;

/// An amount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// Decimal text with two decimals, such as `3500.00`.
    pub value: String,
    /// ISO 4217 letters, such as `RUB`.
    pub currency: String,
}

/// A text that is not an amount of at least zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a decimal text with at most two decimals, such as \"3500.00\"")]
pub struct MoneyError;

impl Money {
    /// From minor units.
    pub fn from_minor(minor: i64, currency: [u8; 3]) -> Self {
        let sign = if minor < 0 { "-" } else { "" };
        let (units, rest) =
            (minor.unsigned_abs() / MINOR_PER_UNIT as u64, minor.unsigned_abs() % 100);
        let currency = String::from_utf8_lossy(&currency).into_owned();
        Self { value: format!("{sign}{units}.{rest:02}"), currency }
    }

    /// The amount in minor units.
    ///
    /// # Errors
    /// When the value is not a plain decimal of at least zero.
    pub fn minor(&self) -> Result<i64, MoneyError> {
        let (units, decimals) = self.value.split_once('.').unwrap_or((&self.value, "00"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let fits = self.value.len() <= VALUE_LEN_MAX && decimals.len() <= 2;
        if !fits || !digits(units) || !digits(decimals) {
            return Err(MoneyError);
        }
        let units: i64 = units.parse().map_err(|_| MoneyError)?;
        let rest: i64 = format!("{decimals:0<2}").parse().map_err(|_| MoneyError)?;
        Ok(units * MINOR_PER_UNIT + rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_round_trip() {
        for (minor, text) in [(0, "0.00"), (5, "0.05"), (350_000, "3500.00"), (-120, "-1.20")] {
            assert_eq!(Money::from_minor(minor, *b"RUB").value, text);
        }
        let read = |value: &str| Money { value: value.into(), currency: "RUB".into() }.minor();
        for (text, minor) in [("0.00", 0), ("3500.00", 350_000), ("3500", 350_000), ("1.5", 150)] {
            assert_eq!(read(text), Ok(minor), "{text}");
        }
        for wrong in
            ["", ".", "1.", ".5", "-1.00", "+1", "1e3", "1.005", "1,00", "9999999999999999"]
        {
            assert_eq!(read(wrong), Err(MoneyError), "{wrong}");
        }
    }
}
