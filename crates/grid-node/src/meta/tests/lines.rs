//! Short forms for the tables.

use std::net::SocketAddr;

use crate::meta::*;

pub(crate) fn addresses(node: NodeId) -> NodeAddresses {
    let port = u16::try_from(20_000 + node).expect("a few nodes");
    let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
    NodeAddresses { raft: at(port), client: at(port + 1000), admin: None }
}

pub(crate) fn profile(log_id: u128) -> NodeProfile {
    let addresses = addresses(u64::try_from(log_id % 1000).expect("small"));
    NodeProfile { log_id, addresses, zone: String::new(), versions: (1, 1) }
}

/// As many nodes, four data shards, three replicas of each in a ring.
pub(crate) fn found(nodes: u64) -> MetaCommand {
    let founder = |id| Founder { id, addresses: addresses(id), zone: String::new() };
    let ring = |shard: ShardId| (0..nodes.min(3)).map(move |i| (u64::from(shard) + i) % nodes + 1);
    MetaCommand::Found {
        nodes: (1..=nodes).map(founder).collect(),
        shards: (0..=4).map(|shard| (shard, ring(shard).collect())).collect(),
        replicas: 3,
        version: 1,
    }
}

pub(crate) fn founded(nodes: u64) -> MetaState {
    let mut state = MetaState::default();
    assert_eq!(run(&mut state, found(nodes)), MetaReply::Done);
    state
}

pub(crate) fn announce(node: NodeId, log_id: u128) -> MetaCommand {
    MetaCommand::Announce { node, profile: profile(log_id) }
}

pub(crate) fn join(log_id: u128, replaces: Option<NodeId>) -> MetaCommand {
    MetaCommand::Join { profile: profile(log_id), replaces }
}

#[track_caller]
pub(crate) fn run(state: &mut MetaState, command: MetaCommand) -> MetaReply {
    match state.execute(command.clone(), 1) {
        MetaReply::Refused(why) => panic!("{command:?} refused: {why}"),
        reply => reply,
    }
}

#[track_caller]
pub(crate) fn refused(state: &mut MetaState, command: MetaCommand) -> MetaRefusal {
    match state.execute(command.clone(), 1) {
        MetaReply::Refused(why) => why,
        reply => panic!("{command:?} was not refused: {reply:?}"),
    }
}

#[track_caller]
pub(crate) fn begun(state: &mut MetaState, kind: OperationKind) -> u64 {
    match run(state, MetaCommand::Begin { kind }) {
        MetaReply::Begun(id) => id,
        reply => panic!("not begun: {reply:?}"),
    }
}
