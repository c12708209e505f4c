//! Ticket codes: what the QR on a ticket says, signed so that a door can verify it offline.
//!
//! A code is one line, `SG1:<ticket>:<event>:<seat>:<signature>`; the signature is Ed25519 over all
//! before the last colon, in URL-safe base64. It is a pure function of key and seat, so a ticket
//! shows the same code for ever. Whether the ticket is still good is not in the code.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use inventory::TicketId;

use http_api::token::KEY_BYTES;

/// Names the form and its version.
const PREFIX: &str = "SG1";
/// Longest code that is looked at, in bytes; the longest real one is below 350.
const CODE_BYTES_MAX: usize = 512;

/// Signs codes.
pub struct TicketSigner {
    key: SigningKey,
}

/// Verifies codes; holds no secret, fit for a door's device.
#[derive(Debug, Clone)]
pub struct TicketVerifier {
    key: VerifyingKey,
}

/// What a true code says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketClaim {
    /// The ticket.
    pub ticket: TicketId,
    /// The event's public id.
    pub event_id: String,
    /// The seat's id, `<section>-<row>-<number>`.
    pub seat_id: String,
}

/// Why a code is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TicketCodeError {
    /// Not one of our codes at all.
    #[error("not a ticket code")]
    Form,
    /// The signature is not ours: changed, or made by somebody else.
    #[error("the ticket code is not signed by this shop")]
    Signature,
}

impl TicketSigner {
    /// Makes the key pair from its 32 secret bytes.
    pub fn new(secret: &[u8; KEY_BYTES]) -> Self {
        Self { key: SigningKey::from_bytes(secret) }
    }

    /// The code of a ticket.
    pub fn code(&self, claim: &TicketClaim) -> String {
        let said = format!("{PREFIX}:{}:{}:{}", claim.ticket, claim.event_id, claim.seat_id);
        let signature = self.key.sign(said.as_bytes());
        format!("{said}:{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }

    /// The public half.
    pub fn verifier(&self) -> TicketVerifier {
        TicketVerifier { key: self.key.verifying_key() }
    }
}

impl TicketVerifier {
    /// The public key in base64, for devices that verify by themselves.
    pub fn to_base64(&self) -> String {
        base64::engine::general_purpose::STANDARD.encode(self.key.as_bytes())
    }

    /// What the code says, if this shop signed it.
    ///
    /// # Errors
    /// [`TicketCodeError`]; both kinds mean "do not let in".
    pub fn verify(&self, code: &str) -> Result<TicketClaim, TicketCodeError> {
        if code.len() > CODE_BYTES_MAX {
            return Err(TicketCodeError::Form);
        }
        let (said, signature) = code.rsplit_once(':').ok_or(TicketCodeError::Form)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| TicketCodeError::Form)?;
        let signature = Signature::from_slice(&signature).map_err(|_| TicketCodeError::Form)?;
        let claim = parse(said).ok_or(TicketCodeError::Form)?;
        let signed = self.key.verify_strict(said.as_bytes(), &signature);
        signed.map(|()| claim).map_err(|_| TicketCodeError::Signature)
    }
}

fn parse(said: &str) -> Option<TicketClaim> {
    let mut parts = said.split(':');
    let (prefix, ticket) = (parts.next()?, parts.next()?);
    let (event_id, seat_id) = (parts.next()?.to_owned(), parts.next()?.to_owned());
    if prefix != PREFIX || parts.next().is_some() {
        return None;
    }
    Some(TicketClaim { ticket: ticket.parse().ok()?, event_id, seat_id })
}
