//! Everything that goes wrong, and when: drawn from the seed before it happens, counted afterwards.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::network::{HostId, Weather};

/// Points of the log at which power may be lost.
const POINTS: [&str; 7] = [
    "wal.append.before_write",
    "wal.append.before_sync",
    "wal.append.after_sync",
    "wal.roll.before_header",
    "wal.roll.before_rename",
    "wal.roll.before_sync_dir",
    "wal.free.before_sync_dir",
];

/// Replicas of a shard.
const REPLICAS: usize = 3;

/// One thing that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    /// A process is killed and started again after a while.
    Kill(HostId, Duration),
    /// A machine loses its power; what was not synced survives in part.
    PowerCut(HostId, Duration),
    /// A machine loses its power when its log passes a point so many times.
    PowerOffAt(HostId, &'static str, u64),
    /// All machines lose their power at once.
    Blackout(Duration),
    /// A machine's next sync fails; its process has to end.
    SyncFails(HostId),
    /// A machine's disk stalls for a while.
    SlowDisk(HostId, Duration),
    /// Nothing comes through from one to the other for a while.
    OneWay(HostId, HostId, Duration),
    /// A machine is cut off from all others for a while, shoppers included.
    Isolated(HostId, Duration),
    /// Segments are late or lost for a while.
    Storm(Weather, Duration),
    /// A connection is reset.
    Reset,
    /// A machine's wall clock jumps to so far off.
    ClockJump(HostId, i64),
    /// The leader of a shard is told to hand over.
    Transfer(u32),
    /// One bit of a machine's log is flipped while it is off.
    Flip(HostId, Duration),
    /// The data writer is replaced by one with a higher epoch.
    WriterReplaced,
    /// A shard's replica moves to a unit that has none.
    Move(u32),
    /// A unit gives all its replicas to others, while work goes on.
    Drain(HostId),
    /// Replicas are spread evenly over the units.
    Rebalance,
}

impl Fault {
    /// What it counts as.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Kill(..) => "kill",
            Self::PowerCut(..) => "power_cut",
            Self::PowerOffAt(..) => "power_off_at_point",
            Self::Blackout(..) => "blackout",
            Self::SyncFails(..) => "sync_fails",
            Self::SlowDisk(..) => "slow_disk",
            Self::OneWay(..) => "one_way_cut",
            Self::Isolated(..) => "isolated",
            Self::Storm(..) => "storm",
            Self::Reset => "reset",
            Self::ClockJump(..) => "clock_jump",
            Self::Transfer(..) => "transfer_leader",
            Self::Flip(..) => "flipped_bit",
            Self::WriterReplaced => "writer_replaced",
            Self::Move(_) => "replica_moved",
            Self::Drain(_) => "unit_drained",
            Self::Rebalance => "rebalanced",
        }
    }
}

/// All kinds of faults, for the batch's counters.
pub const NAMES: [&str; KINDS] = [
    "kill",
    "power_cut",
    "power_off_at_point",
    "blackout",
    "sync_fails",
    "slow_disk",
    "one_way_cut",
    "isolated",
    "storm",
    "reset",
    "clock_jump",
    "transfer_leader",
    "flipped_bit",
    "writer_replaced",
    "replica_moved",
    "unit_drained",
    "rebalanced",
];

/// How many kinds there are.
const KINDS: usize = 17;
/// From this kind on a fault needs units without a replica.
const ELASTIC: usize = 14;

/// The source of faults of one run.
pub struct Chaos {
    random: StdRng,
    hosts: HostId,
    shards: u32,
    next_at: Duration,
    /// Mean pause between faults.
    pause_ms: u64,
    /// A run has its own weights, so that some are all crashes and others all network.
    weights: [u32; KINDS],
    may_flip: bool,
    may_drain: bool,
    pub counts: BTreeMap<&'static str, u64>,
}

impl Chaos {
    pub fn new(seed: u64, hosts: HostId, shards: u32, from: Duration) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let pause_ms = random.random_range(150..1500);
        let mut weights = [0; KINDS];
        let spare = usize::from(hosts) > REPLICAS;
        for weight in &mut weights[..if spare { KINDS } else { ELASTIC }] {
            *weight = if random.random_bool(0.6) { random.random_range(1..10) } else { 0 };
        }
        weights[0] += 1;
        // One damaged log in a run: two may have lost what was acknowledged, and say so.
        let may_flip = random.random_bool(0.15);
        Self {
            random,
            hosts,
            shards,
            next_at: from,
            pause_ms,
            weights,
            may_flip,
            may_drain: true,
            counts: BTreeMap::new(),
        }
    }

    /// The fault that is due, if one is.
    pub fn due(&mut self, now: Duration) -> Option<Fault> {
        if now < self.next_at {
            return None;
        }
        let pause = self.random.random_range(1..self.pause_ms * 2);
        self.next_at = now + Duration::from_millis(pause);
        let fault = self.draw()?;
        *self.counts.entry(fault.name()).or_default() += 1;
        Some(fault)
    }

    fn draw(&mut self) -> Option<Fault> {
        let all: u32 = self.weights.iter().sum();
        let mut ticket = self.random.random_range(0..all);
        let mut kind = 0;
        while ticket >= self.weights[kind] {
            ticket -= self.weights[kind];
            kind += 1;
        }
        let host = self.random.random_range(1..=self.hosts);
        Some(match kind {
            0 => Fault::Kill(host, self.span(20..3_000)),
            1 => Fault::PowerCut(host, self.span(20..3_000)),
            2 => {
                let point = POINTS[self.random.random_range(0..POINTS.len())];
                Fault::PowerOffAt(host, point, self.random.random_range(1..20))
            }
            3 => Fault::Blackout(self.span(20..1_000)),
            4 => Fault::SyncFails(host),
            5 => Fault::SlowDisk(host, self.span(500..4_000)),
            6 => {
                Fault::OneWay(host, self.random.random_range(1..=self.hosts), self.span(200..4_000))
            }
            7 => Fault::Isolated(host, self.span(200..4_000)),
            8 => Fault::Storm(self.weather(), self.span(500..5_000)),
            9 => Fault::Reset,
            10 => Fault::ClockJump(host, self.random.random_range(-4_000..4_000)),
            11 => Fault::Transfer(self.random.random_range(0..=self.shards)),
            12 => {
                if !std::mem::take(&mut self.may_flip) {
                    return None;
                }
                Fault::Flip(host, self.span(20..1_000))
            }
            13 => Fault::WriterReplaced,
            ELASTIC => Fault::Move(self.random.random_range(0..=self.shards)),
            // One in a run, so that there is room for three replicas.
            15 if std::mem::take(&mut self.may_drain) => Fault::Drain(host),
            15 => return None,
            _ => Fault::Rebalance,
        })
    }

    fn span(&mut self, ms: std::ops::Range<u64>) -> Duration {
        Duration::from_millis(self.random.random_range(ms))
    }

    fn weather(&mut self) -> Weather {
        let most = self.random.random_range(2..150);
        Weather {
            delay: (Duration::from_micros(200), Duration::from_millis(most)),
            loss: f64::from(self.random.random_range(0..30)) / 100.0,
        }
    }
}
