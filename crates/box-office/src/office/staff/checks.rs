//! Fields of staff's forms, checked one by one: every fault is told with its pointer and its reason,
//! all of them at once.

use std::ops::RangeInclusive;

use http_api::time::parse_rfc3339_ms;
use http_api::{FieldError, Money, Problem};

/// What is wrong with a form so far.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<FieldError>);

impl Faults {
    /// Something is wrong there.
    pub(super) fn add(&mut self, pointer: impl Into<String>, detail: impl Into<String>) {
        self.0.push(FieldError::at(pointer, detail));
    }

    /// Takes over what another check found.
    pub(super) fn add_all(&mut self, faults: impl IntoIterator<Item = FieldError>) {
        self.0.extend(faults);
    }

    /// A text of so many characters, without control characters but line breaks.
    pub(super) fn text(&mut self, pointer: &str, text: &str, chars: RangeInclusive<usize>) {
        if !chars.contains(&text.trim().chars().count()) {
            let (least, most) = (chars.start(), chars.end());
            self.add(pointer, format!("must have {least} to {most} characters"));
        } else if text.chars().any(|c| c.is_control() && c != '\n') {
            self.add(pointer, "must not have control characters");
        }
    }

    /// The same where there may be none.
    pub(super) fn optional(&mut self, pointer: &str, text: Option<&String>, chars_max: usize) {
        if let Some(text) = text {
            self.text(pointer, text, 1..=chars_max);
        }
    }

    /// A number of this range.
    pub(super) fn number(&mut self, pointer: &str, number: u32, range: RangeInclusive<u32>) {
        if !range.contains(&number) {
            self.add(pointer, format!("must be {} to {}", range.start(), range.end()));
        }
    }

    /// A moment, milliseconds since 1970; 0 when it is none.
    pub(super) fn time(&mut self, pointer: &str, text: &str) -> i64 {
        let ms = parse_rfc3339_ms(text).and_then(|ms| i64::try_from(ms).ok());
        ms.unwrap_or_else(|| {
            self.add(pointer, "must be an RFC 3339 time");
            0
        })
    }

    /// An amount in this currency, in minor units; 0 when it is none.
    pub(super) fn money(&mut self, pointer: &str, money: &Money, currency: &str) -> i64 {
        let minor = money.minor().ok().filter(|_| money.currency == currency);
        minor.unwrap_or_else(|| {
            self.add(pointer, format!("must be an amount in {currency}, such as 3500.00"));
            0
        })
    }

    /// Whether nothing is wrong.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All that is wrong as a problem.
    pub(super) fn end(self) -> Result<(), Problem> {
        if self.0.is_empty() { Ok(()) } else { Err(Problem::invalid(self.0)) }
    }
}
