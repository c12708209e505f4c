//! Sealing of personal data before it enters the grid or a table: AES-256-GCM, bound to what it
//! belongs to, so that what is sealed for one order cannot be moved to another.
//!
//! Guests' contacts are sealed under the shop's ring of keys, of which the first seals and all open.
//! Everybody with an account has a key of their own, kept sealed under the ring: destroying it
//! erases all that was sealed by it, wherever copies lie. Nothing here logs or keeps plain text.

use std::path::Path;

use http_api::token::{KEY_BYTES, KeyFileError, load_key_ring};
use inventory::{EventNo, HoldId};
use ring::digest::{SHA256, digest};
use ring::hmac;
use uuid::Uuid;

use aead::{NONCE_BYTES, Sealer};

pub use person::{PersonKey, sealed_by};

mod aead;
mod person;

/// The form that the first releases wrote: no key id.
const VERSION_ONE_KEY: u8 = 1;
/// The form written now: the id of a key of the ring.
const VERSION_RING: u8 = 3;
/// Bytes of a key's id.
const KEY_ID_BYTES: usize = 4;

/// The shop's keys for personal data.
pub struct ContactKey {
    /// The first seals.
    keys: Vec<([u8; KEY_ID_BYTES], Sealer)>,
    /// Finds a value again without telling it.
    index: hmac::Key,
}

/// Why sealing or opening failed; deliberately says nothing about the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The system gave no random bytes.
    #[error("no random bytes for a nonce")]
    Random,
    /// Not sealed by this key for this thing, damaged, or of an unknown form.
    #[error("what is sealed cannot be opened")]
    Open,
}

impl ContactKey {
    /// Makes a ring of one key from its 32 bytes.
    pub fn new(bytes: &[u8; KEY_BYTES]) -> Self {
        Self::ring(bytes, &[])
    }

    /// Makes a ring of the key that seals and older ones. The oldest also makes the indices by
    /// which people are found, so it stays in the ring as long as there are people.
    pub fn ring(newest: &[u8; KEY_BYTES], older: &[[u8; KEY_BYTES]]) -> Self {
        let keys = std::iter::once(newest).chain(older);
        let keys = keys.map(|key| (key_id(key), Sealer::new(key))).collect();
        let oldest = older.last().unwrap_or(newest);
        let named = [b"index of people:".as_slice(), oldest].concat();
        let index = digest(&SHA256, &named);
        Self { keys, index: hmac::Key::new(hmac::HMAC_SHA256, index.as_ref()) }
    }

    /// Reads a ring from its file.
    ///
    /// # Errors
    /// As [`load_key_ring`].
    pub fn load(path: &Path) -> Result<Self, KeyFileError> {
        let keys = load_key_ring(path)?;
        let (newest, older) = keys.split_first().expect("a ring that was read has a key");
        Ok(Self::ring(newest, older))
    }

    /// Seals `plain` for the order that will come from `hold`.
    ///
    /// # Errors
    /// [`SealError::Random`] when the system has no randomness to give.
    pub fn seal(&self, hold: HoldId, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        self.seal_about(&about_hold(hold), plain)
    }

    /// Seals `plain` for a person's place in an event's waiting list.
    ///
    /// # Errors
    /// As [`Self::seal`].
    pub fn seal_for_waiting(
        &self,
        event: EventNo,
        person: u128,
        plain: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        self.seal_about(&about_wait(event, person), plain)
    }

    /// Seals `plain` for what `about` names.
    ///
    /// # Errors
    /// As [`Self::seal`].
    pub fn seal_about(&self, about: &str, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let (id, key) = self.keys.first().ok_or(SealError::Random)?;
        let mut head = vec![VERSION_RING];
        head.extend_from_slice(id);
        key.seal(head, about, plain)
    }

    /// Opens what [`Self::seal`] made for the same hold.
    ///
    /// # Errors
    /// [`SealError::Open`] for anything else.
    pub fn open(&self, hold: HoldId, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        self.open_about(&about_hold(hold), sealed)
    }

    /// Opens what [`Self::seal_for_waiting`] made for the same place.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_of_waiting(
        &self,
        event: EventNo,
        person: u128,
        sealed: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        self.open_about(&about_wait(event, person), sealed)
    }

    /// Opens what [`Self::seal_about`] made for the same thing.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_about(&self, about: &str, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        match sealed.split_first().ok_or(SealError::Open)? {
            (&VERSION_ONE_KEY, rest) => {
                let opened = self.keys.iter().find_map(|(_, key)| key.open(about, rest).ok());
                opened.ok_or(SealError::Open)
            }
            (&VERSION_RING, rest) if rest.len() >= KEY_ID_BYTES + NONCE_BYTES => {
                let (id, rest) = rest.split_at(KEY_ID_BYTES);
                let known = self.keys.iter().find(|(known, _)| known == id);
                known.ok_or(SealError::Open)?.1.open(about, rest)
            }
            _ => Err(SealError::Open),
        }
    }

    /// Makes a key for a new person, and its sealed form to be kept.
    ///
    /// # Errors
    /// As [`Self::seal`].
    pub fn new_person(&self, account: Uuid) -> Result<(PersonKey, Vec<u8>), SealError> {
        let bytes = aead::random::<KEY_BYTES>()?;
        let wrapped = self.seal_about(&about_person(account), &bytes)?;
        Ok((PersonKey::new(account, &bytes), wrapped))
    }

    /// The person's key from its sealed form.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn person(&self, account: Uuid, wrapped: &[u8]) -> Result<PersonKey, SealError> {
        let bytes = self.open_about(&about_person(account), wrapped)?;
        let bytes: [u8; KEY_BYTES] = bytes.try_into().map_err(|_| SealError::Open)?;
        Ok(PersonKey::new(account, &bytes))
    }

    /// A digest by which a value is found again and which tells it to nobody without the key.
    pub fn index(&self, kind: &str, value: &str) -> Vec<u8> {
        hmac::sign(&self.index, format!("{kind}:{value}").as_bytes()).as_ref().to_vec()
    }
}

/// 32 bytes that nobody guesses: what a draw is made from.
///
/// # Errors
/// [`SealError::Random`] when the system has no randomness to give.
pub(crate) fn random_seed() -> Result<[u8; 32], SealError> {
    aead::random()
}

/// What an order's contact is bound to.
pub(crate) fn about_hold(hold: HoldId) -> String {
    format!("seatgrid contact {hold}")
}

/// What the contact of a place in a waiting list is bound to.
pub(crate) fn about_wait(event: EventNo, person: u128) -> String {
    format!("seatgrid waiting contact {}-{person:032x}", event.0)
}

fn about_person(account: Uuid) -> String {
    format!("seatgrid key of {account}")
}

fn key_id(key: &[u8; KEY_BYTES]) -> [u8; KEY_ID_BYTES] {
    let digest = digest(&SHA256, &[b"contact key id:".as_slice(), key].concat());
    digest.as_ref()[..KEY_ID_BYTES].try_into().expect("SHA-256 has more bytes")
}
