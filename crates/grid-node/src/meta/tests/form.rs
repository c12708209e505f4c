//! The meta group's snapshot keeps its form: what an earlier build wrote is read, and today's build
//! writes the same bytes.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::snapshot;
use super::lines::*;
use crate::forms::{damaged, golden};
use crate::meta::*;
use crate::routes::Pin;

/// Every table has something in it, every optional field a value somewhere.
fn lived_in() -> MetaState {
    let mut state = founded(4);
    for (node, log_id) in [(1, 101), (2, 102), (3, 103)] {
        run(&mut state, announce(node, log_id));
    }
    run(&mut state, join(105, None));
    for key in ["an event", "another"] {
        run(&mut state, MetaCommand::Pin { key: key.into(), shards: 4 });
    }
    run(&mut state, MetaCommand::PinTo { key: "another".into(), shard: 4, moved: true });
    let add = begun(&mut state, OperationKind::AddNode { node: 5 });
    let change = MetaCommand::StartMove { shard: 1, add: Some(5), remove: None, operation: add };
    run(&mut state, change);
    run(&mut state, MetaCommand::AdvanceMove { shard: 1, phase: MovePhase::CaughtUp });
    let transfer = begun(&mut state, OperationKind::TransferLeader { shard: 2, to: 4 });
    let report = |operation, state, note: &str| MetaCommand::Report {
        operation,
        state,
        note: note.into(),
        moves_total: 3,
    };
    run(&mut state, report(add, OperationState::Running, "waits for node 5"));
    run(&mut state, report(transfer, OperationState::Failed("it is silent".into()), ""));
    run(&mut state, MetaCommand::Stage { change: LayoutChange::Drain { node: 4 } });
    let zone = LayoutChange::Zone { node: 1, zone: "east".into() };
    run(&mut state, MetaCommand::Stage { change: zone });
    let switches = Switches { balancer: false, moves_paused: true };
    run(&mut state, MetaCommand::Switch { switches });
    run(&mut state, MetaCommand::Raised { shard: 3, version: 2 });
    state
}

#[test]
fn snapshots_of_the_meta_group_keep_their_form() {
    let state = lived_in();
    let kept = golden("meta-snapshot-2.bin", &snapshot::encode(&state));
    assert_eq!(snapshot::decode(&kept).expect("a snapshot"), state);
    damaged("the meta group's snapshot", &kept, |bytes| drop(snapshot::decode(&bytes)));
}

/// The fields of the first form, in order.
#[derive(Serialize)]
struct FirstForm {
    pins: BTreeMap<String, Pin>,
    load: BTreeMap<ShardId, u32>,
    revision: u64,
}

#[test]
fn the_first_form_which_had_pins_alone_is_read() {
    let pins = [("an event", 1, 2), ("another", 2, 1)];
    let pin = |(key, number, shard): (&str, u32, ShardId)| (key.into(), Pin { number, shard });
    let first = FirstForm {
        pins: pins.map(pin).into(),
        load: BTreeMap::from([(1, 1), (2, 1)]),
        revision: 2,
    };
    let kept = golden("meta-snapshot-1.bin", &codec::encode(&first));
    let mut state = snapshot::decode(&kept).expect("a snapshot");
    assert!(!state.is_founded());
    assert_eq!(state.revision(), 2);
    let again = MetaCommand::Pin { key: "another".into(), shards: 2 };
    assert_eq!(run(&mut state, again), MetaReply::Pinned(Pin { number: 2, shard: 1 }));
}
