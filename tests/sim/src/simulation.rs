//! One run: founding, a time of trouble, healing, judgement.

mod faults;
mod judge;
mod setup;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use grid_node::{GridClient, MetaState};
use inventory::EventNo;
use parking_lot::Mutex;
use processing_unit::Grid;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::chaos::Chaos;
use crate::checks::Check;
use crate::history::History;
use crate::host::{self, Host};
use crate::network::{HostId, World};
use crate::options::Options;
use crate::process;
use crate::tables::Database;
use crate::trace::Trace;

/// Time moves by so much at once.
const QUANTUM: Duration = Duration::from_millis(1);
/// The machine that shoppers and the data writer are on.
const CLIENTS: HostId = 9;
/// How long anything may take when nothing is wrong.
const PATIENCE: Duration = Duration::from_secs(60);
/// Pause between looks at the replicas.
const LOOK: Duration = Duration::from_millis(200);

/// What is to happen later.
#[derive(Debug, Clone, Copy)]
enum Later {
    Start(HostId),
    QuickDisk(HostId),
    Mend,
    FairWeather,
}

/// A whole grid with its shoppers.
pub struct Simulation {
    options: Options,
    trace: Trace,
    world: World,
    hosts: Vec<Host>,
    clients: Runtime,
    grid: Grid,
    /// An operator's client.
    admin: GridClient,
    events: Vec<EventNo>,
    history: History,
    closing: Arc<Mutex<bool>>,
    database: Database,
    writer_epoch: u64,
    chaos: Chaos,
    later: BTreeMap<(Duration, u64), Later>,
    planned: u64,
    checks: Vec<Box<dyn Check>>,
    looked_at: Duration,
    /// Units whose log is damaged for good.
    broken: Vec<HostId>,
    _dir: TempDir,
}

/// What a green run tells.
#[derive(Debug)]
pub struct Summary {
    pub events: u64,
    pub digest: u32,
    pub simulated: Duration,
    pub counts: BTreeMap<String, u64>,
}

impl Simulation {
    /// Runs from founding to judgement.
    ///
    /// # Errors
    /// What is wrong with the product, or with this simulation.
    pub fn run(options: Options, trace_file: Option<PathBuf>) -> Result<Summary, String> {
        let mut simulation = Self::new(options, trace_file)?;
        let result = simulation.live();
        if let Err(why) = &result {
            simulation.trace.note(format_args!("red: {why}"));
        }
        simulation.trace.flush();
        result.map(|()| simulation.summary())
    }

    fn live(&mut self) -> Result<(), String> {
        self.found()?;
        self.open_doors();
        let until = self.trace.elapsed() + self.options.trouble;
        while self.trace.elapsed() < until {
            self.step()?;
            if let Some(fault) = self.chaos.due(self.trace.elapsed()) {
                self.strike(fault);
            }
        }
        self.heal()?;
        self.judge()?;
        self.survive_a_loss()
    }

    /// One quantum of time for everybody.
    fn step(&mut self) -> Result<(), String> {
        process::advance(QUANTUM);
        self.world.tick();
        for host in &self.hosts {
            host.turn();
        }
        host::turn(&self.clients);
        self.bury();
        self.do_what_is_due();
        if self.trace.elapsed() >= self.looked_at + LOOK {
            self.looked_at = self.trace.elapsed();
            self.look()?;
        }
        Ok(())
    }

    /// Steps until something holds; red when it does not in time.
    fn until(
        &mut self,
        what: &str,
        mut holds: impl FnMut(&mut Self) -> bool,
    ) -> Result<(), String> {
        let give_up = self.trace.elapsed() + PATIENCE;
        while !holds(self) {
            if self.trace.elapsed() > give_up {
                return Err(format!("liveness: not in {PATIENCE:?}: {what}"));
            }
            self.step()?;
        }
        Ok(())
    }

    fn plan(&mut self, after: Duration, later: Later) {
        self.planned += 1;
        self.later.insert((self.trace.elapsed() + after, self.planned), later);
    }

    fn host(&mut self, id: HostId) -> &mut Host {
        &mut self.hosts[usize::from(id) - 1]
    }

    fn summary(&self) -> Summary {
        let (events, digest) = self.trace.digest();
        let mut counts: BTreeMap<String, u64> =
            self.chaos.counts.iter().map(|(name, n)| (format!("fault {name}"), *n)).collect();
        counts.insert("segments lost".into(), self.world.lost());
        self.history.look(|log| log.count(&mut counts));
        // Epochs begin with 1 and grow with each move that was published.
        let known = self.hosts.iter().filter_map(|host| host.unit()?.grid_state());
        let moves = |state: Arc<MetaState>| state.shards().values().map(|s| s.epoch - 1).sum();
        counts.insert("move published".into(), known.map(moves).max().unwrap_or(0));
        Summary { events, digest, simulated: self.trace.elapsed(), counts }
    }
}
