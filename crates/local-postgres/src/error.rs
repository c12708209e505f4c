//! What can go wrong, one enum per operation. Each message is a sentence that says what happened
//! and what to type, since `seatgrid up` prints it as it is.

use std::io;
use std::path::{Path, PathBuf};

/// Why no database could be had. Nothing is left running.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The given URL is not one of PostgreSQL.
    #[error("the database URL must begin with postgres:// or postgresql://")]
    BadUrl,
    /// No server program was found. `tried` lists what was looked at and why it was passed over.
    #[error(
        "no PostgreSQL server was found ({tried}): type `apt-get install postgresql`, \
         or give the URL of a database with --database-url or DATABASE_URL"
    )]
    NoServer {
        /// The candidates with their faults, joined by semicolons.
        tried: String,
    },
    /// The data was made by a server that is gone; another one could not read it.
    #[error(
        "the database in {} was made by {made_by}, which is not on this machine now ({tried}): \
         install it again, or start anew with --reset", dir.display()
    )]
    ServerGone {
        /// Where the data lies.
        dir: PathBuf,
        /// The kind and major version that made it.
        made_by: String,
        /// What was looked at instead.
        tried: String,
    },
    /// A file of ours cannot be understood.
    #[error(
        "{} is damaged ({reason}): put back a copy, or start anew with --reset", path.display()
    )]
    Damaged {
        /// The file or directory.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Root must not run PostgreSQL, and no other account is there to run it.
    #[error(
        "PostgreSQL refuses to run as root and neither user `postgres` nor `nobody` exists: \
         run as another user, or give --database-url"
    )]
    NoAccount,
    /// `initdb` failed.
    #[error("initdb could not make the database in {}: {output}", dir.display())]
    InitFailed {
        /// Where the cluster was to be.
        dir: PathBuf,
        /// The last lines that it printed.
        output: String,
    },
    /// The server ended before it served.
    #[error("PostgreSQL ended at start, see {}: {output}", log.display())]
    Exited {
        /// Its log file.
        log: PathBuf,
        /// The last lines of the log.
        output: String,
    },
    /// The server did not serve in time and was stopped.
    #[error(
        "PostgreSQL did not accept connections in {waited_ms} ms, see {}: {output}", log.display()
    )]
    NotReady {
        /// The deadline that passed.
        waited_ms: u128,
        /// Its log file.
        log: PathBuf,
        /// The last lines of the log.
        output: String,
    },
    /// The data lies where the account that runs the server cannot reach it any more.
    #[error(
        "user id {uid}, which runs PostgreSQL, cannot enter {}: \
         open its parent directories (chmod o+x), or start anew with --reset", dir.display()
    )]
    Unreachable {
        /// The directory with the data.
        dir: PathBuf,
        /// The account that runs the server.
        uid: u32,
    },
    /// The operating system refused something.
    #[error("{what} {}: {source}", path.display())]
    Io {
        /// What was done, as "cannot create".
        what: &'static str,
        /// To what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Why a server could not be stopped.
#[derive(Debug, thiserror::Error)]
pub enum StopError {
    /// Neither a fast nor an immediate stop nor a kill ended it in time.
    #[error("PostgreSQL (pid {pid}) did not end")]
    StillRunning {
        /// The server's process.
        pid: u32,
    },
    /// The signal could not be sent.
    #[error("cannot signal PostgreSQL (pid {pid}): {source}")]
    Signal {
        /// The server's process.
        pid: u32,
        /// Why not.
        source: io::Error,
    },
    /// The waiting task was cancelled because the runtime ended.
    #[error("the runtime ended before PostgreSQL did")]
    RuntimeEnded,
}

/// Why a managed database could not be removed.
#[derive(Debug, thiserror::Error)]
pub enum RemoveError {
    /// Its server could not be stopped.
    #[error(transparent)]
    Stop(#[from] StopError),
    /// Its record or files resisted.
    #[error(transparent)]
    Files(#[from] StartError),
}

/// Turns an I/O error into [`StartError::Io`] with what was done to which path.
pub(crate) trait IoContext<T> {
    fn context(self, what: &'static str, path: &Path) -> Result<T, StartError>;
}

impl<T> IoContext<T> for io::Result<T> {
    fn context(self, what: &'static str, path: &Path) -> Result<T, StartError> {
        self.map_err(|source| StartError::Io { what, path: path.to_owned(), source })
    }
}
