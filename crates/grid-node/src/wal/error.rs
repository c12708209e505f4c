//! The two ways the log says no: refusing to open, and stopping for good while it runs.
//!
//! Both name what a person needs: the file, the place in it, and what to do.

use std::io;
use std::path::PathBuf;

use super::GroupId;
use super::index::Gap;

/// Why a log was not opened.
#[derive(Debug, thiserror::Error)]
pub enum WalError {
    /// A knob is out of its range.
    #[error("write-ahead log options: {0}")]
    Options(String),
    /// Another process has the directory open.
    #[error(
        "log directory {dir} is in use by another process; stop that one first",
        dir = .dir.display()
    )]
    Locked {
        /// The log's directory.
        dir: PathBuf,
    },
    /// A call to the file system failed.
    #[error(transparent)]
    Io(#[from] FileError),
    /// Bytes that had been made durable are not as they were written.
    #[error(
        "log file {file} is damaged at offset {offset_bytes}: {reason}; \
         this node must not start with it, replace it under a new node id",
        file = .file.display()
    )]
    Corrupt {
        /// The damaged file.
        file: PathBuf,
        /// Offset of the first bad byte range.
        offset_bytes: u64,
        /// What is wrong.
        reason: String,
    },
    /// A segment file that must exist does not.
    #[error("log directory {dir} lacks segment {number}: {reason}", dir = .dir.display())]
    MissingSegment {
        /// The log's directory.
        dir: PathBuf,
        /// Number of the missing segment (the first of them).
        number: u64,
        /// What gave it away.
        reason: String,
    },
    /// The log was written by another node or for another cluster.
    #[error(
        "log file {file} belongs to node {found_node} of cluster {found_cluster:032x}, \
         not to node {node} of cluster {cluster:032x}; check data_dir, node_id and cluster_id",
        file = .file.display()
    )]
    Foreign {
        /// The file looked at.
        file: PathBuf,
        /// The cluster that is configured.
        cluster: u128,
        /// The node that is configured.
        node: u64,
        /// The cluster in the file.
        found_cluster: u128,
        /// The node in the file.
        found_node: u64,
    },
    /// The log was written by a newer release.
    #[error(
        "log file {file} has format {found}, this release reads up to {supported}; \
         start a newer release",
        file = .file.display()
    )]
    NewerFormat {
        /// The file looked at.
        file: PathBuf,
        /// Format in the file.
        found: u32,
        /// Newest format this build reads.
        supported: u32,
    },
    /// The writer thread could not be started.
    #[error("the log's writer thread could not be started: {0}")]
    Thread(io::Error),
    /// The first records could not be written.
    #[error("the log could not be started: {0}")]
    Start(#[from] WalFailure),
}

/// Why the log stopped. Every waiting and later call gets the same reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WalFailure {
    /// A call to the file system failed: fdatasync error, full disk, write error.
    #[error("{operation} {file} failed: {message}", file = .file.display())]
    Io {
        /// What was tried.
        operation: &'static str,
        /// The file or directory.
        file: PathBuf,
        /// The kind of error, for example `StorageFull`.
        kind: io::ErrorKind,
        /// The system's own words.
        message: String,
    },
    /// A caller queued more than the queue may hold.
    #[error("the log's queue is full ({len} calls, {bytes} bytes wait)")]
    Backlog {
        /// Calls that waited.
        len: usize,
        /// Payload bytes that waited.
        bytes: usize,
    },
    /// An entry does not follow its group's log.
    #[error(transparent)]
    Gap(#[from] Gap),
    /// A single record is larger than the format allows.
    #[error("a record of group {group} has {bytes} bytes, too many for one record")]
    TooLarge {
        /// The group.
        group: GroupId,
        /// Bytes of the record's body.
        bytes: usize,
    },
    /// The log was shut down in order.
    #[error("the log is closed")]
    Closed,
    /// The writer thread or a callback on it panicked, a defect.
    #[error("the log's writer thread or a callback on it panicked")]
    Panicked,
}

/// One failed call to the file system.
#[derive(Debug, thiserror::Error)]
#[error("{operation} {path} failed: {source}", path = .path.display())]
pub struct FileError {
    /// What was tried, a verb.
    pub operation: &'static str,
    /// The file or directory.
    pub path: PathBuf,
    /// The system's error.
    pub source: io::Error,
}

impl From<FileError> for WalFailure {
    fn from(error: FileError) -> Self {
        Self::Io {
            operation: error.operation,
            file: error.path,
            kind: error.source.kind(),
            message: error.source.to_string(),
        }
    }
}

/// Names the operation and path of an I/O result.
pub(super) trait At<T> {
    fn at(self, operation: &'static str, path: &std::path::Path) -> Result<T, FileError>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, operation: &'static str, path: &std::path::Path) -> Result<T, FileError> {
        self.map_err(|source| FileError { operation, path: path.to_owned(), source })
    }
}
