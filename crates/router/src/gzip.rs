//! Compressed answers for what browsers load whole: files, pages, plans. Why these and no others is
//! in docs/decisions; nothing that a rush asks for may ever come here.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::LazyLock;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::ACCEPT_ENCODING;
use http::{HeaderMap, HeaderValue};
use parking_lot::Mutex;
use storefront::Asset;

/// How hard files and plans are compressed: once each, so that size counts.
pub(crate) const SMALLEST: Compression = Compression::best();
/// How hard a page is: at every request, so that time counts. 20 KB take some 0.1 ms.
pub(crate) const QUICKEST: Compression = Compression::fast();

/// Files of this build in their compressed form; each is made at its first request.
static FILES: LazyLock<Mutex<HashMap<&'static str, Bytes>>> = LazyLock::new(Mutex::default);

/// Whether the client takes gzip.
pub(crate) fn is_accepted(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let is_named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        // A quality of zero, in any of its spellings, means: not this one.
        is_named && !parts.any(|part| part.starts_with("q=0") && !part.contains(NOT_ZERO))
    })
}

/// Digits that make a quality more than zero.
const NOT_ZERO: [char; 9] = ['1', '2', '3', '4', '5', '6', '7', '8', '9'];

/// The bytes in gzip.
pub(crate) fn packed(bytes: &[u8], level: Compression) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 3), level);
    let written = encoder.write_all(bytes).and_then(|()| encoder.finish());
    written.expect("writing into memory does not fail").into()
}

/// A file's compressed form.
pub(crate) fn file(asset: &Asset) -> Bytes {
    if let Some(known) = FILES.lock().get(asset.name) {
        return known.clone();
    }
    let made = packed(asset.bytes, SMALLEST);
    FILES.lock().insert(asset.name, made.clone());
    made
}

/// The tag of the compressed form: other bytes, another strong tag.
pub(crate) fn tag(plain: &HeaderValue) -> HeaderValue {
    let text = plain.to_str().unwrap_or_default().trim_matches('"');
    crate::etag::tag(&format!("{text}-gz"))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn clients_say_whether_they_take_it() {
        let table = [
            ("gzip", true),
            ("gzip, deflate, br, zstd", true),
            ("br;q=1.0, GZIP;q=0.5", true),
            ("gzip;q=0.001", true),
            ("gzip;q=0", false),
            ("gzip; q=0.000", false),
            ("br", false),
            ("x-gzip-like", false),
            ("", false),
        ];
        for (given, expected) in table {
            let value = HeaderValue::from_str(given).expect("a header");
            let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, value)]);
            assert_eq!(is_accepted(&headers), expected, "{given}");
        }
        assert!(!is_accepted(&HeaderMap::new()));
    }

    #[test]
    fn what_is_packed_comes_back_and_has_a_tag_of_its_own() {
        let text = "seats ".repeat(500);
        for level in [SMALLEST, QUICKEST] {
            let packed = packed(text.as_bytes(), level);
            assert!(packed.len() * 10 < text.len());
            let mut back = String::new();
            flate2::read::GzDecoder::new(&*packed).read_to_string(&mut back).expect("gzip");
            assert_eq!(back, text);
        }
        assert_eq!(tag(&HeaderValue::from_static("\"17\"")), "\"17-gz\"");
    }
}
