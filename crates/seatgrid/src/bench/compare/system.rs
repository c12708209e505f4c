//! What is compared: names as scripts read them, and what each promises about a granted hold. Pure.

use serde::Serialize;

/// A system, in the order in which they are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum System {
    /// The product: three units, router, writer, office and PostgreSQL.
    Seatgrid,
    /// The rivals' edge without anything behind it.
    EdgeOnly,
    /// `SELECT … FOR UPDATE` of named seats.
    PostgresLocks,
    /// Best available with `SKIP LOCKED`.
    PostgresSkipLocked,
    /// One Redis, log synced once a second.
    RedisEverysec,
    /// One Redis, log synced before every answer.
    RedisAlways,
    /// One Redis and two replicas, `WAIT 1`.
    RedisReplicated,
    /// Gateway, reservation service, PostgreSQL row locks, cache.
    Microservices,
}

/// What a rival needs beside its own process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    pub database: bool,
    /// The value of `appendfsync`, or none for a Redis that keeps no log.
    pub redis: Option<Option<&'static str>>,
    pub replicas: u32,
}

impl System {
    /// As scripts read it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Seatgrid => "seatgrid",
            Self::EdgeOnly => "edge-only",
            Self::PostgresLocks => "postgres-locks",
            Self::PostgresSkipLocked => "postgres-skip-locked",
            Self::RedisEverysec => "redis-everysec",
            Self::RedisAlways => "redis-always",
            Self::RedisReplicated => "redis-replicated",
            Self::Microservices => "microservices",
        }
    }

    /// Where an acknowledged hold is at the moment of its answer.
    pub fn durability(self) -> &'static str {
        match self {
            Self::Seatgrid => "log of two of three units on disk (fdatasync)",
            Self::EdgeOnly => "nowhere",
            Self::PostgresLocks | Self::PostgresSkipLocked => {
                "log of one server on disk (fsync on, synchronous_commit on)"
            }
            Self::RedisEverysec => "memory of one server; its log on disk within a second",
            Self::RedisAlways => "log of one server on disk (appendfsync always)",
            Self::RedisReplicated => {
                "memory of one server and one replica; their logs on disk within a second"
            }
            Self::Microservices => {
                "log of one server on disk (fsync on, synchronous_commit on); cache in memory"
            }
        }
    }

    /// Whether its shoppers say how many seats they want, rather than which.
    pub fn takes_best(self) -> bool {
        self == Self::PostgresSkipLocked
    }

    /// What must run beside it.
    pub fn needs(self) -> Needs {
        let none = Needs { database: false, redis: None, replicas: 0 };
        match self {
            Self::Seatgrid | Self::EdgeOnly => none,
            Self::PostgresLocks | Self::PostgresSkipLocked => Needs { database: true, ..none },
            Self::RedisEverysec => Needs { redis: Some(Some("everysec")), ..none },
            Self::RedisAlways => Needs { redis: Some(Some("always")), ..none },
            Self::RedisReplicated => Needs { redis: Some(Some("everysec")), replicas: 2, ..none },
            Self::Microservices => Needs { database: true, redis: Some(None), replicas: 0 },
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn names_are_those_of_the_command_line_and_of_json() {
        for system in System::value_variants() {
            let word = system.to_possible_value().expect("a word");
            assert_eq!(word.get_name(), system.name());
            let json = serde_json::to_string(system).expect("JSON");
            assert_eq!(json, format!("\"{}\"", system.name()));
        }
    }
}
