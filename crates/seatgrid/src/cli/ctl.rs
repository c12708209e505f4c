//! The command line of `seatgrid ctl`: shapes and help texts only.

use clap::{Args, Subcommand};
use operator::Order;

use super::Target;

/// Flags of `ctl`.
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 ok, 1 failed, 2 usage, 3 refused as unsafe, 4 outcome unknown.")]
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
    /// Lets a node that has joined take replicas.
    Add {
        /// Its id.
        node: u64,
    },
    /// Moves all replicas and leaders off a node.
    Drain {
        /// Its id.
        node: u64,
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
    /// Moves one replica to another node.
    Move {
        /// The shard.
        shard: u32,
        /// The node that gives it away.
        #[arg(long, value_name = "NODE")]
        from: u64,
        /// The node that takes it.
        #[arg(long, value_name = "NODE")]
        to: u64,
    },
    /// Gives leadership to another replica.
    TransferLeader {
        /// The shard.
        shard: u32,
        /// The node that shall lead.
        #[arg(long, value_name = "NODE")]
        to: u64,
    },
    /// Prefers a leader; without one the balancer chooses again.
    Pin {
        /// The shard.
        shard: u32,
        /// The preferred leader.
        #[arg(long, value_name = "NODE")]
        leader: Option<u64>,
    },
    /// Compares the replicas by their fingerprints.
    Digest {
        /// The shard.
        shard: u32,
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
    /// Moves an event that holds nothing yet to another shard.
    Move {
        /// The event's id.
        id: String,
        /// Its shard from now on.
        #[arg(long)]
        shard: u32,
    },
}

/// About placement.
#[derive(Debug, Subcommand)]
pub enum LayoutCommand {
    /// Computes a placement for the present nodes and keeps it beside the one in force.
    Stage,
    /// What is in force, and what the staged one would change.
    Show,
    /// Puts the staged placement in force.
    Apply {
        /// Its number, as shown.
        #[arg(long)]
        version: u64,
    },
    /// Forgets the staged placement.
    Revert,
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
    /// Lets it rest for a while.
    Pause {
        /// For how long.
        #[arg(long, default_value_t = 3_600)]
        seconds: u32,
    },
    /// Lets it look now.
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

impl CtlCommand {
    /// The order to give; `None` for a question.
    pub fn order(&self) -> Option<Order> {
        match self {
            Self::Status | Self::Issues => None,
            Self::Node(command) => command.order(),
            Self::Shard(command) => command.order(),
            Self::Event(command) => command.order(),
            Self::Layout(command) => match command {
                LayoutCommand::Show => None,
                LayoutCommand::Stage => Some(Order::LayoutStage),
                LayoutCommand::Apply { version } => Some(Order::LayoutApply { version: *version }),
                LayoutCommand::Revert => Some(Order::LayoutRevert),
            },
            Self::Balancer(command) => match command {
                BalancerCommand::Status => None,
                BalancerCommand::On => Some(Order::BalancerSet { on: true }),
                BalancerCommand::Off => Some(Order::BalancerSet { on: false }),
                BalancerCommand::Pause { seconds } => {
                    Some(Order::BalancerPause { seconds: *seconds })
                }
                BalancerCommand::Run => Some(Order::BalancerRun),
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
            Self::Add { node } => Some(Order::NodeAdd { node }),
            Self::Drain { node } => Some(Order::NodeDrain { node }),
            Self::Remove { node } => Some(Order::NodeRemove { node }),
            Self::Recover { node } => Some(Order::NodeRecover { node }),
        }
    }
}

impl ShardCommand {
    fn order(&self) -> Option<Order> {
        match *self {
            Self::List | Self::Show { .. } | Self::Digest { .. } => None,
            Self::Move { shard, from, to } => Some(Order::ShardMove { shard, from, to }),
            Self::TransferLeader { shard, to } => Some(Order::ShardTransfer { shard, to }),
            Self::Pin { shard, leader } => Some(Order::ShardPin { shard, leader }),
            Self::Snapshot { shard } => Some(Order::ShardSnapshot { shard }),
        }
    }
}

impl EventCommand {
    fn order(&self) -> Option<Order> {
        match self {
            Self::Show { .. } => None,
            Self::Pin { id, shard } => {
                Some(Order::EventPin { event: id.clone(), shard: *shard })
            }
            Self::Move { id, shard } => {
                Some(Order::EventMove { event: id.clone(), shard: *shard })
            }
        }
    }
}
