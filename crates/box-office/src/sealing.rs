//! Sealing of a buyer's contact before it enters the grid: AES-256-GCM under the shop's contact
//! key, bound to the hold, so that a sealed contact cannot be moved to another order.
//!
//! Form: one version byte, 12 bytes of random nonce, ciphertext with its tag. Nothing here logs or
//! keeps plain text.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};

use inventory::{EventNo, HoldId};

use http_api::token::KEY_BYTES;

/// The form written now.
const VERSION: u8 = 1;
/// Bytes before the ciphertext.
const HEAD_BYTES: usize = 1 + NONCE_LEN;

/// The shop's key for contacts.
pub struct ContactKey {
    key: LessSafeKey,
    random: SystemRandom,
}

/// Why sealing or opening failed; deliberately says nothing about the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The system gave no random bytes.
    #[error("no random bytes for a nonce")]
    Random,
    /// Not sealed by this key for this hold, damaged, or of an unknown form.
    #[error("the sealed contact cannot be opened")]
    Open,
}

impl ContactKey {
    /// Makes the key from its 32 bytes.
    pub fn new(bytes: &[u8; KEY_BYTES]) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, bytes).expect("AES-256 takes any 32 bytes");
        Self { key: LessSafeKey::new(key), random: SystemRandom::new() }
    }

    /// Seals `plain` for the order that will come from `hold`.
    ///
    /// # Errors
    /// [`SealError::Random`] when the system has no randomness to give.
    pub fn seal(&self, hold: HoldId, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        self.seal_bound(&bound_to(hold), plain)
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
        self.seal_bound(&bound_to_wait(event, person), plain)
    }

    fn seal_bound(&self, bound: &[u8], plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce).map_err(|_| SealError::Random)?;
        let mut sealed = plain.to_vec();
        self.key
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(bound),
                &mut sealed,
            )
            .map_err(|_| SealError::Random)?;
        let mut out = Vec::with_capacity(HEAD_BYTES + sealed.len());
        out.push(VERSION);
        out.extend_from_slice(&nonce);
        out.append(&mut sealed);
        Ok(out)
    }

    /// Opens what [`Self::seal`] made for the same hold.
    ///
    /// # Errors
    /// [`SealError::Open`] for anything else.
    pub fn open(&self, hold: HoldId, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        self.open_bound(&bound_to(hold), sealed)
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
        self.open_bound(&bound_to_wait(event, person), sealed)
    }

    fn open_bound(&self, bound: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (head, body) = sealed.split_at_checked(HEAD_BYTES).ok_or(SealError::Open)?;
        let nonce: [u8; NONCE_LEN] = head[1..].try_into().map_err(|_| SealError::Open)?;
        if head[0] != VERSION {
            return Err(SealError::Open);
        }
        let mut body = body.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        let plain = self.key.open_in_place(nonce, Aad::from(bound), &mut body);
        plain.map(|plain| plain.to_vec()).map_err(|_| SealError::Open)
    }
}

fn bound_to(hold: HoldId) -> Vec<u8> {
    format!("seatgrid contact {hold}").into_bytes()
}

fn bound_to_wait(event: EventNo, person: u128) -> Vec<u8> {
    format!("seatgrid waiting contact {}-{person:032x}", event.0).into_bytes()
}
