//! Why a shard's session ended. None of these loses anything; some need a person.

use inventory::FeedPosition;
use processing_unit::GridError;
use uuid::Uuid;

use crate::sink::WriteError;

/// Why a shard is not written for now, or no more.
#[derive(Debug, thiserror::Error)]
pub enum ShardError {
    /// A writer with a higher epoch has the shard.
    #[error("another writer has taken over")]
    Fenced,
    /// The grid has forgotten rows that the tables do not have: an older or another database.
    #[error(
        "the grid has let go of everything up to {acknowledged:?}, the tables end at \
         {checkpoint:?}: this database has lost rows or belongs to another grid"
    )]
    Gap {
        /// Where the tables end.
        checkpoint: FeedPosition,
        /// What the grid believes them to have.
        acknowledged: FeedPosition,
    },
    /// The tables have rows that the grid never wrote: another or an emptied grid.
    #[error(
        "the tables end at {checkpoint:?}, which this grid does not know: the database belongs to \
         another grid, or the grid's units were emptied: see `seatgrid ctl shard recover`"
    )]
    Ahead {
        /// Where the tables end.
        checkpoint: FeedPosition,
    },
    /// The grid writes this shard to another database, or this is what was lost and has come back.
    #[error(
        "the grid writes this shard to another database, {bound}; this one is {database}: it belongs \
         to another grid, or the shard was recovered without these units"
    )]
    Foreign {
        /// The database that the grid knows.
        bound: Uuid,
        /// This one.
        database: Uuid,
    },
    /// Records do not follow each other.
    #[error("the feed does not go on after {after:?}: got {got:?}")]
    Disorder {
        /// What was there.
        after: FeedPosition,
        /// What came.
        got: FeedPosition,
    },
    /// The grid did not answer.
    #[error("the grid does not answer: {0}")]
    Grid(#[from] GridError),
    /// The database did not take it.
    #[error("the database does not take it: {0}")]
    Write(#[from] WriteError),
}

impl ShardError {
    /// A stable word, for metrics and to tell one state from another.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Fenced => "fenced",
            Self::Gap { .. } => "gap",
            Self::Ahead { .. } => "ahead",
            Self::Foreign { .. } => "foreign",
            Self::Disorder { .. } => "disorder",
            Self::Grid(_) => "grid",
            Self::Write(WriteError::Fenced) => "moved",
            Self::Write(WriteError::Database(_)) => "database",
            Self::Write(WriteError::Late) => "late",
        }
    }

    /// Whether waiting will not help.
    pub(crate) fn needs_a_person(&self) -> bool {
        match self {
            Self::Gap { .. }
            | Self::Ahead { .. }
            | Self::Foreign { .. }
            | Self::Disorder { .. } => true,
            Self::Fenced | Self::Grid(_) | Self::Write(_) => false,
        }
    }

    /// Whether it is the database's doing.
    pub(crate) fn is_database(&self) -> bool {
        matches!(self, Self::Write(WriteError::Database(_) | WriteError::Late))
    }
}
