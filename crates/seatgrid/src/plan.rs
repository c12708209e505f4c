//! `seatgrid plan`: plans of halls from files, checked and put into events that are not on sale.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use box_office::plan_file::{FILE_BYTES_MAX, Fault, Format, PlanFile, import};
use clap::{Args, Subcommand};

use crate::local;

/// What to do with a plan.
#[derive(Debug, Subcommand)]
pub enum PlanCommand {
    /// Checks a file and tells every fault with its line. Exit code 1 when there is one.
    Check(CheckArgs),
    /// Checks a file and gives its plan to an event that is a draft.
    Import(ImportArgs),
}

/// Flags of `plan check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// `.csv` with section,row,number,tier,x,y,flags, or `.json` with sections.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// Flags of `plan import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// As for `check`.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The event's id.
    #[arg(long, value_name = "ID")]
    pub event: String,
    /// The data directory of a local `up`.
    #[arg(long, default_value = ".seatgrid", value_name = "DIR")]
    pub data_dir: PathBuf,
    /// The database, instead of a local `up`'s.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub database_url: Option<String>,
}

/// Runs one of them.
///
/// # Errors
/// One line: the file or the database cannot be read, or the event does not take the plan.
pub async fn run(command: &PlanCommand) -> Result<ExitCode> {
    match command {
        PlanCommand::Check(args) => Ok(read(&args.file)?.map_or(ExitCode::FAILURE, |plan| {
            tell(&plan, "is good");
            ExitCode::SUCCESS
        })),
        PlanCommand::Import(args) => put(args).await,
    }
}

async fn put(args: &ImportArgs) -> Result<ExitCode> {
    let Some(plan) = read(&args.file)? else { return Ok(ExitCode::FAILURE) };
    let url = match &args.database_url {
        Some(url) => url.clone(),
        None => local::database_url(&args.data_dir)?,
    };
    import(&url, &args.event, &plan).await.context("the plan was not put in")?;
    tell(&plan, &format!("is the plan of {} now", args.event));
    Ok(ExitCode::SUCCESS)
}

/// The plan; `None` when its faults were told.
fn read(path: &Path) -> Result<Option<PlanFile>> {
    let name = path.display();
    let format = match path.extension().and_then(|kind| kind.to_str()) {
        Some("csv") => Format::Csv,
        Some("json") => Format::Json,
        _ => bail!("{name}: a plan is a .csv or a .json file"),
    };
    let size = fs::metadata(path).with_context(|| format!("{name}"))?.len();
    if size > FILE_BYTES_MAX as u64 {
        bail!("{name}: larger than any plan");
    }
    let text = fs::read_to_string(path).with_context(|| format!("{name}"))?;
    match PlanFile::read(format, &text) {
        Ok(plan) => Ok(Some(plan)),
        Err(faults) => {
            let mut out = std::io::stderr().lock();
            for Fault { line, reason } in faults {
                let _ = writeln!(out, "{name}:{line}: {reason}");
            }
            Ok(None)
        }
    }
}

fn tell(plan: &PlanFile, what: &str) {
    let tiers: Vec<&str> = plan.tiers().into_iter().collect();
    let _ = writeln!(
        std::io::stdout().lock(),
        "{} seats in {} sections, tiers {}: {what}",
        plan.seat_count(),
        plan.section_count(),
        tiers.join(", ")
    );
}
