//! Answers on the Raft port, and their bytes.

use bytes::{BufMut, Bytes, BytesMut};
use openraft::raft::{AppendEntriesResponse, VoteResponse};

use super::Testimony;
use crate::raft::entry::{
    put_ids, put_log_id, put_optional_log_id, put_vote, take_ids, take_log_id,
    take_optional_log_id, take_vote,
};
use crate::raft::types::{Types, Vote};
use crate::version::Versions;
use crate::wire::{Malformed, Take, put_blob};

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Response {
    /// The node cannot answer for this group now.
    Refused(String),
    Append(AppendEntriesResponse<Types>),
    Vote(VoteResponse<Types>),
    Transferring,
    Testimony(Testimony),
    /// So many bytes of the snapshot are there; more are expected.
    SnapshotUpto(u64),
    Installed(Vote),
    /// Index of the newest snapshot's last entry.
    SnapshotIndex(Option<u64>),
    Versions(Versions),
    /// The form of states that the release writes, and the fingerprint that was asked for.
    Digest(Option<(u32, u64)>),
}

impl Response {
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(96);
        match self {
            Self::Refused(reason) => {
                out.put_u8(0);
                put_blob(&mut out, reason.as_bytes());
            }
            Self::Append(AppendEntriesResponse::Success) => out.put_u8(1),
            Self::Append(AppendEntriesResponse::PartialSuccess(log_id)) => {
                out.put_u8(2);
                put_optional_log_id(&mut out, log_id.as_ref());
            }
            Self::Append(AppendEntriesResponse::Conflict) => out.put_u8(3),
            Self::Append(AppendEntriesResponse::HigherVote(vote)) => {
                out.put_u8(4);
                put_vote(&mut out, vote);
            }
            Self::Vote(response) => {
                out.put_u8(5);
                put_vote(&mut out, &response.vote);
                out.put_u8(u8::from(response.vote_granted));
                put_optional_log_id(&mut out, response.last_log_id.as_ref());
            }
            Self::Transferring => out.put_u8(6),
            Self::Testimony(testimony) => {
                out.put_u8(7);
                out.put_u8(u8::from(testimony.vote.is_some()));
                if let Some(vote) = &testimony.vote {
                    put_vote(&mut out, vote);
                }
                out.put_u8(u8::from(testimony.last_log_id.is_some()));
                if let Some(log_id) = &testimony.last_log_id {
                    put_log_id(&mut out, log_id);
                }
                put_ids(&mut out, testimony.voters.iter());
            }
            Self::SnapshotUpto(have) => {
                out.put_u8(8);
                out.put_u64_le(*have);
            }
            Self::Installed(vote) => {
                out.put_u8(9);
                put_vote(&mut out, vote);
            }
            Self::SnapshotIndex(index) => {
                out.put_u8(16);
                out.put_u8(u8::from(index.is_some()));
                out.put_u64_le(index.unwrap_or(0));
            }
            Self::Versions(versions) => {
                out.put_u8(17);
                out.put_u32_le(versions.oldest);
                out.put_u32_le(versions.newest);
            }
            Self::Digest(digest) => {
                let (form, value) = digest.unwrap_or_default();
                out.put_u8(18);
                out.put_u8(u8::from(digest.is_some()));
                out.put_u32_le(form);
                out.put_u64_le(value);
            }
        }
        out.freeze()
    }

    pub fn decode(mut bytes: Bytes) -> Result<Self, Malformed> {
        let response = match bytes.take_u8()? {
            0 => Self::Refused(String::from_utf8_lossy(&bytes.take_blob()?).into_owned()),
            1 => Self::Append(AppendEntriesResponse::Success),
            2 => {
                let log_id = take_optional_log_id(&mut bytes)?;
                Self::Append(AppendEntriesResponse::PartialSuccess(log_id))
            }
            3 => Self::Append(AppendEntriesResponse::Conflict),
            4 => Self::Append(AppendEntriesResponse::HigherVote(take_vote(&mut bytes)?)),
            5 => {
                let (vote, granted) = (take_vote(&mut bytes)?, bytes.take_bool()?);
                let last_log_id = take_optional_log_id(&mut bytes)?;
                Self::Vote(VoteResponse::new(vote, last_log_id, granted))
            }
            6 => Self::Transferring,
            7 => {
                let vote = if bytes.take_bool()? { Some(take_vote(&mut bytes)?) } else { None };
                let last_log_id =
                    if bytes.take_bool()? { Some(take_log_id(&mut bytes)?) } else { None };
                let voters = take_ids(&mut bytes)?.into_iter().collect();
                Self::Testimony(Testimony { vote, last_log_id, voters })
            }
            8 => Self::SnapshotUpto(bytes.take_u64()?),
            9 => Self::Installed(take_vote(&mut bytes)?),
            16 => {
                let (some, index) = (bytes.take_bool()?, bytes.take_u64()?);
                Self::SnapshotIndex(some.then_some(index))
            }
            17 => {
                let (oldest, newest) = (bytes.take_u32()?, bytes.take_u32()?);
                Self::Versions(Versions { oldest, newest })
            }
            18 => {
                let (some, form) = (bytes.take_bool()?, bytes.take_u32()?);
                let value = bytes.take_u64()?;
                Self::Digest(some.then_some((form, value)))
            }
            _ => return Err(Malformed("an unknown response")),
        };
        bytes.take_end()?;
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raft::types::{LeaderId, LogId};

    fn log_id(index: u64) -> LogId {
        LogId { leader_id: LeaderId { term: 3, node_id: 2 }, index }
    }

    fn vote() -> Vote {
        Vote { leader_id: LeaderId { term: 3, node_id: 2 }, committed: true }
    }

    #[test]
    fn responses_come_back_the_same() {
        let testimony = Testimony { vote: Some(vote()), last_log_id: None, voters: vec![1, 2, 4] };
        let responses = [
            Response::Refused("no".into()),
            Response::Append(AppendEntriesResponse::Success),
            Response::Append(AppendEntriesResponse::PartialSuccess(Some(log_id(2)))),
            Response::Append(AppendEntriesResponse::Conflict),
            Response::Append(AppendEntriesResponse::HigherVote(vote())),
            Response::Vote(VoteResponse::new(vote(), Some(log_id(1)), true)),
            Response::Transferring,
            Response::Testimony(testimony),
            Response::SnapshotUpto(77),
            Response::Installed(vote()),
            Response::SnapshotIndex(Some(5)),
            Response::SnapshotIndex(None),
            Response::Versions(Versions { oldest: 1, newest: 2 }),
            Response::Digest(Some((2, u64::MAX))),
            Response::Digest(None),
        ];
        for response in responses {
            assert_eq!(Response::decode(response.encode()), Ok(response));
        }
    }
}
