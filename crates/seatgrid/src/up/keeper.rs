//! Keeps one child alive: starts it, starts it again when it dies, stops it when told. One task per
//! child; it owns the process and nothing else touches it.

use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::child::{Child, ChildSpec};
use super::output::LastLine;
use super::roster::Roster;

/// So many short lives in a row are no accident: at start the supervisor gives up, later a person
/// must look.
const DEATHS_MAX: u32 = 5;

/// A child that does not stay alive.
#[derive(Debug)]
pub struct Hopeless {
    /// Which one, as `unit-1`.
    pub label: String,
    /// Its last words, or what the operating system said.
    pub reason: String,
}

/// What all keepers share.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// Where process ids are published.
    pub roster: Arc<Roster>,
    /// Told once per series of deaths. A full channel loses the message: one is enough to give up.
    pub hopeless: mpsc::Sender<Hopeless>,
}

/// Runs the child until `stop` is cancelled, then stops it.
pub async fn keep(spec: ChildSpec, around: Surroundings, stop: CancellationToken) {
    let mut backoff = Backoff::default();
    while !stop.is_cancelled() {
        let began = Instant::now();
        let last_line = LastLine::default();
        let end = match Child::spawn(&spec, last_line.clone()) {
            Ok(child) => live(child, &spec, &around, &stop).await,
            Err(error) => Some(error.to_string()),
        };
        let Some(end) = end else { return };
        let pause = backoff.after(began.elapsed());
        report(&spec, &around, &end, &last_line, backoff.deaths());
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// One life. `None` when it was stopped, else how it ended.
async fn live(
    mut child: Child,
    spec: &ChildSpec,
    around: &Surroundings,
    stop: &CancellationToken,
) -> Option<String> {
    around.roster.started(spec.role, spec.node, child.pid(), spec.admin);
    let end = tokio::select! {
        end = child.ended() => Some(end.map_or_else(|e| e.to_string(), describe)),
        () = stop.cancelled() => None,
    };
    if end.is_some() {
        child.drained().await;
    } else if child.stop(spec.stop_max).await {
        tracing::warn!(child = spec.label(), "did not stop in time and was killed");
    }
    around.roster.ended(spec.role, spec.node);
    end
}

fn describe(status: ExitStatus) -> String {
    status.to_string()
}

fn report(spec: &ChildSpec, around: &Surroundings, end: &str, last: &LastLine, deaths: u32) {
    let label = spec.label();
    tracing::warn!(child = label, end, "a child ended, starting it again");
    if deaths == DEATHS_MAX {
        let last = last.get();
        let reason = if last.is_empty() { end.to_owned() } else { last };
        let _ = around.hopeless.try_send(Hopeless { label, reason });
    }
}
