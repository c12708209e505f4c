//! Our own binary form of openraft's values, for the log on disk, snapshots and the wire.
//!
//! Never openraft's serde: its layout may change with any release. Each entry begins with a format
//! byte; a reader refuses formats it does not know.

use std::collections::{BTreeMap, BTreeSet};

use bytes::{BufMut, Bytes, BytesMut};
use openraft::{EmptyNode, EntryPayload};

use super::types::{Batch, Content, Entry, LeaderId, LogId, Membership, StoredMembership, Vote};
use crate::wire::{Malformed, Take, len_u32};

/// The form written today.
const FORMAT: u8 = 1;
const BLANK: u8 = 0;
const NORMAL: u8 = 1;
const MEMBERSHIP: u8 = 2;
const BARRIER: u8 = 3;
/// Members and joint configurations are a handful; more is damage.
const MEMBERS_MAX: u32 = 1024;

/// Bytes of an entry in front of its commands.
pub(crate) const ENTRY_HEADER_BYTES: usize = 2 + LOG_ID_BYTES + 8;
const LOG_ID_BYTES: usize = 24;

/// Encodes an entry; a batch inside it is changed to share the returned bytes.
pub(crate) fn encode_entry(entry: &mut Entry) -> Bytes {
    let mut out = BytesMut::with_capacity(encoded_len(entry));
    out.put_u8(FORMAT);
    out.put_u8(match entry.payload {
        EntryPayload::Blank => BLANK,
        EntryPayload::Normal(Batch { content: Content::Commands(_), .. }) => NORMAL,
        EntryPayload::Normal(Batch { content: Content::Barrier(_), .. }) => BARRIER,
        EntryPayload::Membership(_) => MEMBERSHIP,
    });
    put_log_id(&mut out, &entry.log_id);
    match &mut entry.payload {
        EntryPayload::Blank => out.freeze(),
        EntryPayload::Membership(membership) => {
            put_membership(&mut out, membership);
            out.freeze()
        }
        EntryPayload::Normal(batch) => {
            out.put_u64_le(batch.at_ms);
            match &mut batch.content {
                Content::Barrier(version) => {
                    out.put_u32_le(*version);
                    out.freeze()
                }
                Content::Commands(body) => {
                    out.put_slice(body);
                    let bytes = out.freeze();
                    *body = bytes.slice(ENTRY_HEADER_BYTES..);
                    bytes
                }
            }
        }
    }
}

/// About as many bytes as [`encode_entry`] gives.
pub(crate) fn encoded_len(entry: &Entry) -> usize {
    ENTRY_HEADER_BYTES
        + match &entry.payload {
            EntryPayload::Normal(batch) => batch.content.len(),
            EntryPayload::Blank | EntryPayload::Membership(_) => 0,
        }
}

/// The entry that [`encode_entry`] wrote; a batch inside shares the bytes.
pub(crate) fn decode_entry(mut bytes: Bytes) -> Result<Entry, Malformed> {
    if bytes.take_u8()? != FORMAT {
        return Err(Malformed("entry of an unknown format"));
    }
    let kind = bytes.take_u8()?;
    let log_id = take_log_id(&mut bytes)?;
    let payload = match kind {
        BLANK => {
            bytes.take_end()?;
            EntryPayload::Blank
        }
        NORMAL => {
            let at_ms = bytes.take_u64()?;
            EntryPayload::Normal(Batch { at_ms, content: Content::Commands(bytes) })
        }
        BARRIER => {
            let (at_ms, version) = (bytes.take_u64()?, bytes.take_u32()?);
            bytes.take_end()?;
            EntryPayload::Normal(Batch { at_ms, content: Content::Barrier(version) })
        }
        MEMBERSHIP => {
            let membership = take_membership(&mut bytes)?;
            bytes.take_end()?;
            EntryPayload::Membership(membership)
        }
        _ => return Err(Malformed("entry of an unknown kind")),
    };
    Ok(Entry { log_id, payload })
}

pub(crate) fn put_log_id(out: &mut BytesMut, log_id: &LogId) {
    out.put_u64_le(log_id.leader_id.term);
    out.put_u64_le(log_id.leader_id.node_id);
    out.put_u64_le(log_id.index);
}

pub(crate) fn take_log_id(bytes: &mut Bytes) -> Result<LogId, Malformed> {
    let leader_id = LeaderId { term: bytes.take_u64()?, node_id: bytes.take_u64()? };
    Ok(LogId { leader_id, index: bytes.take_u64()? })
}

pub(crate) fn put_optional_log_id(out: &mut BytesMut, log_id: Option<&LogId>) {
    out.put_u8(u8::from(log_id.is_some()));
    if let Some(log_id) = log_id {
        put_log_id(out, log_id);
    }
}

pub(crate) fn take_optional_log_id(bytes: &mut Bytes) -> Result<Option<LogId>, Malformed> {
    Ok(if bytes.take_bool()? { Some(take_log_id(bytes)?) } else { None })
}

pub(crate) fn put_vote(out: &mut BytesMut, vote: &Vote) {
    out.put_u64_le(vote.leader_id.term);
    out.put_u64_le(vote.leader_id.node_id);
    out.put_u8(u8::from(vote.committed));
}

pub(crate) fn take_vote(bytes: &mut Bytes) -> Result<Vote, Malformed> {
    let leader_id = LeaderId { term: bytes.take_u64()?, node_id: bytes.take_u64()? };
    Ok(Vote { leader_id, committed: bytes.take_bool()? })
}

/// A position as a record of its own.
pub(crate) fn encode_log_id(log_id: &LogId) -> Bytes {
    let mut out = BytesMut::with_capacity(1 + LOG_ID_BYTES);
    out.put_u8(FORMAT);
    put_log_id(&mut out, log_id);
    out.freeze()
}

pub(crate) fn decode_log_id(mut bytes: Bytes) -> Result<LogId, Malformed> {
    if bytes.take_u8()? != FORMAT {
        return Err(Malformed("log position of an unknown format"));
    }
    let log_id = take_log_id(&mut bytes)?;
    bytes.take_end()?;
    Ok(log_id)
}

/// A vote as a record of its own.
pub(crate) fn encode_vote(vote: &Vote) -> Bytes {
    let mut out = BytesMut::with_capacity(32);
    out.put_u8(FORMAT);
    put_vote(&mut out, vote);
    out.freeze()
}

pub(crate) fn decode_vote(mut bytes: Bytes) -> Result<Vote, Malformed> {
    if bytes.take_u8()? != FORMAT {
        return Err(Malformed("vote of an unknown format"));
    }
    let vote = take_vote(&mut bytes)?;
    bytes.take_end()?;
    Ok(vote)
}

pub(crate) fn put_stored_membership(out: &mut BytesMut, stored: &StoredMembership) {
    put_optional_log_id(out, stored.log_id().as_ref());
    put_membership(out, stored.membership());
}

pub(crate) fn take_stored_membership(bytes: &mut Bytes) -> Result<StoredMembership, Malformed> {
    let log_id = take_optional_log_id(bytes)?;
    Ok(StoredMembership::new(log_id, take_membership(bytes)?))
}

fn put_membership(out: &mut BytesMut, membership: &Membership) {
    let configs = membership.get_joint_config();
    out.put_u32_le(len_u32(configs.len()));
    for config in configs {
        put_ids(out, config.iter());
    }
    let nodes: Vec<u64> = membership.nodes().map(|(id, _)| *id).collect();
    put_ids(out, nodes.iter());
}

fn take_membership(bytes: &mut Bytes) -> Result<Membership, Malformed> {
    let count = bytes.take_u32()?;
    if count > MEMBERS_MAX {
        return Err(Malformed("too many configurations"));
    }
    let configs = (0..count).map(|_| take_ids(bytes)).collect::<Result<Vec<_>, _>>()?;
    let nodes: BTreeMap<u64, EmptyNode> =
        take_ids(bytes)?.into_iter().map(|id| (id, EmptyNode::new())).collect();
    if configs.is_empty() && nodes.is_empty() {
        return Ok(Membership::default());
    }
    Membership::new(configs, nodes).map_err(|_| Malformed("members that contradict each other"))
}

pub(crate) fn put_ids<'a>(out: &mut BytesMut, ids: impl ExactSizeIterator<Item = &'a u64>) {
    out.put_u32_le(len_u32(ids.len()));
    for id in ids {
        out.put_u64_le(*id);
    }
}

pub(crate) fn take_ids(bytes: &mut Bytes) -> Result<BTreeSet<u64>, Malformed> {
    let count = bytes.take_u32()?;
    if count > MEMBERS_MAX {
        return Err(Malformed("too many members"));
    }
    (0..count).map(|_| bytes.take_u64()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log_id(index: u64) -> LogId {
        LogId { leader_id: LeaderId { term: 3, node_id: 2 }, index }
    }

    fn round_trip(payload: EntryPayload<Batch, u64, EmptyNode>) {
        let mut entry = Entry { log_id: log_id(9), payload };
        let bytes = encode_entry(&mut entry);
        let decoded = decode_entry(bytes).expect("sound bytes");
        assert_eq!(decoded.log_id, entry.log_id);
        assert_eq!(decoded.payload, entry.payload);
    }

    #[test]
    fn entries_round_trip() {
        round_trip(EntryPayload::Blank);
        let body = Bytes::from_static(b"commands");
        round_trip(EntryPayload::Normal(Batch { at_ms: 77, content: Content::Commands(body) }));
        round_trip(EntryPayload::Normal(Batch { at_ms: 78, content: Content::Barrier(2) }));
        let configs = vec![BTreeSet::from([1, 2]), BTreeSet::from([2, 3])];
        round_trip(EntryPayload::Membership(Membership::new_with_defaults(configs, [4])));
    }

    #[test]
    fn golden_forms_do_not_change() {
        let mut entry = Entry {
            log_id: log_id(9),
            payload: EntryPayload::Normal(Batch {
                at_ms: 5,
                content: Content::Commands(Bytes::from_static(b"x")),
            }),
        };
        let mut expected = vec![1, 1];
        for field in [3_u64, 2, 9, 5] {
            expected.extend(field.to_le_bytes());
        }
        expected.push(b'x');
        assert_eq!(encode_entry(&mut entry), expected);
        let vote = Vote { leader_id: LeaderId { term: 3, node_id: 2 }, committed: true };
        let mut expected = vec![1];
        for field in [3_u64, 2] {
            expected.extend(field.to_le_bytes());
        }
        expected.push(1);
        assert_eq!(encode_vote(&vote), expected);
        assert_eq!(decode_vote(encode_vote(&vote)), Ok(vote));
        assert_eq!(decode_log_id(encode_log_id(&log_id(4))), Ok(log_id(4)));
    }

    #[test]
    fn unknown_formats_and_cut_bytes_are_refused() {
        let mut entry = Entry { log_id: log_id(9), payload: EntryPayload::Blank };
        let bytes = encode_entry(&mut entry);
        for cut in 0..bytes.len() {
            assert!(decode_entry(bytes.slice(..cut)).is_err(), "cut at {cut}");
        }
        let mut newer = bytes.to_vec();
        newer[0] = FORMAT + 1;
        assert!(decode_entry(newer.into()).is_err());
    }
}
