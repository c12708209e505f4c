//! Passwords that are guessed first: the list of those that most people had in leaks which Django ships
//! (8,354 of 8 characters and more; common-passwords.LICENSE), one sign over and over, and what
//! everybody knows about the person.

use std::collections::HashSet;
use std::sync::LazyLock;

/// One password a line, lower case.
static LIST: &str = include_str!("common-passwords.txt");
static COMMON: LazyLock<HashSet<&'static str>> = LazyLock::new(|| LIST.lines().collect());

/// Letters of a person's data that make a password theirs.
const OWN_CHARS_MIN: usize = 3;

/// Whether many have it, whatever the capitals, also with a few digits or signs behind.
pub(super) fn is_common(password: &str) -> bool {
    let lower = password.to_lowercase();
    let stem = lower.trim_end_matches(|c: char| c.is_ascii_digit() || "!?.*#$".contains(c));
    let mut signs = lower.chars();
    let first = signs.next();
    COMMON.contains(lower.as_str())
        || (stem.chars().count() >= 6 && COMMON.contains(stem))
        || signs.all(|sign| Some(sign) == first)
}

/// Whether it is a piece of the person's data, with digits or signs around it at most.
pub(super) fn is_of(password: &str, own: &[&str]) -> bool {
    let lower = password.to_lowercase();
    let core = lower.trim_matches(|c: char| !c.is_alphabetic());
    own.iter().any(|text| {
        let text = text.to_lowercase();
        let part = text.split('@').next().unwrap_or_default();
        let bare = part.trim_matches(|c: char| !c.is_alphabetic());
        bare.chars().count() >= OWN_CHARS_MIN && (lower == text || core == part || core == bare)
    })
}
