//! `POST /admin/v1/recovery`: brings lost shards back, as `seatgrid ctl shard recover` does, from within
//! the writer that is at work. One at a time; whoever asks and goes away leaves it running.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use futures_util::future::BoxFuture;
use http_api::{Code, Problem, Strict};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::{Desk, must_write};
use crate::recover::{RecoverError, RecoverTarget, RecoverWish, Recovery, recover_from};

type Work = BoxFuture<'static, Result<Recovery, RecoverError>>;

/// Begins a recovery, unless one is under way.
#[derive(Clone)]
pub(crate) struct Recoverer {
    begin: Arc<dyn Fn(RecoverWish) -> Work + Send + Sync>,
    one: Arc<Mutex<()>>,
}

impl Recoverer {
    /// Into a grid, from a database.
    pub(crate) fn new<S: RecoverTarget>(target: Arc<S>, database_url: String) -> Self {
        let begin = move |wish: RecoverWish| -> Work {
            let (target, url) = (Arc::clone(&target), database_url.clone());
            Box::pin(async move { recover_from(&*target, &url, &wish).await })
        };
        Self { begin: Arc::new(begin), one: Arc::default() }
    }
}

/// What to bring back; all that is lost, and lost by now, unless said.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    #[serde(default)]
    shard: Option<u32>,
    #[serde(default)]
    lost_at: Option<jiff::Timestamp>,
}

pub(super) async fn recover(
    State(desk): State<Desk>,
    Strict { body, .. }: Strict<Wanted>,
) -> Result<Json<Recovery>, Problem> {
    must_write(&desk)?;
    let Ok(one) = Arc::clone(&desk.recoverer.one).try_lock_owned() else {
        return Err(Problem::new(Code::Unavailable).detail("a recovery is under way"));
    };
    let lost_at_ms = body.lost_at.map(|at| at.as_millisecond().unsigned_abs());
    let work = (desk.recoverer.begin)(RecoverWish { shard: body.shard, lost_at_ms });
    let done = tokio::spawn(async move {
        let _one = one;
        work.await
    });
    match done.await {
        Ok(done) => done.map(Json).map_err(|error| problem(&error)),
        Err(_) => Err(Problem::new(Code::OutcomeUnknown)),
    }
}

fn problem(error: &RecoverError) -> Problem {
    match error {
        RecoverError::Refused(why) => Problem::new(Code::Taken).detail(why.as_str()),
        RecoverError::Invalid { .. } => {
            Problem::new(Code::VersionMismatch).detail(error.to_string())
        }
        // Begun, and to be gone on with by the same question.
        RecoverError::Url(_) | RecoverError::Grid(_) | RecoverError::Write(_) => {
            Problem::new(Code::OutcomeUnknown)
        }
    }
}
