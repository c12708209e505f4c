//! `seatgrid bench rival`: one process of a rival, started by the comparison. Hidden; of no use alone.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use rivals::{Hall, Rival};
use tokio::net::TcpListener;

/// Which process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    EdgeOnly,
    PostgresLocks,
    PostgresSkipLocked,
    Redis,
    Gateway,
    Reservations,
}

impl Part {
    /// As on the command line.
    pub fn word(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

/// What it needs.
#[derive(Debug, Clone, Args)]
pub struct RivalArgs {
    #[arg(long, value_enum)]
    part: Part,
    /// The hall as JSON.
    #[arg(long)]
    hall: PathBuf,
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    #[arg(long)]
    redis: Option<SocketAddr>,
    #[arg(long, default_value_t = 0)]
    replicas: u32,
    #[arg(long)]
    reservations: Option<SocketAddr>,
}

/// Serves on a free port until standard input ends.
///
/// # Errors
/// When something that it needs is missing or does not answer.
pub async fn run(args: RivalArgs) -> Result<()> {
    let shutdown = crate::lifeline::shutdown_token(true)?;
    let hall = std::fs::read(&args.hall).with_context(|| args.hall.display().to_string())?;
    let hall: Hall = serde_json::from_slice(&hall).context("the hall")?;
    let listener = TcpListener::bind("127.0.0.1:0").await.context("a free port")?;
    let address = listener.local_addr()?;
    let rival = rival(&args)?;
    // Connections wait in the kernel until it serves.
    writeln!(std::io::stdout().lock(), "ready {address}").context("telling the address")?;
    rivals::serve(rival, hall, listener, shutdown).await.context("the rival")
}

fn rival(args: &RivalArgs) -> Result<Rival> {
    let url = || args.database_url.clone().context("DATABASE_URL is not set");
    let redis = || args.redis.context("--redis is missing");
    Ok(match args.part {
        Part::EdgeOnly => Rival::EdgeOnly,
        Part::PostgresLocks => Rival::PostgresLocks { url: url()? },
        Part::PostgresSkipLocked => Rival::PostgresSkipLocked { url: url()? },
        Part::Redis => Rival::Redis { address: redis()?, replicas: args.replicas },
        Part::Gateway => {
            Rival::Gateway { reservations: args.reservations.context("--reservations is missing")? }
        }
        Part::Reservations => Rival::Reservations { url: url()?, cache: redis()? },
    })
}
