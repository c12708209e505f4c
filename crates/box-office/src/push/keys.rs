//! The key by which push services know the shop (VAPID, RFC 8292): a P-256 key that signs a token for
//! each service. Its public half is what browsers subscribe with.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::json;

/// How long a token works, seconds; RFC 8292 allows a day.
const TOKEN_TTL_S: u64 = 12 * 3_600;
/// First and last line of the file.
const ARMOUR: [&str; 2] = ["-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----"];
/// Characters of base64 in one line.
const LINE_CHARS: usize = 64;

/// Why push cannot work.
#[derive(Debug, thiserror::Error)]
pub enum PushKeyError {
    /// The key's file cannot be read.
    #[error("push key file {path}: {detail}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong; never the key.
        detail: String,
    },
    /// No client can be made.
    #[error("push: {0}")]
    Client(#[source] reqwest::Error),
}

/// The shop's key.
pub struct PushKey(EcdsaKeyPair);

impl std::fmt::Debug for PushKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PushKey(********)")
    }
}

/// A new key as its file holds it: PKCS#8 in PEM, as `openssl genpkey` makes it, too. `None` when the
/// system has no randomness to give.
pub fn new_key() -> Option<Vec<u8>> {
    let random = SystemRandom::new();
    let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).ok()?;
    let base64 = STANDARD.encode(key.as_ref());
    let mut lines = vec![ARMOUR[0]];
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(LINE_CHARS));
        lines.push(line);
        rest = after;
    }
    lines.push(ARMOUR[1]);
    Some((lines.join("\n") + "\n").into_bytes())
}

impl PushKey {
    /// Reads a key from its file.
    ///
    /// # Errors
    /// [`PushKeyError::File`] when it is no P-256 key in PKCS#8 and PEM.
    pub fn load(path: &Path) -> Result<Self, PushKeyError> {
        let failed =
            |detail: &str| PushKeyError::File { path: path.to_owned(), detail: detail.to_owned() };
        let text = std::fs::read_to_string(path).map_err(|error| failed(&error.to_string()))?;
        Self::parse(&text).ok_or_else(|| failed("must hold a P-256 key, PKCS#8 in PEM"))
    }

    fn parse(pem: &str) -> Option<Self> {
        let body = pem.trim().strip_prefix(ARMOUR[0])?.strip_suffix(ARMOUR[1])?;
        let base64: String = body.split_ascii_whitespace().collect();
        let der = STANDARD.decode(base64).ok()?;
        let random = SystemRandom::new();
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der, &random).ok().map(Self)
    }

    /// What browsers subscribe with: the point, uncompressed, in base64url.
    pub fn public(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.public_key())
    }

    /// The `Authorization` for calls to `origin`.
    pub(super) fn token(
        &self,
        origin: &str,
        subject: &str,
        now_s: u64,
    ) -> Result<String, ring::error::Unspecified> {
        let part = |json: serde_json::Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let head = part(json!({"typ": "JWT", "alg": "ES256"}));
        let claims = part(json!({"aud": origin, "exp": now_s + TOKEN_TTL_S, "sub": subject}));
        let signed = format!("{head}.{claims}");
        let signature = self.0.sign(&SystemRandom::new(), signed.as_bytes())?;
        let signature = URL_SAFE_NO_PAD.encode(signature);
        Ok(format!("vapid t={signed}.{signature}, k={}", self.public()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    #[test]
    fn a_token_is_signed_for_its_service_and_for_half_a_day() {
        let pem = String::from_utf8(new_key().expect("random")).expect("text");
        let key = PushKey::parse(&pem).expect("its own form");
        let token = key.token("https://push.example", "mailto:a@b.org", 1_000).expect("signed");
        let (token, public) = token.strip_prefix("vapid t=").unwrap().split_once(", k=").unwrap();
        assert_eq!(public, key.public());
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let claims = signed.split_once('.').unwrap().1;
        let claims = URL_SAFE_NO_PAD.decode(claims).unwrap();
        let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
        let expected =
            json!({"aud": "https://push.example", "exp": 44_200, "sub": "mailto:a@b.org"});
        assert_eq!(claims, expected);
        let point = URL_SAFE_NO_PAD.decode(public).unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let verifies = |text: &str| {
            let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &point);
            key.verify(text.as_bytes(), &signature).is_ok()
        };
        assert!(verifies(signed) && !verifies(&format!("{signed}x")));
    }

    #[test]
    fn keys_of_other_forms_are_refused() {
        let pem = String::from_utf8(new_key().expect("random")).expect("text");
        for wrong in ["", "x", &pem[..pem.len() / 2], &pem.replace("PRIVATE", "PUBLIC")] {
            assert!(PushKey::parse(wrong).is_none(), "{wrong}");
        }
    }
}
