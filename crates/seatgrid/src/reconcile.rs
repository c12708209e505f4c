//! `seatgrid reconcile`: compares the grid with the tables and prints a difference of zero, or the
//! differences.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use data_writer::{ReconcileOptions, WriterConfig};
use processing_unit::GridConfig;

use crate::cli::ReconcileArgs;
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
    let options = match &args.config {
        Some(file) => from_config(file)?,
        None => options(&args.target.data_dir)?,
    };
    let report = Box::pin(data_writer::reconcile(&options)).await?;
    let text = if args.target.json {
        serde_json::to_string(&report).context("the report has no JSON form")?
    } else {
        report.to_string()
    };
    writeln!(std::io::stdout().lock(), "{}", text.trim_end()).context("cannot print")?;
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::from(DIFFERENT) })
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

fn from_config(file: &Path) -> Result<ReconcileOptions> {
    let config: WriterConfig = config::load(Role::Writer.name(), Some(file), std::env::vars_os())?;
    let database_url = config.read_database_url()?;
    Ok(ReconcileOptions { database_url, grid: config.grid, wait: WAIT })
}
