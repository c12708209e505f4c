//! Carries a child's output into its log file and shows warnings and errors to whoever watches the
//! supervisor. Reads whatever comes, in bounded pieces: a child must never block on its own log.

use std::io::Write;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;

use super::log_file::LogFile;

/// A line longer than this is cut into several.
const LINE_BYTES_MAX: usize = 64 << 10;

/// The last telling line of a child, for the message when it cannot start.
#[derive(Clone, Debug, Default)]
pub struct LastLine(Arc<Mutex<String>>);

impl LastLine {
    /// The line, empty when there was none.
    pub fn get(&self) -> String {
        self.0.lock().clone()
    }

    fn set(&self, line: &str) {
        line.clone_into(&mut self.0.lock());
    }
}

/// Runs until the child and everything that inherited its output have ended.
pub async fn carry(label: String, mut from: pipe::Receiver, log: LogFile, last: LastLine) {
    let mut sink = Sink { label, log, last, is_log_broken: false };
    let mut pending = Vec::with_capacity(8 << 10);
    while let Ok(1..) = from.read_buf(&mut pending).await {
        sink.take_lines(&mut pending);
    }
    if !pending.is_empty() {
        sink.line(&pending);
    }
}

struct Sink {
    label: String,
    log: LogFile,
    last: LastLine,
    is_log_broken: bool,
}

impl Sink {
    fn take_lines(&mut self, pending: &mut Vec<u8>) {
        let mut start = 0;
        while let Some(len) = pending[start..].iter().position(|byte| *byte == b'\n') {
            self.line(&pending[start..start + len]);
            start += len + 1;
        }
        pending.drain(..start);
        if pending.len() > LINE_BYTES_MAX {
            self.line(pending);
            pending.clear();
        }
    }

    fn line(&mut self, bytes: &[u8]) {
        let line = String::from_utf8_lossy(bytes);
        if let Err(error) = self.log.write_line(&line)
            && !self.is_log_broken
        {
            self.is_log_broken = true;
            tracing::warn!(child = self.label, %error, "the child's log cannot be written");
        }
        if is_telling(&line) {
            self.last.set(&line);
            // Nobody may be watching; the file has it anyway.
            let _ = writeln!(std::io::stderr().lock(), "[{}] {line}", self.label);
        }
    }
}

/// Lines of level WARN and ERROR, the last words of a process, and panics.
fn is_telling(line: &str) -> bool {
    let level = line.split_whitespace().nth(1);
    matches!(level, Some("WARN" | "ERROR"))
        || line.starts_with("seatgrid: ")
        || line.contains("panicked at")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown() {
        let cases = [
            ("2026-11-21T09:00:00Z  WARN router: slow", true),
            ("2026-11-21T09:00:00Z ERROR unit: damaged", true),
            ("2026-11-21T09:00:00Z  INFO unit: no ERROR here", false),
            ("seatgrid: configuration of unit: unknown key", true),
            ("thread 'main' panicked at src/x.rs:1:1:", true),
            ("", false),
        ];
        for (line, shown) in cases {
            assert_eq!(is_telling(line), shown, "{line}");
        }
    }

    #[test]
    fn lines_are_cut_at_ends_and_at_the_limit() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join("x.log");
        let log = LogFile::open(path.clone(), 1 << 30).expect("open");
        let last = LastLine::default();
        let mut sink = Sink { label: "x-1".to_owned(), log, last, is_log_broken: false };
        let mut pending = b"one\ntwo\nthr".to_vec();
        sink.take_lines(&mut pending);
        assert_eq!(pending, b"thr");
        pending.extend_from_slice(&vec![b'x'; LINE_BYTES_MAX]);
        sink.take_lines(&mut pending);
        assert!(pending.is_empty());
        let text = std::fs::read_to_string(path).expect("log");
        assert!(text.starts_with("one\ntwo\nthrxxx") && text.lines().count() == 3);
    }
}
