//! Access tokens: who is signed in, said by a JSON Web Token that the office issues and that every
//! process with the key checks by itself, so that a signed-in person buys while PostgreSQL is away.
//!
//! HS256 only; the key is found by its id, so keys rotate by putting a new one first into the file.
//! A token lives some minutes: what must end at once (a revoked session in the cabinet) is asked
//! for in the database beside it. Tokens must never be logged.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, Mac};
use http::header::AUTHORIZATION;
use http::{HeaderMap, Method};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::time::now_ms;
use crate::token::{KEY_BYTES, KeyFileError, load_key_ring};
use crate::{Code, Problem, X_CSRF_TOKEN, to_hex};

pub use cookies::{CookieNames, cookie};

mod cookies;

/// How long an access token lives, seconds: long enough to buy, short enough that what it says
/// (a role, a session) is seldom out of date.
pub const ACCESS_TTL_S: u64 = 10 * 60;
/// Longest token looked at, in bytes; ours have some 400.
const TOKEN_BYTES_MAX: usize = 2_048;
/// Who issues them.
const ISSUER: &str = "seatgrid";
/// The only algorithm, so that no token chooses another.
const ALGORITHM: &str = "HS256";
/// Clocks of our machines may differ by so much, seconds.
const SKEW_S: u64 = 5;

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Buys.
    User,
    /// Looks at tickets at the door.
    Steward,
    /// Sells events.
    Organiser,
    /// Everything.
    Administrator,
}

impl Role {
    /// The word in documents and tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Steward => "steward",
            Self::Organiser => "organiser",
            Self::Administrator => "administrator",
        }
    }

    /// The role that a word means.
    pub fn parse(word: &str) -> Option<Self> {
        let all = [Self::User, Self::Steward, Self::Organiser, Self::Administrator];
        all.into_iter().find(|role| role.as_str() == word)
    }

    /// Whether calls of staff are theirs.
    pub const fn is_staff(self) -> bool {
        matches!(self, Self::Organiser | Self::Administrator)
    }
}

/// What a token says.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    iss: String,
    /// The account: opaque, also for the grid and its ledger.
    #[serde(rename = "sub")]
    pub account: Uuid,
    /// The session that it was issued for.
    #[serde(rename = "sid")]
    pub session: Uuid,
    /// What they may do.
    pub role: Role,
    /// When it was issued, seconds since 1970.
    pub iat: u64,
    /// When it ends, seconds since 1970.
    pub exp: u64,
    /// The person's sealing key, itself sealed under the shop's, base64: contacts of orders are
    /// sealed by it while PostgreSQL is away.
    #[serde(rename = "key")]
    pub sealing: String,
}

impl std::fmt::Debug for Claims {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Claims({} {})", self.account, self.role.as_str())
    }
}

impl Claims {
    /// Claims that begin now and last [`ACCESS_TTL_S`].
    pub fn now(account: Uuid, session: Uuid, role: Role, sealing: String) -> Self {
        let iat = now_ms() / 1_000;
        let iss = ISSUER.to_owned();
        Self { iss, account, session, role, iat, exp: iat + ACCESS_TTL_S, sealing }
    }
}

#[derive(Serialize, Deserialize)]
struct Head {
    alg: String,
    typ: String,
    kid: String,
}

/// Issues and checks access tokens; cheap to clone. Without a key nobody is signed in.
#[derive(Clone, Default)]
pub struct Access {
    keys: Vec<Key>,
    names: CookieNames,
}

#[derive(Clone)]
struct Key {
    id: String,
    mac: Hmac<Sha256>,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Access({} keys)", self.keys.len())
    }
}

impl Key {
    fn new(bytes: &[u8; KEY_BYTES]) -> Self {
        let digest = Sha256::digest([b"access key id:".as_slice(), bytes].concat());
        let id = to_hex(&digest[..4]);
        let mac = Hmac::new_from_slice(bytes).expect("HMAC takes keys of any length");
        Self { id, mac }
    }

    fn tag(&self, text: &str) -> [u8; 32] {
        let mut mac = self.mac.clone();
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

impl Access {
    /// From a file of keys, of which the first signs and all are believed. `is_https` says whether
    /// browsers reach the shop by TLS, which decides the names of cookies.
    ///
    /// # Errors
    /// As [`load_key_ring`].
    pub fn load(path: Option<&Path>, is_https: bool) -> Result<Self, KeyFileError> {
        let keys = path.map(load_key_ring).transpose()?.unwrap_or_default();
        Ok(Self::new(&keys, is_https))
    }

    /// From the keys themselves.
    pub fn new(keys: &[[u8; KEY_BYTES]], is_https: bool) -> Self {
        Self { keys: keys.iter().map(Key::new).collect(), names: CookieNames::new(is_https) }
    }

    /// Whether anybody can sign in.
    pub fn is_on(&self) -> bool {
        !self.keys.is_empty()
    }

    /// The names of our cookies.
    pub fn names(&self) -> &CookieNames {
        &self.names
    }

    /// The token that says so; `None` without a key.
    pub fn issue(&self, claims: &Claims) -> Option<String> {
        let key = self.keys.first()?;
        let head = Head { alg: ALGORITHM.to_owned(), typ: "JWT".to_owned(), kid: key.id.clone() };
        let signed = format!("{}.{}", encoded(&head)?, encoded(claims)?);
        let tag = BASE64.encode(key.tag(&signed));
        Some(format!("{signed}.{tag}"))
    }

    /// What a token says, if it is ours and has not ended by `now_s`.
    pub fn verify(&self, token: &str, now_s: u64) -> Option<Claims> {
        if token.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let (signed, tag) = token.rsplit_once('.')?;
        let (head, claims) = signed.split_once('.')?;
        let head: Head = decoded(head)?;
        let key = self.keys.iter().find(|key| key.id == head.kid)?;
        let tag = BASE64.decode(tag).ok()?;
        if head.alg != ALGORITHM || !bool::from(key.tag(signed).as_slice().ct_eq(&tag)) {
            return None;
        }
        let claims: Claims = decoded(claims)?;
        let is_live = claims.iss == ISSUER && now_s < claims.exp && claims.iat <= now_s + SKEW_S;
        is_live.then_some(claims)
    }

    /// What a browser must show beside the cookie of a session; nobody makes it without the key.
    pub fn csrf_token(&self, session: Uuid) -> String {
        let tag = self.keys.first().map(|key| key.tag(&format!("csrf:{session}")));
        BASE64.encode(&tag.unwrap_or_default()[..18])
    }

    /// Whether a request shows it. Tokens of older keys are believed as long as the keys are.
    pub fn shows_csrf(&self, session: Uuid, headers: &HeaderMap) -> bool {
        let shown = headers.get(X_CSRF_TOKEN).map(|value| value.as_bytes()).unwrap_or_default();
        self.keys.iter().any(|key| {
            let tag = BASE64.encode(&key.tag(&format!("csrf:{session}"))[..18]);
            bool::from(tag.as_bytes().ct_eq(shown))
        })
    }

    /// Who is signed in: by `Authorization: Bearer`, else by the cookie. Nobody is a guest.
    ///
    /// # Errors
    /// `unauthenticated` for a bearer's token that is not good (any more), and `csrf` for a change
    /// by cookie without the token that only our pages have. A cookie that has ended is none.
    pub fn signed_in(
        &self,
        method: &Method,
        headers: &HeaderMap,
    ) -> Result<Option<Claims>, Problem> {
        let now_s = now_ms() / 1_000;
        if let Some(token) = bearer(headers) {
            let claims = self.verify(token, now_s);
            return claims.map(Some).ok_or_else(|| Problem::new(Code::Unauthenticated));
        }
        let token = cookie(headers, self.names.access());
        let Some(claims) = token.and_then(|token| self.verify(token, now_s)) else {
            return Ok(None);
        };
        if method.is_safe() || self.shows_csrf(claims.session, headers) {
            Ok(Some(claims))
        } else {
            Err(Problem::new(Code::Csrf))
        }
    }
}

/// The token of `Authorization: Bearer <token>`; the scheme's capitals do not count.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn encoded(part: &impl Serialize) -> Option<String> {
    serde_json::to_vec(part).ok().map(|json| BASE64.encode(json))
}

fn decoded<T: for<'a> Deserialize<'a>>(part: &str) -> Option<T> {
    serde_json::from_slice(&BASE64.decode(part).ok()?).ok()
}

#[cfg(test)]
mod tests;
