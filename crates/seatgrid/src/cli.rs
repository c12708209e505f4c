//! The command line. Only shapes and help texts; what a command does is in the module of its name.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand};

/// Sells tickets through on-sale bursts: seats in memory, replicated, written behind to PostgreSQL.
#[derive(Debug, Parser)]
#[command(name = "seatgrid", version, about, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// Without one: `up`.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Flags of `up`.
    #[command(flatten)]
    pub up: UpArgs,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs everything on this machine, with a local PostgreSQL: for trying out and development.
    Up(UpArgs),
    /// Serves HTTP to browsers and API clients.
    Router(RoleArgs),
    /// Keeps seats in memory, replicated and logged.
    Unit(RoleArgs),
    /// Writes what was sold to PostgreSQL.
    Writer(RoleArgs),
    /// Catalogue and checkout.
    Office(RoleArgs),
    /// Follows payments and refunds to their end.
    Worker(RoleArgs),
    /// The test payment gateway and mailbox; for development only.
    Sandbox(RoleArgs),
    /// Questions and orders of an operator.
    Ctl(CtlArgs),
    /// Compares the grid with PostgreSQL, seat by seat. Exit code 1 when they differ.
    Reconcile(ReconcileArgs),
    /// Proves from the records alone that nothing was changed, left out or sold twice. Needs no grid.
    /// Exit code 1 when something is wrong.
    Verify(VerifyArgs),
    /// The ledger in files: export, monthly archive, signing key.
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// Brings the tables of PostgreSQL up to date.
    Migrate(MigrateArgs),
    /// Makes the certificates that nodes and clients know each other by.
    #[command(subcommand)]
    Tls(crate::tls::TlsCommand),
    /// Measures: a crowd through HTTP.
    #[command(subcommand)]
    Bench(crate::bench::Bench),
}

/// Flags of `up`.
#[derive(Clone, Debug, Args)]
pub struct UpArgs {
    /// Port of 127.0.0.1 for browsers and API clients; 0 picks a free one.
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
    /// Number of processing units; fixed by the first start.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=9))]
    pub units: u32,
    /// Where everything is kept.
    #[arg(long, default_value = ".seatgrid", value_name = "DIR")]
    pub data_dir: PathBuf,
    /// Uses this database instead of a managed local one.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub database_url: Option<String>,
    /// Demo artists, venues and events.
    #[arg(
        long, action = ArgAction::Set, default_value_t = true, num_args = 0..=1,
        default_missing_value = "true", value_name = "BOOL"
    )]
    pub demo: bool,
    /// Short for `--demo false`.
    #[arg(long, conflicts_with = "demo")]
    pub no_demo: bool,
    /// Deletes what an earlier `up` made in the data directory, and starts anew.
    #[arg(long)]
    pub reset: bool,
}

/// Flags of every role.
#[derive(Clone, Debug, Args)]
pub struct RoleArgs {
    /// The role's TOML file; `config/` has a commented one for each.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Prints the configuration that results from file and environment, and ends.
    #[arg(long)]
    pub print_effective: bool,
    /// Stops when standard input ends; set by a supervisor that holds the other end.
    #[arg(long, hide = true)]
    pub lifeline: bool,
}

/// Which running system is meant.
#[derive(Clone, Debug, Args)]
pub struct Target {
    /// The data directory of a local `up`.
    #[arg(long, default_value = ".seatgrid", value_name = "DIR", global = true)]
    pub data_dir: PathBuf,
    /// Admin address of one unit, instead of a local `up`.
    #[arg(long, value_name = "ADDRESS", global = true)]
    pub admin: Option<SocketAddr>,
    /// Prints JSON for programs.
    #[arg(long, global = true)]
    pub json: bool,
}

/// Flags of `ctl`.
#[derive(Debug, Args)]
pub struct CtlArgs {
    /// Which running system is meant.
    #[command(flatten)]
    pub target: Target,
    /// The question.
    #[command(subcommand)]
    pub command: CtlCommand,
}

/// Questions of an operator.
#[derive(Debug, Subcommand)]
pub enum CtlCommand {
    /// Nodes, shards and leaders.
    Status,
    /// One event: its shard, leader and replicas.
    #[command(subcommand)]
    Event(EventCommand),
    /// The shards.
    #[command(subcommand)]
    Shard(ShardCommand),
    /// The data writers.
    #[command(subcommand)]
    Writer(WriterCommand),
}

/// Questions about events.
#[derive(Debug, Subcommand)]
pub enum EventCommand {
    /// Where an event lives.
    Show {
        /// The event's id.
        id: String,
    },
}

/// Questions about shards.
#[derive(Debug, Subcommand)]
pub enum ShardCommand {
    /// One line per shard.
    List,
}

/// Questions and orders about data writers.
#[derive(Debug, Subcommand)]
pub enum WriterCommand {
    /// Records that the database would not take.
    #[command(subcommand)]
    Quarantine(QuarantineCommand),
}

/// Questions and orders about parked records.
#[derive(Debug, Subcommand)]
pub enum QuarantineCommand {
    /// One line per parked record, the newest first.
    List {
        /// Those that were dealt with too.
        #[arg(long)]
        all: bool,
    },
    /// One record with its content.
    Show {
        /// Its number.
        id: i64,
    },
    /// Writes a record whose cause is gone, with what has become of its things since.
    Retry {
        /// Its number.
        id: i64,
        /// Who decides; kept in the ledger.
        #[arg(long, env = "USER", value_name = "NAME")]
        by: String,
    },
    /// Gives a record up for ever.
    Discard {
        /// Its number.
        id: i64,
        /// Why; kept in the ledger.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Who decides; kept in the ledger.
        #[arg(long, env = "USER", value_name = "NAME")]
        by: String,
    },
}

/// Flags of `reconcile`.
#[derive(Debug, Args)]
pub struct ReconcileArgs {
    /// Which running system is meant.
    #[command(flatten)]
    pub target: Target,
    /// The writer's TOML file, instead of a local `up`.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Which database is meant.
#[derive(Debug, Args)]
pub struct Database {
    /// The data directory of a local `up`.
    #[arg(long, default_value = ".seatgrid", value_name = "DIR")]
    pub data_dir: PathBuf,
    /// The database, instead of that of a local `up`.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub database_url: Option<String>,
}

/// Flags of `verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Which database is meant.
    #[command(flatten)]
    pub database: Database,
    /// Exported or archived files, oldest first, instead of the database.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub export: Vec<PathBuf>,
    /// The database after the files, as one history.
    #[arg(long, requires = "export")]
    pub then_database: bool,
    /// The public key of signed chain heads and files: 64 hexadecimal digits.
    #[arg(long, value_name = "HEX")]
    pub public_key: Option<String>,
    /// Prints JSON for programs.
    #[arg(long)]
    pub json: bool,
}

/// What to do with the ledger.
#[derive(Debug, Subcommand)]
pub enum LedgerCommand {
    /// Writes the whole ledger to one compressed file.
    Export {
        /// Which database is meant.
        #[command(flatten)]
        database: Database,
        /// The file.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// The secret key to sign it with; see `ledger key`.
        #[arg(long, value_name = "FILE")]
        key_file: Option<PathBuf>,
    },
    /// Writes every finished month to a file of its own, then drops old months from the tables.
    Archive {
        /// Which database is meant.
        #[command(flatten)]
        database: Database,
        /// Where the files go.
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// Months that stay in the tables; a year at least.
        #[arg(long, default_value_t = 13, value_parser = clap::value_parser!(u32).range(12..=1_200))]
        keep_months: u32,
        /// The secret key to sign the files with; see `ledger key`.
        #[arg(long, value_name = "FILE")]
        key_file: Option<PathBuf>,
    },
    /// Makes a key for signing heads and files, and prints its public half.
    Key {
        /// Where the secret goes; must not exist.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
}

/// Flags of `migrate`.
#[derive(Debug, Args)]
pub struct MigrateArgs {
    /// The data directory of a local `up`.
    #[arg(long, default_value = ".seatgrid", value_name = "DIR")]
    pub data_dir: PathBuf,
    /// The database, instead of that of a local `up`.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub database_url: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn up(line: &str) -> UpArgs {
        let cli = Cli::try_parse_from(line.split(' ')).unwrap_or_else(|e| panic!("{line}: {e}"));
        match cli.command {
            None => cli.up,
            Some(Command::Up(args)) => args,
            Some(other) => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn up_is_the_default_and_its_flags_work_either_way() {
        assert_eq!((up("seatgrid").port, up("seatgrid").units), (8080, 3));
        assert!(up("seatgrid").demo && up("seatgrid up --demo").demo);
        assert_eq!(up("seatgrid --port 9000").port, 9000);
        assert_eq!(up("seatgrid up --port 9000 --units 5").units, 5);
        assert!(!up("seatgrid up --demo false").demo);
        assert!(up("seatgrid up --no-demo").no_demo);
    }

    #[test]
    fn nonsense_is_refused() {
        for line in [
            "seatgrid up --units 0",
            "seatgrid up --units 10",
            "seatgrid fly",
            "seatgrid up --port 70000",
            "seatgrid up --demo maybe",
            "seatgrid ctl",
        ] {
            assert!(Cli::try_parse_from(line.split(' ')).is_err(), "{line}");
        }
    }
}
