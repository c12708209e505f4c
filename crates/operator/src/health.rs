//! Health of one shard, from what its replicas say. Pure: the same facts give the same state on
//! screen, in metrics and in the admin API.

use serde::{Deserialize, Serialize};

/// A replica that is further behind its leader is catching up, in log entries: some seconds of a
/// busy shard, far above what is normally in flight.
pub const LAG_MAX: u64 = 1_000;

/// What a shard can do, and what it lacks. Ordered from good to bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Serves, with all its replicas up to date.
    Healthy,
    /// Serves; a replica is behind and reads the log.
    CatchingUp,
    /// Serves; a replica is so far behind that it gets a snapshot.
    InstallingSnapshot,
    /// Serves; fewer replicas live than there should be.
    UnderReplicated,
    /// Serves; a replica's state differs from the others' and was taken out of service.
    Diverged,
    /// Nobody leads it: commands are refused, old state can be read.
    ReadOnly,
    /// No replica answers.
    Unavailable,
}

impl Health {
    /// Every state, from good to bad.
    pub const ALL: [Self; 7] = [
        Self::Healthy,
        Self::CatchingUp,
        Self::InstallingSnapshot,
        Self::UnderReplicated,
        Self::Diverged,
        Self::ReadOnly,
        Self::Unavailable,
    ];

    /// As in JSON and in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::CatchingUp => "catching_up",
            Self::InstallingSnapshot => "installing_snapshot",
            Self::UnderReplicated => "under_replicated",
            Self::Diverged => "diverged",
            Self::ReadOnly => "read_only",
            Self::Unavailable => "unavailable",
        }
    }

    /// Whether commands are taken.
    #[must_use]
    pub fn serves(self) -> bool {
        self < Self::ReadOnly
    }
}

/// What is known of one replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplicaFacts {
    /// Whether its node answers and has it.
    pub alive: bool,
    /// Whether it votes.
    pub votes: bool,
    /// Committed entries that it does not have.
    pub lag: u64,
    /// Whether its leader's log begins after its end.
    pub needs_snapshot: bool,
    /// Whether the end of its log was cut and is not made good.
    pub doubtful: bool,
    /// Whether its state differs from that of the other replicas.
    pub diverged: bool,
}

/// The state of a shard. `serving` is whether a node leads it with a living lease; `wanted` is how
/// many voting replicas it should have.
#[must_use]
pub fn health(serving: bool, wanted: usize, replicas: &[ReplicaFacts]) -> Health {
    let living = || replicas.iter().filter(|replica| replica.alive);
    if living().next().is_none() {
        return Health::Unavailable;
    }
    if !serving {
        return Health::ReadOnly;
    }
    if living().any(|replica| replica.diverged) {
        return Health::Diverged;
    }
    if living().filter(|replica| replica.votes).count() < wanted {
        return Health::UnderReplicated;
    }
    if living().any(|replica| replica.needs_snapshot) {
        return Health::InstallingSnapshot;
    }
    if living().any(|replica| replica.lag > LAG_MAX || replica.doubtful) {
        return Health::CatchingUp;
    }
    Health::Healthy
}

#[cfg(test)]
mod tests {
    use super::*;

    const FINE: ReplicaFacts = ReplicaFacts {
        alive: true,
        votes: true,
        lag: 3,
        needs_snapshot: false,
        doubtful: false,
        diverged: false,
    };
    const WRONG: ReplicaFacts = ReplicaFacts { diverged: true, ..FINE };
    const DEAD: ReplicaFacts = ReplicaFacts { alive: false, ..FINE };
    const SLOW: ReplicaFacts = ReplicaFacts { lag: LAG_MAX + 1, ..FINE };
    const FAR: ReplicaFacts = ReplicaFacts { needs_snapshot: true, ..SLOW };
    const CUT: ReplicaFacts = ReplicaFacts { doubtful: true, ..FINE };
    const LEARNER: ReplicaFacts = ReplicaFacts { votes: false, ..FINE };
    const DEAD_AND_FAR: ReplicaFacts = ReplicaFacts { alive: false, ..FAR };

    #[test]
    fn the_worst_that_is_true_is_told() {
        use Health::{
            CatchingUp, Diverged, Healthy, InstallingSnapshot, ReadOnly, Unavailable,
            UnderReplicated,
        };
        let cases: [(bool, usize, &[ReplicaFacts], Health); 20] = [
            (true, 3, &[FINE, FINE, FINE], Healthy),
            (true, 1, &[FINE], Healthy),
            (true, 3, &[FINE, FINE, FINE, LEARNER], Healthy),
            (true, 3, &[FINE, FINE, ReplicaFacts { lag: LAG_MAX, ..FINE }], Healthy),
            (true, 3, &[FINE, FINE, SLOW], CatchingUp),
            (true, 3, &[FINE, FINE, CUT], CatchingUp),
            (true, 3, &[FINE, SLOW, FAR], InstallingSnapshot),
            (
                true,
                3,
                &[FINE, FINE, FINE, ReplicaFacts { votes: false, ..FAR }],
                InstallingSnapshot,
            ),
            (true, 3, &[FINE, FINE, DEAD], UnderReplicated),
            (true, 3, &[FINE, FAR, DEAD], UnderReplicated),
            (true, 3, &[FINE, FINE, LEARNER], UnderReplicated),
            (true, 3, &[FINE, FINE], UnderReplicated),
            // A dead replica that is also far behind is missing, not on its way.
            (true, 2, &[FINE, FINE, DEAD_AND_FAR], Healthy),
            (true, 3, &[FINE, FINE, WRONG], Diverged),
            (true, 3, &[FINE, DEAD, WRONG], Diverged),
            // Who was wrong when it died is made right by its start.
            (true, 3, &[FINE, FINE, ReplicaFacts { alive: false, ..WRONG }], UnderReplicated),
            (false, 3, &[FINE, WRONG, WRONG], ReadOnly),
            (false, 3, &[FINE, DEAD, DEAD], ReadOnly),
            (false, 3, &[DEAD, DEAD, DEAD], Unavailable),
            (false, 3, &[], Unavailable),
        ];
        for (serving, wanted, replicas, expected) in cases {
            assert_eq!(health(serving, wanted, replicas), expected, "{serving} {replicas:?}");
        }
    }

    #[test]
    fn serving_states_come_before_the_others() {
        assert!(Health::ALL.is_sorted());
        let serving = Health::ALL.iter().filter(|health| health.serves()).count();
        assert_eq!(serving, 5);
        let names: Vec<String> = Health::ALL.iter().map(|h| format!("\"{}\"", h.name())).collect();
        let json: Vec<String> =
            Health::ALL.iter().map(|h| serde_json::to_string(h).expect("JSON")).collect();
        assert_eq!(names, json, "one name everywhere");
    }
}
