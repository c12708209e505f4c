//! What tools ask of a running `up`: one more unit, or one less. A socket in the data directory, so
//! only its owner can ask; one line of JSON each way.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

/// Name of the socket in the data directory.
const SOCKET: &str = "up.sock";
/// A request is one short line.
const LINE_BYTES_MAX: u64 = 4_096;
/// For a tool to send its line.
const LINE_WITHIN: Duration = Duration::from_secs(2);
/// A unit that is stopped gets its time, and then is killed.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// What a tool wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Starts one more unit, which joins the grid and holds nothing yet.
    AddUnit,
    /// Stops a unit for good.
    StopUnit {
        /// Its number, as in `processes.json`.
        number: u32,
    },
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The unit runs.
    Started {
        /// Its number, as in `processes.json`.
        number: u32,
        /// Where its operator's API is.
        admin: SocketAddr,
    },
    /// The unit has stopped and will not be started again.
    Stopped,
    /// Nothing was done; says why.
    Refused(String),
}

/// The supervisor's end; removes the socket when it goes.
#[derive(Debug)]
pub struct Requests {
    listener: UnixListener,
    path: PathBuf,
}

/// A request, and whom to answer.
#[derive(Debug)]
pub struct Asked {
    /// What is wanted.
    pub request: Request,
    stream: UnixStream,
}

impl Requests {
    /// Listens in a data directory that this process has locked.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub fn listen(dir: &Path) -> io::Result<Self> {
        let path = dir.join(SOCKET);
        // What an earlier `up` left behind; the directory's lock is ours.
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        Ok(Self { listener: bind(dir, &path)?, path })
    }

    /// The next request that can be read. Cancel-safe: a tool whose line is lost asks again.
    pub async fn next(&self) -> Asked {
        loop {
            let Ok((stream, _)) = self.listener.accept().await else {
                // Out of file descriptors: that passes, and must not spin.
                tokio::time::sleep(LINE_WITHIN).await;
                continue;
            };
            match tokio::time::timeout(LINE_WITHIN, read(stream)).await {
                Ok(Ok(asked)) => return asked,
                Ok(Err(error)) => tracing::debug!(%error, "a tool said nothing useful"),
                Err(_) => tracing::debug!("a tool was silent"),
            }
        }
    }
}

/// A socket that only the owner can open.
fn bind(dir: &Path, path: &Path) -> io::Result<UnixListener> {
    use std::os::unix::fs::PermissionsExt as _;
    let listener = match UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
            let help = format!("the path of {} is too long for a socket", dir.display());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, help));
        }
        other => other?,
    };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

async fn read(stream: UnixStream) -> io::Result<Asked> {
    let mut line = String::new();
    let mut reader = BufReader::new(stream);
    (&mut reader).take(LINE_BYTES_MAX).read_line(&mut line).await?;
    let request = serde_json::from_str(&line)?;
    Ok(Asked { request, stream: reader.into_inner() })
}

impl Asked {
    /// Tells the tool what was done; one that has gone does not matter.
    pub async fn answer(mut self, answer: &Answer) {
        let mut line = serde_json::to_string(answer).unwrap_or_default();
        line.push('\n');
        let sent = tokio::time::timeout(LINE_WITHIN, self.stream.write_all(line.as_bytes())).await;
        tracing::debug!(?answer, sent = sent.is_ok(), "a tool's request");
    }
}

impl Drop for Requests {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Asks a running `up`.
///
/// # Errors
/// When none runs in that directory, or it does not answer.
pub async fn ask(dir: &Path, request: Request) -> io::Result<Answer> {
    let mut stream = UnixStream::connect(dir.join(SOCKET)).await?;
    let mut line = serde_json::to_string(&request)?;
    line.push('\n');
    let exchange = async {
        stream.write_all(line.as_bytes()).await?;
        let mut answer = String::new();
        BufReader::new(stream).take(LINE_BYTES_MAX).read_line(&mut answer).await?;
        Ok(serde_json::from_str(&answer)?)
    };
    let answer = tokio::time::timeout(ANSWER_WITHIN, exchange).await;
    answer.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_is_answered_and_nonsense_is_passed_over() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let requests = Requests::listen(dir.path()).expect("a socket");
        drop(UnixStream::connect(dir.path().join(SOCKET)).await.expect("connects"));
        let mut rude = UnixStream::connect(dir.path().join(SOCKET)).await.expect("connects");
        rude.write_all(b"{\"do\":\"explode\"}\n").await.expect("sends");
        let asking = ask(dir.path(), Request::StopUnit { number: 4 });
        let serving = async {
            let asked = requests.next().await;
            assert_eq!(asked.request, Request::StopUnit { number: 4 });
            asked.answer(&Answer::Stopped).await;
        };
        let (answer, ()) = tokio::join!(asking, serving);
        assert_eq!(answer.expect("an answer"), Answer::Stopped);
    }

    #[tokio::test]
    async fn the_socket_is_private_and_goes_with_its_owner() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join(SOCKET);
        std::fs::write(&path, "left behind").expect("write");
        let requests = Requests::listen(dir.path()).expect("a socket");
        let mode = std::fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        drop(requests);
        assert!(!path.exists());
        assert!(ask(dir.path(), Request::AddUnit).await.is_err());
    }
}
