//! A person's own key. What it seals says whose key opens it, so that whoever finds a sealed contact
//! in the grid or the tables knows which account to ask; once that key is destroyed nobody can.

use http_api::token::KEY_BYTES;
use inventory::{EventNo, HoldId};
use uuid::Uuid;

use super::aead::Sealer;
use super::{SealError, about_hold, about_wait};

/// The form: this byte, the account's 16, then as everywhere.
const VERSION_PERSON: u8 = 2;
/// Bytes before the nonce.
const HEAD_BYTES: usize = 1 + 16;

/// The key of one person.
pub struct PersonKey {
    account: Uuid,
    key: Sealer,
}

impl PersonKey {
    pub(super) fn new(account: Uuid, bytes: &[u8; KEY_BYTES]) -> Self {
        Self { account, key: Sealer::new(bytes) }
    }

    /// Seals `plain` for the order that will come from `hold`.
    ///
    /// # Errors
    /// [`SealError::Random`] when the system has no randomness to give.
    pub fn seal(&self, hold: HoldId, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        self.seal_about(&about_hold(hold), plain)
    }

    /// Seals `plain` for the person's place in an event's waiting list.
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
        let mut head = vec![VERSION_PERSON];
        head.extend_from_slice(self.account.as_bytes());
        self.key.seal(head, about, plain)
    }

    /// Opens what was sealed by this key for the same thing.
    ///
    /// # Errors
    /// [`SealError::Open`] for anything else.
    pub fn open_about(&self, about: &str, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        if sealed_by(sealed) != Some(self.account) {
            return Err(SealError::Open);
        }
        self.key.open(about, &sealed[HEAD_BYTES..])
    }
}

/// Whose key opens it; nobody's when the shop's does.
pub fn sealed_by(sealed: &[u8]) -> Option<Uuid> {
    let (head, _) = sealed.split_at_checked(HEAD_BYTES)?;
    let (version, account) = head.split_first()?;
    (*version == VERSION_PERSON).then(|| Uuid::from_slice(account).ok()).flatten()
}
