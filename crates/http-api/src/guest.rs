//! Who a shopper without an account is to the limits of a sale, and the hashes of codes.
//!
//! Flow: a router turns what a request shows (the token of an earlier hold, else the client's
//! address) into the opaque person that a command carries; the rules count by it. Persons differ
//! from event to event and say nothing about an address to whoever lacks the key.

use std::net::{IpAddr, Ipv6Addr};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use inventory::{EventNo, GuestIdentity, HoldId, SaleRules};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::IdempotencyKey;
use crate::token::{ShownToken, TokenKey};

/// Separates a token's proof from the guest in it.
const GUEST_MARK: char = '.';
/// Leading bytes of an IPv6 address that name one network; the rest changes at will.
const NETWORK_BYTES_V6: usize = 8;

/// A shopper without an account, as their tokens carry them: 128 bits that nobody guesses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guest(u128);

impl Guest {
    /// The guest of a request: who is named in the token it shows, else somebody new. The same
    /// request repeated is the same guest.
    pub fn of(token: &ShownToken, tokens: &TokenKey, key: IdempotencyKey) -> Self {
        Self::named(token).unwrap_or_else(|| Self::new(tokens, key))
    }

    /// The guest who is named in a token.
    pub fn named(token: &ShownToken) -> Option<Self> {
        let (_, guest) = token.text().split_once(GUEST_MARK)?;
        let bytes: [u8; 16] = URL_SAFE_NO_PAD.decode(guest).ok()?.try_into().ok()?;
        Some(Self(u128::from_be_bytes(bytes)))
    }

    fn new(tokens: &TokenKey, key: IdempotencyKey) -> Self {
        Self(first_128(&tokens.mac_of(&format!("guest:{}", key.0))))
    }

    /// The token of a hold that this guest got: shown again, it makes later requests theirs.
    pub fn token(self, tokens: &TokenKey, hold: HoldId) -> String {
        self.mark(&tokens.token(hold))
    }

    /// Adds the guest to a token.
    pub fn mark(self, token: &str) -> String {
        format!("{token}{GUEST_MARK}{}", URL_SAFE_NO_PAD.encode(self.0.to_be_bytes()))
    }

    /// The person whose limits apply to this guest; `address` is the client's, where known.
    pub fn person(self, tokens: &TokenKey, sale: (EventNo, &SaleRules), address: Address) -> u128 {
        let (EventNo(event), rules) = sale;
        let who = match (rules.guests, address) {
            (GuestIdentity::Address, Some(address)) => network(address),
            (GuestIdentity::Address | GuestIdentity::Token, _) => format!("{:032x}", self.0),
        };
        first_128(&tokens.mac_of(&format!("person:{event}:{who}")))
    }
}

/// The person whose limits apply to an account in an event. Another in every event, as guests are.
pub fn person_of_account(tokens: &TokenKey, EventNo(event): EventNo, account: Uuid) -> u128 {
    first_128(&tokens.mac_of(&format!("person:{event}:account:{account}")))
}

/// A client's address as commands carry it: IPv4 mapped into IPv6.
type Address = Option<[u8; 16]>;

/// Whether the sale counts persons at all.
pub fn counts_persons(rules: &SaleRules) -> bool {
    rules.per_person_max.is_some() || rules.hold_budget.is_some()
}

/// The part of an address that stays one client's.
fn network(address: [u8; 16]) -> String {
    let v6 = Ipv6Addr::from(address);
    match IpAddr::V6(v6).to_canonical() {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(_) => format!("{:x?}", &address[..NETWORK_BYTES_V6]),
    }
}

/// The token's part that proves possession.
pub(crate) fn proof(token: &str) -> &str {
    token.split_once(GUEST_MARK).map_or(token, |(proof, _)| proof)
}

/// The hash by which the grid knows a promo or presale code; capitals and outer spaces do not count.
pub fn code_hash(event_id: &str, code: &str) -> u128 {
    let text = format!("code:{event_id}:{}", code.trim().to_uppercase());
    first_128(&Sha256::digest(text).into())
}

/// The first half of a digest as a number.
pub(crate) fn first_128(digest: &[u8; 32]) -> u128 {
    digest.iter().take(16).fold(0, |all, byte| all << 8 | u128::from(*byte))
}
