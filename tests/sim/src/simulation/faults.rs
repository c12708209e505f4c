//! Striking with faults, and what follows from them later.

use std::time::{Duration, Instant};

use grid_node::meta::OperationKind;
use grid_node::{AdminRequest, MetaCommand};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::{CLIENTS, Later, Simulation};
use crate::chaos::Fault;
use crate::network::{HostId, Weather};

/// The shard of the registry.
const META: u32 = 0;
/// A process that ended by itself is started again by its supervisor after this time.
const SUPERVISOR: Duration = Duration::from_millis(300);

impl Simulation {
    pub(super) fn strike(&mut self, fault: Fault) {
        self.trace.note(format_args!("fault {fault:?}"));
        let world = self.world.clone();
        match fault {
            Fault::Kill(id, down) => self.take_down(id, None, down),
            Fault::PowerCut(id, down) => {
                let seed = self.chance();
                self.take_down(id, Some(seed), down);
            }
            Fault::PowerOffAt(id, point, times) => self.host(id).drive.power_off_at(point, times),
            Fault::Blackout(down) => {
                for id in 1..=self.options.units {
                    let seed = self.chance();
                    self.take_down(id, Some(seed), down);
                }
            }
            Fault::SyncFails(id) => self.host(id).drive.fail_next_sync(),
            Fault::SlowDisk(id, time) => {
                self.host(id).drive.set_slow(true);
                self.plan(time, Later::QuickDisk(id));
            }
            Fault::OneWay(from, to, time) => {
                world.cut(from, to);
                self.plan(time, Later::Mend);
            }
            Fault::Isolated(id, time) => {
                for other in (1..=self.options.units).chain([CLIENTS]).filter(|other| *other != id)
                {
                    world.cut(id, other);
                    world.cut(other, id);
                }
                self.plan(time, Later::Mend);
            }
            Fault::Storm(weather, time) => {
                world.set_weather(weather);
                self.plan(time, Later::FairWeather);
            }
            Fault::Reset => {
                world.reset_one();
            }
            Fault::ClockJump(id, skew_ms) => self.host(id).skew_ms = skew_ms,
            Fault::Transfer(shard) => self.transfer(shard),
            Fault::Flip(id, down) => {
                self.take_down(id, None, down);
                let mut random = StdRng::seed_from_u64(self.chance());
                let flipped = self.host(id).drive.flip(&mut random);
                self.trace.note(format_args!("flipped {:?}", flipped.map(|(_, at)| at)));
                self.broken.push(id);
            }
            Fault::WriterReplaced => self.replace_writer(),
            Fault::Move(shard) => self.move_replica(shard),
            Fault::Drain(id) => {
                self.begin(OperationKind::DrainNode { node: u64::from(id), fewer_replicas: false })
            }
            Fault::Rebalance => self.begin(OperationKind::Rebalance),
        }
    }

    /// A replica of a shard goes to a unit that has none, as far as anybody knows.
    fn move_replica(&mut self, shard: u32) {
        let mut known = self.hosts.iter().filter_map(|host| host.unit()?.grid_state());
        let replicas = known.find_map(|state| Some(state.shards().get(&shard)?.replicas.clone()));
        let Some(replicas) = replicas else { return };
        let spare: Vec<u64> =
            (1..=u64::from(self.options.units)).filter(|node| !replicas.contains(node)).collect();
        let one_of = |nodes: &[u64], chance: u64| {
            nodes.get(usize::try_from(chance % nodes.len().max(1) as u64).ok()?).copied()
        };
        let (add, remove) = (one_of(&spare, self.chance()), one_of(&replicas, self.chance()));
        self.begin(OperationKind::MoveReplica { shard, add, remove });
    }

    /// An operator's order to the registry; whether it is accepted or carried out is not waited for.
    fn begin(&mut self, kind: OperationKind) {
        let client = self.admin.clone();
        self.clients.spawn(async move {
            let deadline = Instant::now() + Duration::from_secs(5);
            let request = AdminRequest::Change(MetaCommand::Begin { kind });
            let _ = client.admin_leader(META, &request, deadline).await;
        });
    }

    /// A number that follows from all that happened so far.
    fn chance(&mut self) -> u64 {
        rand::rng().random()
    }

    fn take_down(&mut self, id: HostId, power_cut: Option<u64>, down: Duration) {
        let world = self.world.clone();
        if self.host(id).is_running() {
            self.host(id).kill(&world, power_cut);
            self.plan(down, Later::Start(id));
        }
    }

    /// The shard's leader, if any, is told to hand over to the next unit.
    fn transfer(&mut self, shard: u32) {
        for host in &self.hosts {
            let Some(unit) = host.unit() else { continue };
            let leads = unit.status().shards.iter().any(|s| s.shard == shard && s.serving);
            if leads {
                let to = u64::from(host.id % self.options.units + 1);
                host.spawn(async move {
                    let deadline = Instant::now() + Duration::from_secs(2);
                    unit.admin(AdminRequest::TransferLeader { shard, to }, deadline).await;
                });
                return;
            }
        }
    }

    /// Processes that ended by themselves are gone; their supervisors start them again.
    pub(super) fn bury(&mut self) {
        for id in 1..=self.options.units {
            let Some(reason) = self.host(id).ended() else { continue };
            self.trace.note(format_args!("unit {id} ended: {reason}"));
            let lost_power = self.host(id).drive.disk.has_no_power();
            let seed = self.chance();
            let world = self.world.clone();
            self.host(id).kill(&world, lost_power.then_some(seed));
            let for_good = reason.starts_with("it does not start") && self.broken.contains(&id);
            if for_good {
                continue;
            }
            self.plan(SUPERVISOR, Later::Start(id));
        }
    }

    pub(super) fn do_what_is_due(&mut self) {
        let now = self.trace.elapsed();
        while let Some(entry) = self.later.first_entry() {
            if entry.key().0 > now {
                return;
            }
            let later = entry.remove();
            self.follow(later);
        }
    }

    fn follow(&mut self, later: Later) {
        self.trace.note(format_args!("then {later:?}"));
        let world = self.world.clone();
        match later {
            Later::Start(id) => {
                if !self.host(id).is_running() {
                    self.host(id).start(&world);
                }
            }
            Later::QuickDisk(id) => self.host(id).drive.set_slow(false),
            Later::Mend => world.mend(),
            Later::FairWeather => world.set_weather(Weather::FAIR),
        }
    }

    /// Nothing is wrong any more, but for what cannot be mended.
    pub(super) fn heal(&mut self) -> Result<(), String> {
        self.trace.note(format_args!("heal"));
        self.world.mend();
        self.world.set_weather(Weather::FAIR);
        for host in &mut self.hosts {
            host.skew_ms = 0;
            host.drive.mend();
        }
        *self.closing.lock() = true;
        self.until("every shopper has gone", |this| this.history.look(|log| log.all_gone()))
    }
}
