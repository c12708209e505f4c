//! What keeps the seats of a rival: one question to hold, one to let go.

use uuid::Uuid;

use crate::microservices::Remote;
use crate::postgres::Postgres;
use crate::redis::Redis;
use crate::{Rival, RivalError, edge_only};

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Choice {
    /// These seats, by number, in their order.
    Seats(Vec<i32>),
    /// So many of the best.
    Best(i32),
}

/// A wish with the key that makes its repetition safe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wish {
    pub(crate) key: Uuid,
    /// Of what is asked, so that a key is not used for something else.
    pub(crate) hash: i64,
    pub(crate) choice: Choice,
}

/// What came of a wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Granted, now or by the same wish before.
    Granted { hold: u64, seats: Vec<i32>, is_replay: bool },
    /// Somebody has one of them, or there are not enough.
    Taken,
    /// The key came with another wish.
    Conflict,
}

/// It is not known what came of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Lost(pub(crate) String);

/// One of the ways.
pub(crate) enum Backend {
    EdgeOnly(edge_only::Nothing),
    Postgres(Postgres),
    Redis(Redis),
    Remote(Box<Remote>),
}

impl Backend {
    pub(crate) async fn connect(rival: Rival) -> Result<Self, RivalError> {
        Ok(match rival {
            Rival::EdgeOnly => Self::EdgeOnly(edge_only::Nothing::default()),
            Rival::PostgresLocks { url }
            | Rival::PostgresSkipLocked { url }
            | Rival::Reservations { url, .. } => Self::Postgres(Postgres::connect(&url).await?),
            Rival::Redis { address, replicas } => {
                Self::Redis(Redis::connect(address, replicas).await?)
            }
            Rival::Gateway { reservations } => Self::Remote(Box::new(Remote::new(reservations))),
        })
    }

    pub(crate) async fn hold(&self, wish: Wish) -> Result<Verdict, Lost> {
        match self {
            Self::EdgeOnly(nothing) => Ok(nothing.hold(wish)),
            Self::Postgres(postgres) => postgres.hold(wish).await,
            Self::Redis(redis) => redis.hold(wish).await,
            Self::Remote(remote) => remote.hold(wish).await,
        }
    }

    pub(crate) async fn release(&self, hold: u64) -> Result<(), Lost> {
        match self {
            Self::EdgeOnly(_) => Ok(()),
            Self::Postgres(postgres) => postgres.release(hold).await.map(drop),
            Self::Redis(redis) => redis.release(hold).await,
            Self::Remote(remote) => remote.release(hold).await,
        }
    }
}
