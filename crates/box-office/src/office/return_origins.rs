//! Where a gateway may send a shopper back to: this shop, and what the configuration names. Any other
//! address would make our checkout a way to lead people elsewhere (ASVS 3.7.2, 5.1.5).
//!
//! The shop itself is the host under which the request came, as the router says. On one's own machine,
//! where browsers come without TLS, any address may be returned to: there is nobody to be led elsewhere, and
//! whoever tries the calls out names what they have.

use axum::http::Uri;
use axum::http::uri::Authority;

/// Longest address to return to, in bytes.
const RETURN_URL_BYTES_MAX: usize = 2_048;

/// Scheme, host and port of an address, as browsers compare them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    is_https: bool,
    host: String,
    port: u16,
}

/// The rule.
#[derive(Debug, Clone)]
pub(super) struct ReturnOrigins {
    named: Vec<Origin>,
    is_https: bool,
}

impl Origin {
    /// Reads `https://shop.example` or `http://shop.example:8080`; `None` for anything else.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let is_bare = uri.path() == "/" && uri.query().is_none() && !text.ends_with('/');
        Self::of(&uri).filter(|_| is_bare)
    }

    fn of(uri: &Uri) -> Option<Self> {
        let is_https = match uri.scheme_str()? {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        Self::at(is_https, uri.authority()?)
    }

    fn at(is_https: bool, authority: &Authority) -> Option<Self> {
        // `user@host` shows one name and leads to another.
        let plain = !authority.as_str().contains('@') && !authority.host().is_empty();
        let port = authority.port_u16().unwrap_or(if is_https { 443 } else { 80 });
        plain.then(|| Self { is_https, host: authority.host().to_ascii_lowercase(), port })
    }
}

impl ReturnOrigins {
    /// With further origins beside the shop's own; those that are none were refused before.
    pub(super) fn new(named: &[String], is_https: bool) -> Self {
        Self { named: named.iter().filter_map(|text| Origin::read(text)).collect(), is_https }
    }

    /// Whether an address may be returned to, by a request that came to a host.
    pub(super) fn allow(&self, address: &str, own: Option<&Authority>) -> bool {
        let sized = address.len() <= RETURN_URL_BYTES_MAX;
        let Some(origin) = address.parse().ok().and_then(|uri| Origin::of(&uri)) else {
            return false;
        };
        let is_own = own.and_then(|own| Origin::at(origin.is_https, own)).as_ref() == Some(&origin);
        let is_shop = is_own && origin.is_https >= self.is_https;
        let is_trial = !self.is_https;
        sized && (is_shop || is_trial || self.named.contains(&origin))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(rule: &ReturnOrigins, own: &str, address: &str) -> bool {
        let own: Option<Authority> = own.parse().ok();
        rule.allow(address, own.as_ref())
    }

    #[test]
    fn one_returns_to_the_shop_and_to_what_is_named() {
        let named = ["https://app.example".to_owned(), "http://kiosk.example:81".to_owned()];
        let rule = ReturnOrigins::new(&named, true);
        for good in [
            "https://tickets.example/orders/o1-2?x=1#y",
            "https://TICKETS.example:443/",
            "https://app.example/done",
            "http://kiosk.example:81/",
        ] {
            assert!(allowed(&rule, "tickets.example", good), "{good}");
        }
        for bad in [
            "https://evil.example/x",
            "http://tickets.example/orders/o1-2",
            "https://tickets.example:8443/",
            "https://tickets.example.evil.example/",
            "https://tickets.example@evil.example/",
            "https://me@tickets.example/",
            "http://kiosk.example/",
            "http://127.0.0.1/return",
            "//tickets.example/",
            "/orders/o1-2",
            "javascript:alert(1)",
            "data:text/html,x",
            "ftp://app.example/",
            "https://",
            "https://tickets.example\\@evil.example/",
            "",
        ] {
            assert!(!allowed(&rule, "tickets.example", bad), "{bad}");
        }
        let long = format!("https://tickets.example/{}", "x".repeat(3_000));
        assert!(!allowed(&rule, "tickets.example", &long));
        assert!(!rule.allow("https://tickets.example/", None), "nobody said where it came");
    }

    #[test]
    fn without_tls_scripts_return_anywhere() {
        let rule = ReturnOrigins::new(&[], false);
        for good in [
            "http://127.0.0.1/return",
            "http://127.9.9.9:99/",
            "http://localhost:8080",
            "https://[::1]:8080/a",
            "https://app.example/done",
            "http://app.example/done",
            "http://lan.example:8080/orders/1",
        ] {
            assert!(allowed(&rule, "lan.example:8080", good), "{good}");
        }
        for bad in [
            "ftp://app.example/",
            "//app.example/",
            "https://me@app.example/",
            "javascript:alert(1)",
        ] {
            assert!(!allowed(&rule, "lan.example:8080", bad), "{bad}");
        }
    }

    #[test]
    fn what_is_named_must_be_an_origin() {
        for good in ["https://shop.example", "http://10.0.0.1:8080"] {
            assert!(Origin::read(good).is_some(), "{good}");
        }
        for bad in ["shop.example", "https://shop.example/", "https://shop.example/a", "*", ""] {
            assert!(Origin::read(bad).is_none(), "{bad}");
        }
    }
}
