//! One conversation with a relay (RFC 5321): EHLO, MAIL, RCPT, DATA. Says of every failure whether
//! another attempt is worth it, and repeats of the relay's answer its code alone.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::messages::Sent;

/// Time for one conversation with a relay nearby.
const WITHIN: Duration = Duration::from_secs(20);
/// Longest line of an answer.
const LINE_BYTES_MAX: u64 = 4_096;
/// Most lines of one answer.
const LINES_MAX: usize = 64;

/// Gives a message to the relay.
pub(super) async fn send(relay: SocketAddr, (from, to): (&str, &str), text: &str) -> Sent {
    let is_plain = |address: &str| {
        address.contains('@') && !address.chars().any(|c| c.is_control() || " <>".contains(c))
    };
    if !is_plain(to) || !is_plain(from) {
        return Sent::Never("not an address".to_owned());
    }
    match tokio::time::timeout(WITHIN, converse(relay, (from, to), text)).await {
        Ok(Ok(())) => Sent::Done,
        Ok(Err(Fault::Answer(code @ 500..))) => Sent::Never(format!("SMTP {code}")),
        Ok(Err(Fault::Answer(code))) => Sent::NotYet(format!("SMTP {code}")),
        Ok(Err(Fault::Io(error))) => Sent::NotYet(format!("connection: {}", error.kind())),
        Err(_) => Sent::NotYet("no answer in time".to_owned()),
    }
}

enum Fault {
    /// The relay refused.
    Answer(u16),
    Io(io::Error),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

async fn converse(relay: SocketAddr, (from, to): (&str, &str), text: &str) -> Result<(), Fault> {
    let mut talk = Talk { stream: BufReader::new(TcpStream::connect(relay).await?) };
    talk.expect(220).await?;
    let knows_utf8 = talk.greet().await?;
    let utf8 = if from.is_ascii() && to.is_ascii() || !knows_utf8 { "" } else { " SMTPUTF8" };
    talk.say(&format!("MAIL FROM:<{from}>{utf8}"), 250).await?;
    talk.say(&format!("RCPT TO:<{to}>"), 250).await?;
    talk.say("DATA", 354).await?;
    // No line of the text begins with a dot; see its form.
    talk.say(&format!("{text}."), 250).await?;
    // It is the relay's now, whatever it says to this.
    let _ = talk.say("QUIT", 221).await;
    Ok(())
}

struct Talk {
    stream: BufReader<TcpStream>,
}

impl Talk {
    /// Whether the relay takes addresses beyond ASCII.
    async fn greet(&mut self) -> Result<bool, Fault> {
        self.stream.write_all(b"EHLO seatgrid\r\n").await?;
        let (code, lines) = self.answer().await?;
        if code != 250 {
            return Err(Fault::Answer(code));
        }
        Ok(lines.iter().any(|line| line.eq_ignore_ascii_case("SMTPUTF8")))
    }

    async fn say(&mut self, line: &str, code: u16) -> Result<(), Fault> {
        self.stream.write_all(format!("{line}\r\n").as_bytes()).await?;
        self.expect(code).await
    }

    async fn expect(&mut self, wanted: u16) -> Result<(), Fault> {
        let (code, _) = self.answer().await?;
        if code == wanted { Ok(()) } else { Err(Fault::Answer(code)) }
    }

    /// The code and the texts of an answer of one or more lines.
    async fn answer(&mut self) -> Result<(u16, Vec<String>), Fault> {
        let broken = || io::Error::from(io::ErrorKind::InvalidData);
        let mut lines = Vec::new();
        while lines.len() < LINES_MAX {
            let mut line = Vec::new();
            let read = (&mut self.stream).take(LINE_BYTES_MAX).read_until(b'\n', &mut line).await?;
            if read == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            let code = line.get(..3).and_then(|code| code.parse().ok()).ok_or_else(broken)?;
            lines.push(line.get(4..).unwrap_or_default().to_owned());
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok((code, lines));
            }
        }
        Err(broken().into())
    }
}
