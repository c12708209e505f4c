//! Works the queue off: as much at a time as is set, each job with a deadline and signs of life, and
//! tells how much is left.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::postgres::PgListener;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::database::Database;
use crate::documents;
use crate::jobs::{self, Ended, HEARTBEAT, TakenJob};
use crate::sealing::ContactKey;

/// Deadline of one attempt: the longest work takes a second.
const DEADLINE: Duration = Duration::from_secs(60);
/// How often the queue is counted.
const COUNT_EVERY: Duration = Duration::from_secs(5);

/// Takes work and does it.
pub(super) struct JobRunner {
    database: Arc<Database>,
    keys: Arc<ContactKey>,
    /// Who this worker is, in the table.
    name: String,
    parallel_max: usize,
    /// The longest time without a look.
    pause: Duration,
}

impl JobRunner {
    pub(super) fn new(
        database: Arc<Database>,
        keys: Arc<ContactKey>,
        parallel_max: usize,
        pause: Duration,
    ) -> Self {
        Self { database, keys, name: Uuid::new_v4().to_string(), parallel_max, pause }
    }

    /// Works for ever; dropped, it leaves what it has to the next worker.
    pub(super) async fn run(self) {
        let runner = Arc::new(self);
        let (mut working, mut listener) = (JoinSet::new(), None);
        let mut counted = Instant::now() - COUNT_EVERY;
        loop {
            runner.take_into(&mut working).await;
            if counted.elapsed() >= COUNT_EVERY {
                counted = Instant::now();
                runner.count().await;
            }
            if listener.is_none() {
                listener = runner.listen().await;
            }
            tokio::select! {
                Some(_) = working.join_next() => {}
                heard = hear(&mut listener) => if !heard { listener = None },
                () = tokio::time::sleep(runner.pause) => {}
            }
        }
    }

    async fn take_into(self: &Arc<Self>, working: &mut JoinSet<()>) {
        let room = self.parallel_max.saturating_sub(working.len());
        if room == 0 {
            return;
        }
        match jobs::take(&self.database, &self.name, room as i64).await {
            Ok(taken) => {
                for job in taken {
                    let runner = self.clone();
                    working.spawn(async move { runner.work(job).await });
                }
            }
            Err(error) => tracing::debug!(%error, "jobs were not taken, looking again"),
        }
    }

    async fn work(&self, job: TakenJob) {
        let began = Instant::now();
        let attempt = tokio::time::timeout(DEADLINE, self.attempt(&job));
        let ended = tokio::select! {
            ended = attempt => {
                ended.unwrap_or_else(|_| Ended::Failed("took longer than its deadline".to_owned()))
            }
            // Somebody else has it by now and will note how it ends.
            () = self.until_lost(&job) => return,
        };
        metrics::histogram!("seatgrid_job_seconds").record(began.elapsed().as_secs_f64());
        let (id, kind) = (job.id, job.kind.as_str());
        match jobs::end(&self.database, &self.name, &job, ended).await {
            Ok("dead") => {
                metrics::counter!("seatgrid_jobs_total", "outcome" => "dead").increment(1);
                tracing::error!(id, kind, "a job is given up; see GET /api/v1/admin/jobs");
            }
            Ok("done") => {
                metrics::counter!("seatgrid_jobs_total", "outcome" => "done").increment(1);
            }
            Ok(_) => metrics::counter!("seatgrid_jobs_total", "outcome" => "again").increment(1),
            Err(error) => tracing::debug!(id, %error, "the end of a job was not noted"),
        }
    }

    async fn attempt(&self, job: &TakenJob) -> Ended {
        match job.kind.as_str() {
            documents::KIND => documents::make(&self.database, &self.keys, job).await,
            _ => Ended::Failed("this release does not know such work".to_owned()),
        }
    }

    /// Gives signs of life; resolves once the job is somebody else's.
    async fn until_lost(&self, job: &TakenJob) {
        loop {
            tokio::time::sleep(HEARTBEAT).await;
            if let Ok(false) = jobs::keep(&self.database, &self.name, job).await {
                return;
            }
        }
    }

    async fn count(&self) {
        if let Ok(counts) = jobs::count(&self.database).await {
            metrics::gauge!("seatgrid_jobs_waiting").set(counts.waiting as f64);
            metrics::gauge!("seatgrid_jobs_running").set(counts.running as f64);
            metrics::gauge!("seatgrid_jobs_dead").set(counts.dead as f64);
        }
    }

    async fn listen(&self) -> Option<PgListener> {
        let listen = |pool: sqlx::PgPool| async move {
            let mut listener = PgListener::connect_with(&pool).await?;
            listener.listen(jobs::CHANNEL).await?;
            Ok(listener)
        };
        self.database.run(listen).await.ok()
    }
}

/// Waits for word of new work; `false` when the line is broken. Without one it waits for ever.
async fn hear(listener: &mut Option<PgListener>) -> bool {
    match listener {
        Some(listener) => listener.recv().await.is_ok(),
        None => std::future::pending().await,
    }
}
