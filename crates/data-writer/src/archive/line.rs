//! The lines of an archive file. Read for ever: fields may be added, never changed.

use http_api::to_hex;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;

use inventory::FeedPosition;
use serde::{Deserialize, Serialize};

use crate::chain::{ChainKey, Fields};
use crate::signing::bytes32;
use crate::verify::Record;

/// What the first line says it is.
pub(super) const FORMAT: &str = "seatgrid-ledger-1";

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    pub(super) format: String,
    /// `YYYY-MM` for one month's records; `null` for all.
    pub(super) month: Option<String>,
    /// The hash before each shard's first record here.
    pub(super) begins: BTreeMap<u32, String>,
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line<'a> {
    shard: u32,
    incarnation: u64,
    index: u64,
    ordinal: u32,
    at_ms: u64,
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    order: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    seat: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    hold: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    payment: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    refund: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    amount: Option<i64>,
    #[serde(borrow)]
    subject: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    ip: Option<Cow<'a, str>>,
    #[serde(borrow)]
    status: Cow<'a, str>,
    #[serde(borrow)]
    prev: Cow<'a, str>,
    #[serde(borrow)]
    hash: Cow<'a, str>,
}

/// The hashes of a line as bytes.
pub(super) struct Hashes {
    prev: [u8; 32],
    hash: [u8; 32],
}

/// Where a shard's records end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct End {
    pub(super) head: String,
    pub(super) last_at_ms: u64,
    pub(super) records: u64,
}

/// The last line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tail {
    pub(super) ends: BTreeMap<u32, End>,
    pub(super) records: u64,
    /// Of every byte before this line.
    pub(super) sha256: String,
    /// The signing key's short name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) key_id: Option<String>,
    /// Over `sha256`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) signature: Option<String>,
}

impl<'a> Line<'a> {
    pub(super) fn of(record: &Record<'a>) -> Self {
        let Fields { position, event_id, kind, subject, status, .. } = record.fields;
        Self {
            shard: record.key.shard,
            incarnation: record.key.incarnation,
            index: position.log_index,
            ordinal: position.ordinal,
            at_ms: record.fields.at_ms,
            event: event_id.into(),
            kind: kind.into(),
            order: record.fields.order_id.map(Cow::from),
            seat: record.fields.seat_id.map(Cow::from),
            hold: record.fields.hold_id.map(Cow::from),
            payment: record.fields.payment_id.map(Cow::from),
            refund: record.fields.refund_id.map(Cow::from),
            amount: record.fields.amount_minor,
            subject: subject.into(),
            ip: record.fields.ip.map(|ip| ip.to_string().into()),
            status: status.into(),
            prev: to_hex(record.prev_hash).into(),
            hash: to_hex(record.hash).into(),
        }
    }

    /// The hashes, if they are spelt as they were written.
    pub(super) fn hashes(&self) -> Option<Hashes> {
        Some(Hashes { prev: bytes32(&self.prev)?, hash: bytes32(&self.hash)? })
    }

    /// The record, if its address is spelt as it was written.
    pub(super) fn record<'b>(&'b self, hashes: &'b Hashes) -> Option<Record<'b>> {
        let ip = match &self.ip {
            None => None,
            Some(text) => Some(text.parse::<IpAddr>().ok().filter(|ip| ip.to_string() == *text)?),
        };
        let fields = Fields {
            position: FeedPosition { log_index: self.index, ordinal: self.ordinal },
            event_id: &self.event,
            kind: &self.kind,
            order_id: self.order.as_deref(),
            seat_id: self.seat.as_deref(),
            hold_id: self.hold.as_deref(),
            payment_id: self.payment.as_deref(),
            refund_id: self.refund.as_deref(),
            amount_minor: self.amount,
            at_ms: self.at_ms,
            subject: &self.subject,
            ip,
            status: &self.status,
        };
        let key = ChainKey { shard: self.shard, incarnation: self.incarnation };
        Some(Record { key, fields, prev_hash: &hashes.prev, hash: &hashes.hash })
    }
}
