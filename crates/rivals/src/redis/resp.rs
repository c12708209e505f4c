//! A pipelined client of Redis, as small as it can be: what waits is written in one go, answers come
//! back in order. Where replicas must have what was written, every portion ends with a `WAIT`.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot};

use crate::backend::Lost;

/// Calls that may wait for the connection; more wait outside.
const QUEUE_MAX: usize = 4_096;
/// Calls written in one go.
const PORTION_MAX: usize = 256;
/// Portions on their way, each to be answered in order.
const PORTIONS_MAX: usize = 64;
/// How long a portion waits for its replicas, in milliseconds.
const WAIT_MS: u32 = 1_000;
/// How long a call may take in all.
const CALL_WITHIN: Duration = Duration::from_secs(10);
/// Deepest list in an answer; ours are flat.
const DEPTH_MAX: u32 = 4;

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Text(String),
    Number(i64),
    List(Vec<Self>),
    Nothing,
    Error(String),
}

struct Call {
    bytes: Vec<u8>,
    answer: oneshot::Sender<Result<Value, Lost>>,
}

type Answers = Vec<oneshot::Sender<Result<Value, Lost>>>;

/// One connection, used by many at once; cheap to clone.
#[derive(Clone)]
pub(crate) struct Connection {
    calls: mpsc::Sender<Call>,
}

impl Connection {
    /// Opens it; `replicas` is what each portion waits for, 0 for none.
    pub(crate) async fn open(address: SocketAddr, replicas: u32) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (read, write) = stream.into_split();
        let (calls, queue) = mpsc::channel(QUEUE_MAX);
        let (portions, written) = mpsc::channel(PORTIONS_MAX);
        tokio::spawn(send(queue, write, portions, replicas));
        tokio::spawn(receive(written, Reader { read, bytes: Vec::new(), at: 0 }, replicas));
        Ok(Self { calls })
    }

    /// Calls a command and waits for its answer.
    pub(crate) async fn call<W: AsRef<str>>(&self, words: &[W]) -> Result<Value, Lost> {
        let mut bytes = Vec::with_capacity(128);
        encode(&mut bytes, words);
        let (answer, told) = oneshot::channel();
        let gone = || Lost("the connection to Redis is gone".to_owned());
        let called = async {
            self.calls.send(Call { bytes, answer }).await.map_err(|_| gone())?;
            told.await.map_err(|_| gone())?
        };
        let late = |_| Lost("no answer of Redis in time".to_owned());
        match tokio::time::timeout(CALL_WITHIN, called).await.map_err(late)?? {
            Value::Error(why) => Err(Lost(why)),
            value => Ok(value),
        }
    }
}

/// Writes what waits, one portion after the other.
async fn send(
    mut queue: mpsc::Receiver<Call>,
    mut write: OwnedWriteHalf,
    portions: mpsc::Sender<Answers>,
    replicas: u32,
) {
    let (mut calls, mut bytes) = (Vec::new(), Vec::new());
    while queue.recv_many(&mut calls, PORTION_MAX).await > 0 {
        bytes.clear();
        let mut answers = Vec::with_capacity(calls.len());
        for call in calls.drain(..) {
            bytes.extend_from_slice(&call.bytes);
            answers.push(call.answer);
        }
        if replicas > 0 {
            encode(&mut bytes, &["WAIT", &replicas.to_string(), &WAIT_MS.to_string()]);
        }
        // The reader's end ends this task, too.
        if portions.send(answers).await.is_err() || write.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

/// Reads the answers of one portion after the other; a broken connection drops all who wait.
async fn receive(mut portions: mpsc::Receiver<Answers>, mut reader: Reader, replicas: u32) {
    while let Some(answers) = portions.recv().await {
        let mut told = Vec::with_capacity(answers.len());
        for _ in &answers {
            let Ok(value) = reader.value(DEPTH_MAX).await else { return };
            told.push(value);
        }
        if replicas > 0 {
            let Ok(Value::Number(have)) = reader.value(DEPTH_MAX).await else { return };
            if have < i64::from(replicas) {
                let why = || Lost("not on enough replicas in time".to_owned());
                answers.into_iter().for_each(|answer| drop(answer.send(Err(why()))));
                continue;
            }
        }
        // Whoever gave up does not hear it.
        answers.into_iter().zip(told).for_each(|(answer, value)| drop(answer.send(Ok(value))));
    }
}

fn encode<W: AsRef<str>>(bytes: &mut Vec<u8>, words: &[W]) {
    bytes.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        let word = word.as_ref();
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
}

struct Reader {
    read: OwnedReadHalf,
    bytes: Vec<u8>,
    /// What was taken of them.
    at: usize,
}

impl Reader {
    /// The next answer.
    async fn value(&mut self, depth: u32) -> std::io::Result<Value> {
        let line = self.line().await?;
        let (kind, rest) = line.split_at_checked(1).ok_or_else(nonsense)?;
        let number = || rest.parse::<i64>().map_err(|_| nonsense());
        Ok(match kind {
            "+" => Value::Text(rest.to_owned()),
            "-" => Value::Error(rest.to_owned()),
            ":" => Value::Number(number()?),
            "$" | "*" if number()? < 0 => Value::Nothing,
            "$" => Value::Text(self.text(number()?).await?),
            "*" if depth > 0 => {
                let mut list = Vec::new();
                for _ in 0..number()? {
                    list.push(Box::pin(self.value(depth - 1)).await?);
                }
                Value::List(list)
            }
            _ => return Err(nonsense()),
        })
    }

    async fn line(&mut self) -> std::io::Result<String> {
        loop {
            let left = &self.bytes[self.at..];
            if let Some(end) = left.windows(2).position(|pair| pair == b"\r\n") {
                let line = String::from_utf8_lossy(&left[..end]).into_owned();
                self.at += end + 2;
                return Ok(line);
            }
            self.more().await?;
        }
    }

    async fn text(&mut self, length: i64) -> std::io::Result<String> {
        let length = usize::try_from(length).map_err(|_| nonsense())?;
        while self.bytes.len() < self.at + length + 2 {
            self.more().await?;
        }
        let text = String::from_utf8_lossy(&self.bytes[self.at..self.at + length]).into_owned();
        self.at += length + 2;
        Ok(text)
    }

    async fn more(&mut self) -> std::io::Result<()> {
        self.bytes.drain(..self.at);
        self.at = 0;
        match self.read.read_buf(&mut self.bytes).await? {
            0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

fn nonsense() -> std::io::Error {
    std::io::ErrorKind::InvalidData.into()
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn answers_of_all_kinds_come_back_in_order_in_any_pieces() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let connection = Connection::open(address, 0).await.expect("a connection");
        let (mut stream, _) = listener.accept().await.expect("a client");
        tokio::spawn(async move {
            let mut asked = vec![0; 64];
            stream.read_exact(&mut asked[..14]).await.expect("a command");
            assert_eq!(&asked[..14], b"*1\r\n$4\r\nPING\r\n");
            for piece in ["*3\r\n:", "-7\r\n$2\r", "\nab\r\n$-1\r\n-ERR no\r\n"] {
                stream.write_all(piece.as_bytes()).await.expect("a reader");
                stream.flush().await.expect("a reader");
                tokio::task::yield_now().await;
            }
            // Keeps the connection until the client has read everything.
            let _ = stream.read(&mut asked).await;
            let _ = stream.read(&mut asked).await;
        });
        let list = vec![Value::Number(-7), Value::Text("ab".into()), Value::Nothing];
        assert_eq!(connection.call(&["PING"]).await, Ok(Value::List(list)));
        assert_eq!(connection.call(&["PING"]).await, Err(Lost("ERR no".into())));
    }
}
