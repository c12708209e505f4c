//! The command line of `seatgrid ctl`: shapes and help texts only.

use clap::{Args, Subcommand};
use operator::{Change, Order};

use super::Target;

/// Flags of `ctl`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 ok, 1 failed, 2 usage, 3 refused as unsafe, 4 outcome unknown."
)]
pub struct CtlArgs {
    /// Which running system is meant.
    #[command(flatten)]
    pub target: Target,
    /// How orders are carried out.
    #[command(flatten)]
    pub manner: Manner,
    /// The question or order.
    #[command(subcommand)]
    pub command: CtlCommand,
}

/// How an order is carried out.
#[derive(Clone, Copy, Debug, Args)]
pub struct Manner {
    /// Prints the steps of an order and does nothing.
    #[arg(long, global = true)]
    pub dry_run: bool,
    /// Waits for the end of the operation, with progress on standard error.
    #[arg(long, global = true)]
    pub wait: bool,
    /// How long to wait, in seconds; the operation itself goes on.
    #[arg(
        long, global = true, default_value_t = 600, value_name = "SECONDS",
        value_parser = clap::value_parser!(u64).range(1..=86_400)
    )]
    pub timeout: u64,
}

/// Questions and orders of an operator.
#[derive(Debug, Subcommand)]
pub enum CtlCommand {
    /// One screen: nodes, shards by health, leaders, lag of the database, operations, issues.
    Status,
    /// What is wrong now, and what to type.
    Issues,
    /// The nodes of the grid.
    #[command(subcommand)]
    Node(NodeCommand),
    /// The shards.
    #[command(subcommand)]
    Shard(ShardCommand),
    /// One event: its shard, leader and replicas.
    #[command(subcommand)]
    Event(EventCommand),
    /// Placement of replicas: staged, read, then applied.
    #[command(subcommand)]
    Layout(LayoutCommand),
    /// The balancer, which moves leaders by measured load.
    #[command(subcommand)]
    Balancer(BalancerCommand),
    /// Changes under way.
    #[command(subcommand)]
    Operation(OperationCommand),
    /// The version of the rules that all replicas apply.
    #[command(subcommand)]
    Upgrade(UpgradeCommand),
    /// The data writers.
    #[command(subcommand)]
    Writer(WriterCommand),
}

/// About nodes.
#[derive(Debug, Subcommand)]
pub enum NodeCommand {
    /// One line per node.
    List,
    /// One node: its state, log, disk and replicas.
    Show {
        /// Its id.
        node: u64,
    },
    /// Lets a node that has joined take replicas; without an id, under `up`, starts one more unit
    /// first.
    Add {
        /// Its id.
        node: Option<u64>,
    },
    /// Moves all replicas and leaders off a node.
    Drain {
        /// Its id.
        node: u64,
        /// Lets shards have fewer replicas where no other node can take one.
        #[arg(long)]
        allow_fewer_replicas: bool,
    },
    /// Takes an empty node out for ever.
    Remove {
        /// Its id.
        node: u64,
    },
    /// Gives up a dead node and replaces its replicas.
    Recover {
        /// Its id.
        node: u64,
    },
}

/// About shards.
#[derive(Debug, Subcommand)]
pub enum ShardCommand {
    /// One line per shard.
    List,
    /// One shard: its replicas and how far each is.
    Show {
        /// The shard; 0 is the meta group.
        shard: u32,
    },
    /// Moves one replica, adds one (--to alone) or takes one away (--from alone).
    #[command(group = clap::ArgGroup::new("ends").required(true).multiple(true).args(["from", "to"]))]
    Move {
        /// The shard.
        shard: u32,
        /// The node that gives it away.
        #[arg(long, value_name = "NODE")]
        from: Option<u64>,
        /// The node that takes it.
        #[arg(long, value_name = "NODE")]
        to: Option<u64>,
    },
    /// Gives leadership to another replica.
    TransferLeader {
        /// The shard.
        shard: u32,
        /// The node that shall lead.
        #[arg(long, value_name = "NODE")]
        to: u64,
    },
    /// Prefers a leader from now on.
    Pin {
        /// The shard.
        shard: u32,
        /// The preferred leader.
        #[arg(long, value_name = "NODE")]
        leader: u64,
    },
    /// Compares the replicas by their fingerprints.
    Digest {
        /// The shard.
        shard: u32,
    },
    /// Brings shards whose replicas are all lost back from the tables of PostgreSQL: all of them, into
    /// units that were started with empty disks, or one, which other nodes of a living grid found
    /// anew. Refused for a shard that has state. Prints what is lost.
    Recover {
        /// The shard; without one all that have lost everything.
        shard: Option<u32>,
        /// Gives up replicas that still live, too few to elect a leader.
        #[arg(long, requires = "shard")]
        abandon_minority: bool,
        /// From the tables, the only source there is.
        #[arg(long, required = true)]
        from_database: bool,
        /// When the shards were lost, as RFC 3339; now otherwise.
        #[arg(long, value_name = "TIME")]
        lost_at: Option<jiff::Timestamp>,
        /// The writer's TOML file, instead of a local `up`.
        #[arg(long, value_name = "FILE")]
        config: Option<std::path::PathBuf>,
    },
    /// Writes a snapshot on every replica and trims the logs.
    Snapshot {
        /// The shard.
        shard: u32,
    },
}

/// About events.
#[derive(Debug, Subcommand)]
pub enum EventCommand {
    /// Where an event lives.
    Show {
        /// The event's id.
        id: String,
    },
    /// Pins a new event to a shard before its sale is made.
    Pin {
        /// The event's id.
        id: String,
        /// The shard; without one the least loaded.
        #[arg(long)]
        shard: Option<u32>,
    },
    /// Grants no new holds; what is held may still be paid.
    Quiesce {
        /// The event's id.
        id: String,
    },
    /// Grants holds again.
    Resume {
        /// The event's id.
        id: String,
    },
    /// Before its sale is made: lets an event live in another shard. Later: moves the shard that
    /// holds it, replica and leadership, to another node.
    #[command(group = clap::ArgGroup::new("place").required(true).args(["to", "shard"]))]
    Move {
        /// The event's id.
        id: String,
        /// The node that shall answer for the event's shard.
        #[arg(long, value_name = "NODE")]
        to: Option<u64>,
        /// The shard that shall hold the event.
        #[arg(long)]
        shard: Option<u32>,
    },
}

/// About placement.
#[derive(Debug, Subcommand)]
pub enum LayoutCommand {
    /// Adds a change to the next layout, which stays beside the one in force.
    #[command(subcommand)]
    Stage(StageCommand),
    /// What is in force, and what the staged one would change.
    Show,
    /// Puts the staged layout in force.
    Apply {
        /// Its number, as shown.
        #[arg(long)]
        version: u64,
    },
    /// Forgets the staged layout.
    Revert,
}

/// Changes of a layout.
#[derive(Debug, Subcommand)]
pub enum StageCommand {
    /// Lets a node hold replicas.
    Add {
        /// Its id.
        node: u64,
    },
    /// Moves everything away from a node.
    Drain {
        /// Its id.
        node: u64,
    },
    /// Puts a node into another failure zone.
    Zone {
        /// Its id.
        node: u64,
        /// The zone.
        zone: String,
    },
    /// Keeps so many replicas of each shard: 1, 3 or 5.
    Replicas {
        /// The number.
        count: u32,
    },
}

/// About the balancer.
#[derive(Debug, Subcommand)]
pub enum BalancerCommand {
    /// Whether it is on.
    Status,
    /// Lets it move leaders.
    On,
    /// Stops it.
    Off,
    /// Begins no new change of replicas, for any operation, until `resume`.
    Pause,
    /// Lets changes of replicas begin again.
    Resume,
    /// Spreads replicas and leaders evenly now.
    Run,
}

/// About operations.
#[derive(Debug, Subcommand)]
pub enum OperationCommand {
    /// One line per operation.
    List,
    /// One operation.
    Show {
        /// Its number.
        id: u64,
    },
    /// Halts it after its present step.
    Pause {
        /// Its number.
        id: u64,
    },
    /// Lets it go on.
    Resume {
        /// Its number.
        id: u64,
    },
    /// Ends it where it can end.
    Cancel {
        /// Its number.
        id: u64,
    },
}

/// About versions.
#[derive(Debug, Subcommand)]
pub enum UpgradeCommand {
    /// The active version, and what each node knows.
    Status,
    /// Raises the version in all shards; older releases cannot start any more.
    Activate {
        /// The version.
        version: u32,
    },
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

impl CtlCommand {
    /// The order to give; `None` for a question, and where it takes an answer first.
    pub fn order(&self) -> Option<Order> {
        match self {
            Self::Status | Self::Issues | Self::Writer(_) => None,
            Self::Node(command) => command.order(),
            Self::Shard(command) => command.order(),
            Self::Event(command) => command.order(),
            Self::Layout(command) => match command {
                LayoutCommand::Show => None,
                LayoutCommand::Stage(change) => Some(Order::LayoutStage { change: change.into() }),
                LayoutCommand::Apply { version } => Some(Order::LayoutApply { version: *version }),
                LayoutCommand::Revert => Some(Order::LayoutRevert),
            },
            Self::Balancer(command) => match command {
                BalancerCommand::Status => None,
                BalancerCommand::On => Some(Order::BalancerSet { on: true }),
                BalancerCommand::Off => Some(Order::BalancerSet { on: false }),
                BalancerCommand::Pause => Some(Order::MovesPause { paused: true }),
                BalancerCommand::Resume => Some(Order::MovesPause { paused: false }),
                BalancerCommand::Run => Some(Order::Rebalance),
            },
            Self::Operation(command) => match command {
                OperationCommand::List | OperationCommand::Show { .. } => None,
                OperationCommand::Pause { id } => Some(Order::OperationPause { id: *id }),
                OperationCommand::Resume { id } => Some(Order::OperationResume { id: *id }),
                OperationCommand::Cancel { id } => Some(Order::OperationCancel { id: *id }),
            },
            Self::Upgrade(UpgradeCommand::Status) => None,
            Self::Upgrade(UpgradeCommand::Activate { version }) => {
                Some(Order::UpgradeActivate { version: *version })
            }
        }
    }
}

impl NodeCommand {
    fn order(&self) -> Option<Order> {
        match *self {
            Self::List | Self::Show { .. } => None,
            Self::Add { node } => node.map(|node| Order::NodeAdd { node }),
            Self::Drain { node, allow_fewer_replicas: fewer_replicas } => {
                Some(Order::NodeDrain { node, fewer_replicas })
            }
            Self::Remove { node } => Some(Order::NodeRemove { node }),
            Self::Recover { node } => Some(Order::NodeRecover { node }),
        }
    }
}

impl ShardCommand {
    fn order(&self) -> Option<Order> {
        match *self {
            Self::List | Self::Show { .. } | Self::Digest { .. } | Self::Recover { .. } => None,
            Self::Move { shard, from, to } => Some(Order::ShardMove { shard, from, to }),
            Self::TransferLeader { shard, to } => Some(Order::ShardTransfer { shard, to }),
            Self::Pin { shard, leader } => Some(Order::ShardPin { shard, leader }),
            Self::Snapshot { shard } => Some(Order::ShardSnapshot { shard }),
        }
    }
}

impl EventCommand {
    /// The order; a move of the whole shard depends on where the event is, so it is made by who
    /// knows that.
    fn order(&self) -> Option<Order> {
        match self {
            Self::Show { .. } => None,
            Self::Move { id, shard, .. } => {
                shard.map(|shard| Order::EventMove { event: id.clone(), shard })
            }
            Self::Quiesce { id } => Some(Order::EventQuiesce { event: id.clone() }),
            Self::Resume { id } => Some(Order::EventResume { event: id.clone() }),
            Self::Pin { id, shard } => Some(Order::EventPin { event: id.clone(), shard: *shard }),
        }
    }
}

impl From<&StageCommand> for Change {
    fn from(command: &StageCommand) -> Self {
        match command {
            StageCommand::Add { node } => Self::Add { node: *node },
            StageCommand::Drain { node } => Self::Drain { node: *node },
            StageCommand::Zone { node, zone } => Self::Zone { node: *node, zone: zone.clone() },
            StageCommand::Replicas { count } => Self::Replicas { count: *count },
        }
    }
}
