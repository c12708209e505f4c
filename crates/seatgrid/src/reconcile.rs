//! `seatgrid reconcile`: compares the grid with the tables and prints a difference of zero, or the
//! differences.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use data_writer::{ReconcileOptions, Report, WriterConfig};
use processing_unit::GridConfig;

use crate::cli::ReconcileArgs;
use crate::lifeline::shutdown_token;
use crate::one_line::one_line;
use crate::role::Role;
use crate::{config, local};

/// How long the tables get to catch up with the grid.
const WAIT: Duration = Duration::from_secs(30);
/// The grid and the tables differ; the same as for any failure, as the contract says.
const DIFFERENT: u8 = 1;

/// Compares, prints, and answers with 0 when nothing differs.
///
/// # Errors
/// When the two could not be compared.
pub async fn run(args: &ReconcileArgs) -> Result<ExitCode> {
    let options = options_of(args.config.as_deref(), &args.target.data_dir)?;
    if args.resync {
        resync(&options, args.target.json).await?;
    }
    if let Some(seconds) = args.watch {
        let every = Duration::from_secs(u64::from(seconds));
        return watch(&options, args.target.json, every).await;
    }
    let report = Box::pin(data_writer::reconcile(&options)).await?;
    print(&report, args.target.json)?;
    Ok(code(report.is_clean()))
}

/// A line for every shard of which the database had lost something.
async fn resync(options: &ReconcileOptions, json: bool) -> Result<()> {
    for lost in Box::pin(data_writer::resync(options)).await? {
        let line = if json { serde_json::to_string(&lost)? } else { lost.to_string() };
        writeln!(std::io::stdout().lock(), "{line}").context("cannot print")?;
    }
    Ok(())
}

/// One comparison after another until told to stop. A side that is away is told and waited for.
async fn watch(options: &ReconcileOptions, json: bool, every: Duration) -> Result<ExitCode> {
    let stop = shutdown_token(false).context("cannot wait for signals")?;
    let mut clean = true;
    loop {
        let Some(looked) = stop.run_until_cancelled(data_writer::reconcile(options)).await else {
            return Ok(code(clean));
        };
        clean = match looked {
            Ok(report) => {
                print(&report, json)?;
                report.is_clean()
            }
            Err(error) => {
                let line = one_line(&error.into());
                writeln!(std::io::stderr().lock(), "{line}").context("cannot print")?;
                false
            }
        };
        if stop.run_until_cancelled(tokio::time::sleep(every)).await.is_none() {
            return Ok(code(clean));
        }
    }
}

fn print(report: &Report, json: bool) -> Result<()> {
    let text = if json {
        serde_json::to_string(report).context("the report has no JSON form")?
    } else {
        report.to_string()
    };
    writeln!(std::io::stdout().lock(), "{}", text.trim_end()).context("cannot print")
}

fn code(clean: bool) -> ExitCode {
    if clean { ExitCode::SUCCESS } else { ExitCode::from(DIFFERENT) }
}

/// For a local `up`.
///
/// # Errors
/// When there is none in `data_dir`.
pub fn options(data_dir: &Path) -> Result<ReconcileOptions> {
    let database_url = local::database_url(data_dir)?;
    let grid = GridConfig::new(local::grid_clients(data_dir)?);
    Ok(ReconcileOptions { database_url, grid, wait: WAIT })
}

/// From a writer's configuration, or for a local `up`.
///
/// # Errors
/// When there is none.
pub fn options_of(config: Option<&Path>, data_dir: &Path) -> Result<ReconcileOptions> {
    config.map_or_else(|| options(data_dir), from_config)
}

fn from_config(file: &Path) -> Result<ReconcileOptions> {
    let config: WriterConfig = config::load(Role::Writer.name(), Some(file), std::env::vars_os())?;
    let database_url = config.read_database_url()?;
    Ok(ReconcileOptions { database_url, grid: config.grid, wait: WAIT })
}
