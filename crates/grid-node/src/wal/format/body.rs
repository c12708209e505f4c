//! Bodies of records: the callers' records and the three kinds the log writes for itself.
//!
//! Called by the frame code with bytes that already passed their checksum. A body that still cannot
//! be read is `None`, which the caller treats as damage; it is never guessed at.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{u32_at, u64_at};
use crate::wal::{GroupId, Presence, Record};

const ENTRY: u8 = 1;
const VOTE: u8 = 2;
const COMMITTED: u8 = 3;
const TRUNCATE_AFTER: u8 = 4;
const PURGE: u8 = 5;
const CHECKPOINT: u8 = 6;
const REWRITE: u8 = 7;
/// The end marker's kind.
const END: u8 = 8;
const PRESENCE: u8 = 9;
/// Behind the end marker of a segment that another one follows.
const SEAL: u8 = 10;

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::wal) enum Body {
    /// A caller's record.
    Caller(Record),
    /// First record of each segment: state of all groups at that point, so that older segments are
    /// needed only for their entries.
    Checkpoint(BTreeMap<GroupId, HardState>),
    /// All live entries of one group again, in one record because a part of them would lose the
    /// rest.
    Rewrite(Vec<(u64, Bytes)>),
    /// Nothing was written after this.
    End,
    /// The log goes on in the next segment, which must exist.
    Seal,
}

/// One group in a checkpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::wal) struct HardState {
    pub vote: Option<Bytes>,
    pub committed: Option<Bytes>,
    pub purged: Option<(u64, Bytes)>,
    /// First and last live entry.
    pub range: Option<(u64, u64)>,
    pub presence: Presence,
}

impl Body {
    pub fn kind(&self) -> u8 {
        match self {
            Self::Caller(Record::Entry { .. }) => ENTRY,
            Self::Caller(Record::Vote(_)) => VOTE,
            Self::Caller(Record::Committed(_)) => COMMITTED,
            Self::Caller(Record::TruncateAfter { .. }) => TRUNCATE_AFTER,
            Self::Caller(Record::Purge { .. }) => PURGE,
            Self::Caller(Record::Presence(_)) => PRESENCE,
            Self::Checkpoint(_) => CHECKPOINT,
            Self::Rewrite(_) => REWRITE,
            Self::End => END,
            Self::Seal => SEAL,
        }
    }

    /// Exact size of what [`Body::encode`] appends.
    pub fn encoded_bytes(&self) -> usize {
        match self {
            Self::Caller(Record::Entry { payload, .. }) => 8 + payload.len(),
            Self::Caller(Record::Vote(bytes) | Record::Committed(bytes)) => bytes.len(),
            Self::Caller(Record::TruncateAfter { index }) => 8 * usize::from(index.is_some()),
            Self::Caller(Record::Purge { state, .. }) => 8 + state.len(),
            Self::Caller(Record::Presence(_)) => 1,
            Self::Checkpoint(groups) => groups.values().map(|state| 4 + state.bytes()).sum(),
            Self::Rewrite(entries) => entries.iter().map(|(_, payload)| 12 + payload.len()).sum(),
            Self::End | Self::Seal => 0,
        }
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Caller(Record::Entry { index, payload: bytes })
            | Self::Caller(Record::Purge { index, state: bytes }) => {
                out.extend_from_slice(&index.to_le_bytes());
                out.extend_from_slice(bytes);
            }
            Self::Caller(Record::Vote(bytes) | Record::Committed(bytes)) => {
                out.extend_from_slice(bytes);
            }
            Self::Caller(Record::TruncateAfter { index }) => {
                if let Some(index) = index {
                    out.extend_from_slice(&index.to_le_bytes());
                }
            }
            Self::Caller(Record::Presence(presence)) => out.push(match presence {
                Presence::Here => 0,
                Presence::Joining => 1,
                Presence::Dropped => 2,
            }),
            Self::Checkpoint(groups) => {
                for (group, state) in groups {
                    out.extend_from_slice(&group.to_le_bytes());
                    state.encode(out);
                }
            }
            Self::Rewrite(entries) => {
                for (index, payload) in entries {
                    out.extend_from_slice(&index.to_le_bytes());
                    put_bytes(out, payload);
                }
            }
            Self::End | Self::Seal => {}
        }
    }

    /// Reads a body; payloads are copied so that they do not keep the whole file's bytes alive.
    pub fn decode(kind: u8, bytes: &[u8]) -> Option<Self> {
        let mut rest = Reader(bytes);
        let body = match kind {
            ENTRY => Self::Caller(Record::Entry { index: rest.u64()?, payload: rest.rest() }),
            VOTE => Self::Caller(Record::Vote(rest.rest())),
            COMMITTED => Self::Caller(Record::Committed(rest.rest())),
            TRUNCATE_AFTER => Self::Caller(Record::TruncateAfter {
                index: if bytes.is_empty() { None } else { Some(rest.u64()?) },
            }),
            PURGE => Self::Caller(Record::Purge { index: rest.u64()?, state: rest.rest() }),
            PRESENCE => Self::Caller(Record::Presence(match rest.u8()? {
                0 => Presence::Here,
                1 => Presence::Joining,
                2 => Presence::Dropped,
                _ => return None,
            })),
            CHECKPOINT => {
                let mut groups = BTreeMap::new();
                while !rest.0.is_empty() {
                    groups.insert(rest.u32()?, HardState::decode(&mut rest)?);
                }
                Self::Checkpoint(groups)
            }
            REWRITE => {
                let mut entries = Vec::new();
                while !rest.0.is_empty() {
                    entries.push((rest.u64()?, rest.bytes()?));
                }
                Self::Rewrite(entries)
            }
            END => Self::End,
            SEAL => Self::Seal,
            _ => return None,
        };
        rest.0.is_empty().then_some(body)
    }
}

const HAS_VOTE: u8 = 1;
const HAS_COMMITTED: u8 = 2;
const HAS_PURGED: u8 = 4;
const HAS_RANGE: u8 = 8;
const IS_JOINING: u8 = 16;
const IS_DROPPED: u8 = 32;

impl HardState {
    fn bytes(&self) -> usize {
        let optional = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, |bytes| 4 + bytes.len());
        1 + optional(&self.vote)
            + optional(&self.committed)
            + self.purged.as_ref().map_or(0, |(_, state)| 12 + state.len())
            + self.range.map_or(0, |_| 16)
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.push(
            HAS_VOTE * u8::from(self.vote.is_some())
                + HAS_COMMITTED * u8::from(self.committed.is_some())
                + HAS_PURGED * u8::from(self.purged.is_some())
                + HAS_RANGE * u8::from(self.range.is_some())
                + IS_JOINING * u8::from(self.presence == Presence::Joining)
                + IS_DROPPED * u8::from(self.presence == Presence::Dropped),
        );
        for bytes in [&self.vote, &self.committed].into_iter().flatten() {
            put_bytes(out, bytes);
        }
        if let Some((index, state)) = &self.purged {
            out.extend_from_slice(&index.to_le_bytes());
            put_bytes(out, state);
        }
        if let Some((first, last)) = self.range {
            out.extend_from_slice(&first.to_le_bytes());
            out.extend_from_slice(&last.to_le_bytes());
        }
    }

    fn decode(rest: &mut Reader<'_>) -> Option<Self> {
        let flags = rest.u8()?;
        let mut state = Self::default();
        if flags & HAS_VOTE != 0 {
            state.vote = Some(rest.bytes()?);
        }
        if flags & HAS_COMMITTED != 0 {
            state.committed = Some(rest.bytes()?);
        }
        if flags & HAS_PURGED != 0 {
            state.purged = Some((rest.u64()?, rest.bytes()?));
        }
        if flags & HAS_RANGE != 0 {
            state.range = Some((rest.u64()?, rest.u64()?));
        }
        state.presence = match flags & (IS_JOINING | IS_DROPPED) {
            0 => Presence::Here,
            IS_JOINING => Presence::Joining,
            IS_DROPPED => Presence::Dropped,
            _ => return None,
        };
        Some(state)
    }
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    // Bodies are bounded far below 4 GiB, so the cast keeps the value.
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}

/// Takes fields off the front of a body.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(len)?;
        self.0 = tail;
        Some(head)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|raw| raw[0])
    }

    fn u32(&mut self) -> Option<u32> {
        self.take(4).map(|raw| u32_at(raw, 0))
    }

    fn u64(&mut self) -> Option<u64> {
        self.take(8).map(|raw| u64_at(raw, 0))
    }

    fn bytes(&mut self) -> Option<Bytes> {
        let len = self.u32()? as usize;
        self.take(len).map(Bytes::copy_from_slice)
    }

    fn rest(&mut self) -> Bytes {
        Bytes::copy_from_slice(std::mem::take(&mut self.0))
    }
}
