//! `seatgrid ctl`: an operator's questions and orders, asked on the admin port of any unit. Never
//! talks to the public port, and decides nothing: what is safe is the unit's to say.

mod api;
mod backlog;
mod fault;
mod local_units;
mod recover;
mod view;
mod wait;
mod writer;
mod writers;

use std::io::Write;
use std::process::ExitCode;

use operator::model::{DigestView, Issue, LayoutView, OperationView, Overview, Receipt};
use operator::{EventView, Given, Order, UpgradeView};
use serde::Serialize;

use crate::cli::{
    BalancerCommand, CtlArgs, CtlCommand, EventCommand, LayoutCommand, NodeCommand,
    OperationCommand, ShardCommand, UpgradeCommand,
};

use api::Api;
use fault::Fault;

/// Answers on standard output; what went wrong is one line on standard error and the exit code.
pub async fn run(args: &CtlArgs) -> ExitCode {
    match answer(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            let _ = writeln!(std::io::stderr().lock(), "seatgrid: {fault}");
            fault.exit_code()
        }
    }
}

async fn answer(args: &CtlArgs) -> Result<(), Fault> {
    if let CtlCommand::Writer(command) = &args.command {
        return Ok(writer::run(&args.target, command).await?);
    }
    if let CtlCommand::Shard(ShardCommand::Recover {
        shard,
        abandon_minority,
        lost_at,
        config,
        ..
    }) = &args.command
    {
        let wanted = (*shard, *abandon_minority);
        return recover::run(args, config.as_deref(), wanted, *lost_at).await;
    }
    let api = Api::of(&args.target)?;
    if let Some(order) = args.command.order() {
        return give(&api, args, order).await;
    }
    match &args.command {
        CtlCommand::Event(EventCommand::Move { id, to: Some(to), .. }) => {
            let event: EventView = api.get(&format!("events/{id}")).await?;
            give(&api, args, toward(&event, *to)).await
        }
        CtlCommand::Node(NodeCommand::Add { node: None }) => add(&api, args).await,
        _ => ask(&api, args).await,
    }
}

/// One more unit, from its process to its share of the work.
async fn add(api: &Api, args: &CtlArgs) -> Result<(), Fault> {
    if args.manner.dry_run {
        let plan = local_units::STEPS.map(str::to_owned).to_vec();
        let receipt = Receipt { plan, dry_run: true, operation: None };
        return show(&view::Receipt::new(receipt, None), args.target.json);
    }
    let node = local_units::start(&args.target, api).await?;
    give(api, args, Order::NodeAdd { node }).await
}

/// An event never leaves its shard: the shard goes where it shall be answered.
fn toward(event: &EventView, to: u64) -> Order {
    let shard = event.shard;
    if event.replicas.contains(&to) {
        return Order::ShardTransfer { shard, to };
    }
    let from = event.leader.or_else(|| event.replicas.first().copied());
    Order::ShardMove { shard, from, to: Some(to) }
}

/// Gives an order, shows its plan, and waits for its end if that is wanted.
async fn give(api: &Api, args: &CtlArgs, order: Order) -> Result<(), Fault> {
    let leaving = match order {
        Order::NodeRemove { node } => local_units::number_of(&args.target, node).await,
        _ => None,
    };
    let receipt = api.give(&Given { order, dry_run: args.manner.dry_run }).await?;
    let ended = match receipt.operation {
        Some(id) if args.manner.wait => Some(wait::for_end(api, id, args.manner.timeout).await?),
        _ => None,
    };
    if let Some(number) = leaving.filter(|_| !args.manner.dry_run) {
        local_units::stop(&args.target, number).await?;
    }
    show(&view::Receipt::new(receipt, ended), args.target.json)
}

async fn ask(api: &Api, args: &CtlArgs) -> Result<(), Fault> {
    let json = args.target.json;
    match &args.command {
        CtlCommand::Status => {
            let (writers, shards) = (api.writers().await, api.persistence().await);
            show(&view::Status::new(&grid(api).await?, &writers, &shards), json)
        }
        CtlCommand::Issues => {
            let mut issues: Vec<Issue> = api.get("issues").await?;
            issues.extend(writers::issues(&api.writers().await));
            issues.extend(backlog::issues(&api.persistence().await));
            issues.sort_by_key(|issue| issue.severity);
            show(&view::Issues(issues), json)
        }
        CtlCommand::Node(NodeCommand::Show { node }) => {
            show(&view::Node::new(&grid(api).await?, *node)?, json)
        }
        CtlCommand::Node(_) => show(&view::Nodes(grid(api).await?.nodes), json),
        CtlCommand::Shard(ShardCommand::Show { shard }) => {
            show(&view::Shard(api.get(&format!("shards/{shard}")).await?), json)
        }
        CtlCommand::Shard(ShardCommand::Digest { shard }) => {
            let digests: Vec<DigestView> = api.get(&format!("shards/{shard}/digests")).await?;
            let view = view::Digests(digests);
            show(&view, json)?;
            view.verdict()
        }
        CtlCommand::Shard(_) => show(&view::Shards::new(&grid(api).await?), json),
        CtlCommand::Event(EventCommand::Show { id }) => {
            show(&view::Event(api.get(&format!("events/{id}")).await?), json)
        }
        CtlCommand::Layout(LayoutCommand::Show) => {
            show(&view::Layout(api.get::<LayoutView>("layout").await?), json)
        }
        CtlCommand::Balancer(BalancerCommand::Status) => {
            show(&view::Balancer(api.get("balancer").await?), json)
        }
        CtlCommand::Operation(OperationCommand::Show { id }) => {
            let operation: OperationView = api.get(&format!("operations/{id}")).await?;
            show(&view::Operation(operation), json)
        }
        CtlCommand::Operation(_) => show(&view::Operations(api.get("operations").await?), json),
        CtlCommand::Upgrade(UpgradeCommand::Status) => {
            show(&view::Upgrade(api.get::<UpgradeView>("upgrade").await?), json)
        }
        CtlCommand::Event(_)
        | CtlCommand::Layout(_)
        | CtlCommand::Balancer(_)
        | CtlCommand::Upgrade(_)
        | CtlCommand::Writer(_) => Err(Fault::Failed("that is an order".to_owned())),
    }
}

async fn grid(api: &Api) -> Result<Overview, Fault> {
    api.get("overview").await
}

fn show<T: Serialize + std::fmt::Display>(answer: &T, json: bool) -> Result<(), Fault> {
    let text = if json {
        serde_json::to_string(answer).map_err(|e| Fault::Failed(e.to_string()))?
    } else {
        answer.to_string()
    };
    writeln!(std::io::stdout().lock(), "{}", text.trim_end())
        .map_err(|error| Fault::Failed(format!("cannot print: {error}")))
}

#[cfg(test)]
mod tests;
