//! Byte strings laid end to end: the commands of a log entry or of a client's bundle, and replies.
//!
//! `count u32`, then per piece a length and its bytes. The client lays its commands out once; the
//! leader joins such bundles into the body of one log entry, and followers and restarts slice it.
//! Nobody copies or looks at a single command before it is applied.

use bytes::{BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize};

use crate::wire::{Malformed, Take, len_u32, put_blob};

/// Bytes that a piece takes beside its own.
pub(crate) const PIECE_OVERHEAD_BYTES: usize = 4;
/// Bytes that tell how many pieces there are.
const COUNT_BYTES: usize = 4;

/// Byte strings in order: commands of one shard, or the replies to them. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Pieces {
    count: usize,
    /// Exactly `count` lengths and byte strings.
    laid: Bytes,
}

impl Pieces {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes that they take together, with their lengths.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.laid.len()
    }

    /// Each, in order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.laid[..];
        std::iter::from_fn(move || {
            let (len, behind) = rest.split_first_chunk()?;
            let (piece, behind) = behind.split_at_checked(u32::from_le_bytes(*len) as usize)?;
            rest = behind;
            Some(piece)
        })
    }

    /// Each, as a share of these bytes.
    pub fn shares(&self) -> impl Iterator<Item = Bytes> {
        self.iter().map(|piece| self.laid.slice_ref(piece))
    }

    /// The pieces of all of these, in order, as one log entry or answer has them.
    pub(crate) fn join<'a>(all: impl Iterator<Item = &'a Self> + Clone) -> Bytes {
        let (count, bytes) = all.clone().fold((0, 0), |(n, b), p| (n + p.len(), b + p.bytes()));
        let mut body = BytesMut::with_capacity(COUNT_BYTES + bytes);
        body.put_u32_le(len_u32(count));
        for pieces in all {
            body.put_slice(&pieces.laid);
        }
        body.freeze()
    }

    /// Writes them as they are sent.
    pub(crate) fn put(&self, out: &mut BytesMut) {
        out.put_u32_le(len_u32(self.count));
        out.put_slice(&self.laid);
    }

    /// As they are sent.
    pub(crate) fn encode(&self) -> Bytes {
        Self::join(std::iter::once(self))
    }

    /// The pieces of a body, as slices of it.
    ///
    /// # Errors
    /// When the bytes are no such body.
    pub(crate) fn decode(mut body: Bytes) -> Result<Self, Malformed> {
        let count = body.take_u32()? as usize;
        if count > body.len() / PIECE_OVERHEAD_BYTES {
            return Err(Malformed("more pieces than bytes"));
        }
        let pieces = Self { count, laid: body };
        let (found, bytes) = pieces.iter().fold((0, 0), |(found, bytes), piece| {
            (found + 1, bytes + PIECE_OVERHEAD_BYTES + piece.len())
        });
        if (found, bytes) == (count, pieces.laid.len()) {
            Ok(pieces)
        } else {
            Err(Malformed("pieces do not fill their bytes"))
        }
    }
}

impl<T: AsRef<[u8]>> FromIterator<T> for Pieces {
    fn from_iter<I: IntoIterator<Item = T>>(all: I) -> Self {
        let mut laid = BytesMut::new();
        let mut count = 0;
        for piece in all {
            put_blob(&mut laid, piece.as_ref());
            count += 1;
        }
        Self { count, laid: laid.freeze() }
    }
}

impl std::fmt::Debug for Pieces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.shares()).finish()
    }
}

/// Takes the replies to the commands of one entry, in their order. Where nobody waits for them (on
/// followers, after a restart) they are only counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replies {
    wanted: bool,
    laid: Vec<u8>,
    /// Where each reply ends in `laid`; all zero when nobody waits.
    ends: Vec<usize>,
}

impl Replies {
    /// A place for so many replies. When they are not `wanted` they are counted and dropped.
    #[must_use]
    pub fn new(count: usize, wanted: bool) -> Self {
        Self { wanted, laid: Vec::new(), ends: Vec::with_capacity(count) }
    }

    /// The next reply.
    pub fn push(&mut self, reply: &[u8]) {
        self.push_with(|out| out.extend_from_slice(reply));
    }

    /// The next reply, as `write` appends it; not called when nobody waits.
    pub fn push_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if self.wanted {
            let begin = self.laid.len();
            self.laid.extend_from_slice(&[0; PIECE_OVERHEAD_BYTES]);
            let first = self.laid.len();
            write(&mut self.laid);
            let len = len_u32(self.laid.len() - first);
            self.laid[begin..first].copy_from_slice(&len.to_le_bytes());
        }
        self.ends.push(self.laid.len());
    }

    /// How many there are so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none so far.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// All of them.
    #[must_use]
    pub fn into_pieces(self) -> Pieces {
        Pieces { count: self.ends.len(), laid: self.laid.into() }
    }

    /// The replies cut into as many as each of `counts` says; `None` when there are more or fewer.
    pub(crate) fn cut(self, counts: impl Iterator<Item = usize>) -> Option<Vec<Pieces>> {
        let laid = Bytes::from(self.laid);
        let (mut parts, mut cut, mut begin) = (Vec::new(), 0, 0);
        for count in counts {
            cut += count;
            let end = if cut == 0 { 0 } else { *self.ends.get(cut - 1)? };
            parts.push(Pieces { count, laid: laid.slice(begin..end) });
            begin = end;
        }
        (cut == self.ends.len()).then_some(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(all: &[&'static str]) -> Pieces {
        all.iter().collect()
    }

    #[test]
    fn pieces_come_back_in_order_and_damage_is_noticed() {
        let all = pieces(&["one", "", "three"]);
        assert_eq!((all.len(), all.bytes()), (3, 20));
        assert_eq!(all.iter().collect::<Vec<_>>(), [&b"one"[..], b"", b"three"]);
        assert_eq!(all.shares().last(), Some(Bytes::from_static(b"three")));
        let body = all.encode();
        assert_eq!(Pieces::decode(body.clone()), Ok(all));
        for cut in 0..body.len() {
            assert!(Pieces::decode(body.slice(..cut)).is_err(), "cut at {cut}");
        }
        let with_more = Bytes::from([&body[..], b"x"].concat());
        assert!(Pieces::decode(with_more).is_err(), "bytes left over");
        let with_fewer = Bytes::from([&[2], &body[1..]].concat());
        assert!(Pieces::decode(with_fewer).is_err(), "a piece too many");
        assert!(Pieces::decode(Bytes::from_static(&[255, 255, 255, 255])).is_err());
    }

    #[test]
    fn bundles_are_joined_into_one_body_and_their_replies_cut_apart_again() {
        let bundles = [pieces(&["a", "b"]), pieces(&[]), pieces(&["c"])];
        let joined = Pieces::decode(Pieces::join(bundles.iter())).expect("sound");
        assert_eq!(joined, pieces(&["a", "b", "c"]));
        let replies = || {
            let mut replies = Replies::new(3, true);
            for piece in joined.iter() {
                replies.push(piece);
            }
            replies
        };
        let counts = || bundles.iter().map(Pieces::len);
        assert_eq!(replies().cut(counts()).expect("as many"), bundles);
        assert_eq!(replies().into_pieces(), joined);
        assert_eq!(replies().cut(counts().skip(1)), None, "one bundle too few");
        assert_eq!(replies().cut(counts().chain([1])), None, "one too many");
    }

    #[test]
    fn unwanted_replies_are_counted_and_never_written() {
        let mut replies = Replies::new(2, false);
        replies.push_with(|_| panic!("nobody waits"));
        replies.push(b"nobody waits");
        assert_eq!(replies.len(), 2);
        assert!(replies.laid.is_empty());
    }
}
