//! The few file operations the log needs, as a trait, and their real form on Linux.
//!
//! All file access of the log goes through here, so that tests can put a disk below it that fails,
//! tears, fills up and loses power. Nothing here retries: what an error means is the log's
//! decision.

use std::any::Any;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{Advice, FallocateFlags, FlockOperation};

/// A random name that the kernel chooses at each start.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Held as long as the directory is locked; dropping it unlocks.
pub type DiskLock = Box<dyn Any + Send>;

/// One file of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskEntry {
    /// File name without its directory.
    pub name: String,
    /// Length in bytes.
    pub len_bytes: u64,
}

/// Room of a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskSpace {
    /// Bytes that this process may still use.
    pub free_bytes: u64,
    /// Size in bytes.
    pub total_bytes: u64,
}

/// A file system as the log uses it. Errors are passed on as they come.
pub trait Disk: Send + Sync + 'static {
    /// Creates `dir` and its parents; existing ones are fine.
    fn create_dir_all(&self, dir: &Path) -> io::Result<()>;
    /// Plain files of `dir` in any order.
    fn list(&self, dir: &Path) -> io::Result<Vec<DiskEntry>>;
    /// The whole file as the device has it: dirty pages are flushed first and cached ones dropped,
    /// so that pages a failed flush left behind in the cache are not taken for data on disk.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// Creates `path`, emptying it if it exists, and opens it for writing.
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// Opens an existing file for writing.
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// Opens an existing file for reading. It can be read even after its name is gone.
    fn open_to_read(&self, path: &Path) -> io::Result<Arc<dyn DiskReader>> {
        Ok(Arc::new(RealReader(File::open(path)?)))
    }
    /// Removes a directory with all that is in it.
    fn remove_dir_all(&self, dir: &Path) -> io::Result<()> {
        std::fs::remove_dir_all(dir)
    }
    /// Renames within one directory, replacing the target.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes creations, renames and removals in `dir` durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// Takes the exclusive lock file `path`; `None` when someone else has it.
    fn lock(&self, path: &Path) -> io::Result<Option<DiskLock>>;
    /// Room of the file system that holds `dir`. Nothing inside the log decides by it.
    fn space(&self, dir: &Path) -> io::Result<DiskSpace> {
        let _ = dir;
        Err(io::ErrorKind::Unsupported.into())
    }
    /// Names the present start of the system; `None` where it cannot be told. Within one start the
    /// page cache keeps what was written, synced or not.
    fn boot_id(&self) -> Option<String>;
    /// How long a log without a thread lets pass before it writes and syncs a batch. A thread waits
    /// inside the calls themselves.
    fn delay(&self) -> Duration {
        Duration::ZERO
    }
    /// Told the name of each kill point as it is passed, such as `wal.append.before_sync`. Drills
    /// and simulations stop there; the real disk does nothing.
    fn reached(&self, point: &'static str) {
        let _ = point;
    }
}

/// An open file of a [`Disk`].
pub trait DiskFile: Send {
    /// Writes some of `bytes` at `offset` and says how many.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize>;
    /// fdatasync: content and whatever is needed to read it back.
    fn sync_data(&self) -> io::Result<()>;
    /// Reserves blocks up to `len_bytes` and makes the file that long.
    fn preallocate(&self, len_bytes: u64) -> io::Result<()>;
    /// Cuts the file to `len_bytes`.
    fn truncate(&self, len_bytes: u64) -> io::Result<()>;
}

/// An open file of a [`Disk`] that is only read.
pub trait DiskReader: fmt::Debug + Send + Sync {
    /// Reads some of the bytes at `offset` and says how many; none at the end.
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<usize>;
    /// Bytes of the file.
    fn len_bytes(&self) -> io::Result<u64>;

    /// Reads exactly so many bytes.
    fn read_exact_at(&self, mut offset: u64, mut out: &mut [u8]) -> io::Result<()> {
        while !out.is_empty() {
            match self.read_at(offset, out)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => {
                    offset += read as u64;
                    out = &mut out[read..];
                }
            }
        }
        Ok(())
    }
}

#[derive(Debug)]
struct RealReader(File);

impl DiskReader for RealReader {
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read_at(out, offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }

    fn len_bytes(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }
}

/// The operating system's file system.
#[derive(Debug, Default, Clone, Copy)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        std::fs::create_dir_all(dir)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<DiskEntry>> {
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(dir)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            // A name that is not Unicode is not ours.
            if let (true, Ok(name)) = (metadata.is_file(), entry.file_name().into_string()) {
                entries.push(DiskEntry { name, len_bytes: metadata.len() });
            }
        }
        Ok(entries)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        file.sync_data()?;
        // Only a hint: where the file system ignores it the cache is read, as it would be anyway.
        let _ = rustix::fs::fadvise(&file, 0, None, Advice::DontNeed);
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        Ok(Box::new(RealFile(options.write(true).create(true).truncate(true).open(path)?)))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(RealFile(OpenOptions::new().write(true).open(path)?)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }

    fn lock(&self, path: &Path) -> io::Result<Option<DiskLock>> {
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(false).open(path)?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Box::new(file))),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    fn space(&self, dir: &Path) -> io::Result<DiskSpace> {
        let room = rustix::fs::statvfs(dir)?;
        let bytes = |blocks: u64| blocks.saturating_mul(room.f_frsize);
        Ok(DiskSpace { free_bytes: bytes(room.f_bavail), total_bytes: bytes(room.f_blocks) })
    }

    fn boot_id(&self) -> Option<String> {
        std::fs::read_to_string(BOOT_ID).ok().map(|id| id.trim().to_owned())
    }
}

struct RealFile(File);

impl DiskFile for RealFile {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_at(bytes, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn preallocate(&self, len_bytes: u64) -> io::Result<()> {
        match rustix::fs::fallocate(&self.0, FallocateFlags::empty(), 0, len_bytes) {
            // Some file systems cannot reserve; the log then finds out about a full disk at the
            // write.
            Err(rustix::io::Errno::OPNOTSUPP) => self.0.set_len(len_bytes),
            other => other.map_err(Into::into),
        }
    }

    fn truncate(&self, len_bytes: u64) -> io::Result<()> {
        self.0.set_len(len_bytes)
    }
}
