//! What a client wants to read, as `Accept` weighs it (RFC 9110, 12.5.1). Ours is one choice: JSON, or the
//! bitmap for who names it. Whoever accepts neither gets JSON, as the standard allows.

use http::HeaderMap;
use http::header::ACCEPT;

/// Whether the other form is wanted rather than JSON: it is named, and weighs as much or more.
pub(super) fn prefers(headers: &HeaderMap, other: &str) -> bool {
    let (mut named, mut json) = (Best::default(), Best::default());
    let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    for range in values.flat_map(|value| value.split(',')).map(Range::read) {
        named.take(&range, other);
        json.take(&range, "application/json");
    }
    named.closeness == NAMED && named.weight > 0 && named.weight >= json.weight
}

/// How closely a range means a type that it names.
const NAMED: u8 = 3;

/// The closest range to a media type so far, and of equals the heaviest.
#[derive(Default, PartialEq, Eq, PartialOrd, Ord, Clone, Copy)]
struct Best {
    closeness: u8,
    weight: u32,
}

impl Best {
    fn take(&mut self, range: &Range<'_>, wanted: &str) {
        let closeness = range.closeness(wanted);
        if closeness > 0 {
            *self = (*self).max(Self { closeness, weight: range.weight });
        }
    }
}

/// One range of media types.
struct Range<'a> {
    kind: &'a str,
    /// In thousandths.
    weight: u32,
}

impl<'a> Range<'a> {
    fn read(text: &'a str) -> Self {
        let (kind, parameters) = text.split_once(';').unwrap_or((text, ""));
        let mut weights = parameters.split(';').filter_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.trim().eq_ignore_ascii_case("q").then(|| thousandths(value.trim()))?
        });
        Self { kind: kind.trim(), weight: weights.next_back().unwrap_or(1_000) }
    }

    /// How closely it means a media type, from 1; 0 when it does not.
    fn closeness(&self, wanted: &str) -> u8 {
        let class = wanted.split('/').next().unwrap_or_default();
        let any = self.kind.strip_suffix("/*");
        if self.kind.eq_ignore_ascii_case(wanted) {
            NAMED
        } else if any.is_some_and(|any| any.eq_ignore_ascii_case(class)) {
            2
        } else {
            u8::from(any == Some("*"))
        }
    }
}

/// `0`, `1`, or a fraction with up to three digits; `None` for anything else.
fn thousandths(text: &str) -> Option<u32> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(3);
    let part = digits.fold(0, |part, digit| part * 10 + u32::from(digit - b'0'));
    let weight = match whole {
        "0" => part,
        "1" => 1_000 + part,
        _ => return None,
    };
    (weight <= 1_000).then_some(weight)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn weights_decide_and_json_is_the_default() {
        const BITMAP: &str = "application/vnd.seatgrid.bitmap";
        for (accept, bitmap) in [
            ("application/vnd.seatgrid.bitmap", true),
            ("Application/vnd.SeatGrid.bitmap", true),
            ("application/vnd.seatgrid.bitmap;q=0.1, application/json", false),
            ("application/json, application/vnd.seatgrid.bitmap; Q=0.999", false),
            ("application/json;q=0.5,application/vnd.seatgrid.bitmap;q=0.9", true),
            ("application/vnd.seatgrid.bitmap, application/json", true),
            ("application/vnd.seatgrid.bitmap, */*;q=0.8", true),
            ("application/vnd.seatgrid.bitmap;q=0.5, */*", false),
            ("application/vnd.seatgrid.bitmap;q=0", false),
            ("application/json;q=0, application/*", false),
            ("application/json;q=0.9, */*", false),
            ("application/vnd.seatgrid.bitmap;v=1;q=0.2, application/*;q=0.1", true),
            ("application/vnd.seatgrid.bitmap2", false),
            ("*/*", false),
            ("text/html", false),
            ("", false),
        ] {
            let value = HeaderValue::from_static(accept);
            let headers = HeaderMap::from_iter([(ACCEPT, value)]);
            assert_eq!(prefers(&headers, BITMAP), bitmap, "{accept}");
        }
        assert!(!prefers(&HeaderMap::new(), BITMAP));
        for (text, weight) in [("0", Some(0)), ("1.000", Some(1_000)), ("0.05", Some(50))] {
            assert_eq!(thousandths(text), weight, "{text}");
        }
        for text in ["", "2", "1.001", "0.1234", "-1", "0.x", ".5"] {
            assert_eq!(thousandths(text), None, "{text}");
        }
    }
}
