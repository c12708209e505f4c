//! Where log lines go: to standard error, one line each. Standard output belongs to answers.
//! Under a supervisor standard error is a pipe, whose end must not take the process with it.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Chooses levels, in the syntax of tracing-subscriber, as `info,router=debug`.
const LEVEL_ENV: &str = "SEATGRID_LOG";
/// `json` for machines that collect logs; anything else is text for people.
const FORMAT_ENV: &str = "SEATGRID_LOG_FORMAT";
/// The consensus library logs every lost heartbeat; what matters of it the grid tells itself.
const DEFAULT_LEVEL: &str = "info,openraft=off";

/// Installs the subscriber of the process. Called once, from `main`.
pub fn init(default_level: Option<&str>) {
    let wanted = std::env::var(LEVEL_ENV).ok();
    let level = wanted.as_deref().or(default_level).unwrap_or(DEFAULT_LEVEL);
    let filter = EnvFilter::builder().parse_lossy(level);
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        // Its default reports a broken pipe on the broken pipe, and that panics.
        .log_internal_errors(false);
    let json = std::env::var(FORMAT_ENV).is_ok_and(|format| format == "json");
    let installed = if json { builder.json().try_init() } else { builder.try_init() };
    debug_assert!(installed.is_ok(), "logging is set up once");
}
