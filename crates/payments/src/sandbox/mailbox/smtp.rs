//! A small SMTP server that keeps every message for reading and delivers none.
//!
//! Speaks the part of RFC 5321 that ordinary senders use: EHLO, HELO, MAIL, RCPT, DATA, RSET, NOOP,
//! VRFY, QUIT, with SIZE, 8BITMIME, SMTPUTF8 and PIPELINING. Lines, recipients, sizes, sessions and
//! waits are all bounded.

use std::{io, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use super::{mime, ring::Ring};

/// Longest command line, bytes; RFC 5321 asks for 512 and more with extensions.
const LINE_BYTES_MAX: usize = 4_096;
/// Largest message, bytes: a ticket with pictures and some room.
const MESSAGE_BYTES_MAX: usize = 10 * 1_024 * 1_024;
/// Most recipients of one message; RFC 5321 asks for 100.
const RECIPIENTS_MAX: usize = 100;
/// Most sessions at once.
const SESSIONS_MAX: usize = 64;
/// A session that says nothing for so long is ended.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// Wait after the system refused a connection, such as for want of file descriptors.
const ACCEPT_BACK_OFF: Duration = Duration::from_millis(100);

/// Takes sessions until `stop`.
pub async fn run(listener: TcpListener, ring: Arc<Ring>, stop: CancellationToken) {
    let free = Arc::new(Semaphore::new(SESSIONS_MAX));
    let mut sessions = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            Some(_) = sessions.join_next() => continue,
            accepted = listener.accept(), if free.available_permits() > 0 => accepted,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(ACCEPT_BACK_OFF).await;
            continue;
        };
        // Only this task takes permits, and it has just seen one free.
        let Ok(permit) = free.clone().try_acquire_owned() else { continue };
        let ring = ring.clone();
        sessions.spawn(async move {
            let _permit = permit;
            if let Err(error) = Session::new(stream, ring).run().await {
                tracing::debug!(%error, "SMTP session ended early");
            }
        });
    }
}

/// One conversation.
struct Session {
    stream: BufReader<TcpStream>,
    ring: Arc<Ring>,
    sender: Option<String>,
    recipients: Vec<String>,
}

/// What one line led to.
enum Step {
    Say(&'static str),
    Data,
    Quit,
}

impl Session {
    fn new(stream: TcpStream, ring: Arc<Ring>) -> Self {
        Self { stream: BufReader::new(stream), ring, sender: None, recipients: Vec::new() }
    }

    async fn run(mut self) -> io::Result<()> {
        self.say("220 sandbox ESMTP").await?;
        while let Some(line) = self.line().await? {
            if !line.ends_with(b"\n") {
                return self.say("500 5.5.2 Line is too long").await;
            }
            let Ok(line) = String::from_utf8(line) else {
                self.say("500 5.5.2 Line is not UTF-8").await?;
                continue;
            };
            match self.command(line.trim_end_matches(['\r', '\n'])) {
                Step::Say(answer) => self.say(answer).await?,
                Step::Data => self.data().await?,
                Step::Quit => return self.say("221 2.0.0 Bye").await,
            }
        }
        Ok(())
    }

    fn command(&mut self, line: &str) -> Step {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" => {
                self.reset();
                Step::Say(
                    "250-sandbox\r\n250-SIZE 10485760\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n\
                     250 PIPELINING",
                )
            }
            "HELO" => {
                self.reset();
                Step::Say("250 sandbox")
            }
            "MAIL" => self.mail(rest),
            "RCPT" => self.rcpt(rest),
            "DATA" if self.recipients.is_empty() => Step::Say("503 5.5.1 RCPT first"),
            "DATA" => Step::Data,
            "RSET" => {
                self.reset();
                Step::Say("250 2.0.0 OK")
            }
            "NOOP" => Step::Say("250 2.0.0 OK"),
            "VRFY" => Step::Say("252 2.1.5 Cannot tell"),
            "QUIT" => Step::Quit,
            _ => Step::Say("502 5.5.1 Command is not known"),
        }
    }

    fn mail(&mut self, rest: &str) -> Step {
        let Some((address, parameters)) = path(rest, "FROM:") else {
            return Step::Say("501 5.5.4 Expected MAIL FROM:<address>");
        };
        if self.sender.is_some() {
            return Step::Say("503 5.5.1 MAIL was given before");
        }
        let size = parameters.split(' ').find_map(|p| p.strip_prefix("SIZE="));
        let size = size.map_or(Ok(0), str::parse::<usize>);
        if size.is_ok_and(|size| size > MESSAGE_BYTES_MAX) {
            return Step::Say("552 5.3.4 Message is too large");
        }
        self.sender = Some(address);
        Step::Say("250 2.1.0 OK")
    }

    fn rcpt(&mut self, rest: &str) -> Step {
        match path(rest, "TO:") {
            _ if self.sender.is_none() => Step::Say("503 5.5.1 MAIL first"),
            _ if self.recipients.len() >= RECIPIENTS_MAX => {
                Step::Say("452 4.5.3 Too many recipients")
            }
            Some((address, _)) if address.contains('@') => {
                self.recipients.push(address);
                Step::Say("250 2.1.5 OK")
            }
            Some(_) | None => Step::Say("501 5.1.3 Expected RCPT TO:<address>"),
        }
    }

    async fn data(&mut self) -> io::Result<()> {
        self.say("354 End with a line that has only a dot").await?;
        let mut message = Vec::new();
        let (mut too_large, mut at_start) = (false, true);
        loop {
            let Some(line) = self.line().await? else {
                return Err(io::ErrorKind::UnexpectedEof.into());
            };
            if at_start && (line == b".\r\n" || line == b".\n") {
                break;
            }
            // A dot at the start of a line was doubled by the sender.
            let line = line.strip_prefix(b".").filter(|_| at_start).unwrap_or(&line);
            at_start = line.ends_with(b"\n");
            too_large |= message.len() + line.len() > MESSAGE_BYTES_MAX;
            if !too_large {
                message.extend_from_slice(line);
            }
        }
        let answer = if too_large { "552 5.3.4 Message is too large" } else { "250 2.0.0 OK" };
        if !too_large {
            self.keep(&message);
        }
        self.reset();
        self.say(answer).await
    }

    fn keep(&self, message: &[u8]) {
        let parsed = mime::parse(message);
        for to in &self.recipients {
            self.ring.add(parsed.to(&receiver(to)));
        }
    }

    fn reset(&mut self) {
        self.sender = None;
        self.recipients.clear();
    }

    /// The next line with its end; nothing when the other side has gone. A longer line comes in
    /// pieces, which is right for data and a refusal for commands.
    async fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        let mut limited = (&mut self.stream).take(LINE_BYTES_MAX as u64);
        let read = limited.read_until(b'\n', &mut line);
        let read = tokio::time::timeout(SILENCE_MAX, read).await;
        let read = read.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        Ok((read > 0).then_some(line))
    }

    async fn say(&mut self, answer: &str) -> io::Result<()> {
        self.stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
        self.stream.flush().await
    }
}

/// Messages to phone numbers come as e-mail to this domain, as text-message services take them.
pub const PHONE_DOMAIN: &str = "sms.sandbox";

/// Who a message is listed for: the number, where it is for one.
fn receiver(address: &str) -> String {
    match address.rsplit_once('@') {
        Some((digits, PHONE_DOMAIN)) => format!("+{digits}"),
        _ => address.to_owned(),
    }
}

/// The address between angle brackets after `keyword`, and what follows.
fn path(rest: &str, keyword: &str) -> Option<(String, String)> {
    let head = rest.get(..keyword.len())?;
    if !head.eq_ignore_ascii_case(keyword) {
        return None;
    }
    let (address, parameters) = rest[keyword.len()..].trim().strip_prefix('<')?.split_once('>')?;
    Some((address.to_owned(), parameters.trim().to_ascii_uppercase()))
}
