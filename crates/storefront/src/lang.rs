//! Which language a visitor reads: the first step of rendering any page.
//!
//! Works on the raw request texts; it must never fail, since a strange header is no reason to
//! refuse a page.

/// Name of the cookie that remembers a visitor's choice; its value is [`Lang::code`].
pub const LANG_COOKIE: &str = "lang";

/// A language that the shop speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lang {
    /// Russian, the default where a visitor states no wish that can be met.
    #[default]
    Ru,
    /// English.
    En,
}

impl Lang {
    /// The BCP 47 code, as written into `<html lang>` and the cookie: `ru` or `en`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Ru => "ru",
            Self::En => "en",
        }
    }

    /// The language of a tag such as `en` or `en-GB`, letter case aside.
    fn from_tag(tag: &str) -> Option<Self> {
        let primary = tag.trim().split(['-', '_']).next()?;
        if primary.eq_ignore_ascii_case("ru") {
            Some(Self::Ru)
        } else if primary.eq_ignore_ascii_case("en") {
            Some(Self::En)
        } else {
            None
        }
    }
}

/// Chooses the language: `?lang=` first, then the cookie, then `Accept-Language`, then Russian.
///
/// `accept_language` and `cookie` are the headers' texts, `query` the address's raw query. For the
/// latter two a bare code (`en`) is understood as well. Unknown languages and malformed texts are
/// passed over.
pub fn negotiate(accept_language: Option<&str>, cookie: Option<&str>, query: Option<&str>) -> Lang {
    query
        .and_then(|q| named(q, '&'))
        .or_else(|| cookie.and_then(|c| named(c, ';')))
        .or_else(|| accept_language.and_then(preferred))
        .unwrap_or_default()
}

/// The language in `lang=…` among pairs separated by `separator`, or in a bare code.
fn named(pairs: &str, separator: char) -> Option<Lang> {
    if !pairs.contains('=') {
        return Lang::from_tag(pairs);
    }
    pairs
        .split(separator)
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == LANG_COOKIE)
        .and_then(|(_, value)| Lang::from_tag(value))
}

/// The language with the highest weight in an `Accept-Language` text (RFC 9110, 12.5.4); of equal
/// weights the first stands.
fn preferred(accept_language: &str) -> Option<Lang> {
    let mut best: Option<(u16, Lang)> = None;
    for range in accept_language.split(',') {
        let (tag, parameters) = range.split_once(';').unwrap_or((range, ""));
        let (Some(lang), Some(weight)) = (Lang::from_tag(tag), weight_milli(parameters)) else {
            continue;
        };
        if weight > best.map_or(0, |(best_weight, _)| best_weight) {
            best = Some((weight, lang));
        }
    }
    best.map(|(_, lang)| lang)
}

/// `q=0.8` as 800; absent means 1000, malformed means that the range is passed over.
fn weight_milli(parameters: &str) -> Option<u16> {
    let parameters = parameters.trim();
    if parameters.is_empty() {
        return Some(1000);
    }
    let text = parameters.strip_prefix("q=").or_else(|| parameters.strip_prefix("Q="))?;
    let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    if fraction.len() > 3 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let thousandths: u16 = format!("{fraction:0<3}").parse().ok()?;
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Lang, negotiate};

    /// Header, cookie, query, and the language expected.
    type Case = (Option<&'static str>, Option<&'static str>, Option<&'static str>, Lang);

    #[test]
    fn language_is_chosen_by_query_then_cookie_then_header() {
        use Lang::{En, Ru};
        let table: &[Case] = &[
            (None, None, None, Ru),
            (Some("en"), None, None, En),
            (Some("en-GB,en;q=0.9,ru;q=0.8"), None, None, En),
            (Some("de,ru;q=0.5,en;q=0.7"), None, None, En),
            (Some("de, fr;q=0.9"), None, None, Ru),
            (Some("en;q=0,ru;q=0.1"), None, None, Ru),
            (Some("EN-us ; q=0.300 , ru ; q=0.2"), None, None, En),
            (Some("en,ru"), None, None, En),
            (Some("ru;q=0.4,en;q=0.4"), None, None, Ru),
            (Some("en;q=0"), None, None, Ru),
            (Some("en;q=2,ru;q=0.2"), None, None, Ru),
            (Some("en;q=abc"), None, None, Ru),
            (Some("english"), None, None, Ru),
            (Some(";;;,,q=1,=\u{0}"), None, None, Ru),
            (Some("ru"), Some("lang=en"), None, En),
            (Some("ru"), Some("a=b; lang=en; c=d"), None, En),
            (Some("en"), Some("xlang=ru"), None, En),
            (Some("en"), Some("lang=ru"), Some("lang=en"), En),
            (Some("en"), Some("lang=en"), Some("q=x&lang=ru"), Ru),
            (Some("en"), Some("ru"), None, Ru),
            (None, Some("ru"), Some("en"), En),
            (Some("en"), None, Some("lang=xx"), En),
            (None, None, Some("lang=<script>"), Ru),
        ];
        for (header, cookie, query, expected) in table {
            let got = negotiate(*header, *cookie, *query);
            assert_eq!(got, *expected, "{header:?} {cookie:?} {query:?}");
        }
    }
}
