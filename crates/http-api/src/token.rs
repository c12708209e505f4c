//! Hold tokens: a guest's proof that a hold (and the order made from it) is theirs.
//!
//! A token is a MAC of the hold's id under a key that routers and office share, so it needs no
//! storage, is the same in a replayed answer, and is checked without asking anybody. A guest's
//! number may follow it (see `guest`), which proves nothing. It must never be logged.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use http::{HeaderMap, HeaderValue};
use inventory::{HoldId, QueueId, WaitId};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::{Code, Problem, X_HOLD_TOKEN, from_hex, guest};

/// Length of a key.
pub const KEY_BYTES: usize = 32;
/// Bytes of the MAC that a token shows: 144 bits cannot be guessed and make 24 characters.
const TOKEN_BYTES: usize = 18;

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It cannot be read.
    #[error("cannot read the key file {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// It holds something else.
    #[error("the key file {} must hold 32 bytes or 64 hexadecimal digits", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
    },
}

/// Reads a key of 32 bytes, raw or as 64 hexadecimal digits.
///
/// # Errors
/// When the file cannot be read or holds something else.
pub fn load_key_file(path: &Path) -> Result<[u8; KEY_BYTES], KeyFileError> {
    let read = |source| KeyFileError::Read { path: path.to_owned(), source };
    let bytes = fs::read(path).map_err(read)?;
    if let Ok(key) = <[u8; KEY_BYTES]>::try_from(bytes.as_slice()) {
        return Ok(key);
    }
    let key = std::str::from_utf8(&bytes).ok().and_then(|text| from_hex(text.trim()));
    key.ok_or_else(|| KeyFileError::Shape { path: path.to_owned() })
}

/// Most keys in one ring: a new one a quarter for four years.
const RING_KEYS_MAX: usize = 16;

/// Reads a ring of keys: one key as [`load_key_file`] takes it, or up to 16 of 64 hexadecimal
/// digits, one a line. The first is used for new things, all are known.
///
/// # Errors
/// When the file cannot be read or holds something else.
pub fn load_key_ring(path: &Path) -> Result<Vec<[u8; KEY_BYTES]>, KeyFileError> {
    if let Ok(key) = load_key_file(path) {
        return Ok(vec![key]);
    }
    let read = |source| KeyFileError::Read { path: path.to_owned(), source };
    let shape = || KeyFileError::Shape { path: path.to_owned() };
    let text = String::from_utf8(fs::read(path).map_err(read)?).map_err(|_| shape())?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let keys: Option<Vec<_>> = lines.map(from_hex).collect();
    keys.filter(|keys| (1..=RING_KEYS_MAX).contains(&keys.len())).ok_or_else(shape)
}

/// What a request shows as its `X-Hold-Token`, kept beyond its headers. Never logged.
#[derive(Clone, Default)]
pub struct ShownToken(Option<HeaderValue>);

impl ShownToken {
    /// What stands in the headers.
    pub fn of(headers: &HeaderMap) -> Self {
        Self(headers.get(X_HOLD_TOKEN).cloned())
    }

    /// Whether any token was sent; says nothing about its worth.
    pub fn is_there(&self) -> bool {
        self.0.is_some()
    }

    /// The token; empty when none is shown.
    pub(crate) fn text(&self) -> &str {
        self.0.as_ref().and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

impl std::fmt::Debug for ShownToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ShownToken")
    }
}

/// Makes and checks hold tokens; cheap to clone.
#[derive(Clone)]
pub struct TokenKey {
    mac: Hmac<Sha256>,
}

impl std::fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenKey")
    }
}

impl TokenKey {
    /// From the key itself.
    pub fn new(key: &[u8; KEY_BYTES]) -> Self {
        let mac = Hmac::new_from_slice(key).expect("HMAC takes keys of any length");
        Self { mac }
    }

    /// From a key file.
    ///
    /// # Errors
    /// As [`load_key_file`].
    pub fn load(path: &Path) -> Result<Self, KeyFileError> {
        load_key_file(path).map(|key| Self::new(&key))
    }

    pub(crate) fn mac_of(&self, text: &str) -> [u8; 32] {
        let mut mac = self.mac.clone();
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().into()
    }

    fn proof_of(&self, text: &str) -> String {
        URL_SAFE_NO_PAD.encode(&self.mac_of(text)[..TOKEN_BYTES])
    }

    /// The hold's token, without a guest in it.
    pub fn token(&self, hold: HoldId) -> String {
        self.proof_of(&format!("hold:{hold}"))
    }

    /// The token of a place in a waiting list, without a guest in it.
    pub fn wait_token(&self, entry: WaitId) -> String {
        self.proof_of(&format!("wait:{entry}"))
    }

    /// The token of a place in a waiting room, without a guest in it.
    pub fn queue_token(&self, place: QueueId) -> String {
        self.proof_of(&format!("queue:{place}"))
    }

    /// Whether the text is the hold's token; takes the same time for every wrong one.
    pub fn verify(&self, hold: HoldId, token: &str) -> bool {
        self.token(hold).as_bytes().ct_eq(guest::proof(token).as_bytes()).into()
    }

    /// Checks the token that a request shows. Without the right one the thing does not exist:
    /// `missing` is its code.
    ///
    /// # Errors
    /// A problem with the code `missing`.
    pub fn check(&self, hold: HoldId, token: &ShownToken, missing: Code) -> Result<(), Problem> {
        if self.verify(hold, token.text()) { Ok(()) } else { Err(Problem::new(missing)) }
    }

    /// Checks the token of a request about a place in a waiting list.
    ///
    /// # Errors
    /// A problem with the code `not_found`.
    pub fn check_wait(&self, entry: WaitId, token: &ShownToken) -> Result<(), Problem> {
        let proof = guest::proof(token.text()).as_bytes();
        let is_own: bool = self.wait_token(entry).as_bytes().ct_eq(proof).into();
        if is_own { Ok(()) } else { Err(Problem::new(Code::NotFound)) }
    }
}
