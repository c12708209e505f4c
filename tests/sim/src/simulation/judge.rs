//! Looking at the grid while it runs, and judging it when it has come to rest.

use std::sync::Arc;
use std::time::{Duration, Instant};

use inventory::{Actor, Choice, Command, Envelope, EventNo, HoldSeats, SeatIx, SeatStatus};
use parking_lot::Mutex;

use super::{Later, Simulation};
use crate::checks::{Finished, Sample};
use crate::network::HostId;

impl Simulation {
    /// Shows every replica to every judge.
    pub(super) fn look(&mut self) -> Result<(), String> {
        for host in &self.hosts {
            let Some(unit) = host.unit() else { continue };
            for replica in unit.status().shards.iter().filter(|replica| replica.shard > 0) {
                let Some(applied_index) = replica.applied_index else { continue };
                let checkpoint =
                    self.database.look(|tables| tables.checkpoints.get(&replica.shard).copied());
                let looked = unit.read(replica.shard, |state| Sample {
                    host: host.id,
                    shard: replica.shard,
                    applied_index,
                    digest: state.digest(),
                    state_at_ms: state.at_ms(),
                    acknowledged: state.acknowledged(),
                    checkpoint: checkpoint.unwrap_or_default().position,
                    own_checks: state.check_invariants(),
                });
                let Some(sample) = looked else { continue };
                self.trace.note(format_args!("{sample:?}"));
                for check in &mut self.checks {
                    check.replica(&sample).map_err(|why| format!("{}: {why}", check.name()))?;
                }
            }
            if let Some(state) = unit.grid_state() {
                for check in &mut self.checks {
                    let judged = check.registry(host.id, &state);
                    judged.map_err(|why| format!("{}: {why}", check.name()))?;
                }
            }
        }
        Ok(())
    }

    /// Waits until all is written and all replicas agree, then asks every judge.
    pub(super) fn judge(&mut self) -> Result<(), String> {
        self.until("the tables have everything", |this| {
            (1..=this.options.shards).all(|shard| this.is_at_rest(shard))
        })?;
        let seats = self.seats();
        let Self { history, database, checks, .. } = self;
        history.look(|log| {
            database.look(|tables| {
                let run = Finished { log, tables, seats };
                for check in checks {
                    check.finish(&run).map_err(|why| format!("{}: {why}", check.name()))?;
                }
                Ok(())
            })
        })
    }

    /// Whether all units that are whole have applied the same, nothing lives that will change by
    /// itself, and the tables have it all.
    fn is_at_rest(&self, shard: u32) -> bool {
        let checkpoint = self.database.look(|tables| tables.checkpoints.get(&shard).copied());
        let position = checkpoint.unwrap_or_default().position;
        let mut seen = None;
        for host in self.hosts.iter().filter(|host| !self.is_broken(host.id)) {
            let Some(unit) = host.unit() else { return false };
            let told = unit.read(shard, |state| {
                let end = state.feed_end();
                let holds = state.events().any(|event| event.holds().next().is_some());
                let rests = !holds && end == state.acknowledged();
                (rests && end == position, state.digest())
            });
            // With more units than replicas not every unit has one.
            let Some((rests, digest)) = told else { continue };
            if !rests {
                return false;
            }
            if *seen.get_or_insert(digest) != digest {
                return false;
            }
        }
        seen.is_some()
    }

    /// Damaged for good: such a unit does not start any more, and says why.
    fn is_broken(&self, id: HostId) -> bool {
        let host = &self.hosts[usize::from(id) - 1];
        let waits =
            self.later.values().any(|later| matches!(later, Later::Start(other) if *other == id));
        self.broken.contains(&id) && !host.is_running() && !waits
    }

    fn seats(&self) -> Vec<(EventNo, Vec<(SeatStatus, u64)>)> {
        let whole = self.hosts.iter().filter(|host| !self.is_broken(host.id));
        let units: Vec<_> = whole.filter_map(|host| host.unit()).collect();
        let of_shard = |shard| {
            let all = units.iter().find_map(|unit| {
                unit.read(shard, |state| {
                    let seats = |event: &inventory::Event| {
                        let table = event.seats();
                        let seat = |no| (table.status(SeatIx(no)), table.holder(SeatIx(no)));
                        (event.no(), (0..crate::hall::SEATS).map(seat).collect())
                    };
                    state.events().map(seats).collect::<Vec<_>>()
                })
            });
            all.unwrap_or_default()
        };
        (1..=self.options.shards).flat_map(of_shard).collect()
    }

    /// With one unit gone for good everything still works.
    pub(super) fn survive_a_loss(&mut self) -> Result<(), String> {
        let is_whole = self.hosts.iter().all(|host| !self.is_broken(host.id));
        if is_whole {
            let lost = 1 + (self.options.seed % u64::from(self.options.units)) as HostId;
            let world = self.world.clone();
            self.trace.note(format_args!("unit {lost} is gone for good"));
            self.host(lost).kill(&world, Some(0));
        }
        let answered: Arc<Mutex<usize>> = Arc::default();
        for event in self.events.clone() {
            let (grid, answered) = (self.grid.clone(), Arc::clone(&answered));
            self.clients.spawn(async move {
                let wish = HoldSeats::of(event, 1, Choice::Seats(vec![SeatIx(0)]));
                let command = Command::Hold(wish);
                let envelope = Envelope { key: None, actor: Actor::SYSTEM, command };
                loop {
                    let deadline = Instant::now() + Duration::from_secs(5);
                    if grid.command(event, &envelope, deadline).await.is_ok() {
                        *answered.lock() += 1;
                        return;
                    }
                }
            });
        }
        let count = self.events.len();
        self.until("commands work without one unit", |_| *answered.lock() == count)
    }
}
