//! The bytes of the client port: a kind, fixed fields, and the rest as the payload, without a copy.

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};

use crate::batch::Pieces;
use crate::routes::{RoutesKnown, ShardHint};
use crate::rpc::{Refusal, Spoken};
use crate::wire::{Malformed, Take};
use crate::{NodeId, ShardId, codec};

/// Versions of the client port's protocol that this release speaks.
const SPOKEN: Spoken = Spoken { newest: 3, oldest: 3 };
const MAGIC: &[u8; 8] = b"SGGRID\r\n";

/// Bytes of commands that a client sends together, at most; a larger command goes alone.
pub(crate) const BUNDLE_BYTES_MAX: usize = 64 << 10;

/// Bytes of a request beside its payload, at most.
pub(crate) const REQUEST_OVERHEAD_BYTES: usize = 64;

/// A client's introduction.
pub(crate) struct Hello;

impl Hello {
    pub fn encode() -> Bytes {
        let mut out = BytesMut::with_capacity(16);
        out.put_slice(MAGIC);
        SPOKEN.put(&mut out);
        out.freeze()
    }

    /// The version of the protocol to go on in.
    ///
    /// # Errors
    /// A refusal, which a client of another release is told.
    pub fn decode(mut bytes: Bytes) -> Result<u32, Refusal> {
        let stranger = |error: Malformed| Refusal::Stranger(error.to_string());
        if !bytes.starts_with(MAGIC) {
            return Err(stranger(Malformed("not a grid client")));
        }
        let _ = bytes.split_to(MAGIC.len());
        SPOKEN.with(Spoken::take(&mut bytes).map_err(stranger)?)
    }
}

/// Who a client has reached, and in which version of the protocol they go on.
pub(crate) fn encode_greeting(cluster_id: u128, node_id: NodeId, protocol: u32) -> Bytes {
    let mut out = BytesMut::with_capacity(28);
    out.put_u128_le(cluster_id);
    out.put_u64_le(node_id);
    out.put_u32_le(protocol);
    out.freeze()
}

pub(crate) fn decode_greeting(mut bytes: Bytes) -> Result<(u128, NodeId), Malformed> {
    let greeting = (bytes.take_u128()?, bytes.take_u64()?);
    let protocol = bytes.take_u32()?;
    bytes.take_end()?;
    if SPOKEN.has(protocol) { Ok(greeting) } else { Err(Malformed("a protocol of its own choice")) }
}

/// A client's request. A budget is the time it may take, an epoch that of the shard's replicas as
/// the client knows them, 0 when it does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Request {
    /// Commands that stay together: all of them are answered by [`Answer::Ok`] with the replies laid
    /// out as the commands are, or by one other answer for all.
    Submit {
        shard: ShardId,
        epoch: u64,
        budget: Duration,
        commands: Pieces,
    },
    Query {
        shard: ShardId,
        epoch: u64,
        budget: Duration,
        body: Bytes,
    },
    /// Routes as known to the node, once they differ from `known`.
    Routes {
        known: RoutesKnown,
        wait: Duration,
    },
    /// Routes with all acknowledged pins, from the meta group's leader.
    FreshRoutes {
        budget: Duration,
        known: RoutesKnown,
    },
    Pin {
        budget: Duration,
        key: String,
    },
    Status,
    /// Asks whether the unit is alive; the answer is empty.
    Ping,
    /// An encoded [`crate::AdminRequest`]; the answer is an encoded [`crate::AdminAnswer`].
    Admin {
        budget: Duration,
        body: Bytes,
    },
    /// Asks where a shard is; the answer is [`Answer::Moved`] wherever it is.
    WhoLeads {
        shard: ShardId,
    },
    /// The meta group's state as known to the node, once it is newer than `known`; nothing when it
    /// is not after `wait`.
    MetaWatch {
        known: u64,
        wait: Duration,
    },
}

fn put_duration(out: &mut BytesMut, duration: Duration) {
    out.put_u32_le(u32::try_from(duration.as_millis()).unwrap_or(u32::MAX));
}

fn take_duration(bytes: &mut Bytes) -> Result<Duration, Malformed> {
    Ok(Duration::from_millis(u64::from(bytes.take_u32()?)))
}

fn put_aim(out: &mut BytesMut, shard: ShardId, epoch: u64, budget: Duration) {
    out.put_u32_le(shard);
    out.put_u64_le(epoch);
    put_duration(out, budget);
}

fn take_aim(bytes: &mut Bytes) -> Result<(ShardId, u64, Duration), Malformed> {
    Ok((bytes.take_u32()?, bytes.take_u64()?, take_duration(bytes)?))
}

fn put_known(out: &mut BytesMut, known: RoutesKnown) {
    out.put_u64_le(known.revision);
    out.put_u64_le(known.topology);
}

fn take_known(bytes: &mut Bytes) -> Result<RoutesKnown, Malformed> {
    Ok(RoutesKnown { revision: bytes.take_u64()?, topology: bytes.take_u64()? })
}

impl Request {
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(REQUEST_OVERHEAD_BYTES + self.payload_bytes());
        match self {
            Self::Submit { shard, epoch, budget, commands } => {
                out.put_u8(0);
                put_aim(&mut out, *shard, *epoch, *budget);
                commands.put(&mut out);
            }
            Self::Query { shard, epoch, budget, .. } => {
                out.put_u8(1);
                put_aim(&mut out, *shard, *epoch, *budget);
            }
            Self::Routes { known, wait } => {
                out.put_u8(2);
                put_known(&mut out, *known);
                put_duration(&mut out, *wait);
            }
            Self::FreshRoutes { budget, known } => {
                out.put_u8(3);
                put_duration(&mut out, *budget);
                put_known(&mut out, *known);
            }
            Self::Pin { budget, .. } => {
                out.put_u8(4);
                put_duration(&mut out, *budget);
            }
            Self::Status => out.put_u8(5),
            Self::Ping => out.put_u8(6),
            Self::Admin { budget, .. } => {
                out.put_u8(7);
                put_duration(&mut out, *budget);
            }
            Self::WhoLeads { shard } => {
                out.put_u8(10);
                out.put_u32_le(*shard);
            }
            Self::MetaWatch { known, wait } => {
                out.put_u8(8);
                out.put_u64_le(*known);
                put_duration(&mut out, *wait);
            }
        }
        out.put_slice(self.payload());
        out.freeze()
    }

    fn payload_bytes(&self) -> usize {
        match self {
            Self::Submit { commands, .. } => commands.bytes(),
            other => other.payload().len(),
        }
    }

    fn payload(&self) -> &[u8] {
        match self {
            Self::Query { body, .. } | Self::Admin { body, .. } => body,
            Self::Pin { key, .. } => key.as_bytes(),
            Self::Routes { .. }
            | Self::FreshRoutes { .. }
            | Self::WhoLeads { .. }
            | Self::MetaWatch { .. }
            | Self::Submit { .. }
            | Self::Status
            | Self::Ping => &[],
        }
    }

    pub fn decode(mut bytes: Bytes) -> Result<Self, Malformed> {
        let request = match bytes.take_u8()? {
            0 => {
                let (shard, epoch, budget) = take_aim(&mut bytes)?;
                let commands = Pieces::decode(bytes)?;
                return Ok(Self::Submit { shard, epoch, budget, commands });
            }
            1 => {
                let (shard, epoch, budget) = take_aim(&mut bytes)?;
                return Ok(Self::Query { shard, epoch, budget, body: bytes });
            }
            2 => {
                let known = take_known(&mut bytes)?;
                Self::Routes { known, wait: take_duration(&mut bytes)? }
            }
            3 => {
                let budget = take_duration(&mut bytes)?;
                Self::FreshRoutes { budget, known: take_known(&mut bytes)? }
            }
            4 => {
                let budget = take_duration(&mut bytes)?;
                let key = String::from_utf8(bytes.to_vec()).map_err(|_| Malformed("not text"))?;
                return Ok(Self::Pin { budget, key });
            }
            5 => Self::Status,
            6 => Self::Ping,
            7 => {
                let budget = take_duration(&mut bytes)?;
                return Ok(Self::Admin { budget, body: bytes });
            }
            8 => {
                let known = bytes.take_u64()?;
                Self::MetaWatch { known, wait: take_duration(&mut bytes)? }
            }
            10 => Self::WhoLeads { shard: bytes.take_u32()? },
            _ => return Err(Malformed("an unknown request")),
        };
        bytes.take_end()?;
        Ok(request)
    }
}

/// A node's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    Ok(Bytes),
    /// Nothing happened: the shard is served elsewhere, by nobody, or under a newer epoch.
    Moved(Box<ShardHint>),
    /// Nothing happened.
    Busy,
    /// Nothing happened.
    TooLarge,
    /// Nothing happened.
    Expired,
    /// It may have happened.
    Unknown,
    /// Nothing happened.
    Stopped,
    /// Nothing happened: the request makes no sense here.
    Malformed(String),
}

impl Answer {
    pub fn encode(&self) -> Bytes {
        let (kind, payload): (u8, &[u8]) = match self {
            Self::Ok(body) => (0, body),
            Self::Moved(hint) => return tagged(1, &codec::encode(hint)),
            Self::Busy => (2, &[]),
            Self::TooLarge => (3, &[]),
            Self::Expired => (4, &[]),
            Self::Unknown => (5, &[]),
            Self::Stopped => (6, &[]),
            Self::Malformed(reason) => (7, reason.as_bytes()),
        };
        tagged(kind, payload)
    }

    pub fn decode(mut bytes: Bytes) -> Result<Self, Malformed> {
        let answer = match bytes.take_u8()? {
            0 => return Ok(Self::Ok(bytes)),
            1 => {
                let hint = codec::decode(&bytes).map_err(|_| Malformed("not a place"))?;
                return Ok(Self::Moved(Box::new(hint)));
            }
            2 => Self::Busy,
            3 => Self::TooLarge,
            4 => Self::Expired,
            5 => Self::Unknown,
            6 => Self::Stopped,
            7 => return Ok(Self::Malformed(String::from_utf8_lossy(&bytes).into_owned())),
            _ => return Err(Malformed("an unknown answer")),
        };
        bytes.take_end()?;
        Ok(answer)
    }
}

fn tagged(kind: u8, payload: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(1 + payload.len());
    out.put_u8(kind);
    out.put_slice(payload);
    out.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commands() -> Pieces {
        ["one", "", "three"].iter().collect()
    }

    #[test]
    fn requests_come_back_the_same() {
        let budget = Duration::from_millis(1500);
        let payload = Bytes::from_static(b"payload");
        let requests = [
            Request::Submit { shard: 3, epoch: 1 << 40, budget, commands: commands() },
            Request::Query { shard: 4, epoch: 0, budget, body: payload.clone() },
            Request::Routes { known: RoutesKnown { revision: 7, topology: 9 }, wait: budget },
            Request::FreshRoutes { budget, known: RoutesKnown::default() },
            Request::Admin { budget, body: payload },
            Request::WhoLeads { shard: 5 },
            Request::Pin { budget, key: "key".into() },
            Request::Status,
            Request::Ping,
            Request::Admin { budget, body: Bytes::from_static(b"body") },
            Request::MetaWatch { known: 5, wait: budget },
        ];
        for request in requests {
            assert_eq!(Request::decode(request.encode()), Ok(request));
        }
        assert!(Request::decode(Bytes::new()).is_err());
        assert!(Request::decode(Bytes::from_static(&[99])).is_err());
        assert!(Request::decode(Bytes::from_static(&[5, 5])).is_err());
    }

    #[test]
    fn answers_come_back_the_same() {
        let answers = [
            Answer::Ok(Bytes::from_static(b"reply")),
            Answer::Moved(Box::default()),
            Answer::Busy,
            Answer::TooLarge,
            Answer::Expired,
            Answer::Unknown,
            Answer::Stopped,
            Answer::Malformed("why".into()),
        ];
        for answer in answers {
            assert_eq!(Answer::decode(answer.encode()), Ok(answer));
        }
    }

    #[test]
    fn damaged_bytes_are_refused_or_read_and_never_panic() {
        let budget = Duration::from_millis(1500);
        let payload = Bytes::from_static(b"payload");
        let sound = [
            Request::Submit { shard: 3, epoch: 9, budget, commands: commands() }.encode(),
            Request::Routes { known: RoutesKnown::default(), wait: budget }.encode(),
            Request::Admin { budget, body: payload }.encode(),
            Answer::Moved(Box::default()).encode(),
            codec::encode(&crate::routes::RouteUpdate {
                revision: 3,
                since: 0,
                pins: vec![("key".into(), crate::Pin { number: 1, shard: 1 })],
                topology: Some(crate::routes::Topology::default()),
            }),
            Hello::encode(),
        ];
        let read = |bytes: &Bytes| {
            let _ = Request::decode(bytes.clone());
            let _ = Answer::decode(bytes.clone());
            let _ = Hello::decode(bytes.clone());
            let _ = decode_greeting(bytes.clone());
            let _ = codec::decode::<crate::routes::RouteUpdate>(bytes);
            let _ = codec::decode::<crate::AdminRequest>(bytes);
        };
        for _ in 0..20_000 {
            let mut bytes = sound[rand::random_range(0..sound.len())].to_vec();
            for _ in 0..rand::random_range(1..6) {
                let at = rand::random_range(0..bytes.len());
                bytes[at] = rand::random();
            }
            bytes.truncate(rand::random_range(0..=bytes.len()));
            read(&bytes.into());
            let noise: Vec<u8> = (0..rand::random_range(0..64)).map(|_| rand::random()).collect();
            read(&noise.into());
        }
    }

    #[test]
    fn greetings_come_back_the_same() {
        assert_eq!(decode_greeting(encode_greeting(5, 6, SPOKEN.newest)), Ok((5, 6)));
        assert!(decode_greeting(encode_greeting(5, 6, SPOKEN.newest + 1)).is_err());
        assert!(Hello::decode(Hello::encode()).is_ok());
        assert!(Hello::decode(Bytes::from_static(b"GET /")).is_err());
    }
}
