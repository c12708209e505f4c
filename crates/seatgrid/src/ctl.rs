//! `seatgrid ctl`: an operator's questions to a running grid, asked on the admin ports. Reads only,
//! and never talks to the public port.

mod ask;
mod view;
mod writer;

use std::io::Write;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::cli::{CtlArgs, CtlCommand, EventCommand, ShardCommand};

use view::View;

/// Answers the question on standard output.
///
/// # Errors
/// When no unit answers, or there is no such event.
pub async fn run(args: &CtlArgs) -> Result<()> {
    let json = args.target.json;
    if let CtlCommand::Writer(command) = &args.command {
        return writer::run(&args.target, command).await;
    }
    let answers = ask::status(&args.target).await?;
    let view = View::new(&answers);
    let text = match &args.command {
        CtlCommand::Status => in_form(&view.status(), json)?,
        CtlCommand::Shard(ShardCommand::List) => in_form(&view.shards(), json)?,
        CtlCommand::Event(EventCommand::Show { id }) => {
            let shard = ask::shard_of(&answers, id).await?;
            in_form(&view.event(id, shard), json)?
        }
        CtlCommand::Writer(_) => unreachable!("answered above"),
    };
    writeln!(std::io::stdout().lock(), "{}", text.trim_end()).context("cannot print")
}

fn in_form<T: Serialize + std::fmt::Display>(answer: &T, json: bool) -> Result<String> {
    if json {
        serde_json::to_string(answer).context("the answer has no JSON form")
    } else {
        Ok(answer.to_string())
    }
}
