//! A machine: one runtime of one thread, a unit on it, a disk, a place on the network, a wall clock
//! that may be off.
//!
//! Killing a process is dropping its runtime: no task of it runs any further, as with SIGKILL.

use std::sync::Arc;

use grid_node::platform::{Platform, Threads};
use parking_lot::Mutex;
use processing_unit::{Unit, UnitConfig};
use tokio::runtime::{Builder, Runtime};

use crate::drive::Drive;
use crate::network::{HostId, World};
use crate::process;

/// So many times a runtime looks for work in one turn: what is left waits for the next.
const LOOKS: usize = 4;

/// A runtime of one thread with a clock and no sockets.
pub fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().expect("a runtime")
}

/// Lets a runtime do what there is to do now.
pub fn turn(runtime: &Runtime) {
    runtime.block_on(async {
        for _ in 0..LOOKS {
            tokio::task::yield_now().await;
        }
    });
}

/// A machine with a unit.
pub struct Host {
    pub id: HostId,
    pub drive: Drive,
    /// How far its wall clock is off, in milliseconds.
    pub skew_ms: i64,
    config: UnitConfig,
    running: Option<Running>,
}

struct Running {
    runtime: Runtime,
    unit: Arc<Mutex<Option<Arc<Unit>>>>,
    ended: Arc<Mutex<Option<String>>>,
}

impl Host {
    pub fn new(id: HostId, drive: Drive, config: UnitConfig) -> Self {
        Self { id, drive, skew_ms: 0, config, running: None }
    }

    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// The unit, once it has started.
    pub fn unit(&self) -> Option<Arc<Unit>> {
        self.running.as_ref()?.unit.lock().clone()
    }

    /// Why its process has ended by itself, if it has.
    pub fn ended(&self) -> Option<String> {
        self.running.as_ref()?.ended.lock().clone()
    }

    /// Starts a process on what its disk has.
    pub fn start(&mut self, world: &World) {
        world.begin(self.id);
        let running = Running { runtime: runtime(), unit: Arc::default(), ended: Arc::default() };
        let platform = Platform {
            disk: self.drive.mounted(),
            network: world.of(self.id),
            threads: Threads::Callers,
        };
        let (unit, ended) = (Arc::clone(&running.unit), Arc::clone(&running.ended));
        let config = self.config.clone();
        running.runtime.spawn(async move {
            let reason = match Unit::start_in(config, platform).await {
                Ok(started) => {
                    let failed = started.failed();
                    *unit.lock() = Some(Arc::new(started));
                    failed.await
                }
                Err(error) => format!("it does not start: {error}"),
            };
            *ended.lock() = Some(reason);
        });
        self.running = Some(running);
    }

    /// Ends the process at once; without power its peers are not told.
    pub fn kill(&mut self, world: &World, power_cut: Option<u64>) {
        let Some(Running { runtime, unit, .. }) = self.running.take() else { return };
        world.end(self.id, power_cut.is_none());
        let unit = unit.lock().take();
        drop(runtime);
        drop(unit);
        match power_cut {
            Some(seed) => self.drive.after_power_cut(seed),
            None => self.drive.after_kill(),
        }
    }

    /// Runs a task in the process, if it runs.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        if let Some(running) = &self.running {
            running.runtime.spawn(task);
        }
    }

    /// Lets the process work for a moment, by its own clock.
    pub fn turn(&self) {
        if let Some(running) = &self.running {
            process::walls_are_off_by(self.skew_ms);
            turn(&running.runtime);
            process::walls_are_off_by(0);
        }
    }
}
