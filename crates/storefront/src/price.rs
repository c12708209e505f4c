//! Money as the pages show it. Amounts come from the API as decimal texts and stay texts: this
//! module only arranges digits and must never calculate.

use crate::Lang;

/// A no-break space: a price must not be torn apart at the end of a line.
const NO_BREAK: char = '\u{a0}';

/// An amount as the API writes it: `{"value":"3500.00","currency":"RUB"}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    /// Decimal digits with an optional fraction, such as `3500.00`.
    pub value: String,
    /// ISO 4217 code, such as `RUB`.
    pub currency: String,
}

impl Price {
    /// The price for a reader of `lang`: `3 500 ₽` or `₽3,500`; a zero fraction is left out.
    ///
    /// A value that is not a plain decimal is shown as it is, beside its currency.
    pub fn text(&self, lang: Lang) -> String {
        let number = self.number(lang).unwrap_or_else(|| self.value.clone());
        match (lang, self.symbol()) {
            (Lang::Ru, sign) => format!("{number}{NO_BREAK}{sign}"),
            (Lang::En, sign) if sign.chars().count() == 1 => format!("{sign}{number}"),
            (Lang::En, code) => format!("{code}{NO_BREAK}{number}"),
        }
    }

    fn symbol(&self) -> &str {
        match self.currency.as_str() {
            "RUB" => "₽",
            "EUR" => "€",
            "USD" => "$",
            other => other,
        }
    }

    fn number(&self, lang: Lang) -> Option<String> {
        let (whole, fraction) = self.value.split_once('.').unwrap_or((&self.value, ""));
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(fraction) {
            return None;
        }
        let mut text = grouped(whole, lang);
        if fraction.bytes().any(|b| b != b'0') {
            text.push(if lang == Lang::Ru { ',' } else { '.' });
            text.push_str(fraction);
        }
        Some(text)
    }
}

/// `whole` in groups of three digits, counted from the right.
pub(crate) fn grouped(whole: &str, lang: Lang) -> String {
    let separator = match lang {
        Lang::Ru => NO_BREAK,
        Lang::En => ',',
    };
    let mut text = String::with_capacity(whole.len() * 2);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            text.push(separator);
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::Price;
    use crate::Lang::{En, Ru};

    #[test]
    fn prices_are_written_for_each_reader() {
        let table = [
            ("3500.00", "RUB", "3\u{a0}500\u{a0}₽", "₽3,500"),
            ("900", "RUB", "900\u{a0}₽", "₽900"),
            ("1234567.50", "USD", "1\u{a0}234\u{a0}567,50\u{a0}$", "$1,234,567.50"),
            ("12.05", "KZT", "12,05\u{a0}KZT", "KZT\u{a0}12.05"),
            ("0.00", "EUR", "0\u{a0}€", "€0"),
            ("free", "RUB", "free\u{a0}₽", "₽free"),
            ("-5.00", "RUB", "-5.00\u{a0}₽", "₽-5.00"),
            ("1.2.3", "RUB", "1.2.3\u{a0}₽", "₽1.2.3"),
            ("", "RUB", "\u{a0}₽", "₽"),
        ];
        for (value, currency, russian, english) in table {
            let price = Price { value: value.to_owned(), currency: currency.to_owned() };
            assert_eq!(price.text(Ru), russian);
            assert_eq!(price.text(En), english);
        }
    }
}
