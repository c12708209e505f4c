//! Ed25519 signatures over chain heads and archive files. A chain shows that records fit each other;
//! a signature made elsewhere in time shows that they are the records of then. The signed bytes are
//! written by hand and carry a tag; they must never change.

use http_api::to_hex;
use std::path::Path;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use crate::chain::Hash;
use crate::verify::Place;

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file is not readable.
    #[error("cannot read the key {file}: {source}")]
    Read {
        /// The file.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// The text is no key.
    #[error("a key is 64 hexadecimal digits on the first line of its file")]
    Form,
}

/// Signs heads and files.
#[derive(Clone)]
pub struct HeadSigner {
    key: SigningKey,
}

/// Checks what a [`HeadSigner`] made.
#[derive(Debug, Clone)]
pub struct HeadVerifier {
    key: VerifyingKey,
}

impl HeadSigner {
    /// From a file with the 32 secret bytes in hexadecimal on its first line.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn from_file(path: &Path) -> Result<Self, KeyError> {
        Ok(Self::from_secret(&first_line_bytes(path)?))
    }

    /// From the secret bytes.
    pub fn from_secret(secret: &[u8; 32]) -> Self {
        Self { key: SigningKey::from_bytes(secret) }
    }

    /// The public half.
    pub fn verifier(&self) -> HeadVerifier {
        HeadVerifier { key: self.key.verifying_key() }
    }

    /// Over a head and the record that it is the hash of.
    pub fn sign_head(&self, place: Place, head: &Hash, signed_at_ms: u64) -> [u8; 64] {
        self.key.sign(&head_form(place, head, signed_at_ms)).to_bytes()
    }

    /// Over the SHA-256 of an archive file's lines.
    pub fn sign_file(&self, sha256: &Hash) -> [u8; 64] {
        self.key.sign(&file_form(sha256)).to_bytes()
    }
}

impl HeadVerifier {
    /// From 64 hexadecimal digits.
    ///
    /// # Errors
    /// When they are no key.
    pub fn from_hex(text: &str) -> Result<Self, KeyError> {
        let bytes = bytes32(text.trim()).ok_or(KeyError::Form)?;
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| KeyError::Form)?;
        Ok(Self { key })
    }

    /// The public key in hexadecimal, to be kept apart from the database.
    pub fn public_hex(&self) -> String {
        to_hex(self.key.as_bytes())
    }

    /// A short name of the key: 16 digits of the SHA-256 of the public key.
    pub fn key_id(&self) -> String {
        to_hex(&Sha256::digest(self.key.as_bytes())[..8])
    }

    /// Whether the signature over a head is this key's.
    pub fn head_fits(&self, place: Place, head: &Hash, at_ms: u64, signature: &[u8; 64]) -> bool {
        self.fits(&head_form(place, head, at_ms), signature)
    }

    /// Whether the signature over a file is this key's.
    pub fn file_fits(&self, sha256: &Hash, signature: &[u8; 64]) -> bool {
        self.fits(&file_form(sha256), signature)
    }

    fn fits(&self, form: &[u8], signature: &[u8; 64]) -> bool {
        self.key.verify_strict(form, &Signature::from_bytes(signature)).is_ok()
    }
}

/// Like none: a secret is never printed.
impl std::fmt::Debug for HeadSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HeadSigner({})", self.verifier().key_id())
    }
}

fn head_form(place: Place, head: &Hash, signed_at_ms: u64) -> Vec<u8> {
    let mut form = b"SGH1".to_vec();
    form.extend_from_slice(&place.shard.to_be_bytes());
    form.extend_from_slice(&place.incarnation.to_be_bytes());
    form.extend_from_slice(&place.log_index.to_be_bytes());
    form.extend_from_slice(&place.ordinal.to_be_bytes());
    form.extend_from_slice(head);
    form.extend_from_slice(&signed_at_ms.to_be_bytes());
    form
}

fn file_form(sha256: &Hash) -> Vec<u8> {
    [b"SGF1".as_slice(), sha256.as_slice()].concat()
}

fn first_line_bytes(path: &Path) -> Result<[u8; 32], KeyError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| KeyError::Read { file: path.display().to_string(), source })?;
    bytes32(text.lines().next().unwrap_or_default().trim()).ok_or(KeyError::Form)
}

/// Hexadecimal digits as 32 bytes.
pub(crate) fn bytes32(text: &str) -> Option<[u8; 32]> {
    bytes_of(text)?.try_into().ok()
}

/// Lower-case hexadecimal digits as bytes; one spelling only, so that no change of it goes unseen.
pub(crate) fn bytes_of(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Signatures made today are checked in years: the form is for ever.
    #[test]
    fn a_signature_fits_its_head_alone_and_never_changes() {
        let signer = HeadSigner::from_secret(&[7; 32]);
        let place = Place { shard: 3, incarnation: 1, log_index: 258, ordinal: 2 };
        let signature = signer.sign_head(place, &[9; 32], 1_795_255_200_000);
        let verifier = HeadVerifier::from_hex(&signer.verifier().public_hex()).expect("a key");
        assert!(verifier.head_fits(place, &[9; 32], 1_795_255_200_000, &signature));
        assert!(!verifier.head_fits(place, &[9; 32], 1_795_255_200_001, &signature));
        assert!(!verifier.head_fits(place, &[8; 32], 1_795_255_200_000, &signature));
        let other = Place { ordinal: 3, ..place };
        assert!(!verifier.head_fits(other, &[9; 32], 1_795_255_200_000, &signature));
        let stranger = HeadSigner::from_secret(&[8; 32]).verifier();
        assert!(!stranger.head_fits(place, &[9; 32], 1_795_255_200_000, &signature));
        let form = to_hex(&head_form(place, &[9; 32], 1_795_255_200_000));
        let expected = "534748310000000300000000000000010000000000000102000000020909090909\
                        090909090909090909090909090909090909090909090909090909000001a1fd8c6900";
        assert_eq!(form, expected);
    }

    #[test]
    fn hexadecimal_has_one_spelling() {
        assert_eq!(bytes_of("00ff"), Some(vec![0, 255]));
        for wrong in ["0", "0F", "0g", "00 "] {
            assert_eq!(bytes_of(wrong), None, "{wrong}");
        }
        assert!(!format!("{:?}", HeadSigner::from_secret(&[7; 32])).contains("0707"));
    }
}
