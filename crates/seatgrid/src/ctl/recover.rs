//! `ctl shard recover --from-database`: brings shards back from the tables. Talks to the database and to
//! the units' client port, as the data writer does; the rules of it are the data writer's.

use std::path::Path;

use data_writer::{RecoverError, RecoverWish, WriteError};
use jiff::Timestamp;

use super::fault::Fault;
use crate::cli::CtlArgs;
use crate::one_line::one_line;
use crate::reconcile::options_of;

/// Recovers, and prints the gap report.
pub(super) async fn run(
    args: &CtlArgs,
    config: Option<&Path>,
    (shard, lost_at): (Option<u32>, Option<Timestamp>),
) -> Result<(), Fault> {
    if args.manner.dry_run {
        let why = "a recovery has no rehearsal; it touches nothing that has state";
        return Err(Fault::Refused(why.to_owned()));
    }
    let options = options_of(config, &args.target.data_dir)?;
    let lost_at_ms = lost_at.map(|at| at.as_millisecond().unsigned_abs());
    let wish = RecoverWish { shard, lost_at_ms };
    let done = Box::pin(data_writer::recover(&options.database_url, &options.grid, &wish)).await;
    let recovery = done.map_err(fault)?;
    super::show(&recovery, args.target.json)
}

fn fault(error: RecoverError) -> Fault {
    match error {
        RecoverError::Refused(why) => Fault::Refused(why),
        // Begun, and to be gone on with by the same command.
        RecoverError::Grid(_) | RecoverError::Write(WriteError::Fenced | WriteError::Late) => {
            Fault::Unknown(format!(
                "{}; the same command goes on from here",
                one_line(&error.into())
            ))
        }
        RecoverError::Url(_) | RecoverError::Write(_) | RecoverError::Invalid { .. } => {
            Fault::Failed(one_line(&error.into()))
        }
    }
}
