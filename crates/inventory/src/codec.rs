//! Bytes of this crate that leave the process: commands, replies and snapshots. The only file that
//! knows the encoding (bincode 1.3, little endian, variable-length integers, behind a version byte).
//! Readers and writers are the caller's; nothing is opened here.

use std::fmt;
use std::io::{self, BufReader, BufWriter, Read, Write};

use bincode::Options;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Envelope, v1};

/// The form written today; a reader refuses a higher one. Commands and snapshots of every lower one
/// are still read: they lie in logs and files.
pub const FORMAT: u8 = 2;
/// The first form.
const FIRST: u8 = 1;
/// Bytes of one decoded command, reply or question: a plan of 250,000 seats with the longest labels
/// fits.
pub const DECODE_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Bytes of one decoded snapshot: a shard at all its limits fits.
pub const SNAPSHOT_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;
/// Bytes of a snapshot that are handed over at once: numbers are a few bytes each, and a call of
/// somebody else's writer or reader for each would cost more than encoding them.
const PIECE_BYTES: usize = 64 * 1024;

/// Why bytes are not a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DecodeError {
    /// No bytes at all.
    Empty,
    /// Written by a newer binary.
    Format(u8),
    /// Damaged, cut, too long, or of another type.
    Invalid(String),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("no bytes"),
            Self::Format(format) => write!(f, "format {format} is newer than {FORMAT}"),
            Self::Invalid(reason) => write!(f, "invalid bytes: {reason}"),
        }
    }
}

impl std::error::Error for DecodeError {}

fn options() -> impl Options {
    bincode::DefaultOptions::new()
}

/// Encodes a value behind the version byte.
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(64);
    append(value, &mut bytes);
    bytes
}

/// Appends a value behind the version byte.
pub fn append<T: Serialize>(value: &T, bytes: &mut Vec<u8>) {
    bytes.push(FORMAT);
    options()
        .serialize_into(bytes, value)
        .expect("writing our own types to memory without a limit does not fail");
}

/// Decodes a value, all of the bytes or nothing.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    let (format, body) = bytes.split_first().ok_or(DecodeError::Empty)?;
    if *format != FORMAT {
        return Err(DecodeError::Format(*format));
    }
    decode_body(body)
}

/// Encodes a command in the first form that has it, so that also a shard that goes by an older
/// version takes it.
pub fn encode_envelope(envelope: &Envelope) -> Vec<u8> {
    let mut bytes = encode(envelope);
    if v1::has(&envelope.command) {
        bytes[0] = FIRST;
    }
    bytes
}

/// The form of encoded bytes, whether they can be read or not; `None` without bytes. A command of
/// form N may only be applied where the shard goes by version N or a newer one.
pub fn form(bytes: &[u8]) -> Option<u8> {
    bytes.first().copied()
}

/// Decodes a command of any form that was ever written.
///
/// # Errors
/// When the bytes are none.
pub fn decode_envelope(bytes: &[u8]) -> Result<Envelope, DecodeError> {
    match bytes.split_first() {
        Some((&FIRST, body)) => first_form(decode_body(body)?),
        Some(_) | None => decode(bytes),
    }
}

/// Decodes commands that were encoded together, of any form.
///
/// # Errors
/// When the bytes are none.
pub fn decode_envelopes(bytes: &[u8]) -> Result<Vec<Envelope>, DecodeError> {
    match bytes.split_first() {
        Some((&FIRST, body)) => {
            let all: Vec<v1::Envelope> = decode_body(body)?;
            all.into_iter().map(first_form).collect()
        }
        Some(_) | None => decode(bytes),
    }
}

/// A command of the first form. What that form did not have is no command in it, as it was none to
/// the release that wrote it.
fn first_form(envelope: v1::Envelope) -> Result<Envelope, DecodeError> {
    if envelope.is_sound() {
        Ok(Envelope::from(envelope))
    } else {
        Err(DecodeError::Invalid("the first form does not have this".into()))
    }
}

fn decode_body<T: DeserializeOwned>(body: &[u8]) -> Result<T, DecodeError> {
    let options = options().with_limit(DECODE_BYTES_MAX);
    options.deserialize(body).map_err(|e| DecodeError::Invalid(e.to_string()))
}

/// Encodes a value behind the version byte, piece by piece.
///
/// # Errors
/// Those of `out`.
pub(crate) fn encode_into<T: Serialize>(value: &T, out: &mut dyn Write) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(PIECE_BYTES, out);
    out.write_all(&[FORMAT])?;
    options().serialize_into(&mut out, value).map_err(|error| match *error {
        bincode::ErrorKind::Io(error) => error,
        other => io::Error::other(other.to_string()),
    })?;
    out.flush()
}

/// Decodes a snapshot piece by piece, all of the bytes or nothing. `Old` is its first form.
pub(crate) fn decode_snapshot<T: DeserializeOwned + From<Old>, Old: DeserializeOwned>(
    from: &mut dyn Read,
) -> Result<T, DecodeError> {
    let from = &mut BufReader::with_capacity(PIECE_BYTES, from);
    let mut byte = [0];
    match from.read_exact(&mut byte) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(DecodeError::Empty),
        Err(error) => Err(DecodeError::Invalid(error.to_string())),
        Ok(()) => match byte[0] {
            FORMAT => rest(from),
            FIRST => rest::<Old>(from).map(T::from),
            other => Err(DecodeError::Format(other)),
        },
    }
}

/// All that is left of a snapshot.
fn rest<T: DeserializeOwned>(from: &mut impl Read) -> Result<T, DecodeError> {
    let invalid = |reason: String| DecodeError::Invalid(reason);
    let options = options().with_limit(SNAPSHOT_BYTES_MAX);
    let value = options.deserialize_from(&mut *from).map_err(|e| invalid(e.to_string()))?;
    match from.read_exact(&mut [0]) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(value),
        Err(error) => Err(invalid(error.to_string())),
        Ok(()) => Err(invalid("bytes left over".into())),
    }
}
