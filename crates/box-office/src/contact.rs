//! The buyer's contact as the order asks for it: checked, brought to one spelling, and encoded for
//! sealing. It exists in plain form only inside one request.

use serde::{Deserialize, Serialize};

use crate::language::Language;

/// Longest name, in characters.
const NAME_CHARS_MAX: usize = 100;
/// Longest e-mail address, in bytes (RFC 5321).
const EMAIL_BYTES_MAX: usize = 254;
/// Longest part before the `@`, in bytes (RFC 5321).
const EMAIL_LOCAL_BYTES_MAX: usize = 64;
/// Digits of an international number without the plus (E.164).
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 8..=15;
/// Digits of a Russian number with its trunk prefix 8 or country code 7.
const PHONE_DIGITS_RU: usize = 11;
/// The consent without which nobody's data may be taken.
const CONSENT_REQUIRED: &str = "personal_data";
/// Consents that can be given.
const CONSENTS: [&str; 2] = [CONSENT_REQUIRED, "marketing"];
/// Ways to be told things.
const CHANNELS: [&str; 3] = ["email", "push", "telegram"];

/// A buyer as typed.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BuyerForm {
    /// How to address the buyer, 1 to 100 characters.
    pub name: String,
    /// Where tickets and notices go.
    pub email: String,
    /// International form, or a Russian number beginning with 8; may be left out.
    #[serde(default)]
    pub phone: Option<String>,
}

/// A checked contact.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Name without outer spaces.
    pub name: String,
    /// Address with the domain in lower case.
    pub email: String,
    /// `+` and digits.
    pub phone: Option<String>,
    /// What the buyer agreed to, sorted.
    pub consents: Vec<String>,
    /// How the buyer wants to be told things, sorted.
    pub channels: Vec<String>,
    /// When it was given, milliseconds since 1970.
    pub given_at_ms: u64,
    /// The language that the request asked for; contacts of earlier releases have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
}

/// A wrong field: where (JSON pointer) and what is wrong, for the shopper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// JSON pointer into the body.
    pub pointer: String,
    /// What is wrong; never repeats what was typed.
    pub detail: String,
}

impl std::fmt::Debug for Contact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Contact(********)")
    }
}

impl Contact {
    /// Checks and normalises; every wrong field is named at once.
    ///
    /// # Errors
    /// The faults, at least one.
    pub fn check(
        form: &BuyerForm,
        consents: &[String],
        channels: &[String],
        given_at_ms: u64,
    ) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut keep = |pointer: &str, checked: Result<String, &str>| match checked {
            Ok(text) => text,
            Err(detail) => {
                faults.push(Fault { pointer: pointer.to_owned(), detail: detail.to_owned() });
                String::new()
            }
        };
        let name = keep("/buyer/name", name(&form.name));
        let email = keep("/buyer/email", email(&form.email));
        let given = form.phone.as_deref().map(str::trim).filter(|phone| !phone.is_empty());
        let phone = given.map(|given| keep("/buyer/phone", phone(given)));
        let consents = words("/consents", consents, &CONSENTS, &mut faults);
        let channels = words("/channels", channels, &CHANNELS, &mut faults);
        if !consents.iter().any(|consent| consent == CONSENT_REQUIRED) {
            let detail = "must contain personal_data".to_owned();
            faults.push(Fault { pointer: "/consents".to_owned(), detail });
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Self { name, email, phone, consents, channels, given_at_ms, language: None })
    }

    /// The same from somebody who reads this language.
    pub fn reading(self, language: Option<Language>) -> Self {
        Self { language, ..self }
    }

    /// The bytes that are sealed.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a contact is plain strings and numbers")
    }

    /// Reads what [`Self::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

pub(crate) fn name(typed: &str) -> Result<String, &'static str> {
    let name = typed.split_whitespace().collect::<Vec<_>>().join(" ");
    match name.chars().count() {
        0 => Err("must not be empty"),
        n if n > NAME_CHARS_MAX => Err("must have at most 100 characters"),
        _ if name.chars().any(char::is_control) => Err("must not contain control characters"),
        _ => Ok(name),
    }
}

pub(crate) fn email(typed: &str) -> Result<String, &'static str> {
    const WRONG: &str = "must be an e-mail address";
    let typed = typed.trim();
    let (local, domain) = typed.rsplit_once('@').ok_or(WRONG)?;
    let sized =
        typed.len() <= EMAIL_BYTES_MAX && !local.is_empty() && local.len() <= EMAIL_LOCAL_BYTES_MAX;
    let dots = !local.starts_with('.') && !local.ends_with('.') && !local.contains("..");
    if !sized || !dots || !local.chars().all(is_local_sign) || !is_domain(domain) {
        return Err(WRONG);
    }
    Ok(format!("{local}@{}", domain.to_lowercase()))
}

/// Quoted local parts exist on paper only; a header must never be opened by an address.
fn is_local_sign(c: char) -> bool {
    c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c)
}

fn is_domain(domain: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    domain.contains('.') && domain.split('.').all(label)
}

pub(crate) fn phone(typed: &str) -> Result<String, &'static str> {
    const WRONG: &str = "must be a phone number such as +79001234567";
    let plain: String =
        typed.chars().filter(|c| !matches!(c, ' ' | '-' | '(' | ')' | '\u{a0}')).collect();
    let (plus, digits) = match plain.strip_prefix('+') {
        Some(digits) => (true, digits),
        None => (false, plain.as_str()),
    };
    let sized = PHONE_DIGITS.contains(&digits.len());
    if !sized || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(WRONG);
    }
    match (plus, digits.as_bytes()[0]) {
        (true, b'0') => Err(WRONG),
        (true, _) => Ok(format!("+{digits}")),
        (false, b'7' | b'8') if digits.len() == PHONE_DIGITS_RU => {
            Ok(format!("+7{}", &digits[1..]))
        }
        (false, _) => Err(WRONG),
    }
}

fn words(pointer: &str, given: &[String], known: &[&str], faults: &mut Vec<Fault>) -> Vec<String> {
    for (at, word) in given.iter().enumerate() {
        if !known.contains(&word.as_str()) {
            let detail = format!("must be one of {}", known.join(", "));
            faults.push(Fault { pointer: format!("{pointer}/{at}"), detail });
            break;
        }
    }
    let mut words = given.to_vec();
    words.sort_unstable();
    words.dedup();
    words
}
