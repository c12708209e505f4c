//! Entity tags made from content: the same bytes have the same tag on every router and after every
//! restart, and other bytes another.

use http::header::IF_NONE_MATCH;
use http::{HeaderMap, HeaderValue};

/// FNV-1a in 64 bits; tells versions apart, guards nothing.
pub(crate) fn fingerprint(bytes: &[u8]) -> u64 {
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    bytes.iter().fold(BASIS, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME))
}

/// A strong tag; `text` has neither quotes nor control characters.
pub(crate) fn tag(text: &str) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{text}\"")).unwrap_or(HeaderValue::from_static("\"-\""))
}

/// Whether the client has this version already (`If-None-Match`, weak comparison).
pub(crate) fn has(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    let Ok(tag) = tag.to_str() else { return false };
    let same = |given: &str| given == "*" || given.strip_prefix("W/").unwrap_or(given) == tag;
    let values = headers.get_all(IF_NONE_MATCH).iter().filter_map(|v| v.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|given| same(given.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_compared_weakly_and_in_lists() {
        let tag = tag("17-ab");
        let table = [
            ("\"17-ab\"", true),
            ("W/\"17-ab\"", true),
            ("\"1\", \"17-ab\"", true),
            ("*", true),
            ("\"17-a\"", false),
            ("17-ab", false),
            ("", false),
        ];
        for (given, expected) in table {
            let value = HeaderValue::from_str(given).expect("a header");
            let headers = HeaderMap::from_iter([(IF_NONE_MATCH, value)]);
            assert_eq!(has(&headers, &tag), expected, "{given}");
        }
        assert!(!has(&HeaderMap::new(), &tag));
        assert_ne!(fingerprint(b"a"), fingerprint(b"b"));
    }
}
