//! What an account knows about its person, and the digests by which the person is found.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::contact;
use crate::sealing::{ContactKey, PersonKey, SealError};

/// A person's data in plain form. It exists inside one request only.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Profile {
    pub(crate) surname: String,
    pub(crate) name: String,
    pub(crate) login: String,
    pub(crate) email: String,
    /// `+` and digits.
    pub(crate) phone: String,
}

impl std::fmt::Debug for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Profile(********)")
    }
}

/// What identifies a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Field {
    Login,
    Email,
    Phone,
}

impl Field {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Email => "email",
            Self::Phone => "phone",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        [Self::Login, Self::Email, Self::Phone].into_iter().find(|field| field.as_str() == word)
    }

    /// The value in its one spelling.
    pub(crate) fn check(self, typed: &str) -> Result<String, &'static str> {
        match self {
            Self::Login => super::form::login(typed),
            Self::Email => contact::email(typed),
            Self::Phone => contact::phone(typed),
        }
    }

    /// The digest by which the value is found; capitals do not count.
    pub(crate) fn index(self, keys: &ContactKey, value: &str) -> Vec<u8> {
        keys.index(self.as_str(), &value.to_lowercase())
    }
}

impl Profile {
    /// One of the identifying values.
    pub(crate) fn value(&self, field: Field) -> &str {
        match field {
            Field::Login => &self.login,
            Field::Email => &self.email,
            Field::Phone => &self.phone,
        }
    }

    /// Puts another value in the place of one.
    pub(crate) fn set(&mut self, field: Field, value: String) {
        match field {
            Field::Login => self.login = value,
            Field::Email => self.email = value,
            Field::Phone => self.phone = value,
        }
    }

    pub(crate) fn sealed(&self, key: &PersonKey, account: Uuid) -> Result<Vec<u8>, SealError> {
        let plain = serde_json::to_vec(self).expect("a profile is plain strings");
        key.seal_about(&about(account), &plain)
    }

    pub(crate) fn open(key: &PersonKey, account: Uuid, sealed: &[u8]) -> Result<Self, SealError> {
        let plain = key.open_about(&about(account), sealed)?;
        serde_json::from_slice(&plain).map_err(|_| SealError::Open)
    }
}

fn about(account: Uuid) -> String {
    format!("seatgrid profile {account}")
}

/// What somebody types to sign in: an e-mail address, a phone number, or else a login. Text that is
/// none of them is looked for all the same, so that it takes as long as any other.
pub(crate) fn identifier(typed: &str) -> (Field, String) {
    let typed = typed.trim();
    let field = if typed.contains('@') {
        Field::Email
    } else if typed.starts_with(['+', '(']) || typed.starts_with(|c: char| c.is_ascii_digit()) {
        Field::Phone
    } else {
        Field::Login
    };
    (field, field.check(typed).unwrap_or_else(|_| typed.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_known_by_its_look() {
        for (typed, field, value) in [
            (" Anna@Example.ORG ", Field::Email, "Anna@example.org"),
            ("8 (900) 123-45-67", Field::Phone, "+79001234567"),
            ("+44 20 7946 0958", Field::Phone, "+442079460958"),
            ("anna.p", Field::Login, "anna.p"),
            ("12", Field::Phone, "12"),
            ("", Field::Login, ""),
        ] {
            assert_eq!(identifier(typed), (field, value.to_owned()), "{typed}");
        }
    }

    #[test]
    fn a_profile_is_sealed_to_its_person() {
        let keys = ContactKey::new(&[3; 32]);
        let (anna, eve) = (Uuid::now_v7(), Uuid::now_v7());
        let (key, wrapped) = keys.new_person(anna).unwrap();
        let profile = Profile {
            surname: "Петрова".into(),
            name: "Анна".into(),
            login: "anna".into(),
            email: "anna@example.org".into(),
            phone: "+79001234567".into(),
        };
        let sealed = profile.sealed(&key, anna).unwrap();
        let again = keys.person(anna, &wrapped).unwrap();
        assert_eq!(Profile::open(&again, anna, &sealed), Ok(profile));
        assert_eq!(Profile::open(&again, eve, &sealed), Err(SealError::Open));
        assert!(keys.person(eve, &wrapped).is_err(), "a key is its person's");
        let index = |value| Field::Email.index(&keys, value);
        assert_eq!(index("Anna@example.org"), index("anna@EXAMPLE.org"));
        assert_ne!(index("a@b.org"), Field::Login.index(&keys, "a@b.org"));
    }
}
