//! A small file that is there as a whole or not at all, even after a power cut: written aside,
//! synced, renamed, its directory synced; a checksum tells damage.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

const CRC_BYTES: usize = 4;

/// Replaces the file's content. Blocking.
pub(super) fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let aside = path.with_extension("tmp");
    let mut file = File::create(&aside)?;
    file.write_all(content)?;
    file.write_all(&crc32c::crc32c(content).to_le_bytes())?;
    file.sync_all()?;
    fs::rename(&aside, path)?;
    path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
}

/// The file's content; `None` when there is no file. Blocking.
pub(super) fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let damaged = || io::Error::new(io::ErrorKind::InvalidData, "the file is damaged");
    let content_bytes = bytes.len().checked_sub(CRC_BYTES).ok_or_else(damaged)?;
    let crc = bytes.split_off(content_bytes);
    if crc != crc32c::crc32c(&bytes).to_le_bytes() {
        return Err(damaged());
    }
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_comes_back_and_damage_is_noticed() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("file");
        assert_eq!(read(&path).expect("no file is fine"), None);
        for content in [&b"first"[..], b"", b"the second"] {
            write(&path, content).expect("written");
            assert_eq!(read(&path).expect("sound").as_deref(), Some(content));
        }
        let mut bytes = fs::read(&path).expect("readable");
        bytes[3] ^= 1;
        fs::write(&path, bytes).expect("writable");
        assert!(read(&path).is_err());
        fs::write(&path, b"abc").expect("writable");
        assert!(read(&path).is_err());
    }
}
