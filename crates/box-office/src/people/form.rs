//! What is typed at a registration: each field checked and brought to one spelling, every fault
//! named at once, and never repeated.

use http_api::FieldError;
use serde::Deserialize;
use utoipa::ToSchema;

use super::profile::Profile;
use super::weak;
use crate::contact;

/// Characters of a login.
const LOGIN_CHARS: std::ops::RangeInclusive<usize> = 3..=32;
/// Characters of a password. The upper bound only keeps the work of hashing small.
const PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 8..=256;
/// Characters of the name of a text's version.
const VERSION_CHARS_MAX: usize = 64;
/// Consents in one request.
const CONSENTS_MAX: usize = 8;
/// What may be consented to; the first is needed.
const KINDS: [&str; 2] = ["personal_data", "marketing"];

/// Somebody new.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegisterForm {
    /// 1 to 100 characters.
    pub(crate) surname: String,
    /// 1 to 100 characters.
    pub(crate) name: String,
    /// International form, or a Russian number beginning with 8.
    pub(crate) phone: String,
    pub(crate) email: String,
    /// 3 to 32 Latin letters, digits, `.`, `_` and `-`, beginning with a letter.
    pub(crate) login: String,
    /// 8 to 256 characters; not one that many have.
    pub(crate) password: String,
    /// Must contain `personal_data`; `marketing` is apart from it.
    pub(crate) consents: Vec<ConsentForm>,
}

/// A consent to a text.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConsentForm {
    /// `personal_data` or `marketing`.
    pub(crate) kind: String,
    /// Which text was agreed to, 1 to 64 characters.
    pub(crate) version: String,
}

/// Collects what is wrong.
#[derive(Default)]
pub(crate) struct Faults(pub(crate) Vec<FieldError>);

impl Faults {
    /// The value, or nothing once the fault is noted.
    pub(crate) fn keep(&mut self, pointer: &str, checked: Result<String, &str>) -> String {
        checked.unwrap_or_else(|detail| {
            self.0.push(FieldError::at(pointer, detail));
            String::new()
        })
    }
}

impl RegisterForm {
    /// The person as checked; all that is wrong otherwise.
    pub(crate) fn check(&self) -> Result<Profile, Vec<FieldError>> {
        let mut faults = Faults::default();
        let profile = Profile {
            surname: faults.keep("/surname", contact::name(&self.surname)),
            name: faults.keep("/name", contact::name(&self.name)),
            login: faults.keep("/login", login(&self.login)),
            email: faults.keep("/email", contact::email(&self.email)),
            phone: faults.keep("/phone", contact::phone(&self.phone)),
        };
        let own = [&profile.login, &profile.email, &profile.name, &profile.surname];
        if let Err(detail) = password(&self.password, &own.map(String::as_str)) {
            faults.0.push(FieldError::at("/password", detail));
        }
        faults.0.extend(consents(&self.consents));
        if faults.0.is_empty() { Ok(profile) } else { Err(faults.0) }
    }
}

/// A login in its one spelling.
pub(crate) fn login(typed: &str) -> Result<String, &'static str> {
    let typed = typed.trim();
    if !LOGIN_CHARS.contains(&typed.chars().count()) {
        return Err("must have 3 to 32 characters");
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if !typed.starts_with(|c: char| c.is_ascii_alphabetic()) || !typed.chars().all(plain) {
        return Err("must be Latin letters, digits, '.', '_' and '-', beginning with a letter");
    }
    Ok(typed.to_owned())
}

/// Whether a password may be used by the person to whom `own` belongs. No rules about which signs:
/// length and rarity are what counts.
pub(crate) fn password(typed: &str, own: &[&str]) -> Result<(), &'static str> {
    let chars = typed.chars().count();
    if chars < *PASSWORD_CHARS.start() {
        return Err("must have at least 8 characters");
    }
    if chars > *PASSWORD_CHARS.end() {
        return Err("must have at most 256 characters");
    }
    if weak::is_common(typed) {
        return Err("is one of the passwords that are tried first");
    }
    if weak::is_of(typed, own) {
        return Err("must not be the login, the name or the address");
    }
    Ok(())
}

fn consents(given: &[ConsentForm]) -> Vec<FieldError> {
    if given.len() > CONSENTS_MAX {
        return vec![FieldError::at("/consents", "must have 8 entries at most")];
    }
    let mut faults = Vec::new();
    for (at, consent) in given.iter().enumerate() {
        if !KINDS.contains(&consent.kind.as_str()) {
            let detail = "must be personal_data or marketing";
            faults.push(FieldError::at(format!("/consents/{at}/kind"), detail));
        }
        let twice = given[..at].iter().any(|before| before.kind == consent.kind);
        if twice {
            faults.push(FieldError::at(format!("/consents/{at}/kind"), "occurs twice"));
        }
        let version = consent.version.trim();
        let chars = version.chars().count();
        let is_plain = !version.chars().any(char::is_control);
        if !(1..=VERSION_CHARS_MAX).contains(&chars) || !is_plain {
            let detail = "must have 1 to 64 characters";
            faults.push(FieldError::at(format!("/consents/{at}/version"), detail));
        }
    }
    if !given.iter().any(|consent| consent.kind == KINDS[0]) {
        faults.push(FieldError::at("/consents", "must contain personal_data"));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> RegisterForm {
        RegisterForm {
            surname: " Петрова ".into(),
            name: "Анна".into(),
            phone: "8 900 123-45-67".into(),
            email: "Anna@Example.org".into(),
            login: "anna.p".into(),
            password: "корова на крыше 7".into(),
            consents: vec![ConsentForm { kind: "personal_data".into(), version: "1".into() }],
        }
    }

    fn pointers(form: &RegisterForm) -> Vec<String> {
        let faults = form.check().expect_err("a fault");
        faults.into_iter().map(|fault| fault.pointer).collect()
    }

    #[test]
    fn one_spelling_and_all_faults_at_once() {
        let profile = form().check().expect("good");
        assert_eq!((profile.surname.as_str(), profile.phone.as_str()), ("Петрова", "+79001234567"));
        let wrong = RegisterForm {
            surname: " ".into(),
            name: "a\u{7}".into(),
            phone: "12".into(),
            email: "a@b".into(),
            login: "9a".into(),
            password: "short".into(),
            consents: vec![],
        };
        assert_eq!(
            pointers(&wrong),
            ["/surname", "/name", "/login", "/email", "/phone", "/password", "/consents"]
        );
    }

    #[test]
    fn passwords_are_long_rare_and_not_the_person() {
        let with = |password: &str| RegisterForm { password: password.into(), ..form() };
        let long = "ж".repeat(257);
        for weak in
            ["1234567", "password1", "Password123", "qwertyuiop", "ANNA.P12", "aaaaaaaaaa", &long]
        {
            assert_eq!(pointers(&with(weak)), ["/password"], "{weak}");
        }
        let longest = "ж".repeat(128) + &"y z".repeat(40);
        for good in ["xk3 ;vgQ", "        a b c", longest.as_str()] {
            assert!(with(good).check().is_ok(), "{good}");
        }
    }

    #[test]
    fn marketing_is_apart_and_kinds_are_known() {
        let with = |consents: &[(&str, &str)]| {
            let consent = |(kind, version): &(&str, &str)| ConsentForm {
                kind: (*kind).into(),
                version: (*version).into(),
            };
            RegisterForm { consents: consents.iter().map(consent).collect(), ..form() }
        };
        assert!(with(&[("marketing", "1"), ("personal_data", "2")]).check().is_ok());
        assert_eq!(pointers(&with(&[("marketing", "1")])), ["/consents"]);
        let soul = with(&[("personal_data", "1"), ("soul", "1")]);
        assert_eq!(pointers(&soul), ["/consents/1/kind"]);
        assert_eq!(pointers(&with(&[("personal_data", " ")])), ["/consents/0/version"]);
        let twice = with(&[("personal_data", "1"), ("personal_data", "2")]);
        assert_eq!(pointers(&twice), ["/consents/1/kind"]);
    }
}
