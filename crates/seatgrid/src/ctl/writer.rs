//! `ctl writer quarantine`: parked records, asked for and decided about at the writer that is at work.

use std::io::Write;
use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::cli::{QuarantineCommand, Target, WriterCommand};
use crate::role::Role;
use crate::{http_call, local};

/// Carries out one command and prints its answer.
///
/// # Errors
/// When no writer answers, or it refuses.
pub(super) async fn run(target: &Target, command: &WriterCommand) -> Result<()> {
    let WriterCommand::Quarantine(command) = command;
    let writers = writers(target)?;
    let root = "/admin/v1/quarantine";
    let text = match command {
        QuarantineCommand::List { all } => {
            let entries = get(&writers, &format!("{root}?all={all}")).await?;
            if target.json { entries.to_string() } else { lines(&entries) }
        }
        QuarantineCommand::Show { id } => {
            let entry = get(&writers, &format!("{root}/{id}")).await?;
            if target.json { entry.to_string() } else { serde_json::to_string_pretty(&entry)? }
        }
        QuarantineCommand::Retry { id, by } => {
            order(&writers, &format!("{root}/{id}/retry"), &json!({ "by": by })).await?;
            format!("record {id} is written")
        }
        QuarantineCommand::Discard { id, reason, by } => {
            let word = json!({ "by": by, "reason": reason });
            order(&writers, &format!("{root}/{id}/discard"), &word).await?;
            format!("record {id} is given up")
        }
    };
    writeln!(std::io::stdout().lock(), "{text}").context("cannot print")
}

/// `--admin` names a writer here.
fn writers(target: &Target) -> Result<Vec<SocketAddr>> {
    match target.admin {
        Some(admin) => Ok(vec![admin]),
        None => {
            let running = local::running(&target.data_dir, Role::Writer)?;
            Ok(running.into_iter().map(|entry| entry.admin).collect())
        }
    }
}

/// The first writer's answer that is one: every writer can read.
async fn get(writers: &[SocketAddr], path: &str) -> Result<Value> {
    let mut fault = String::new();
    for writer in writers {
        match http_call::get(*writer, path).await {
            Ok((200, body)) => return serde_json::from_str(&body).context("the writer's answer"),
            Ok((404, _)) => bail!("there is no such record"),
            Ok((status, body)) => fault = format!("{writer} answered {status}: {}", detail(&body)),
            Err(error) => fault = format!("{writer}: {error}"),
        }
    }
    bail!("no writer answers: {fault}")
}

/// The active writer carries it out; the others say that they do not.
async fn order(writers: &[SocketAddr], path: &str, body: &Value) -> Result<()> {
    let mut fault = String::new();
    for writer in writers {
        match http_call::post(*writer, path, &body.to_string()).await {
            Ok((204, _)) => return Ok(()),
            Ok((status, body)) if status < 500 => bail!("refused: {}", detail(&body)),
            Ok((status, body)) => fault = format!("{writer} answered {status}: {}", detail(&body)),
            Err(error) => fault = format!("{writer}: {error}"),
        }
    }
    bail!("no writer carries it out: {fault}")
}

fn detail(body: &str) -> String {
    let problem: Value = serde_json::from_str(body).unwrap_or_default();
    let said = problem["detail"].as_str().or(problem["title"].as_str());
    said.unwrap_or("no reason given").to_owned()
}

fn lines(entries: &Value) -> String {
    let entries = entries.as_array().map(Vec::as_slice).unwrap_or_default();
    if entries.is_empty() {
        return "nothing is parked".to_owned();
    }
    let word = |value: &Value| value.as_str().unwrap_or("open").to_owned();
    let line = |entry: &Value| {
        format!(
            "{:>6}  shard {} record {}.{}  {}  {}  {}",
            entry["id"].to_string(),
            entry["shard"],
            entry["log_index"],
            entry["ordinal"],
            word(&entry["resolution"]),
            word(&entry["sqlstate"]),
            word(&entry["error"]),
        )
    };
    entries.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parked_records_are_one_line_each() {
        assert_eq!(lines(&json!([])), "nothing is parked");
        let entry = json!({ "id": 7, "shard": 1, "log_index": 12, "ordinal": 0,
            "resolution": null, "sqlstate": "22021", "error": "a NUL" });
        let line = "     7  shard 1 record 12.0  open  22021  a NUL";
        assert_eq!(lines(&json!([entry])), line);
        assert_eq!(detail("{\"title\":\"T\",\"detail\":\"D\"}"), "D");
        assert_eq!(detail("no JSON"), "no reason given");
    }
}
