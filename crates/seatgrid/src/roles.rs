//! The roles that a process can have. Each is a few lines: which configuration, which body; the
//! bodies are in the roles' crates. What all have in common is here: load, print or run.

#[cfg(test)]
mod files;
mod office;
mod router;
mod sales;
mod sandbox;
mod unit;
mod worker;
mod writer;

use std::io::Write;

use anyhow::{Context, Result};
use tokio_util::sync::CancellationToken;

use crate::cli::RoleArgs;
use crate::config::{self, RoleConfig};
use crate::lifeline;
use crate::role::Role;

/// Exit code of a unit that has left the grid: whoever watches over it must not start it again.
/// `EX_NOPERM` of sysexits.h; everything else that ends a role is 1.
pub const EXIT_LEFT: u8 = 77;

/// Ends a unit that has left the grid.
#[derive(Debug, thiserror::Error)]
#[error("the unit is not started again: {0}")]
pub struct Left(pub String);

/// Runs a role until it is asked to stop.
///
/// # Errors
/// One line: a wrong configuration, or what ended the role.
pub async fn run(role: Role, args: &RoleArgs) -> Result<()> {
    match role {
        Role::Router => router::run(args).await,
        Role::Office => office::run(args).await,
        Role::Worker => worker::run(args).await,
        Role::Writer => writer::run(args).await,
        Role::Unit => unit::run(args).await,
        Role::Sandbox => sandbox::run(args).await,
    }
}

/// Loads the configuration, then prints it or hands it to the body of the role.
async fn with_config<C: RoleConfig>(
    role: Role,
    args: &RoleArgs,
    body: impl AsyncFnOnce(C, CancellationToken) -> Result<()>,
) -> Result<()> {
    let config: C = config::load(role.name(), args.config.as_deref(), std::env::vars_os())?;
    if args.print_effective {
        let text = config::effective(&config).context("the configuration has no TOML form")?;
        return write!(std::io::stdout().lock(), "{text}").context("cannot print");
    }
    let shutdown = lifeline::shutdown_token(args.lifeline).context("cannot watch for signals")?;
    body(config, shutdown).await
}
