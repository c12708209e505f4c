//! The data writers of a local `up`, which know how far PostgreSQL is: the grid does not.

use std::net::SocketAddr;

use operator::model::{Issue, Severity};
use serde::Deserialize;

use crate::http_call;

/// A shard that PostgreSQL is further behind with is an issue, in milliseconds.
const LAG_WARN_MS: u64 = 5_000;
/// The same as an alarm: from here on no new sale should be opened.
const LAG_ALARM_MS: u64 = 30_000;

/// What a writer said, or why it did not.
pub(super) type Asked = Result<WriterStatus, String>;

/// The writer's own view, as far as it is shown here.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct WriterStatus {
    pub(super) role: String,
    pub(super) database_up: bool,
    #[serde(default)]
    pub(super) shards: Vec<WriterShard>,
    #[serde(default)]
    pub(super) quarantine: u64,
    #[serde(default)]
    pub(super) archive_trouble: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct WriterShard {
    pub(super) lag_ms: u64,
}

/// Asks all writers; one that does not answer is part of the answer.
pub(super) async fn ask(writers: &[SocketAddr]) -> Vec<Asked> {
    let mut asked = Vec::new();
    for writer in writers {
        asked.push(ask_one(*writer).await.map_err(|error| format!("{writer}: {error}")));
    }
    asked
}

async fn ask_one(writer: SocketAddr) -> Result<WriterStatus, String> {
    let answer = http_call::get(writer, "/admin/v1/status").await;
    let (status, body) = answer.map_err(|error| error.to_string())?;
    if status != 200 {
        return Err(format!("answered {status}"));
    }
    serde_json::from_str(&body).map_err(|error| error.to_string())
}

/// The worst shard of the active writer; unknown when none answers.
pub(super) fn lag_ms(writers: &[Asked]) -> Option<u64> {
    let active = writers.iter().flatten().filter(|writer| writer.role == "active");
    active.flat_map(|writer| &writer.shards).map(|shard| shard.lag_ms).max()
}

/// What is wrong with the way to PostgreSQL.
pub(super) fn issues(writers: &[Asked]) -> Vec<Issue> {
    let mut issues = Vec::new();
    let mut add = |code: &str, severity, what: String, remedy: &str| {
        issues.push(Issue { code: code.to_owned(), severity, what, remedy: remedy.to_owned() });
    };
    for writer in writers {
        match writer {
            Err(fault) => add(
                "writer_unreachable",
                Severity::Warning,
                format!("a writer does not answer: {fault}"),
                "start it; the sale goes on meanwhile",
            ),
            Ok(writer) => {
                if !writer.database_up {
                    add(
                        "database_away",
                        Severity::Warning,
                        "the writer cannot reach PostgreSQL".to_owned(),
                        "start PostgreSQL; the sale goes on and the writer catches up by itself",
                    );
                }
                if let Some(trouble) = &writer.archive_trouble {
                    add(
                        "archive_failed",
                        Severity::Warning,
                        format!("finished months of the ledger are not archived: {trouble}"),
                        "docs/runbooks/ledger.md; they stay in the tables meanwhile",
                    );
                }
                if writer.quarantine > 0 {
                    add(
                        "records_parked",
                        Severity::Warning,
                        format!("{} records are parked in quarantine", writer.quarantine),
                        "seatgrid ctl writer quarantine list",
                    );
                }
            }
        }
    }
    if let Some(lag) = lag_ms(writers).filter(|lag| *lag > LAG_WARN_MS) {
        let alarm = lag > LAG_ALARM_MS;
        add(
            "persist_lag",
            if alarm { Severity::Alarm } else { Severity::Warning },
            format!("PostgreSQL is {} s behind the grid", lag / 1_000),
            "look at the writer's log and at the load of PostgreSQL",
        );
    }
    issues
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writer(role: &str, lag_ms: u64) -> Asked {
        let shards = vec![WriterShard { lag_ms: 1 }, WriterShard { lag_ms }];
        let (role, archive_trouble) = (role.to_owned(), None);
        Ok(WriterStatus { role, database_up: true, shards, quarantine: 0, archive_trouble })
    }

    fn codes(writers: &[Asked]) -> Vec<(String, Severity)> {
        issues(writers).into_iter().map(|issue| (issue.code, issue.severity)).collect()
    }

    #[test]
    fn the_active_writer_tells_the_lag() {
        assert_eq!(lag_ms(&[writer("standby", 9), writer("active", 7)]), Some(7));
        assert_eq!(lag_ms(&[Err("refused".to_owned())]), None);
    }

    #[test]
    fn what_is_wrong_is_told_once() {
        assert_eq!(codes(&[writer("active", LAG_WARN_MS)]), []);
        let lag = |severity| vec![("persist_lag".to_owned(), severity)];
        assert_eq!(codes(&[writer("active", LAG_WARN_MS + 1)]), lag(Severity::Warning));
        assert_eq!(codes(&[writer("active", LAG_ALARM_MS + 1)]), lag(Severity::Alarm));
        let silent = codes(&[Err("refused".to_owned())]);
        assert_eq!(silent, [("writer_unreachable".to_owned(), Severity::Warning)]);
        let mut sick = writer("active", 0).expect("it answers");
        (sick.database_up, sick.quarantine) = (false, 3);
        sick.archive_trouble = Some("no space left".to_owned());
        assert_eq!(codes(&[Ok(sick)]).len(), 3);
    }
}
