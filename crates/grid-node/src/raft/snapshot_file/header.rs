//! What stands in front of the state in a snapshot file.

use bytes::{BufMut, Bytes, BytesMut};

use crate::raft::entry::{
    put_optional_log_id, put_stored_membership, take_optional_log_id, take_stored_membership,
};
use crate::raft::types::{LogId, StoredMembership};
use crate::wire::{Malformed, Take, len_u32};

const MAGIC: &[u8; 8] = b"SGSNAP\r\n";
/// Written by earlier releases: no header length, the state's length in front of it.
const FORMAT_1: u32 = 1;
const FORMAT_2: u32 = 2;

/// Everything in front of the state: members are a handful.
pub(super) const PREFIX_BYTES_MAX: usize = 1 << 20;

/// What a snapshot covers and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SnapshotHeader {
    pub cluster_id: u128,
    pub group: u32,
    /// `None` when nothing was applied yet.
    pub last_log_id: Option<LogId>,
    pub membership: StoredMembership,
    /// The stamp of the newest batch inside, milliseconds since 1970.
    pub at_ms: u64,
    /// The version that the state goes by.
    pub version: u32,
}

/// Everything in front of the state.
pub(super) struct Prefix {
    pub header: SnapshotHeader,
    /// Its bytes.
    pub len: usize,
    /// Known from here in format 1 only.
    pub state_len: Option<u64>,
}

pub(super) fn encode_prefix(header: &SnapshotHeader) -> Bytes {
    let mut fields = BytesMut::with_capacity(256);
    fields.put_u128_le(header.cluster_id);
    fields.put_u32_le(header.group);
    put_optional_log_id(&mut fields, header.last_log_id.as_ref());
    put_stored_membership(&mut fields, &header.membership);
    fields.put_u64_le(header.at_ms);
    fields.put_u32_le(header.version);
    let mut out = BytesMut::with_capacity(fields.len() + 16);
    out.put_slice(MAGIC);
    out.put_u32_le(FORMAT_2);
    out.put_u32_le(len_u32(fields.len()));
    out.put_slice(&fields);
    out.freeze()
}

/// Reads it from the beginning of a file.
pub(super) fn decode_prefix(start: Bytes) -> Result<Prefix, Malformed> {
    let mut bytes = start.clone();
    if !bytes.starts_with(MAGIC) {
        return Err(Malformed("not a snapshot"));
    }
    let _ = bytes.split_to(MAGIC.len());
    match bytes.take_u32()? {
        FORMAT_1 => {
            let header = take_header(&mut bytes, FORMAT_1)?;
            let state_len = Some(u64::from(bytes.take_u32()?));
            Ok(Prefix { header, len: start.len() - bytes.len(), state_len })
        }
        FORMAT_2 => {
            let mut fields = bytes.take_blob()?;
            let header = take_header(&mut fields, FORMAT_2)?;
            fields.take_end()?;
            Ok(Prefix { header, len: start.len() - bytes.len(), state_len: None })
        }
        _ => Err(Malformed("snapshot of an unknown format")),
    }
}

/// The first format knew of one version only.
fn take_header(bytes: &mut Bytes, format: u32) -> Result<SnapshotHeader, Malformed> {
    Ok(SnapshotHeader {
        cluster_id: bytes.take_u128()?,
        group: bytes.take_u32()?,
        last_log_id: take_optional_log_id(bytes)?,
        membership: take_stored_membership(bytes)?,
        at_ms: bytes.take_u64()?,
        version: if format == FORMAT_1 { 1 } else { bytes.take_u32()? },
    })
}
