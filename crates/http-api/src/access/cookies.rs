//! The cookies of a session: their names, how they are set, and how they are found again.
//!
//! Where browsers come by TLS the names begin with `__Host-`, which no other host can set. Tokens
//! are kept from scripts; the token against forged requests is what a page reads.

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

/// What our cookies are called here.
#[derive(Debug, Clone, Default)]
pub struct CookieNames {
    access: String,
    refresh: String,
    csrf: String,
    brief: String,
    is_https: bool,
}

impl CookieNames {
    /// The names for a shop with or without TLS before it.
    pub fn new(is_https: bool) -> Self {
        let name = |word: &str| format!("{}seatgrid_{word}", if is_https { "__Host-" } else { "" });
        Self {
            access: name("access"),
            refresh: name("refresh"),
            csrf: name("csrf"),
            brief: name("social"),
            is_https,
        }
    }

    /// Of the access token.
    pub fn access(&self) -> &str {
        &self.access
    }

    /// Of the refresh token.
    pub fn refresh(&self) -> &str {
        &self.refresh
    }

    /// The `Set-Cookie` headers of a session: access token with its age, refresh token with its,
    /// and the token against forged requests. Seconds.
    pub fn set(
        &self,
        (access, access_s): (&str, u64),
        (refresh, refresh_s): (&str, u64),
        csrf: &str,
    ) -> [HeaderValue; 3] {
        [
            self.line(&self.access, access, access_s, true),
            self.line(&self.refresh, refresh, refresh_s, true),
            self.line(&self.csrf, csrf, refresh_s, false),
        ]
    }

    /// Of what a sign-in by a provider of identities must remember on its way.
    pub fn brief_name(&self) -> &str {
        &self.brief
    }

    /// The `Set-Cookie` header of it, hidden from scripts, for so many seconds; zero takes it away.
    pub fn brief(&self, value: &str, age_s: u64) -> HeaderValue {
        self.line(&self.brief, value, age_s, true)
    }

    /// The headers that take them away.
    pub fn clear(&self) -> [HeaderValue; 3] {
        self.set(("", 0), ("", 0), "")
    }

    fn line(&self, name: &str, value: &str, age_s: u64, is_hidden: bool) -> HeaderValue {
        let secure = if self.is_https { "; Secure" } else { "" };
        let hidden = if is_hidden { "; HttpOnly" } else { "" };
        let line = format!("{name}={value}; Path=/; Max-Age={age_s}; SameSite=Lax{secure}{hidden}");
        HeaderValue::from_str(&line).expect("names and base64 are visible ASCII")
    }
}

/// The value of a cookie; of two with one name the first.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(given, value)| (given == name && !value.is_empty()).then_some(value))
}
