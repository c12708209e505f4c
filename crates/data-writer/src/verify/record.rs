//! One ledger row as a source yields it, borrowed from the source's buffer.

use crate::chain::{ChainKey, Fields};

use super::fault::Place;

/// A row with its hashes. Hashes are as found: their length is not checked yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record<'a> {
    pub(crate) key: ChainKey,
    pub(crate) fields: Fields<'a>,
    pub(crate) prev_hash: &'a [u8],
    pub(crate) hash: &'a [u8],
}

impl Record<'_> {
    /// Which row it is.
    pub(crate) fn place(&self) -> Place {
        Place {
            shard: self.key.shard,
            incarnation: self.key.incarnation,
            log_index: self.fields.position.log_index,
            ordinal: self.fields.position.ordinal,
        }
    }
}
