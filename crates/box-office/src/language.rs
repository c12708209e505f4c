//! The language in which somebody is written to: their own choice, or what their browser asks for.
//!
//! Works on raw request headers and must never fail: a strange header is no reason to refuse a call.
//! Who has said nothing is written to in both languages at once.

use axum::http::HeaderMap;
use axum::http::header::{ACCEPT_LANGUAGE, COOKIE};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The cookie in which pages remember a visitor's choice.
const COOKIE_NAME: &str = "lang";
/// Ranges of an `Accept-Language` that are looked at.
const RANGES_MAX: usize = 16;

/// A language that letters are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// Russian.
    Ru,
    /// English.
    En,
}

impl Language {
    /// The BCP 47 code, as in tables and bodies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ru => "ru",
            Self::En => "en",
        }
    }

    /// The language of a tag such as `en` or `en-GB`.
    pub fn parse(tag: &str) -> Option<Self> {
        let primary = tag.trim().split(['-', '_']).next()?;
        [Self::Ru, Self::En].into_iter().find(|one| primary.eq_ignore_ascii_case(one.as_str()))
    }

    /// What a request asks for: the cookie first, then the likeliest of `Accept-Language`.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        text(COOKIE).and_then(in_cookie).or_else(|| text(ACCEPT_LANGUAGE).and_then(preferred))
    }
}

/// The text in one language, or in both where nobody has said which.
pub(crate) fn written(
    language: Option<Language>,
    (russian, english): (&str, &str),
    between: &str,
) -> String {
    match language {
        Some(Language::Ru) => russian.to_owned(),
        Some(Language::En) => english.to_owned(),
        None => format!("{russian}{between}{english}"),
    }
}

fn in_cookie(text: &str) -> Option<Language> {
    let pairs = text.split(';').filter_map(|pair| pair.trim().split_once('='));
    let chosen = pairs.filter(|(name, _)| *name == COOKIE_NAME).map(|(_, value)| value).next()?;
    Language::parse(chosen)
}

/// The language with the highest weight (RFC 9110, 12.5.4); of equal ones the first.
fn preferred(text: &str) -> Option<Language> {
    let mut best: Option<(f32, Language)> = None;
    for range in text.split(',').take(RANGES_MAX) {
        let (tag, parameters) = range.split_once(';').unwrap_or((range, "q=1"));
        let weight = parameters.trim().strip_prefix("q=").and_then(|text| text.parse().ok());
        let (Some(language), Some(weight)) = (Language::parse(tag), weight) else { continue };
        if weight > best.map_or(0.0, |(known, _)| known) {
            best = Some((weight, language));
        }
    }
    best.map(|(_, language)| language)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(cookie: &str, accepted: &str) -> Option<Language> {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, cookie.parse().expect("a value"));
        headers.insert(ACCEPT_LANGUAGE, accepted.parse().expect("a value"));
        Language::of(&headers)
    }

    #[test]
    fn a_choice_comes_before_what_the_browser_asks_for() {
        use Language::{En, Ru};
        for (cookie, accepted, language) in [
            ("", "", None),
            ("", "de", None),
            ("", "en-GB", Some(En)),
            ("", "en;q=0.3, ru-RU;q=0.9", Some(Ru)),
            ("", "en;q=0, de", None),
            ("", "en;q=x, ru", Some(Ru)),
            ("a=b; lang=ru", "en", Some(Ru)),
            ("lang=de", "en", Some(En)),
        ] {
            assert_eq!(of(cookie, accepted), language, "{cookie} {accepted}");
        }
    }

    #[test]
    fn who_said_nothing_is_written_to_in_both() {
        let words = ("да", "yes");
        assert_eq!(written(None, words, " / "), "да / yes");
        assert_eq!(written(Some(Language::En), words, " / "), "yes");
    }
}
