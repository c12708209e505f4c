//! `ctl shard recover --from-database`: brings shards back from the tables. Talks to the database and to
//! the units' client port, as the data writer does; the rules of it are the data writer's. A shard that
//! is named and has lost its replicas is founded anew first, by an order like all others.

use std::path::Path;

use data_writer::{RecoverError, RecoverWish, WriteError};
use jiff::Timestamp;
use operator::model::ShardView;
use operator::{Given, Order};

use super::api::Api;
use super::fault::Fault;
use super::wait;
use crate::cli::CtlArgs;
use crate::one_line::one_line;
use crate::reconcile::options_of;

/// Recovers, and prints the gap report.
pub(super) async fn run(
    args: &CtlArgs,
    config: Option<&Path>,
    (shard, abandon): (Option<u32>, bool),
    lost_at: Option<Timestamp>,
) -> Result<(), Fault> {
    if args.manner.dry_run {
        let why = "a recovery has no rehearsal; it touches nothing that has state";
        return Err(Fault::Refused(why.to_owned()));
    }
    let options = options_of(config, &args.target.data_dir)?;
    if let Some(shard) = shard {
        founded(args, shard, abandon).await?;
    }
    let lost_at_ms = lost_at.map(|at| at.as_millisecond().unsigned_abs());
    let wish = RecoverWish { shard, lost_at_ms };
    let done = Box::pin(data_writer::recover(&options.database_url, &options.grid, &wish)).await;
    let recovery = done.map_err(fault)?;
    super::show(&recovery, args.target.json)
}

/// Lets other nodes found a shard that has lost its replicas. One that has a leader has a place already:
/// what it holds is looked at later.
async fn founded(args: &CtlArgs, shard: u32, abandon: bool) -> Result<(), Fault> {
    // A writer's file names the units' client ports alone.
    let Ok(api) = Api::of(&args.target) else { return Ok(()) };
    let seen: ShardView = api.get(&format!("shards/{shard}")).await?;
    if seen.leader.is_some() {
        return Ok(());
    }
    let order = Order::ShardFound { shard, abandon };
    let receipt = api.give(&Given { order, dry_run: false }).await?;
    for step in &receipt.plan {
        tracing::info!("{step}");
    }
    if let Some(id) = receipt.operation {
        wait::for_end(&api, id, args.manner.timeout).await?;
    }
    Ok(())
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
