//! One snapshot file: what is on disk is what travels to a follower.
//!
//! Format 2: `magic 8 | format u32 | header length u32 | header | state | state length u64 |
//! crc32c u32` over all before it. The state is streamed, never whole in memory: its length and the
//! checksum come after it. Format 1, with the length in front, is still read. A file is used only
//! after a pass over all of it has matched the checksum, so a byte changed anywhere is noticed.

mod header;

use std::fmt;
use std::io::{self, BufReader, Read, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

pub(crate) use header::SnapshotHeader;

use super::types::SnapshotMeta;
use crate::machine::Encode;
use crate::wal::{Disk, DiskFile, DiskReader};
use crate::wire::{Malformed, Take};

const CRC_BYTES: usize = 4;
/// State length and checksum of format 2.
const TRAILER_BYTES: usize = 8 + CRC_BYTES;
/// What is written or read at once.
const BUFFER_BYTES: usize = 256 << 10;

/// Why a file is no snapshot.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileProblem {
    /// The file system refuses.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is damaged, cut, foreign or of a newer release.
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

/// A sound snapshot file, open; a clone shares it. It can be read even after its name is gone.
#[derive(Clone)]
pub(crate) struct SnapshotFile(Arc<Opened>);

struct Opened {
    disk: Arc<dyn Disk>,
    file: Arc<dyn DiskReader>,
    path: PathBuf,
    header: SnapshotHeader,
    state: Range<u64>,
    len: u64,
    crc: u32,
}

impl fmt::Debug for SnapshotFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SnapshotFile").field("path", &self.0.path).finish_non_exhaustive()
    }
}

impl SnapshotFile {
    /// Opens a file and checks all of it. Blocking.
    pub fn open(disk: &Arc<dyn Disk>, path: &Path) -> Result<Self, FileProblem> {
        let file = disk.open_to_read(path)?;
        let len = file.len_bytes()?;
        let body = len.checked_sub(CRC_BYTES as u64).ok_or(Malformed("too short"))?;
        let mut sum = 0;
        let mut buffer = vec![0; BUFFER_BYTES];
        let mut at = 0;
        while at < body {
            let piece = &mut buffer[..BUFFER_BYTES.min(usize_of(body - at))];
            file.read_exact_at(at, piece)?;
            sum = crc32c::crc32c_append(sum, piece);
            at += piece.len() as u64;
        }
        let mut crc = [0; CRC_BYTES];
        file.read_exact_at(body, &mut crc)?;
        let crc = u32::from_le_bytes(crc);
        if crc != sum {
            return Err(Malformed("checksum does not match").into());
        }
        let (header, state) = layout(&*file, len)?;
        let (disk, path) = (Arc::clone(disk), path.to_owned());
        Ok(Self(Arc::new(Opened { disk, file, path, header, state, len, crc })))
    }

    /// The same open file under the name it has now.
    pub fn renamed(self, path: PathBuf) -> Self {
        let Opened { disk, file, header, state, len, crc, .. } = &*self.0;
        let (disk, file) = (Arc::clone(disk), Arc::clone(file));
        let (header, state) = (header.clone(), state.clone());
        Self(Arc::new(Opened { disk, file, path, header, state, len: *len, crc: *crc }))
    }

    pub fn header(&self) -> &SnapshotHeader {
        &self.0.header
    }

    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Bytes of the file.
    pub fn len(&self) -> u64 {
        self.0.len
    }

    /// What openraft needs to know of it.
    pub fn meta(&self) -> SnapshotMeta {
        let header = self.header();
        SnapshotMeta { last_log_id: header.last_log_id, last_membership: header.membership.clone() }
    }

    /// Names the content, so that a transfer can go on where it broke: another content has another
    /// checksum or another end.
    pub fn transfer_id(&self) -> u64 {
        let index = self.header().last_log_id.map_or(0, |id| id.index);
        u64::from(self.0.crc) << 32 | (index & 0xffff_ffff)
    }

    /// Up to `max` bytes of the file from `offset` on. Blocking.
    pub fn piece(&self, offset: u64, max: usize) -> io::Result<Bytes> {
        let rest = self.len().saturating_sub(offset);
        let mut bytes = vec![0; max.min(usize_of(rest))];
        self.0.file.read_exact_at(offset, &mut bytes)?;
        Ok(bytes.into())
    }

    /// The application's state. Blocking.
    pub fn state(&self) -> impl Read + '_ {
        let section = Section { file: &*self.0.file, rest: self.0.state.clone() };
        BufReader::with_capacity(BUFFER_BYTES, section)
    }

    /// Whether the bytes on disk still match their checksum. Blocking.
    pub fn is_sound(&self) -> bool {
        Self::open(&self.0.disk, self.path()).is_ok_and(|again| again.0.crc == self.0.crc)
    }
}

/// Header and place of the state.
fn layout(file: &dyn DiskReader, len: u64) -> Result<(SnapshotHeader, Range<u64>), FileProblem> {
    let mut start = vec![0; header::PREFIX_BYTES_MAX.min(usize_of(len))];
    file.read_exact_at(0, &mut start)?;
    let prefix = header::decode_prefix(start.into())?;
    let state_len = match prefix.state_len {
        Some(state_len) => state_len,
        None => {
            let mut trailer = [0; TRAILER_BYTES];
            let at = len.checked_sub(TRAILER_BYTES as u64).ok_or(Malformed("too short"))?;
            file.read_exact_at(at, &mut trailer)?;
            Bytes::copy_from_slice(&trailer).take_u64()?
        }
    };
    let trailer = if prefix.state_len.is_some() { CRC_BYTES } else { TRAILER_BYTES };
    let begin = prefix.len as u64;
    let end = begin.checked_add(state_len).filter(|end| end + trailer as u64 == len);
    let end = end.ok_or(Malformed("its parts do not fill the file"))?;
    Ok((prefix.header, begin..end))
}

/// Writes a snapshot to an empty file, without syncing it. Blocking.
pub(crate) fn write(
    file: &dyn DiskFile,
    header: &SnapshotHeader,
    encode: Encode,
) -> io::Result<()> {
    let mut out = Summing { file, offset: 0, crc: 0, waiting: Vec::with_capacity(BUFFER_BYTES) };
    let prefix = header::encode_prefix(header);
    out.write_all(&prefix)?;
    encode(&mut out)?;
    out.drain()?;
    let state_len = out.offset - prefix.len() as u64;
    out.write_all(&state_len.to_le_bytes())?;
    out.drain()?;
    let crc = out.crc;
    out.write_all(&crc.to_le_bytes())?;
    out.drain()
}

/// Writes in large pieces and keeps the sum of what was written.
struct Summing<'a> {
    file: &'a dyn DiskFile,
    offset: u64,
    crc: u32,
    waiting: Vec<u8>,
}

impl Summing<'_> {
    fn drain(&mut self) -> io::Result<()> {
        self.crc = crc32c::crc32c_append(self.crc, &self.waiting);
        write_all_at(self.file, self.offset, &self.waiting)?;
        self.offset += self.waiting.len() as u64;
        self.waiting.clear();
        Ok(())
    }
}

impl Write for Summing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.waiting.len() + bytes.len() > BUFFER_BYTES {
            self.drain()?;
        }
        let taken = &bytes[..bytes.len().min(BUFFER_BYTES)];
        self.waiting.extend_from_slice(taken);
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes all of it.
pub(crate) fn write_all_at(
    file: &dyn DiskFile,
    mut offset: u64,
    mut bytes: &[u8],
) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = file.write_at(offset, bytes)?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        offset += written as u64;
        bytes = &bytes[written..];
    }
    Ok(())
}

/// A stretch of a file.
struct Section<'a> {
    file: &'a dyn DiskReader,
    rest: Range<u64>,
}

impl Read for Section<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let wanted = out.len().min(usize_of(self.rest.end - self.rest.start));
        let read = self.file.read_at(self.rest.start, &mut out[..wanted])?;
        self.rest.start += read as u64;
        Ok(read)
    }
}

fn usize_of(len: u64) -> usize {
    usize::try_from(len).unwrap_or(usize::MAX)
}

#[cfg(test)]
pub(super) mod tests;
