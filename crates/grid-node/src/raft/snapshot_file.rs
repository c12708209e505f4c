//! The bytes of one snapshot: what is on disk is what travels to a follower.
//!
//! `magic 8 | format u32 | cluster u128 | group u32 | last log position | members | newest stamp
//! u64 | length u32 + state | crc32c u32` over all before it. A byte changed anywhere is noticed.

use bytes::{BufMut, Bytes, BytesMut};

use super::entry::{
    put_optional_log_id, put_stored_membership, take_optional_log_id, take_stored_membership,
};
use super::types::{LogId, SnapshotMeta, StoredMembership};
use crate::wire::{Malformed, Take, put_blob};

const MAGIC: &[u8; 8] = b"SGSNAP\r\n";
const FORMAT: u32 = 1;
const CRC_BYTES: usize = 4;

/// A snapshot in parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SnapshotContent {
    pub cluster_id: u128,
    pub group: u32,
    /// `None` when nothing was applied yet.
    pub last_log_id: Option<LogId>,
    pub membership: StoredMembership,
    /// The stamp of the newest batch inside, milliseconds since 1970.
    pub at_ms: u64,
    /// The application's state.
    pub state: Bytes,
}

impl SnapshotContent {
    /// What openraft needs to know of it.
    pub fn meta(&self) -> SnapshotMeta {
        SnapshotMeta { last_log_id: self.last_log_id, last_membership: self.membership.clone() }
    }
}

/// The whole file.
pub(crate) fn encode(content: &SnapshotContent) -> Bytes {
    let mut out = BytesMut::with_capacity(content.state.len() + 256);
    out.put_slice(MAGIC);
    out.put_u32_le(FORMAT);
    out.put_u128_le(content.cluster_id);
    out.put_u32_le(content.group);
    put_optional_log_id(&mut out, content.last_log_id.as_ref());
    put_stored_membership(&mut out, &content.membership);
    out.put_u64_le(content.at_ms);
    put_blob(&mut out, &content.state);
    let crc = crc32c::crc32c(&out);
    out.put_u32_le(crc);
    out.freeze()
}

/// The parts of a whole file; the state stays a slice of it.
pub(crate) fn decode(mut bytes: Bytes) -> Result<SnapshotContent, Malformed> {
    if !bytes.starts_with(MAGIC) {
        return Err(Malformed("not a snapshot"));
    }
    if bytes.len() < MAGIC.len() + CRC_BYTES {
        return Err(Malformed("too short"));
    }
    let crc = bytes.split_off(bytes.len() - CRC_BYTES).take_u32()?;
    if crc32c::crc32c(&bytes) != crc {
        return Err(Malformed("checksum does not match"));
    }
    let _ = bytes.split_to(MAGIC.len());
    if bytes.take_u32()? != FORMAT {
        return Err(Malformed("snapshot of an unknown format"));
    }
    let content = SnapshotContent {
        cluster_id: bytes.take_u128()?,
        group: bytes.take_u32()?,
        last_log_id: take_optional_log_id(&mut bytes)?,
        membership: take_stored_membership(&mut bytes)?,
        at_ms: bytes.take_u64()?,
        state: bytes.take_blob()?,
    };
    bytes.take_end()?;
    Ok(content)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::types::{LeaderId, Membership};
    use super::*;

    fn content() -> SnapshotContent {
        let last_log_id = LogId { leader_id: LeaderId { term: 7, node_id: 2 }, index: 99 };
        let members = Membership::new_with_defaults(vec![BTreeSet::from([1, 2, 3])], []);
        SnapshotContent {
            cluster_id: 5,
            group: 4,
            last_log_id: Some(last_log_id),
            membership: StoredMembership::new(Some(last_log_id), members),
            at_ms: 123,
            state: Bytes::from_static(b"the state"),
        }
    }

    #[test]
    fn a_snapshot_round_trips_and_every_changed_byte_is_noticed() {
        let bytes = encode(&content());
        assert_eq!(decode(bytes.clone()), Ok(content()));
        for at in 0..bytes.len() {
            let mut damaged = bytes.to_vec();
            damaged[at] ^= 0x10;
            assert!(decode(damaged.into()).is_err(), "byte {at}");
            assert!(decode(bytes.slice(..at)).is_err(), "cut at {at}");
        }
    }
}
