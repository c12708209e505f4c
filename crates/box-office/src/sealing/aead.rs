//! One key of AES-256-GCM: a head, 12 bytes of random nonce, ciphertext with its tag. The head says
//! which key it is and is not sealed; what the text belongs to is bound to it.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};

use http_api::token::KEY_BYTES;

use super::SealError;

/// Bytes of the nonce before the ciphertext.
pub(super) const NONCE_BYTES: usize = NONCE_LEN;

/// A key that seals and opens.
pub(super) struct Sealer(LessSafeKey);

impl Sealer {
    pub(super) fn new(bytes: &[u8; KEY_BYTES]) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, bytes).expect("AES-256 takes any 32 bytes");
        Self(LessSafeKey::new(key))
    }

    /// The head, followed by what was sealed.
    pub(super) fn seal(
        &self,
        head: Vec<u8>,
        about: &str,
        plain: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        let nonce = random::<NONCE_LEN>()?;
        let mut sealed = plain.to_vec();
        let bound = Aad::from(about.as_bytes());
        self.0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), bound, &mut sealed)
            .map_err(|_| SealError::Random)?;
        let mut out = head;
        out.extend_from_slice(&nonce);
        out.append(&mut sealed);
        Ok(out)
    }

    /// Opens what follows the head.
    pub(super) fn open(&self, about: &str, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (nonce, body) = sealed.split_at_checked(NONCE_LEN).ok_or(SealError::Open)?;
        let nonce: [u8; NONCE_LEN] = nonce.try_into().map_err(|_| SealError::Open)?;
        let mut body = body.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        let plain = self.0.open_in_place(nonce, Aad::from(about.as_bytes()), &mut body);
        plain.map(|plain| plain.to_vec()).map_err(|_| SealError::Open)
    }
}

/// Bytes that nobody guesses.
pub(super) fn random<const N: usize>() -> Result<[u8; N], SealError> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| SealError::Random)?;
    Ok(bytes)
}
