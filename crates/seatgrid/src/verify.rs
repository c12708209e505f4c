//! `seatgrid verify`: proves the ledger from the database or from files, with progress on standard
//! error and the report on standard output.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use data_writer::{HeadVerifier, Progress, Verifier, verify_database, verify_export};

use crate::cli::VerifyArgs;
use crate::local;

/// Something is wrong with the records; the same as for any failure, as the contract says.
const WRONG: u8 = 1;
/// Nothing is wrong, and a gap in the records is signed by nobody: what was before it is not proven.
const UNPROVEN: u8 = 3;
/// Between two lines of progress on a terminal, and in a log.
const SHOW_EVERY: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(10));

/// Verifies, prints, and answers with 0 when nothing is wrong and no
/// gap is unsigned.
///
/// # Errors
/// When there is nothing to verify: no file, no database.
pub async fn run(args: &VerifyArgs) -> Result<ExitCode> {
    let key = args.public_key.as_deref().map(HeadVerifier::from_hex);
    let key = key.transpose().context("--public-key")?;
    let mut verifier = Verifier::new();
    let mut shown = ProgressLine::new();
    for file in &args.export {
        verify_export(&mut verifier, file, key.as_ref(), &mut |progress| shown.show(progress))?;
    }
    if args.export.is_empty() || args.then_database {
        let url = local::database(&args.database)?;
        let mut show = |progress| shown.show(progress);
        verify_database(&mut verifier, &url, key.as_ref(), &mut show).await?;
    }
    let report = verifier.finish();
    shown.end(report.records);
    let text = if args.json {
        serde_json::to_string(&report).context("the report has no JSON form")?
    } else {
        report.to_string()
    };
    writeln!(std::io::stdout().lock(), "{}", text.trim_end()).context("cannot print")?;
    Ok(match (report.is_clean(), report.gaps_unsigned) {
        (false, _) => ExitCode::from(WRONG),
        (true, 1..) => ExitCode::from(UNPROVEN),
        (true, 0) => ExitCode::SUCCESS,
    })
}

/// Progress on standard error: one line that is overwritten on a terminal, now and then a line in a
/// log.
pub struct ProgressLine {
    terminal: bool,
    began: Instant,
    shown: Instant,
}

impl ProgressLine {
    /// Before the first row.
    pub fn new() -> Self {
        let now = Instant::now();
        Self { terminal: std::io::stderr().is_terminal(), began: now, shown: now }
    }

    /// Shows how far it is, unless it has just been shown.
    pub fn show(&mut self, progress: Progress) {
        let every = if self.terminal { SHOW_EVERY.0 } else { SHOW_EVERY.1 };
        if self.shown.elapsed() < every {
            return;
        }
        self.shown = Instant::now();
        let Progress { records, of_about } = progress;
        let rate = records as f64 / self.began.elapsed().as_secs_f64();
        let line = if of_about > records {
            let part = records as f64 / of_about as f64;
            let bar = "#".repeat((part * 30.0) as usize);
            format!("[{bar:<30}] {:>3.0} %  {records} records, {rate:.0}/s", part * 100.0)
        } else {
            format!("{records} records, {rate:.0}/s")
        };
        let end = if self.terminal { "\x1b[K\r" } else { "\n" };
        let _ = write!(std::io::stderr().lock(), "{line}{end}");
    }

    /// Says how long all took.
    pub fn end(&self, records: u64) {
        let took = self.began.elapsed().as_secs_f64();
        let clear = if self.terminal { "\x1b[K" } else { "" };
        let rate = records as f64 / took.max(0.001);
        let _ = writeln!(
            std::io::stderr().lock(),
            "{clear}read {records} records in {took:.1} s, {rate:.0}/s"
        );
    }
}
