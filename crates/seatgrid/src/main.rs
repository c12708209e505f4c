//! The one binary of seatgrid: every process of the system, the supervisor that runs them all on
//! one machine, and the operator's tools. One module per subcommand and nothing else: what a role
//! does is in its crate.

mod allocator;
mod bench;
mod cli;
mod config;
mod ctl;
mod http_call;
mod ledger;
mod lifeline;
mod local;
mod logging;
mod migrate;
mod one_line;
mod plan;
mod reconcile;
mod role;
mod roles;
mod tls;
mod up;
mod verify;

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use cli::{Cli, Command};
use one_line::one_line;
use role::Role;

fn main() -> ExitCode {
    let cli = Cli::parse();
    // The HTTP clients are built without a provider of their own.
    let _ = rustls::crypto::ring::default_provider().install_default();
    logging::init(None);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    let result = runtime.block_on(run(cli));
    // Blocking helpers that still wait must not hold up the end of the process.
    runtime.shutdown_background();
    match result {
        Ok(code) => code,
        Err(error) => fail(&error),
    }
}

/// One line on standard error, with the chain of causes.
fn fail(error: &anyhow::Error) -> ExitCode {
    let _ = writeln!(std::io::stderr().lock(), "seatgrid: {}", one_line(error));
    match error.is::<roles::Left>() {
        true => ExitCode::from(roles::EXIT_LEFT),
        false => ExitCode::FAILURE,
    }
}

async fn run(cli: Cli) -> Result<ExitCode> {
    let command = cli.command.unwrap_or(Command::Up(cli.up));
    match command {
        Command::Up(args) => Box::pin(up::run(&args)).await?,
        Command::Router(args) => roles::run(Role::Router, &args).await?,
        Command::Unit(args) => roles::run(Role::Unit, &args).await?,
        Command::Writer(args) => roles::run(Role::Writer, &args).await?,
        Command::Office(args) => roles::run(Role::Office, &args).await?,
        Command::Worker(args) => roles::run(Role::Worker, &args).await?,
        Command::Sandbox(args) => roles::run(Role::Sandbox, &args).await?,
        Command::Ctl(args) => return Ok(ctl::run(&args).await),
        Command::Reconcile(args) => return reconcile::run(&args).await,
        Command::Verify(args) => return Box::pin(verify::run(&args)).await,
        Command::Ledger(command) => Box::pin(ledger::run(&command)).await?,
        Command::Migrate(args) => migrate::run(&args).await?,
        Command::Plan(command) => return plan::run(&command).await,
        Command::Tls(command) => tls::run(&command)?,
        Command::Bench(args) => Box::pin(bench::run(args)).await?,
    }
    Ok(ExitCode::SUCCESS)
}
