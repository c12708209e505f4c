//! Versions of a port's protocol: what a release speaks, and what two of them have in common.
//!
//! Adjacent releases talk in the newest version that both know; a release that shares none is
//! refused and told so.

use bytes::{BufMut, Bytes, BytesMut};

use super::Refusal;
use crate::wire::{Malformed, Take};

/// Versions of one protocol that a release speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spoken {
    pub newest: u32,
    pub oldest: u32,
}

impl Spoken {
    /// Writes them into a hello.
    pub fn put(self, out: &mut BytesMut) {
        out.put_u32_le(self.newest);
        out.put_u32_le(self.oldest);
    }

    /// Reads them from a hello.
    pub fn take(bytes: &mut Bytes) -> Result<Self, Malformed> {
        Ok(Self { newest: bytes.take_u32()?, oldest: bytes.take_u32()? })
    }

    /// The newest version that both speak.
    ///
    /// # Errors
    /// A refusal that the other side is told.
    pub fn with(self, other: Self) -> Result<u32, Refusal> {
        let common = self.newest.min(other.newest);
        if common >= self.oldest.max(other.oldest) {
            return Ok(common);
        }
        let Self { newest, oldest } = self;
        Err(Refusal::Told(format!(
            "versions {oldest} to {newest} of the protocol are spoken here, and {} to {} there: \
             releases further apart than neighbours do not talk",
            other.oldest, other.newest
        )))
    }

    /// Whether the version that the other side has chosen is spoken here.
    pub fn has(self, chosen: u32) -> bool {
        (self.oldest..=self.newest).contains(&chosen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spoken(oldest: u32, newest: u32) -> Spoken {
        Spoken { newest, oldest }
    }

    #[test]
    fn neighbours_talk_in_the_newest_version_that_both_know() {
        assert_eq!(spoken(1, 2).with(spoken(2, 3)), Ok(2));
        assert_eq!(spoken(2, 3).with(spoken(1, 2)), Ok(2));
        assert_eq!(spoken(2, 4).with(spoken(2, 4)), Ok(4));
        let refused = spoken(1, 2).with(spoken(3, 4)).expect_err("nothing in common").to_string();
        assert!(refused.contains("1 to 2") && refused.contains("3 to 4"), "{refused}");
        assert!(spoken(3, 4).with(spoken(1, 2)).is_err());
        assert!(spoken(4, 3).with(spoken(1, 9)).is_err(), "an empty range has nothing");
        assert!(spoken(2, 3).has(3) && !spoken(2, 3).has(4));
    }
}
