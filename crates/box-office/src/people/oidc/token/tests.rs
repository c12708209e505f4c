//! Tokens of a provider of our own, good and bad in each way.

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
        assert_eq!(verify(&token, &ours.keys(), EXPECTED), Err(TokenError::UnknownKey), "{alg}");
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
