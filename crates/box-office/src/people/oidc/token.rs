//! ID tokens of OpenID providers: their signature under the provider's published keys, and whether
//! they were made for us, for this sign-in, and now. Pure.
//!
//! RS256 and ES256 only, found by the key's own kind, so that no token chooses how it is checked.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;
use serde_json::Value;

/// Longest token looked at, in bytes; real ones have some 1,000.
const TOKEN_BYTES_MAX: usize = 16 * 1_024;
/// Keys of one provider; real ones have two or three.
const KEYS_MAX: usize = 32;
/// Clocks of ours and the provider's may differ by so much, seconds.
const SKEW_S: u64 = 60;
/// A token older than this was not made for a sign-in that happens now, seconds.
const AGE_S_MAX: u64 = 10 * 60;
/// Longest subject, in bytes (the standard's own limit).
const SUBJECT_BYTES_MAX: usize = 255;

/// Why a token does not count. Never shown to the person beyond "it failed".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenError {
    #[error("the token is malformed")]
    Malformed,
    #[error("the token's key is not among the provider's")]
    UnknownKey,
    #[error("the token's signature is wrong")]
    Signature,
    #[error("the token is another issuer's")]
    Issuer,
    #[error("the token is for somebody else")]
    Audience,
    #[error("the token is of another sign-in")]
    Nonce,
    #[error("the token is not of now")]
    Time,
}

/// A provider's published keys, those that can be used.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keys(Vec<Key>);

#[derive(Debug, Clone)]
struct Key {
    id: Option<String>,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// An uncompressed point of P-256.
    P256(Vec<u8>),
}

#[derive(Deserialize)]
struct WireKeys {
    keys: Vec<WireKey>,
}

#[derive(Deserialize)]
struct WireKey {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Keys {
    /// Reads a key set; keys of other kinds or uses are left out.
    pub(crate) fn parse(body: &[u8]) -> Option<Self> {
        let wire: WireKeys = serde_json::from_slice(body).ok()?;
        let keys = wire.keys.into_iter().take(KEYS_MAX).filter_map(Key::read);
        Some(Self(keys.collect()))
    }

    /// Whether a token's key is here; one without an id needs that there is only one key.
    pub(crate) fn has_key_of(&self, token: &str) -> bool {
        header(token).is_some_and(|header| self.find(&header).is_some())
    }

    fn find(&self, header: &Header) -> Option<&Key> {
        let fits = |key: &&Key| key.kind.algorithm() == header.alg;
        match &header.kid {
            Some(id) => self.0.iter().filter(fits).find(|key| key.id.as_ref() == Some(id)),
            None => match self.0.as_slice() {
                [only] => Some(only).filter(fits),
                _ => None,
            },
        }
    }
}

impl Key {
    fn read(wire: WireKey) -> Option<Self> {
        let part = |text: Option<String>| BASE64.decode(text?).ok();
        if wire.usage.is_some_and(|usage| usage != "sig") {
            return None;
        }
        let kind = match (wire.kty.as_str(), wire.crv.as_deref()) {
            ("RSA", _) => Kind::Rsa { n: part(wire.n)?, e: part(wire.e)? },
            ("EC", Some("P-256")) => {
                let (x, y) = (part(wire.x)?, part(wire.y)?);
                let whole = x.len() == 32 && y.len() == 32;
                Kind::P256(whole.then(|| [&[4][..], &x, &y].concat())?)
            }
            _ => return None,
        };
        let stated = wire.alg.is_none_or(|alg| alg == kind.algorithm());
        stated.then_some(Self { id: wire.kid, kind })
    }
}

impl Kind {
    fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa { .. } => "RS256",
            Self::P256(_) => "ES256",
        }
    }

    fn verifies(&self, signed: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Rsa { n, e } => RsaPublicKeyComponents { n, e }
                .verify(&RSA_PKCS1_2048_8192_SHA256, signed, signature)
                .is_ok(),
            Self::P256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                .verify(signed, signature)
                .is_ok(),
        }
    }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Value,
    azp: Option<String>,
    exp: u64,
    iat: u64,
    nonce: Option<String>,
    email: Option<String>,
    email_verified: Option<Value>,
}

/// What a token must be for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected<'a> {
    /// The provider, as configured.
    pub(crate) issuer: &'a str,
    /// Our id there.
    pub(crate) client_id: &'a str,
    /// What this sign-in sent.
    pub(crate) nonce: &'a str,
    /// Seconds since 1970.
    pub(crate) now_s: u64,
}

/// Who signed in, as the provider says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The provider's name of the person; never changes and means nothing elsewhere.
    pub(crate) subject: String,
    /// The address, only where the provider says that it has verified it.
    pub(crate) verified_email: Option<String>,
}

/// Checks a token and reads who it is about.
pub(crate) fn verify(
    token: &str,
    keys: &Keys,
    expected: Expected<'_>,
) -> Result<Identity, TokenError> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(TokenError::Malformed);
    }
    let header = header(token).ok_or(TokenError::Malformed)?;
    let key = keys.find(&header).ok_or(TokenError::UnknownKey)?;
    let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
    let signature = BASE64.decode(signature).map_err(|_| TokenError::Malformed)?;
    if !key.kind.verifies(signed.as_bytes(), &signature) {
        return Err(TokenError::Signature);
    }
    let claims = signed.split_once('.').and_then(|(_, claims)| decoded::<Claims>(claims));
    read(claims.ok_or(TokenError::Malformed)?, expected)
}

fn read(claims: Claims, expected: Expected<'_>) -> Result<Identity, TokenError> {
    if claims.iss != expected.issuer {
        return Err(TokenError::Issuer);
    }
    if !is_for(&claims, expected.client_id) {
        return Err(TokenError::Audience);
    }
    if claims.nonce.as_deref() != Some(expected.nonce) {
        return Err(TokenError::Nonce);
    }
    let now_s = expected.now_s;
    let is_over = claims.exp.saturating_add(SKEW_S) <= now_s;
    let is_old = claims.iat.saturating_add(AGE_S_MAX) < now_s;
    if is_over || is_old || claims.iat > now_s + SKEW_S {
        return Err(TokenError::Time);
    }
    if claims.sub.is_empty() || claims.sub.len() > SUBJECT_BYTES_MAX {
        return Err(TokenError::Malformed);
    }
    // Some providers write the word instead of the value.
    let is_verified = match claims.email_verified {
        Some(Value::Bool(verified)) => verified,
        Some(Value::String(word)) => word == "true",
        _ => false,
    };
    let verified_email = claims.email.filter(|_| is_verified);
    Ok(Identity { subject: claims.sub, verified_email })
}

/// For us alone, or for several of whom we are the one that asked.
fn is_for(claims: &Claims, client_id: &str) -> bool {
    let asked = claims.azp.as_deref().is_none_or(|azp| azp == client_id);
    match &claims.aud {
        Value::String(one) => one == client_id && asked,
        Value::Array(all) => {
            let ours = all.iter().any(|one| one == client_id);
            ours && asked && (all.len() == 1 || claims.azp.is_some())
        }
        _ => false,
    }
}

fn header(token: &str) -> Option<Header> {
    decoded(token.split_once('.')?.0)
}

fn decoded<T: serde::de::DeserializeOwned>(part: &str) -> Option<T> {
    serde_json::from_slice(&BASE64.decode(part).ok()?).ok()
}

#[cfg(test)]
mod tests;
