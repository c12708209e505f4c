//! Turns the parser's complaint about an unknown key into one that names the nearest known key and
//! the environment variable that brought it in.

use super::Overrides;

/// Keys further apart than this are not a slip of the finger.
const DISTANCE_MAX: usize = 4;

/// One line about a fault; a complaint of another kind passes through.
pub(super) fn explain(message: &str, overrides: &Overrides) -> String {
    let message = message.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    let Some((unknown, known)) = unknown_key(&message) else { return message };
    let source = overrides.source_of(unknown);
    let source = source.map_or_else(String::new, |name| format!(" (from {name})"));
    match nearest(unknown, &known) {
        Some(key) => format!("unknown key `{unknown}`, did you mean `{key}`?{source}"),
        None => format!("unknown key `{unknown}`, known are: {}{source}", known.join(", ")),
    }
}

/// Of "unknown field `x`, expected one of `a`, `b`": x, and a and b.
fn unknown_key(message: &str) -> Option<(&str, Vec<&str>)> {
    let rest = message.strip_prefix("unknown field ")?;
    let mut quoted = rest.split('`').skip(1).step_by(2);
    Some((quoted.next()?, quoted.collect()))
}

fn nearest<'a>(key: &str, known: &[&'a str]) -> Option<&'a str> {
    let begins = |candidate: &&&str| candidate.starts_with(key) || key.starts_with(**candidate);
    if let Some(candidate) = known.iter().find(begins) {
        return Some(candidate);
    }
    let scored = known.iter().map(|candidate| (distance(key, candidate), *candidate));
    scored.min().filter(|(distance, _)| *distance <= DISTANCE_MAX).map(|(_, key)| key)
}

/// Levenshtein's distance in bytes; keys are ASCII.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let substituted = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (a, b, d) in [("", "abc", 3), ("port", "prot", 2), ("same", "same", 0), ("a", "b", 1)] {
            assert_eq!(distance(a, b), d, "{a} {b}");
        }
    }

    #[test]
    fn a_far_key_lists_what_is_known() {
        let text = explain("unknown field `zzzzzzzz`, expected `a` or `b`", &Overrides::default());
        assert_eq!(text, "unknown key `zzzzzzzz`, known are: a, b");
        assert_eq!(explain("missing field `a`", &Overrides::default()), "missing field `a`");
    }
}
