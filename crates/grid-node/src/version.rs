//! Versions: what entries of a shard's log mean, and which of them a release can read.
//!
//! A shard begins at the first version and goes on by a barrier in its log, the same for every
//! replica. A release that cannot read what a shard goes by stops before it applies anything of it
//! (invariant I15); it never guesses. All groups of a node, the meta group too, go by the versions
//! of the application.

use crate::ShardId;
use crate::machine::StateMachine;

/// What every shard begins with, whatever the release of its founders: replicas of one group may
/// be of different releases.
pub(crate) const FIRST: u32 = 1;

/// Versions that a release reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Versions {
    pub oldest: u32,
    pub newest: u32,
}

/// A shard goes by a version that this release cannot read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "shard {shard} goes by version {version}, and this release reads {} to {}: start a release \
     that reads version {version}", .reads.oldest, .reads.newest
)]
pub(crate) struct Unreadable {
    shard: ShardId,
    version: u32,
    reads: Versions,
}

impl Versions {
    /// Those of an application.
    pub fn of<S: StateMachine>() -> Self {
        Self { oldest: *S::VERSIONS.start(), newest: *S::VERSIONS.end() }
    }

    /// Whether a version is among them.
    pub fn contain(self, version: u32) -> bool {
        (self.oldest..=self.newest).contains(&version)
    }

    /// The newest version that this release and all of the others read; none when there is none.
    pub fn newest_common(self, others: &[Self]) -> Option<u32> {
        let both = |a: Self, b: &Self| Self {
            oldest: a.oldest.max(b.oldest),
            newest: a.newest.min(b.newest),
        };
        let common = others.iter().fold(self, both);
        (common.oldest <= common.newest).then_some(common.newest)
    }

    /// That the release can go on with a shard.
    ///
    /// # Errors
    /// [`Unreadable`] when it must stop instead.
    pub fn read(self, shard: ShardId, version: u32) -> Result<(), Unreadable> {
        if self.contain(version) { Ok(()) } else { Err(Unreadable { shard, version, reads: self }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn founders_of_neighbouring_releases_begin_with_what_all_of_them_read() {
        let reads = |oldest, newest| Versions { oldest, newest };
        assert_eq!(reads(1, 2).newest_common(&[]), Some(2));
        assert_eq!(reads(1, 2).newest_common(&[reads(1, 2), reads(1, 1)]), Some(1));
        assert_eq!(reads(2, 3).newest_common(&[reads(1, 2)]), Some(2));
        assert_eq!(reads(2, 3).newest_common(&[reads(1, 1)]), None);
    }
}
