//! Values of this crate that leave the process in bincode (1.3, little endian, variable-length
//! integers) behind a version byte: the meta group's commands and snapshots, route tables, status.
//!
//! The only file that knows bincode. Hot paths (commands, log entries, Raft messages) are encoded
//! by hand in their own modules and never come through here.

use bincode::Options;
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The form written today; a reader refuses any other.
const FORMAT: u8 = 1;
/// Bytes of one decoded value: a million pins fit.
const DECODE_BYTES_MAX: u64 = 128 * 1024 * 1024;

/// Why bytes are not a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DecodeError {
    /// No bytes at all.
    #[error("no bytes")]
    Empty,
    /// Written by another release.
    #[error("format {0} is not the known format {FORMAT}")]
    Format(u8),
    /// Damaged, cut, too long, or of another type.
    #[error("invalid bytes: {0}")]
    Invalid(String),
}

fn options() -> impl Options {
    bincode::DefaultOptions::new().with_limit(DECODE_BYTES_MAX)
}

/// Encodes a value behind the version byte.
pub(crate) fn encode<T: Serialize>(value: &T) -> Bytes {
    let mut bytes = Vec::with_capacity(64);
    bytes.push(FORMAT);
    options().serialize_into(&mut bytes, value).expect(
        "writing to memory fails only over the size limit, which the tables' limits exclude",
    );
    bytes.into()
}

/// Decodes a value, all of the bytes or nothing.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    let (format, body) = bytes.split_first().ok_or(DecodeError::Empty)?;
    if *format != FORMAT {
        return Err(DecodeError::Format(*format));
    }
    options().deserialize(body).map_err(|e| DecodeError::Invalid(e.to_string()))
}
