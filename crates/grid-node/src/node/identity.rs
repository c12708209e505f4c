//! Who a data directory is: the grid it belongs to, the node id it was given, and a random number
//! that no other directory has. Written before the log is opened under the id.
//!
//! The node id in the file wins over the configured one: a node that lost its directory keeps the
//! id that it was given in its place (invariant I5).

use std::io;
use std::path::{Path, PathBuf};

use bytes::{BufMut, Bytes, BytesMut};

use super::durable_file;
use crate::NodeId;
use crate::wire::{Malformed, Take as _};

const MAGIC: &[u8; 8] = b"SGNODE\r\n";
const FORMAT: u32 = 1;
const NAME: &str = "identity";

/// Who a data directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    pub cluster_id: u128,
    /// `None` while the grid has not given one.
    pub node_id: Option<NodeId>,
    /// Names the directory; drawn once.
    pub log_id: u128,
    /// Whether the grid's registry knows the id with this directory.
    pub confirmed: bool,
}

impl Identity {
    /// A new directory's identity.
    pub fn new(cluster_id: u128, node_id: Option<NodeId>) -> Self {
        Self { cluster_id, node_id, log_id: rand::random(), confirmed: false }
    }

    /// Reads it; `None` in a new directory. Blocking.
    ///
    /// # Errors
    /// The file system's, or `InvalidData` for a file that is no identity.
    pub fn load(data_dir: &Path) -> io::Result<Option<Self>> {
        let invalid = |e: Malformed| io::Error::new(io::ErrorKind::InvalidData, e);
        let content = durable_file::read(&path(data_dir))?;
        content.map(|bytes| decode(bytes.into()).map_err(invalid)).transpose()
    }

    /// Writes it durably. Blocking.
    pub fn save(&self, data_dir: &Path) -> io::Result<()> {
        std::fs::create_dir_all(data_dir)?;
        durable_file::write(&path(data_dir), &self.encode())
    }

    fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(64);
        out.put_slice(MAGIC);
        out.put_u32_le(FORMAT);
        out.put_u128_le(self.cluster_id);
        out.put_u64_le(self.node_id.unwrap_or(0));
        out.put_u128_le(self.log_id);
        out.put_u8(u8::from(self.confirmed));
        out.freeze()
    }
}

/// Where the identity of a data directory is.
pub(super) fn path(data_dir: &Path) -> PathBuf {
    data_dir.join(NAME)
}

fn decode(mut bytes: Bytes) -> Result<Identity, Malformed> {
    if !bytes.starts_with(MAGIC) {
        return Err(Malformed("not an identity"));
    }
    let _ = bytes.split_to(MAGIC.len());
    if bytes.take_u32()? != FORMAT {
        return Err(Malformed("identity of an unknown format"));
    }
    let identity = Identity {
        cluster_id: bytes.take_u128()?,
        node_id: Some(bytes.take_u64()?).filter(|id| *id != 0),
        log_id: bytes.take_u128()?,
        confirmed: bytes.take_bool()?,
    };
    bytes.take_end()?;
    Ok(identity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_comes_back_and_is_unlike_any_other() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let home = dir.path().join("new");
        assert_eq!(Identity::load(&home).expect("nothing there"), None);
        let mut identity = Identity::new(7, None);
        for (node_id, confirmed) in [(None, false), (Some(4), false), (Some(4), true)] {
            identity = Identity { node_id, confirmed, ..identity };
            identity.save(&home).expect("written");
            assert_eq!(Identity::load(&home).expect("readable"), Some(identity));
        }
        assert_ne!(Identity::new(7, None).log_id, identity.log_id);
        std::fs::write(path(&home), b"something else").expect("writable");
        assert!(Identity::load(&home).is_err());
    }
}
