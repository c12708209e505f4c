//! The command line. Only shapes and help texts; what a command does is in the module of its name.

mod ctl;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand};

pub use ctl::{
    BalancerCommand, CtlArgs, CtlCommand, EventCommand, LayoutCommand, NodeCommand,
    OperationCommand, QuarantineCommand, ShardCommand, UpgradeCommand, WriterCommand,
};

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
    /// Exit code 1 when something is wrong, 3 when nothing is but a gap is signed by nobody.
    Verify(VerifyArgs),
    /// The ledger in files: export, monthly archive, signing key.
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// Brings the tables of PostgreSQL up to date.
    Migrate(MigrateArgs),
    /// Plans of halls from files: CSV or JSON.
    #[command(subcommand)]
    Plan(crate::plan::PlanCommand),
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
    /// Number of processing units that found the grid; `ctl node add` adds more later.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=9))]
    pub units: u32,
    /// Where everything is kept.
    #[arg(long, default_value = ".seatgrid", value_name = "DIR")]
    pub data_dir: PathBuf,
    /// Uses this database instead of a managed local one.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub database_url: Option<String>,
    /// A read replica of that database, from which history is read.
    #[arg(long, env = "DATABASE_REPLICA_URL", hide_env_values = true, value_name = "URL")]
    pub database_replica_url: Option<String>,
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
    /// File with the bearer token of the admin API, needed for units beyond loopback.
    #[arg(long, env = "SEATGRID_ADMIN_TOKEN_FILE", value_name = "FILE", global = true)]
    pub admin_token_file: Option<PathBuf>,
    /// Prints JSON for programs.
    #[arg(long, global = true)]
    pub json: bool,
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
    /// Compare again and again, this many seconds apart, until stopped; the exit code is the last
    /// comparison's.
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "10",
          value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub watch: Option<u32>,
    /// First bring a database that has lost rows, by an older backup or a standby that was behind,
    /// to what the grid has now. Lost records of the ledger stay lost; a record tells which.
    #[arg(long)]
    pub resync: bool,
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
    fn every_order_of_an_operator_has_its_words() {
        for (line, order) in [
            ("node add 4", r#"{"order":"node_add","node":4}"#),
            ("node drain 2 --wait", r#"{"order":"node_drain","node":2,"fewer_replicas":false}"#),
            ("node remove 2", r#"{"order":"node_remove","node":2}"#),
            ("node recover 2 --dry-run", r#"{"order":"node_recover","node":2}"#),
            ("shard move 3 --from 1 --to 4", r#"{"order":"shard_move","shard":3,"from":1,"to":4}"#),
            ("shard move 3 --to 4", r#"{"order":"shard_move","shard":3,"from":null,"to":4}"#),
            ("shard transfer-leader 3 --to 2", r#"{"order":"shard_transfer","shard":3,"to":2}"#),
            ("shard pin 3 --leader 2", r#"{"order":"shard_pin","shard":3,"leader":2}"#),
            ("shard snapshot 3", r#"{"order":"shard_snapshot","shard":3}"#),
            ("event pin gala", r#"{"order":"event_pin","event":"gala","shard":null}"#),
            (
                "layout stage replicas 5",
                r#"{"order":"layout_stage","change":{"change":"replicas","count":5}}"#,
            ),
            ("layout apply --version 2", r#"{"order":"layout_apply","version":2}"#),
            ("layout revert", r#"{"order":"layout_revert"}"#),
            ("balancer off", r#"{"order":"balancer_set","on":false}"#),
            ("balancer pause", r#"{"order":"moves_pause","paused":true}"#),
            ("balancer run", r#"{"order":"rebalance"}"#),
            ("operation cancel 7", r#"{"order":"operation_cancel","id":7}"#),
            ("upgrade activate 2", r#"{"order":"upgrade_activate","version":2}"#),
        ] {
            let words = format!("seatgrid ctl {line} --json");
            let cli = Cli::try_parse_from(words.split(' ')).unwrap_or_else(|e| panic!("{e}"));
            let Some(Command::Ctl(args)) = cli.command else { panic!("{line}") };
            let given = serde_json::to_string(&args.command.order().expect(line)).expect("JSON");
            assert_eq!(given, order, "{line}");
        }
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
            "seatgrid ctl shard move 3",
            "seatgrid ctl shard move three --to 1",
            "seatgrid ctl node add 4 --timeout 0",
            "seatgrid ctl layout apply",
        ] {
            assert!(Cli::try_parse_from(line.split(' ')).is_err(), "{line}");
        }
    }
}
