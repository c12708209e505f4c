//! Verifies an archive file. A file that is damaged is a fault that names the line; only one that
//! cannot be opened is an error.

use http_api::to_hex;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::line::{FORMAT, Head, Line, Tail};
use crate::signing::{HeadVerifier, bytes_of, bytes32};
use crate::verify::{Progress, Verifier, VerifyError, Wrong};

/// Rows between two words of progress.
const PROGRESS_EVERY: u64 = 20_000;
/// A line longer than this is no record: every text in one is bounded far below.
const LINE_BYTES_MAX: usize = 1 << 20;

/// Verifies one file after those that the verifier has seen; `key` checks its signature.
///
/// # Errors
/// When the file cannot be opened. Faults are no error; they are in the verifier's report.
pub fn verify_export(
    verifier: &mut Verifier,
    file: &Path,
    key: Option<&HeadVerifier>,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), VerifyError> {
    let name = file.display().to_string();
    let cannot = |error: std::io::Error| VerifyError::Export {
        file: name.clone(),
        reason: error.to_string(),
    };
    let opened = File::open(file).map_err(cannot)?;
    let unpacked = zstd::stream::read::Decoder::new(opened).map_err(cannot)?;
    let mut reading =
        Reading { verifier, name: &name, key, sum: Sha256::new(), line_no: 0, begun: false };
    reading.lines(BufReader::with_capacity(1 << 16, unpacked), progress);
    Ok(())
}

struct Reading<'a> {
    verifier: &'a mut Verifier,
    name: &'a str,
    key: Option<&'a HeadVerifier>,
    /// Of every byte before the line at hand.
    sum: Sha256,
    line_no: u64,
    begun: bool,
}

impl Reading<'_> {
    fn lines(&mut self, mut from: impl BufRead, progress: &mut dyn FnMut(Progress)) {
        let mut line = Vec::with_capacity(1_024);
        loop {
            line.clear();
            match read_line(&mut from, &mut line) {
                Ok(true) => {}
                Ok(false) => return self.fault(Wrong::End, "the file ends without its last line"),
                Err(error) => return self.fault(Wrong::Unreadable, &error.to_string()),
            }
            self.line_no += 1;
            let text = line.strip_suffix(b"\n").unwrap_or(&line);
            if !self.begun {
                self.begun = true;
                self.head(text);
            } else if text.starts_with(b"{\"ends\"") {
                self.tail(text);
                return match read_line(&mut from, &mut line) {
                    Ok(false) => {}
                    _ => self.fault(Wrong::End, "the file goes on after its last line"),
                };
            } else {
                self.record(text);
            }
            self.sum.update(&line);
            let records = self.verifier.report.records;
            if records.is_multiple_of(PROGRESS_EVERY) {
                progress(Progress { records, of_about: 0 });
            }
        }
    }

    fn head(&mut self, text: &[u8]) {
        let Ok(head) = serde_json::from_slice::<Head>(text) else {
            return self.fault(Wrong::Unreadable, "the first line cannot be read");
        };
        if head.format != FORMAT {
            return self.fault(Wrong::Unreadable, "is not an export of the ledger");
        }
        for (shard, begins) in &head.begins {
            match bytes32(begins) {
                Some(head) if self.verifier.head(*shard).is_some() => {
                    let who = format!("{} line {}", self.name, self.line_no);
                    self.verifier.expect_head(*shard, &head, &who);
                }
                Some(head) => self.verifier.begins_after(*shard, head, 0),
                None => self.fault(Wrong::Unreadable, "a shard's beginning is no hash"),
            }
        }
    }

    fn record(&mut self, text: &[u8]) {
        let line: Option<Line<'_>> = serde_json::from_slice(text).ok();
        let hashes = line.as_ref().and_then(Line::hashes);
        let record = match (&line, &hashes) {
            (Some(line), Some(hashes)) => line.record(hashes),
            (Some(_) | None, _) => None,
        };
        match record {
            Some(record) => self.verifier.take(&record),
            None => {
                self.verifier.report.records += 1;
                self.fault(Wrong::Unreadable, "the record cannot be read");
            }
        }
    }

    fn tail(&mut self, text: &[u8]) {
        let Ok(tail) = serde_json::from_slice::<Tail>(text) else {
            return self.fault(Wrong::Unreadable, "the last line cannot be read");
        };
        for (shard, end) in &tail.ends {
            match bytes32(&end.head) {
                Some(head) => {
                    let who = format!("{} line {}", self.name, self.line_no);
                    self.verifier.expect_head(*shard, &head, &who);
                }
                None => self.fault(Wrong::Unreadable, "a shard's end is no hash"),
            }
        }
        let counted: u64 = tail.ends.values().map(|end| end.records).sum();
        if counted != tail.records || self.line_no != tail.records + 2 {
            self.fault(Wrong::End, "has another number of records than its last line says");
        }
        let sum = self.sum.clone().finalize();
        if tail.sha256 != to_hex(&sum) {
            self.fault(Wrong::Hash, "the file is not what was written");
        }
        if let Some(key) = self.key {
            self.signature(key, &tail, &sum.into());
        }
    }

    fn signature(&mut self, key: &HeadVerifier, tail: &Tail, sum: &[u8; 32]) {
        let signature = tail.signature.as_deref().and_then(bytes_of);
        let signature = signature.and_then(|bytes| <[u8; 64]>::try_from(bytes).ok());
        let same_key = tail.key_id.as_ref() == Some(&key.key_id());
        match signature {
            Some(signature) if same_key && key.file_fits(sum, &signature) => {
                self.verifier.report.signatures += 1;
            }
            Some(_) => self.fault(Wrong::Signature, "the signature is not this key's"),
            None => self.fault(Wrong::Signature, "the file is not signed"),
        }
    }

    fn fault(&mut self, wrong: Wrong, what: &str) {
        let what = format!("{} line {}: {what}", self.name, self.line_no);
        self.verifier.report.add(wrong, None, what);
    }
}

/// One line with its end; false after the last. Bounded, so that a damaged file cannot fill memory.
fn read_line(from: &mut impl BufRead, line: &mut Vec<u8>) -> std::io::Result<bool> {
    let mut limited = std::io::Read::take(from, LINE_BYTES_MAX as u64);
    let count = limited.read_until(b'\n', line)?;
    if count >= LINE_BYTES_MAX {
        return Err(std::io::Error::other("a line is longer than any record"));
    }
    Ok(count > 0)
}
