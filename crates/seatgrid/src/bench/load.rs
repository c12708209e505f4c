//! The open loop that `bench http`, `bench compare` and `bench overload` share: arrivals by schedule,
//! connections that take them up, and what became of each.
//!
//! An arrival has its moment before anybody knows how the service does. Connections take arrivals in
//! turn; when all are busy the next one waits, and its latency counts from its own moment all the
//! same, so that a service that stalls cannot hide it. Nothing here knows what is asked for.

mod arrivals;
mod progress;
mod tally;
mod wire;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::task::JoinSet;

pub use arrivals::{Arrival, Arrivals, Schedule, Spacing, mixed};
pub use tally::{Figures, Outcome, Second, Summary, Tally};
pub use wire::{Answer, Request, Wire};

/// What a load does with one arrival.
pub trait Script: Send + Sync + 'static {
    /// Carries one arrival out over a connection and notes what became of it.
    fn carry_out(
        &self,
        arrival: Arrival,
        wire: &mut Wire,
        tally: &Arc<Tally>,
    ) -> impl Future<Output = ()> + Send;
}

/// How a load is sent.
#[derive(Debug, Clone)]
pub struct Manner {
    /// `HOST:PORT` of the service.
    pub address: String,
    /// Connections; further arrivals wait for one.
    pub connections: u32,
    /// How long one request may take before the connection is given up.
    pub limit: Duration,
    /// A line every second on standard error.
    pub shows_progress: bool,
}

/// Sends all arrivals and waits for the last answer.
///
/// # Errors
/// When the service cannot be reached at first, or a task fails.
pub async fn send<S: Script>(
    manner: &Manner,
    schedule: Schedule,
    script: &Arc<S>,
    tally: &Arc<Tally>,
) -> Result<()> {
    // As many again for those who come back; fewer than wanted fail to connect and say so.
    http_api::server::allow_connections(2 * manner.connections as usize);
    let mut wires = Vec::new();
    for _ in 0..manner.connections {
        let mut wire = Wire::new(&manner.address, manner.limit);
        wire.connect().await.with_context(|| format!("connecting to {}", manner.address))?;
        wires.push(wire);
    }
    let arrivals = Arc::new(Arrivals::begin(schedule));
    tally.begin(arrivals.began());
    let mut workers = JoinSet::new();
    for mut wire in wires {
        let (arrivals, script) = (Arc::clone(&arrivals), Arc::clone(script));
        let tally = Arc::clone(tally);
        workers.spawn(async move {
            while let Some(arrival) = arrivals.next() {
                if arrival.due > Instant::now() {
                    tokio::time::sleep_until(arrival.due.into()).await;
                    tally.sent(arrival.due);
                }
                script.carry_out(arrival, &mut wire, &tally).await;
            }
        });
    }
    let shown = manner.shows_progress.then(|| progress::show(Arc::clone(tally)));
    while let Some(done) = workers.join_next().await {
        done.context("a connection's task failed")?;
    }
    // Not before its time is over, or the last gap between arrivals would make every rate too large.
    tally.end(Instant::now().max(arrivals.began() + schedule.span));
    if let Some(shown) = shown {
        shown.abort();
    }
    Ok(())
}
