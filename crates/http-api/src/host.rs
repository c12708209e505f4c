//! The `Host` of a request, as RFC 9112 (3.2) wants it: one and readable, or the request is refused. The
//! first thing that is looked at, before any route; nothing here decides by what the host is.

use axum::response::{IntoResponse, Response};
use http::header::HOST;
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Request, Version};

use crate::{Carried, Problem};

/// The refusal of a request whose host is not to be told; `None` for all others.
pub(crate) async fn refused<B>(request: &Request<B>) -> Option<Response> {
    let detail = fault(request.version(), request.headers())?;
    let problem = Problem::invalid_header("Host", detail);
    let carried = Carried::of(request.headers());
    let answer = async { problem.into_response() };
    Some(carried.answered(request.uri().path(), answer).await)
}

fn fault(version: Version, headers: &HeaderMap) -> Option<&'static str> {
    let mut lines = headers.get_all(HOST).iter();
    match (lines.next(), lines.next()) {
        (None, _) if version == Version::HTTP_11 => Some("HTTP/1.1 asks for it"),
        (None, _) => None,
        (Some(_), Some(_)) => Some("Must be one line"),
        (Some(line), None) => (!is_host(line)).then_some("Must be a host and perhaps a port"),
    }
}

/// Empty is for addresses that have no host, and allowed.
fn is_host(line: &HeaderValue) -> bool {
    let plain = |host: Authority| !host.as_str().contains('@');
    // Nearly all of them; reading one as an address costs an allocation.
    line.is_empty()
        || is_name(line.as_bytes())
        || Authority::try_from(line.as_bytes()).is_ok_and(plain)
}

/// A name or an IPv4 address, perhaps with a port.
fn is_name(line: &[u8]) -> bool {
    let mut parts = line.split(|byte| *byte == b':');
    let name = parts.next().unwrap_or_default();
    let port = parts.next().unwrap_or_default();
    let letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    !name.is_empty()
        && name.iter().all(letter)
        && port.iter().all(u8::is_ascii_digit)
        && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_readable_host_is_wanted() {
        let is_refused = |version: Version, lines: &[&'static str]| {
            let line = |text: &&'static str| (HOST, HeaderValue::from_static(text));
            let mut headers = HeaderMap::new();
            for (name, value) in lines.iter().map(line) {
                headers.append(name, value);
            }
            fault(version, &headers).is_some()
        };
        for good in ["shop.example", "shop.example:8080", "127.0.0.1:1", "[::1]:8080", "a_b", ""] {
            assert!(!is_refused(Version::HTTP_11, &[good]), "{good}");
        }
        for bad in ["a b", "a/b", "me@shop.example", "a:b:c", "a:1:2", ":1:", "?"] {
            assert!(is_refused(Version::HTTP_11, &[bad]), "{bad}");
        }
        assert!(is_refused(Version::HTTP_11, &[]));
        assert!(!is_refused(Version::HTTP_10, &[]));
        assert!(is_refused(Version::HTTP_10, &["a", "b"]));
        assert!(is_refused(Version::HTTP_11, &["a", "a"]));
    }
}
