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
mod tests {
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
    use serde_json::json;

    use super::*;

    const NOW_S: u64 = 1_800_000_000;
    const EXPECTED: Expected<'static> =
        Expected { issuer: "https://id.example", client_id: "shop", nonce: "n-1", now_s: NOW_S };

    struct Provider {
        pair: EcdsaKeyPair,
        id: &'static str,
    }

    impl Provider {
        fn new(id: &'static str) -> Self {
            let random = SystemRandom::new();
            let document =
                EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
            let alg = &ECDSA_P256_SHA256_FIXED_SIGNING;
            let pair = EcdsaKeyPair::from_pkcs8(alg, document.as_ref(), &random).unwrap();
            Self { pair, id }
        }

        fn keys(&self) -> Keys {
            let point = self.pair.public_key().as_ref();
            let key = json!({
                "kty": "EC", "crv": "P-256", "kid": self.id, "use": "sig", "alg": "ES256",
                "x": BASE64.encode(&point[1..33]), "y": BASE64.encode(&point[33..]),
            });
            Keys::parse(json!({ "keys": [key] }).to_string().as_bytes()).unwrap()
        }

        fn token(&self, header: Value, claims: &Value) -> String {
            let part = |value: &Value| BASE64.encode(value.to_string());
            let signed = format!("{}.{}", part(&header), part(claims));
            let signature = self.pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
            format!("{signed}.{}", BASE64.encode(signature.as_ref()))
        }

        fn says(&self, claims: &Value) -> Result<Identity, TokenError> {
            let token = self.token(json!({ "alg": "ES256", "kid": self.id }), claims);
            verify(&token, &self.keys(), EXPECTED)
        }
    }

    fn good() -> Value {
        json!({
            "iss": "https://id.example", "sub": "anna-7", "aud": "shop", "exp": NOW_S + 300,
            "iat": NOW_S - 1, "nonce": "n-1", "email": "anna@example.org", "email_verified": true,
        })
    }

    fn with(field: &str, value: Value) -> Value {
        let mut claims = good();
        claims[field] = value;
        claims
    }

    #[test]
    fn a_good_token_names_the_person() {
        let provider = Provider::new("k1");
        let identity = provider.says(&good()).unwrap();
        assert_eq!(identity.subject, "anna-7");
        assert_eq!(identity.verified_email.as_deref(), Some("anna@example.org"));
        let several = json!(["other", "shop"]);
        let mut shared = with("aud", several);
        shared["azp"] = json!("shop");
        assert!(provider.says(&shared).is_ok());
    }

    #[test]
    fn an_address_counts_only_where_it_was_verified() {
        let provider = Provider::new("k1");
        for (value, counts) in [
            (json!(true), true),
            (json!("true"), true),
            (json!(false), false),
            (json!("yes"), false),
            (json!(1), false),
            (Value::Null, false),
        ] {
            let identity = provider.says(&with("email_verified", value.clone())).unwrap();
            assert_eq!(identity.verified_email.is_some(), counts, "{value}");
        }
    }

    #[test]
    fn claims_of_somebody_else_or_another_time_do_not_count() {
        let provider = Provider::new("k1");
        for (field, value, error) in [
            ("iss", json!("https://id.example/"), TokenError::Issuer),
            ("aud", json!("other"), TokenError::Audience),
            ("aud", json!(["shop", "other"]), TokenError::Audience),
            ("aud", json!([]), TokenError::Audience),
            ("azp", json!("other"), TokenError::Audience),
            ("nonce", json!("n-2"), TokenError::Nonce),
            ("nonce", Value::Null, TokenError::Nonce),
            ("exp", json!(NOW_S - 61), TokenError::Time),
            ("iat", json!(NOW_S - 601), TokenError::Time),
            ("iat", json!(NOW_S + 61), TokenError::Time),
            ("sub", json!(""), TokenError::Malformed),
            ("sub", json!("x".repeat(256)), TokenError::Malformed),
        ] {
            assert_eq!(provider.says(&with(field, value.clone())), Err(error), "{field} {value}");
        }
    }

    #[test]
    fn no_other_signature_and_no_other_algorithm_counts() {
        let (ours, stranger) = (Provider::new("k1"), Provider::new("k1"));
        let head = json!({ "alg": "ES256", "kid": "k1" });
        let forged = stranger.token(head.clone(), &good());
        assert_eq!(verify(&forged, &ours.keys(), EXPECTED), Err(TokenError::Signature));
        for alg in ["none", "HS256", "RS256", "ES384"] {
            let token = ours.token(json!({ "alg": alg, "kid": "k1" }), &good());
            assert_eq!(
                verify(&token, &ours.keys(), EXPECTED),
                Err(TokenError::UnknownKey),
                "{alg}"
            );
        }
        let other = ours.token(json!({ "alg": "ES256", "kid": "k2" }), &good());
        assert_eq!(verify(&other, &ours.keys(), EXPECTED), Err(TokenError::UnknownKey));
        let nameless = ours.token(json!({ "alg": "ES256" }), &good());
        assert!(verify(&nameless, &ours.keys(), EXPECTED).is_ok(), "there is only one key");
        let token = ours.token(head, &good());
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let other_claims = BASE64.encode(with("sub", json!("eve")).to_string());
        let swapped = format!("{}.{other_claims}.{signature}", signed.split_once('.').unwrap().0);
        assert_eq!(verify(&swapped, &ours.keys(), EXPECTED), Err(TokenError::Signature));
        for broken in ["", ".", "..", "a.b.c", signed] {
            assert!(verify(broken, &ours.keys(), EXPECTED).is_err(), "{broken}");
        }
    }

    /// The example of RFC 7515, appendix A.2: an RSA signature that others have made.
    #[test]
    fn rsa_signatures_are_those_of_the_standard() {
        let n = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJ\
                 PMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0\
                 LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uD\
                 Zlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2\
                 PAcDTW9gb54h4FRWyuXpoQ";
        let key = json!({ "kty": "RSA", "n": n, "e": "AQAB" });
        let keys = Keys::parse(json!({ "keys": [key] }).to_string().as_bytes()).unwrap();
        let signed = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6\
                      Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let signature = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh\
                         -0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgr\
                         nbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi\
                         12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9F\
                         s98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
        let signature_bytes = BASE64.decode(signature).unwrap();
        assert!(keys.0[0].kind.verifies(signed.as_bytes(), &signature_bytes));
        assert!(!keys.0[0].kind.verifies(b"something else", &signature_bytes));
        assert!(keys.has_key_of(&format!("{signed}.{signature}")));
    }
}
