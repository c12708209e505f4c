//! All children together: started at once, watched until everything serves, stopped role by role.
//! The only place of `up` where tasks are spawned for children.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::child::ChildSpec;
use super::keeper::{self, Hopeless, News, Surroundings};
use super::roster::Roster;
use crate::http_call;
use crate::role::Role;

/// Between two rounds of probes while starting.
const PROBE_EVERY: Duration = Duration::from_millis(50);
/// News of children: of those that do not stay alive one decides, and the rest may be dropped.
const NEWS_LEN: usize = 16;

/// Why not everything came to serve.
#[derive(Debug, thiserror::Error)]
pub enum ReadyError {
    /// A child dies again and again.
    #[error("{label} does not stay alive: {reason}")]
    Hopeless {
        /// Which one.
        label: String,
        /// Its last words.
        reason: String,
    },
    /// The deadline passed.
    #[error("not ready in {waited_s} s: {missing}; see the logs of these")]
    Late {
        /// The deadline.
        waited_s: u64,
        /// Who does not serve, with what each answered.
        missing: String,
    },
}

/// The children of one `up`.
#[derive(Debug)]
pub struct Supervisor {
    specs: Vec<ChildSpec>,
    kept: Vec<Kept>,
    around: Surroundings,
    news: mpsc::Receiver<News>,
    /// Units that left during the start and were not told of yet.
    left: Vec<u32>,
}

/// The children of one role.
#[derive(Debug)]
struct Kept {
    role: Role,
    stop: CancellationToken,
    tasks: JoinSet<()>,
    /// By number: asked to stop, and has ended.
    children: BTreeMap<u32, (CancellationToken, CancellationToken)>,
}

impl Kept {
    fn new(role: Role) -> Self {
        let stop = CancellationToken::new();
        Self { role, stop, tasks: JoinSet::new(), children: BTreeMap::new() }
    }

    fn keep(&mut self, spec: ChildSpec, around: Surroundings) {
        let (stop, ended) = (self.stop.child_token(), CancellationToken::new());
        self.children.insert(spec.node, (stop.clone(), ended.clone()));
        self.tasks.spawn(async move {
            let _told = ended.drop_guard();
            keeper::keep(spec, around, stop).await;
        });
    }
}

impl Supervisor {
    /// Starts all children.
    pub fn start(specs: Vec<ChildSpec>, roster: Arc<Roster>) -> Self {
        let (sender, news) = mpsc::channel(NEWS_LEN);
        let around = Surroundings { roster, news: sender };
        let mut kept: Vec<Kept> = Role::STOP_ORDER.map(Kept::new).into();
        for spec in &specs {
            if let Some(kept) = kept.iter_mut().find(|kept| kept.role == spec.role) {
                kept.keep(spec.clone(), around.clone());
            }
        }
        Self { specs, kept, around, news, left: Vec::new() }
    }

    /// Starts one more child.
    pub fn add(&mut self, spec: ChildSpec) {
        if let Some(kept) = self.kept.iter_mut().find(|kept| kept.role == spec.role) {
            kept.keep(spec.clone(), self.around.clone());
            self.specs.push(spec);
        }
    }

    /// Stops one child for good. Returns whether there was one.
    pub async fn remove(&mut self, role: Role, node: u32) -> bool {
        self.specs.retain(|spec| (spec.role, spec.node) != (role, node));
        let kept = self.kept.iter_mut().find(|kept| kept.role == role);
        let Some((stop, ended)) = kept.and_then(|kept| kept.children.remove(&node)) else {
            return false;
        };
        stop.cancel();
        ended.cancelled().await;
        true
    }

    /// Waits until every child answers its readiness probe with 200. Units that have left the grid
    /// are not waited for.
    ///
    /// # Errors
    /// When a child does not stay alive, or the deadline passes.
    pub async fn ready(&mut self, deadline: Duration) -> Result<(), ReadyError> {
        let began = Instant::now();
        loop {
            let left = deadline.saturating_sub(began.elapsed());
            tokio::select! {
                result = all_ready(&self.specs, left) => return result,
                Some(news) = self.news.recv() => match news {
                    News::Hopeless(Hopeless { label, reason }) => {
                        return Err(ReadyError::Hopeless { label, reason });
                    }
                    News::Left(number) => {
                        self.specs.retain(|s| (s.role, s.node) != (Role::Unit, number));
                        self.left.push(number);
                    }
                },
            }
        }
    }

    /// Waits for the first child that does not stay alive; units that leave meanwhile are told of later.
    /// Cancel-safe.
    pub async fn hopeless(&mut self) -> ReadyError {
        loop {
            match self.news.recv().await {
                Some(News::Hopeless(Hopeless { label, reason })) => {
                    return ReadyError::Hopeless { label, reason };
                }
                Some(News::Left(number)) => self.left.push(number),
                None => std::future::pending().await,
            }
        }
    }

    /// The next child that does not stay alive, or unit that has left the grid. Cancel-safe.
    pub async fn news(&mut self) -> News {
        if let Some(number) = self.left.pop() {
            return News::Left(number);
        }
        match self.news.recv().await {
            Some(news) => news,
            None => std::future::pending().await,
        }
    }

    /// Stops the roles one after the other, the members of a role together. Each child has its
    /// own deadline, after which it is killed.
    pub async fn stop(self) {
        for Kept { role, stop, mut tasks, .. } in self.kept {
            stop.cancel();
            while let Some(ended) = tasks.join_next().await {
                if let Err(error) = ended {
                    tracing::warn!(%role, %error, "a keeper failed");
                }
            }
        }
    }
}

async fn all_ready(specs: &[ChildSpec], deadline: Duration) -> Result<(), ReadyError> {
    let began = Instant::now();
    let mut waiting: Vec<(&ChildSpec, String)> =
        specs.iter().map(|spec| (spec, String::new())).collect();
    loop {
        let mut still = Vec::new();
        for (spec, _) in waiting {
            match http_call::get(spec.admin, "/readyz").await {
                Ok((200, _)) => {}
                Ok((status, body)) => still.push((spec, one_line(status, &body))),
                Err(error) => still.push((spec, error.to_string())),
            }
        }
        if still.is_empty() {
            return Ok(());
        }
        waiting = still;
        if began.elapsed() > deadline {
            let told = waiting.iter().map(|(spec, answer)| format!("{} ({answer})", spec.label()));
            let missing = told.collect::<Vec<_>>().join(", ");
            return Err(ReadyError::Late { waited_s: deadline.as_secs(), missing });
        }
        tokio::time::sleep(PROBE_EVERY).await;
    }
}

fn one_line(status: u16, body: &str) -> String {
    let body = body.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("{status} {}", body.chars().take(120).collect::<String>()).trim_end().to_owned()
}

#[cfg(test)]
mod tests;
