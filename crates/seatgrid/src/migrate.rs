//! `seatgrid migrate`: brings the tables up to date, for installations where the services' own
//! users may not.

use anyhow::{Context, Result};

use crate::cli::MigrateArgs;
use crate::local;

/// Applies what is missing.
///
/// # Errors
/// One line: which database, and why not.
pub async fn run(args: &MigrateArgs) -> Result<()> {
    let url = match &args.database_url {
        Some(url) => url.clone(),
        None => local::database_url(&args.data_dir)?,
    };
    apply(&url).await
}

/// Both schemas: `grid`, which the writer fills, and `office`.
///
/// # Errors
/// When the database cannot be reached or refuses.
pub async fn apply(url: &str) -> Result<()> {
    data_writer::migrate(url).await.context("schema grid")?;
    box_office::migrate(url).await.context("schema office")
}
