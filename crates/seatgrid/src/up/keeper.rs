//! Keeps one child alive: starts it, starts it again when it dies, stops it when told. A unit that has
//! left the grid is the one child that is not started again. One task per child; it owns the process
//! and nothing else touches it.

use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::child::{Child, ChildSpec};
use super::output::LastLine;
use super::roster::Roster;
use crate::role::Role;
use crate::roles::EXIT_LEFT;

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

/// What a keeper has to tell.
#[derive(Debug)]
pub enum News {
    /// A child does not stay alive. Told once per series of deaths.
    Hopeless(Hopeless),
    /// The unit of this number has left the grid.
    Left(u32),
}

/// How a life ended.
enum End {
    /// As it was told to.
    Stopped,
    /// The grid does not want it any more.
    Left,
    /// In these words.
    Died(String),
}

/// What all keepers share.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// Where process ids are published.
    pub roster: Arc<Roster>,
    /// Told what keepers see.
    pub news: mpsc::Sender<News>,
}

/// Runs the child until `stop` is cancelled, then stops it.
pub async fn keep(spec: ChildSpec, around: Surroundings, stop: CancellationToken) {
    let mut backoff = Backoff::default();
    while !stop.is_cancelled() {
        let began = Instant::now();
        let last_line = LastLine::default();
        let end = match Child::spawn(&spec, last_line.clone()) {
            Ok(child) => live(child, &spec, &around, &stop).await,
            Err(error) => End::Died(error.to_string()),
        };
        let end = match end {
            End::Died(end) => end,
            End::Stopped => return,
            End::Left => {
                let (child, reason) = (spec.label(), last_line.get());
                tracing::warn!(child, reason, "the unit has left the grid: not started again");
                // Whoever would be told is gone only when everything stops.
                let _ = around.news.send(News::Left(spec.node)).await;
                return;
            }
        };
        let pause = backoff.after(began.elapsed());
        report(&spec, &around, &end, &last_line, backoff.deaths());
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// One life.
async fn live(
    mut child: Child,
    spec: &ChildSpec,
    around: &Surroundings,
    stop: &CancellationToken,
) -> End {
    around.roster.started(spec.role, spec.node, child.pid(), spec.admin);
    let end = tokio::select! {
        end = child.ended() => end.map_or_else(|e| End::Died(e.to_string()), |end| judge(spec, end)),
        () = stop.cancelled() => End::Stopped,
    };
    if !matches!(end, End::Stopped) {
        child.drained().await;
    } else if child.stop(spec.stop_max).await {
        tracing::warn!(child = spec.label(), "did not stop in time and was killed");
    }
    around.roster.ended(spec.role, spec.node);
    end
}

fn judge(spec: &ChildSpec, status: ExitStatus) -> End {
    match status.code() {
        Some(code) if spec.role == Role::Unit && code == i32::from(EXIT_LEFT) => End::Left,
        _ => End::Died(status.to_string()),
    }
}

fn report(spec: &ChildSpec, around: &Surroundings, end: &str, last: &LastLine, deaths: u32) {
    let label = spec.label();
    tracing::warn!(child = label, end, "a child ended, starting it again");
    if deaths == DEATHS_MAX {
        let last = last.get();
        let reason = if last.is_empty() { end.to_owned() } else { last };
        // A full channel loses it: one is enough to give up.
        let _ = around.news.try_send(News::Hopeless(Hopeless { label, reason }));
    }
}
