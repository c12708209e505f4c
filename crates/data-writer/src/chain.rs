//! The hash chain of the ledger: each row's hash covers the row before it, so that no row of a shard
//! can be changed, left out or put in without every later hash being wrong.
//!
//! `hash = SHA-256(prev_hash ‖ form)`, with `prev_hash` of a shard's first row being 32 zero bytes
//! and `form` written by hand, independent of any library:
//!
//! | field | bytes |
//! |---|---|
//! | tag | `SGL1` |
//! | shard, incarnation, log index, ordinal, at | u32, u64, u64, u32, u64 (ms since 1970), big-endian |
//! | event id, kind | text |
//! | order, seat, hold, payment, refund id | optional text |
//! | amount | optional i64, big-endian |
//! | subject | text |
//! | IP | optional, 16 bytes, IPv4 mapped into IPv6 |
//! | status | text |
//!
//! Text is a big-endian u32 length and UTF-8; an optional field is a byte 0, or a byte 1 and the
//! field. The form must never change; a new one gets a new tag.

use std::net::IpAddr;

use inventory::FeedPosition;
use sha2::{Digest, Sha256};

use crate::ledger::ip_bytes;
use crate::rows::LedgerRow;

/// A row's hash.
pub type Hash = [u8; 32];

/// Before a shard's first row.
pub const GENESIS: Hash = [0; 32];

/// Which log a row belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainKey {
    /// The shard.
    pub shard: u32,
    /// Raised when the shard was rebuilt from the database.
    pub incarnation: u64,
}

/// What a row's hash covers, borrowed from wherever the row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fields<'a> {
    /// Its place in the shard's log.
    pub position: FeedPosition,
    /// Public id of the event.
    pub event_id: &'a str,
    /// What happened.
    pub kind: &'a str,
    /// The order, if any.
    pub order_id: Option<&'a str>,
    /// The seat, if any.
    pub seat_id: Option<&'a str>,
    /// The hold, if any.
    pub hold_id: Option<&'a str>,
    /// The payment, if any.
    pub payment_id: Option<&'a str>,
    /// The refund, if any.
    pub refund_id: Option<&'a str>,
    /// Money, if any.
    pub amount_minor: Option<i64>,
    /// When, milliseconds since 1970.
    pub at_ms: u64,
    /// `guest`, `system`, or an account's UUID.
    pub subject: &'a str,
    /// Client address.
    pub ip: Option<IpAddr>,
    /// What the thing became.
    pub status: &'a str,
}

impl LedgerRow {
    /// The row as its hash covers it.
    pub fn fields(&self) -> Fields<'_> {
        Fields {
            position: self.position,
            event_id: &self.event_id,
            kind: &self.kind,
            order_id: self.order_id.as_deref(),
            seat_id: self.seat_id.as_deref(),
            hold_id: self.hold_id.as_deref(),
            payment_id: self.payment_id.as_deref(),
            refund_id: self.refund_id.as_deref(),
            amount_minor: self.amount_minor,
            at_ms: self.at_ms,
            subject: &self.subject,
            ip: self.ip,
            status: &self.status,
        }
    }
}

/// The hash of a row that follows `prev`.
pub fn next_hash(prev: &Hash, key: ChainKey, row: &LedgerRow) -> Hash {
    hash_after(prev, &form(key, row))
}

/// The row's canonical bytes.
pub fn form(key: ChainKey, row: &LedgerRow) -> Vec<u8> {
    let mut out = Vec::with_capacity(160);
    write_form(&mut out, key, &row.fields());
    out
}

/// The hash of canonical bytes that follow `prev`.
pub(crate) fn hash_after(prev: &Hash, form: &[u8]) -> Hash {
    Sha256::new().chain_update(prev).chain_update(form).finalize().into()
}

/// Appends the canonical bytes of a row.
pub(crate) fn write_form(out: &mut Vec<u8>, key: ChainKey, row: &Fields<'_>) {
    out.extend_from_slice(b"SGL1");
    out.extend_from_slice(&key.shard.to_be_bytes());
    out.extend_from_slice(&key.incarnation.to_be_bytes());
    out.extend_from_slice(&row.position.log_index.to_be_bytes());
    out.extend_from_slice(&row.position.ordinal.to_be_bytes());
    out.extend_from_slice(&row.at_ms.to_be_bytes());
    text(out, row.event_id);
    text(out, row.kind);
    for id in [row.order_id, row.seat_id, row.hold_id, row.payment_id, row.refund_id] {
        optional(out, id, text);
    }
    let amount = |out: &mut Vec<u8>, amount: i64| out.extend_from_slice(&amount.to_be_bytes());
    optional(out, row.amount_minor, amount);
    text(out, row.subject);
    optional(out, row.ip, |out, ip| out.extend_from_slice(&ip_bytes(ip)));
    text(out, row.status);
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&(text.len() as u32).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn optional<T>(out: &mut Vec<u8>, value: Option<T>, write: impl Fn(&mut Vec<u8>, T)) {
    match value {
        None => out.push(0),
        Some(value) => {
            out.push(1);
            write(out, value);
        }
    }
}
