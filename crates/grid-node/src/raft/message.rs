//! What nodes say to each other on the Raft port, and its bytes.
//!
//! Encoded by hand: a kind byte, the group, fields in order. Entries travel in the form they have
//! on disk and stay slices of the frame when decoded.

mod response;

use bytes::{BufMut, Bytes, BytesMut};
use openraft::raft::{AppendEntriesRequest, TransferLeaderRequest, VoteRequest};

pub(crate) use response::Response;

use super::entry::{
    decode_entry, encode_entry, encoded_len, put_optional_log_id, put_vote, take_optional_log_id,
    take_vote,
};
use super::log_store::READ_BYTES_MAX;
use super::types::{Entry, LogId, Types, Vote};
use crate::rpc::{Refusal, Spoken};
use crate::wire::{Malformed, Take, len_u32, put_blob};
use crate::{NodeId, ShardId};

/// Versions of the Raft port's protocol that this release speaks.
pub(crate) const SPOKEN: Spoken = Spoken { newest: 2, oldest: 2 };
const MAGIC: &[u8; 8] = b"SGRAFT\r\n";

/// The connections between two nodes, so that heartbeats queue behind nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Heartbeats, votes, questions.
    Control,
    /// Log entries.
    Log,
    /// Snapshots.
    Snapshot,
}

/// The introduction of a node to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hello {
    pub cluster_id: u128,
    pub from: NodeId,
    /// The sender's data directory.
    pub log_id: u128,
    pub to: NodeId,
    pub lane: Lane,
}

impl Hello {
    pub fn encode(self) -> Bytes {
        let mut out = BytesMut::with_capacity(64);
        out.put_slice(MAGIC);
        SPOKEN.put(&mut out);
        out.put_u128_le(self.cluster_id);
        out.put_u64_le(self.from);
        out.put_u128_le(self.log_id);
        out.put_u64_le(self.to);
        out.put_u8(match self.lane {
            Lane::Control => 0,
            Lane::Log => 1,
            Lane::Snapshot => 2,
        });
        out.freeze()
    }

    /// The introduction, and the version of the protocol to go on in.
    ///
    /// # Errors
    /// A refusal, which a grid node of another release is told.
    pub fn decode(mut bytes: Bytes) -> Result<(Self, u32), Refusal> {
        let stranger = |error: Malformed| Refusal::Stranger(error.to_string());
        if !bytes.starts_with(MAGIC) {
            return Err(stranger(Malformed("not a grid node")));
        }
        let _ = bytes.split_to(MAGIC.len());
        // What follows may have another form in a release that shares no version.
        let chosen = SPOKEN.with(Spoken::take(&mut bytes).map_err(stranger)?)?;
        Ok((Self::take(bytes).map_err(stranger)?, chosen))
    }

    fn take(mut bytes: Bytes) -> Result<Self, Malformed> {
        let (cluster_id, from) = (bytes.take_u128()?, bytes.take_u64()?);
        let (log_id, to) = (bytes.take_u128()?, bytes.take_u64()?);
        let lane = match bytes.take_u8()? {
            0 => Lane::Control,
            1 => Lane::Log,
            2 => Lane::Snapshot,
            _ => return Err(Malformed("an unknown lane")),
        };
        bytes.take_end()?;
        Ok(Self { cluster_id, from, log_id, to, lane })
    }
}

/// The answer to a hello: the data directory that was reached, and the version of the protocol.
pub(crate) fn encode_greeting(log_id: u128, protocol: u32) -> Bytes {
    let mut out = BytesMut::with_capacity(20);
    out.put_u128_le(log_id);
    out.put_u32_le(protocol);
    out.freeze()
}

pub(crate) fn decode_greeting(mut bytes: Bytes) -> Result<u128, Malformed> {
    let (log_id, protocol) = (bytes.take_u128()?, bytes.take_u32()?);
    bytes.take_end()?;
    if SPOKEN.has(protocol) { Ok(log_id) } else { Err(Malformed("a protocol of its own choice")) }
}

/// What a replica says of itself before it votes or is founded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Testimony {
    /// The vote as last saved.
    pub vote: Option<Vote>,
    /// The last entry in the log.
    pub last_log_id: Option<LogId>,
    /// Voters of the group as this replica's log has them, of both sets during a change.
    pub voters: Vec<NodeId>,
}

/// A request to one group of another node.
#[derive(Debug)]
pub(crate) enum Request {
    Append(AppendEntriesRequest<Types>),
    Vote(VoteRequest<Types>),
    PreVote(VoteRequest<Types>),
    Transfer(TransferLeaderRequest<Types>),
    /// Asks for a [`Testimony`].
    Testify,
    /// A piece of a snapshot; the last one answers with the receiver's vote.
    SnapshotPiece(SnapshotPiece),
    /// Asks for the position of the newest snapshot.
    SnapshotIndex,
    /// Asks which versions of entries the release reads.
    Versions,
    /// Asks for the fingerprint behind an entry.
    Digest(u64),
}

/// A piece of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SnapshotPiece {
    /// The sender's vote as leader.
    pub vote: Vote,
    /// Names the content; another one replaces what was under way.
    pub transfer: u64,
    /// Bytes before this piece.
    pub offset: u64,
    /// Bytes of the whole.
    pub total: u64,
    /// CRC-32C of the piece.
    pub crc: u32,
    /// The piece; empty to ask where to begin.
    pub bytes: Bytes,
}

/// Encodes an append of as many of the entries as one message carries; the second value is the
/// last one sent when not all were.
pub(crate) fn encode_append(
    group: ShardId,
    mut rpc: AppendEntriesRequest<Types>,
) -> (Bytes, Option<LogId>) {
    let mut bytes = 0;
    let total = rpc.entries.len();
    let fits = |entry: &&Entry| {
        let first = bytes == 0;
        bytes += encoded_len(entry);
        first || bytes <= READ_BYTES_MAX
    };
    let count = rpc.entries.iter().take_while(fits).count();
    rpc.entries.truncate(count);
    let cut = (count < total).then(|| rpc.entries.last().map(|e| e.log_id)).flatten();
    (Request::Append(rpc).encode(group), cut)
}

impl Request {
    pub fn encode(self, group: ShardId) -> Bytes {
        let mut out = BytesMut::with_capacity(self.about_len());
        out.put_u32_le(group);
        match self {
            Self::Append(rpc) => {
                out.put_u8(0);
                put_vote(&mut out, &rpc.vote);
                put_optional_log_id(&mut out, rpc.prev_log_id.as_ref());
                put_optional_log_id(&mut out, rpc.leader_commit.as_ref());
                out.put_u32_le(len_u32(rpc.entries.len()));
                for mut entry in rpc.entries {
                    put_blob(&mut out, &encode_entry(&mut entry));
                }
            }
            Self::Vote(rpc) => put_vote_request(&mut out, 1, &rpc),
            Self::PreVote(rpc) => put_vote_request(&mut out, 2, &rpc),
            Self::Transfer(rpc) => {
                out.put_u8(3);
                put_vote(&mut out, rpc.from_leader());
                out.put_u64_le(*rpc.to_node_id());
                put_optional_log_id(&mut out, rpc.last_log_id());
            }
            Self::Testify => out.put_u8(4),
            Self::SnapshotPiece(piece) => {
                out.put_u8(5);
                put_vote(&mut out, &piece.vote);
                out.put_u64_le(piece.transfer);
                out.put_u64_le(piece.offset);
                out.put_u64_le(piece.total);
                out.put_u32_le(piece.crc);
                put_blob(&mut out, &piece.bytes);
            }
            Self::SnapshotIndex => out.put_u8(16),
            Self::Versions => out.put_u8(17),
            Self::Digest(index) => {
                out.put_u8(18);
                out.put_u64_le(index);
            }
        }
        out.freeze()
    }

    fn about_len(&self) -> usize {
        match self {
            Self::Append(rpc) => {
                128 + rpc.entries.iter().map(|e| encoded_len(e) + 64).sum::<usize>()
            }
            Self::SnapshotPiece(piece) => 128 + piece.bytes.len(),
            Self::Vote(_)
            | Self::PreVote(_)
            | Self::Transfer(_)
            | Self::Testify
            | Self::SnapshotIndex
            | Self::Versions
            | Self::Digest(_) => 128,
        }
    }

    pub fn decode(mut bytes: Bytes) -> Result<(ShardId, Self), Malformed> {
        let group = bytes.take_u32()?;
        let request = match bytes.take_u8()? {
            0 => Self::Append(take_append(&mut bytes)?),
            1 => Self::Vote(take_vote_request(&mut bytes)?),
            2 => Self::PreVote(take_vote_request(&mut bytes)?),
            3 => {
                let (from, to) = (take_vote(&mut bytes)?, bytes.take_u64()?);
                Self::Transfer(TransferLeaderRequest::new(
                    from,
                    to,
                    take_optional_log_id(&mut bytes)?,
                ))
            }
            4 => Self::Testify,
            5 => Self::SnapshotPiece(SnapshotPiece {
                vote: take_vote(&mut bytes)?,
                transfer: bytes.take_u64()?,
                offset: bytes.take_u64()?,
                total: bytes.take_u64()?,
                crc: bytes.take_u32()?,
                bytes: bytes.take_blob()?,
            }),
            16 => Self::SnapshotIndex,
            17 => Self::Versions,
            18 => Self::Digest(bytes.take_u64()?),
            _ => return Err(Malformed("an unknown request")),
        };
        bytes.take_end()?;
        Ok((group, request))
    }
}

fn take_append(bytes: &mut Bytes) -> Result<AppendEntriesRequest<Types>, Malformed> {
    let vote = take_vote(bytes)?;
    let prev_log_id = take_optional_log_id(bytes)?;
    let leader_commit = take_optional_log_id(bytes)?;
    let count = bytes.take_u32()? as usize;
    if count > bytes.len() {
        return Err(Malformed("more entries than bytes"));
    }
    let entries = (0..count)
        .map(|_| decode_entry(bytes.take_blob()?))
        .collect::<Result<Vec<_>, Malformed>>()?;
    Ok(AppendEntriesRequest { vote, prev_log_id, entries, leader_commit })
}

fn put_vote_request(out: &mut BytesMut, kind: u8, rpc: &VoteRequest<Types>) {
    out.put_u8(kind);
    put_vote(out, &rpc.vote);
    put_optional_log_id(out, rpc.last_log_id.as_ref());
    out.put_u8(u8::from(rpc.leadership_transfer));
}

fn take_vote_request(bytes: &mut Bytes) -> Result<VoteRequest<Types>, Malformed> {
    let mut rpc = VoteRequest::new(take_vote(bytes)?, take_optional_log_id(bytes)?);
    rpc.leadership_transfer = bytes.take_bool()?;
    Ok(rpc)
}

#[cfg(test)]
mod tests {
    use openraft::EntryPayload;

    use super::super::types::{Batch, Content, LeaderId};
    use super::*;

    fn log_id(index: u64) -> LogId {
        LogId { leader_id: LeaderId { term: 3, node_id: 2 }, index }
    }

    fn vote() -> Vote {
        Vote { leader_id: LeaderId { term: 3, node_id: 2 }, committed: true }
    }

    fn entry(index: u64, len: usize) -> Entry {
        let body = Bytes::from(vec![7; len]);
        Entry {
            log_id: log_id(index),
            payload: EntryPayload::Normal(Batch { at_ms: index, content: Content::Commands(body) }),
        }
    }

    fn append(entries: Vec<Entry>) -> AppendEntriesRequest<Types> {
        AppendEntriesRequest {
            vote: vote(),
            prev_log_id: Some(log_id(4)),
            entries,
            leader_commit: None,
        }
    }

    #[test]
    fn requests_come_back_the_same_and_cut_ones_are_refused() {
        let requests = [
            Request::Append(append(vec![entry(5, 3), entry(6, 0)])),
            Request::Vote(VoteRequest::new(vote(), Some(log_id(9)))),
            Request::PreVote(VoteRequest::new(vote(), None)),
            Request::Transfer(TransferLeaderRequest::new(vote(), 3, Some(log_id(9)))),
            Request::Testify,
            Request::SnapshotPiece(SnapshotPiece {
                vote: vote(),
                transfer: 4,
                offset: 5,
                total: 9,
                crc: 6,
                bytes: Bytes::from_static(b"part"),
            }),
            Request::SnapshotIndex,
            Request::Versions,
            Request::Digest(7),
        ];
        for request in requests {
            let said = format!("{request:?}");
            let bytes = request.encode(17);
            let (group, heard) = Request::decode(bytes.clone()).expect("sound bytes");
            assert_eq!((group, format!("{heard:?}")), (17, said));
            for cut in 0..bytes.len() {
                assert!(Request::decode(bytes.slice(..cut)).is_err(), "cut at {cut}");
            }
        }
    }

    #[test]
    fn one_message_carries_about_a_mebibyte_and_always_an_entry() {
        let large = (5..9).map(|index| entry(index, READ_BYTES_MAX * 2 / 5)).collect();
        let (bytes, cut) = encode_append(1, append(large));
        assert_eq!(cut, Some(log_id(6)), "two of 0.4 MiB fit, not three");
        assert!(bytes.len() < READ_BYTES_MAX + 1024);
        let (_, cut) = encode_append(1, append(vec![entry(5, 2 * READ_BYTES_MAX)]));
        assert_eq!(cut, None, "one larger entry goes alone");
    }

    #[test]
    fn a_hello_tells_who_calls_whom() {
        let hello = Hello { cluster_id: 9, from: 1, log_id: 5, to: 2, lane: Lane::Snapshot };
        assert_eq!(Hello::decode(hello.encode()), Ok((hello, SPOKEN.newest)));
        assert!(Hello::decode(Bytes::from_static(b"GET / HTTP/1.1\r\n")).is_err());
        let greeting = encode_greeting(5, SPOKEN.newest);
        assert_eq!(decode_greeting(greeting), Ok(5));
        assert!(decode_greeting(encode_greeting(5, SPOKEN.newest + 1)).is_err());
    }
}
