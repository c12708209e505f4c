//! Tables of the meta group's commands.

mod form;
pub(crate) mod lines;

use super::*;
use lines::*;

#[test]
fn pins_are_spread_kept_and_numbered_from_one() {
    let mut state = MetaState::default();
    let pin = |state: &mut MetaState, key: &str| {
        state.execute(MetaCommand::Pin { key: key.into(), shards: 3 }, 1)
    };
    let pinned: Vec<_> = (0..6).map(|i| pin(&mut state, &format!("key {i}"))).collect();
    let expected = [(1, 1), (2, 2), (3, 3), (4, 1), (5, 2), (6, 3)];
    let expected = expected.map(|(number, shard)| MetaReply::Pinned(Pin { number, shard }));
    assert_eq!(pinned, expected);
    assert_eq!(pin(&mut state, "key 1"), expected[1], "the second time as the first");
    assert_eq!(state.revision(), 6);
    let late: Vec<_> = state.pins_since(4).map(|(key, _)| key).collect();
    assert_eq!(late, ["key 4", "key 5"]);
}

#[test]
fn a_watcher_is_told_changed_pins_alone_and_has_the_whole_state() {
    let mut state = MetaState::default();
    let pin = |key: &str| MetaCommand::Pin { key: key.into(), shards: 2 };
    for key in ["a", "b", "c"] {
        state.execute(pin(key), 1);
    }
    let known = state.clone();
    let told = state.told_since(known.revision());
    assert_eq!(told.pins().len(), 0);
    assert_eq!(told.completed_by(&known), state);
    state.execute(pin("d"), 2);
    let told = state.told_since(known.revision());
    assert_eq!(told.pins().map(|(key, _)| key).collect::<Vec<_>>(), ["d"]);
    assert_eq!(told.completed_by(&known), state);
    assert_eq!(state.told_since(0).completed_by(&MetaState::default()), state);
}

#[test]
fn impossible_pins_are_refused_and_change_nothing() {
    let mut state = MetaState::default();
    for (key, shards) in [(String::new(), 3), ("k".repeat(KEY_BYTES_MAX + 1), 3), ("k".into(), 0)] {
        assert_eq!(state.execute(MetaCommand::Pin { key, shards }, 1), MetaReply::Invalid);
    }
    assert_eq!(state, MetaState::default());
}

#[test]
fn a_pin_moves_only_when_told_and_keeps_its_number() {
    let mut state = founded(3);
    let to = |shard, moved| MetaCommand::PinTo { key: "key".into(), shard, moved };
    assert_eq!(run(&mut state, to(2, false)), MetaReply::Pinned(Pin { number: 1, shard: 2 }));
    assert!(matches!(refused(&mut state, to(1, false)), MetaRefusal::Conflict(_)));
    assert_eq!(run(&mut state, to(1, true)), MetaReply::Pinned(Pin { number: 1, shard: 1 }));
    assert!(matches!(refused(&mut state, to(0, true)), MetaRefusal::NotFound(_)));
    assert!(matches!(refused(&mut state, to(9, true)), MetaRefusal::NotFound(_)));
}

#[test]
fn a_pin_moves_only_from_where_it_is() {
    let mut state = founded(3);
    run(&mut state, MetaCommand::PinTo { key: "key".into(), shard: 2, moved: false });
    let changed = |state: &MetaState| state.pin_changed("key").expect("pinned").1;
    let moved = |since, to| MetaCommand::MovePin { key: "key".into(), since, to };
    let first = changed(&state);
    assert!(matches!(refused(&mut state, moved(first - 1, 1)), MetaRefusal::Conflict(_)));
    assert!(matches!(refused(&mut state, moved(first, 0)), MetaRefusal::NotFound(_)));
    assert!(matches!(refused(&mut state, moved(first, 9)), MetaRefusal::NotFound(_)));
    for _ in 0..2 {
        let reply = run(&mut state, moved(first, 1));
        assert_eq!(reply, MetaReply::Pinned(Pin { number: 1, shard: 1 }));
    }
    // Of two moves from the same place one wins, and none that began before it was moved there
    // and back.
    assert!(matches!(refused(&mut state, moved(first, 3)), MetaRefusal::Conflict(_)));
    let second = changed(&state);
    run(&mut state, moved(second, 2));
    assert!(matches!(refused(&mut state, moved(first, 3)), MetaRefusal::Conflict(_)));
    let unknown = MetaCommand::MovePin { key: "other".into(), since: first, to: 2 };
    assert!(matches!(refused(&mut state, unknown), MetaRefusal::NotFound(_)));
}

#[test]
fn a_key_whose_life_is_lost_gets_another_number_once() {
    let mut state = founded(3);
    for key in ["old", "new"] {
        run(&mut state, MetaCommand::PinTo { key: key.into(), shard: 2, moved: false });
    }
    let load = state.load.clone();
    let renumber = |key: &str| MetaCommand::Renumber { key: key.into(), from: 2 };
    for _ in 0..2 {
        let reply = run(&mut state, renumber("new"));
        assert_eq!(reply, MetaReply::Pinned(Pin { number: 3, shard: 2 }));
    }
    assert_eq!(state.pin_of("lost-event-2"), Some(Pin { number: 2, shard: 2 }));
    assert_eq!(state.pin_of("old"), Some(Pin { number: 1, shard: 2 }), "nobody else's changed");
    assert_eq!(state.load.values().sum::<u32>(), load.values().sum::<u32>() + 1);
    let next = MetaCommand::PinTo { key: "next".into(), shard: 1, moved: false };
    assert_eq!(run(&mut state, next), MetaReply::Pinned(Pin { number: 4, shard: 1 }));
    assert!(matches!(refused(&mut state, renumber("none")), MetaRefusal::NotFound(_)));
}

#[test]
fn a_lost_shard_is_founded_anew_by_strangers_alone() {
    let mut state = founded(6);
    // Shard 1 is on nodes 2, 3, 4.
    let lost = state.shards()[&1].replicas.clone();
    let founding = |lost: &[NodeId], replicas: &[NodeId]| MetaCommand::Begin {
        kind: OperationKind::FoundShard {
            shard: 1,
            lost: lost.to_vec(),
            replicas: replicas.to_vec(),
        },
    };
    let before = state.clone();
    for (of, by) in [
        (&lost[..2], &[5, 6][..]),
        (&lost, &[]),
        (&lost, &[5, 5]),
        (&lost, &[5, lost[0]]),
        (&lost, &[5, 9]),
    ] {
        refused(&mut state, founding(of, by));
    }
    let meta = OperationKind::FoundShard { shard: 0, lost: vec![1, 2, 3], replicas: vec![5] };
    refused(&mut state, MetaCommand::Begin { kind: meta });
    assert_eq!(state, before, "a refusal changes nothing");
    let MetaReply::Begun(operation) = run(&mut state, founding(&lost, &[6, 5])) else {
        panic!("not begun")
    };
    let record = &state.shards()[&1];
    assert_eq!((record.replicas.as_slice(), record.epoch, record.version), (&[6, 5][..], 2, 1));
    let done = MetaCommand::Report {
        operation,
        state: OperationState::Done,
        note: String::new(),
        moves_total: 0,
    };
    run(&mut state, done);
    assert_eq!(run(&mut state, founding(&lost, &[6, 5])), MetaReply::Begun(operation));
    assert_eq!(state.shards()[&1].epoch, 2, "the second time changes nothing");
    // It is remembered for ever who had the old one.
    for _ in 0..100 {
        let id = begun(&mut state, OperationKind::Rebalance);
        let over = OperationState::Canceled;
        run(&mut state, MetaCommand::Steer { operation: id, to: over });
    }
    assert_eq!(state.outlived(1), lost.iter().copied().collect());
    let back = OperationKind::MoveReplica { shard: 1, add: Some(lost[1]), remove: None };
    assert!(matches!(
        refused(&mut state, MetaCommand::Begin { kind: back }),
        MetaRefusal::Unsafe(_)
    ));
    let everything = crate::planner::plan(&state, &crate::planner::Scope::Everything);
    assert!(everything.iter().any(|c| c.shard == 1 && c.add == Some(1)), "{everything:?}");
    let old = |c: &crate::planner::Change| c.shard == 1 && c.add.is_some_and(|n| lost.contains(&n));
    assert!(!everything.iter().any(old), "{everything:?}");
}

#[test]
fn a_change_toward_a_node_that_is_lost_is_undone() {
    let mut state = founded(7);
    // Shard 1 is on nodes 2, 3, 4.
    let given_up = begun(&mut state, OperationKind::RecoverNode { node: 2 });
    let change =
        |add, remove| MetaCommand::StartMove { shard: 1, add, remove, operation: given_up };
    run(&mut state, change(Some(5), Some(2)));
    begun(&mut state, OperationKind::RecoverNode { node: 5 });
    assert!(state.shards()[&1].moving.is_some_and(|moving| moving.aborted));
    let replicas = state.shards()[&1].replicas.clone();
    run(&mut state, MetaCommand::Publish { shard: 1, replicas });
    let plan = crate::planner::plan(&state, &crate::planner::Scope::Everything);
    assert!(
        plan.iter().any(|c| c.shard == 1 && c.remove == Some(2) && c.add == Some(1)),
        "{plan:?}"
    );
}

#[test]
fn a_newer_command_is_none_before_its_version() {
    let mut state = founded(3);
    run(&mut state, MetaCommand::PinTo { key: "key".into(), shard: 2, moved: false });
    let before = state.clone();
    let since = state.pin_changed("key").expect("pinned").1;
    let command = MetaCommand::MovePin { key: "key".into(), since, to: 1 };
    let apply = |state: &mut MetaState, version| {
        let commands = [codec::encode(&command)].iter().collect();
        let mut replies = Replies::new(1, true);
        state.apply(&CommittedEntry { index: 9, at_ms: 9, version, commands }, &mut replies);
        let reply = replies.into_pieces().shares().next().expect("a reply");
        codec::decode::<MetaReply>(&reply).expect("readable")
    };
    assert_eq!(apply(&mut state, 1), MetaReply::Invalid);
    assert_eq!(state, before);
    assert_eq!(apply(&mut state, 2), MetaReply::Pinned(Pin { number: 1, shard: 1 }));
}

#[test]
fn a_grid_is_founded_once() {
    let mut state = founded(3);
    let before = state.clone();
    assert_eq!(run(&mut state, found(5)), MetaReply::Done);
    assert_eq!(state, before);
    assert_eq!(state.active_nodes(), [1, 2, 3].into());
}

#[test]
fn a_node_id_belongs_to_the_first_log_that_came_under_it() {
    let mut state = founded(3);
    assert_eq!(run(&mut state, announce(1, 77)), MetaReply::Done);
    assert_eq!(run(&mut state, announce(1, 77)), MetaReply::Done);
    assert_eq!(refused(&mut state, announce(1, 78)), MetaRefusal::WrongLog { node: 1 });
    assert!(matches!(refused(&mut state, announce(9, 1)), MetaRefusal::NotFound(_)));
}

#[test]
fn ids_are_given_once_and_never_again() {
    let mut state = founded(3);
    assert_eq!(run(&mut state, join(100, None)), MetaReply::Joined(4));
    assert_eq!(run(&mut state, join(100, None)), MetaReply::Joined(4), "asked again");
    assert_eq!(state.node(4).map(|n| n.state), Some(NodeState::Spare));
    begun(&mut state, OperationKind::RemoveNode { node: 4 });
    assert_eq!(run(&mut state, join(101, None)), MetaReply::Joined(5));
    assert_eq!(refused(&mut state, announce(4, 100)), MetaRefusal::Gone { node: 4 });
}

#[test]
fn a_wiped_node_returns_under_a_new_id_once_it_is_given_up() {
    let mut state = founded(3);
    run(&mut state, announce(1, 77));
    assert_eq!(refused(&mut state, join(78, Some(1))), MetaRefusal::WrongLog { node: 1 });
    begun(&mut state, OperationKind::RecoverNode { node: 1 });
    assert_eq!(run(&mut state, join(78, Some(1))), MetaReply::Joined(4));
    assert_eq!(state.node(4).map(|n| n.state), Some(NodeState::Active));
    assert!(matches!(refused(&mut state, join(79, Some(1))), MetaRefusal::Conflict(_)));
}

#[test]
fn a_node_without_which_a_shard_has_no_quorum_is_not_given_up() {
    let mut state = founded(3);
    begun(&mut state, OperationKind::RecoverNode { node: 1 });
    let second = MetaCommand::Begin { kind: OperationKind::RecoverNode { node: 2 } };
    assert!(matches!(refused(&mut state, second), MetaRefusal::Unsafe(_)));
    assert_eq!(state.node(2).map(|n| n.state), Some(NodeState::Active));
}

#[test]
fn draining_needs_room_elsewhere_unless_fewer_replicas_are_accepted() {
    let mut state = founded(3);
    let drain = |fewer_replicas| OperationKind::DrainNode { node: 1, fewer_replicas };
    let strict = MetaCommand::Begin { kind: drain(false) };
    assert!(matches!(refused(&mut state, strict), MetaRefusal::Unsafe(_)));
    let id = begun(&mut state, drain(true));
    assert_eq!(state.node(1).map(|n| n.state), Some(NodeState::Draining));
    let cancel = MetaCommand::Steer { operation: id, to: OperationState::Canceled };
    run(&mut state, cancel);
    assert_eq!(state.node(1).map(|n| n.state), Some(NodeState::Active));
}

#[test]
fn only_an_empty_node_is_removed() {
    let mut state = founded(4);
    let remove = MetaCommand::Begin { kind: OperationKind::RemoveNode { node: 1 } };
    assert!(matches!(refused(&mut state, remove.clone()), MetaRefusal::Unsafe(_)));
    for (shard, record) in state.clone().shards() {
        let rest = record.replicas.iter().copied().filter(|node| *node != 1).collect();
        run(&mut state, MetaCommand::Publish { shard: *shard, replicas: rest });
    }
    assert!(matches!(run(&mut state, remove), MetaReply::Begun(_)));
    assert_eq!(state.node(1).map(|n| n.state), Some(NodeState::Removed));
}

#[test]
fn a_shard_has_one_change_at_a_time_and_an_epoch_that_grows_when_it_ends() {
    let mut state = founded(4);
    let start = |add, remove| MetaCommand::StartMove { shard: 1, add, remove, operation: 1 };
    let outsider = (1..=4).find(|n| !state.shards()[&1].replicas.contains(n));
    let leaving = state.shards()[&1].replicas[0];
    run(&mut state, start(outsider, Some(leaving)));
    run(&mut state, start(outsider, Some(leaving)));
    assert!(matches!(refused(&mut state, start(outsider, None)), MetaRefusal::Conflict(_)));
    run(&mut state, MetaCommand::AdvanceMove { shard: 1, phase: MovePhase::Voting });
    run(&mut state, MetaCommand::AdvanceMove { shard: 1, phase: MovePhase::Learning });
    let phase = state.shards()[&1].moving.map(|m| m.phase);
    assert_eq!(phase, Some(MovePhase::Voting), "phases only grow");
    let replicas = vec![outsider.expect("four nodes"), 2, 3];
    let publish = MetaCommand::Publish { shard: 1, replicas: replicas.clone() };
    run(&mut state, publish.clone());
    run(&mut state, publish);
    let record = &state.shards()[&1];
    assert_eq!((record.epoch, &record.replicas, record.moving), (2, &replicas, None));
}

#[test]
fn impossible_changes_of_replicas_are_refused() {
    let mut state = founded(3);
    run(&mut state, join(100, None));
    let lines: [(Option<u64>, Option<u64>, &str); 5] = [
        (None, None, "adds or removes"),
        (Some(4), None, "node add 4"),
        (Some(9), None, "not known"),
        (Some(1), None, "already"),
        (None, Some(9), "no replica"),
    ];
    for (add, remove, reason) in lines {
        let start = MetaCommand::StartMove { shard: 1, add, remove, operation: 1 };
        let why = refused(&mut state, start).to_string();
        assert!(why.contains(reason), "{why} does not say {reason}");
    }
}

#[test]
fn a_staged_layout_is_applied_under_the_version_that_was_looked_at() {
    let mut state = founded(3);
    run(&mut state, join(100, None));
    run(&mut state, MetaCommand::Stage { change: LayoutChange::Add { node: 4 } });
    run(&mut state, MetaCommand::Stage { change: LayoutChange::Drain { node: 1 } });
    let wrong = MetaCommand::ApplyLayout { version: 2 };
    assert!(matches!(refused(&mut state, wrong), MetaRefusal::Conflict(_)));
    let apply = MetaCommand::ApplyLayout { version: 1 };
    let first = run(&mut state, apply.clone());
    assert_eq!(run(&mut state, apply), first, "asked again after an answer was lost");
    assert_eq!(state.active_nodes(), [2, 3, 4].into());
    assert_eq!(state.layout(), &Layout { version: 1, staged: Vec::new() });
}

#[test]
fn a_staged_layout_that_leaves_too_few_nodes_changes_nothing() {
    let mut state = founded(3);
    run(&mut state, MetaCommand::Stage { change: LayoutChange::Drain { node: 1 } });
    let before = state.clone();
    let apply = MetaCommand::ApplyLayout { version: 1 };
    assert!(matches!(refused(&mut state, apply), MetaRefusal::Unsafe(_)));
    assert_eq!(state, before);
    run(&mut state, MetaCommand::RevertLayout);
    assert_eq!(state.layout().staged, []);
}

/// Applies a layout of these changes; its operation.
fn laid_out(state: &mut MetaState, version: u64, changes: Vec<LayoutChange>) -> u64 {
    for change in changes {
        run(state, MetaCommand::Stage { change });
    }
    match run(state, MetaCommand::ApplyLayout { version }) {
        MetaReply::Begun(operation) => operation,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_layout_that_is_canceled_takes_back_its_drain_and_not_that_of_another() {
    let mut state = founded(3);
    run(&mut state, join(100, None));
    let drain = vec![LayoutChange::Add { node: 4 }, LayoutChange::Drain { node: 1 }];
    let first = laid_out(&mut state, 1, drain);
    let zone = LayoutChange::Zone { node: 2, zone: "b".into() };
    let second = laid_out(&mut state, 2, vec![zone]);
    let cancel = |id| MetaCommand::Steer { operation: id, to: OperationState::Canceled };
    run(&mut state, cancel(second));
    assert_eq!(state.node(1).map(|node| node.state), Some(NodeState::Draining));
    run(&mut state, cancel(first));
    assert_eq!(state.node(1).map(|node| node.state), Some(NodeState::Active));
}

#[test]
fn a_layout_is_not_done_while_a_node_that_it_drains_holds_replicas() {
    let mut state = founded(3);
    run(&mut state, join(100, None));
    let drain = vec![LayoutChange::Add { node: 4 }, LayoutChange::Drain { node: 1 }];
    let layout = laid_out(&mut state, 1, drain);
    let done = |id| MetaCommand::Report {
        operation: id,
        state: OperationState::Done,
        note: String::new(),
        moves_total: 0,
    };
    run(&mut state, done(layout));
    assert_eq!(state.operations()[&layout].state, OperationState::Running);
    assert_eq!(state.node(1).map(|node| node.state), Some(NodeState::Draining));
    for shard in state.shards_of(1) {
        run(&mut state, MetaCommand::Publish { shard, replicas: vec![2, 3, 4] });
    }
    run(&mut state, done(layout));
    assert_eq!(state.operations()[&layout].state, OperationState::Done);
    assert_eq!(state.node(1).map(|node| node.state), Some(NodeState::Drained));
}

#[test]
fn a_node_that_was_given_up_meanwhile_is_not_revived_by_a_staged_change() {
    let mut state = founded(3);
    run(&mut state, join(100, None));
    run(&mut state, MetaCommand::Stage { change: LayoutChange::Add { node: 4 } });
    run(&mut state, MetaCommand::Stage { change: LayoutChange::Drain { node: 1 } });
    begun(&mut state, OperationKind::RecoverNode { node: 1 });
    run(&mut state, MetaCommand::ApplyLayout { version: 1 });
    assert_eq!(state.node(1).map(|node| node.state), Some(NodeState::Lost));
}

#[test]
fn a_version_is_activated_only_when_every_node_reads_it() {
    let mut state = founded(3);
    let activate = MetaCommand::Begin { kind: OperationKind::Activate { version: 2 } };
    assert!(matches!(refused(&mut state, activate.clone()), MetaRefusal::Unsafe(_)));
    for node in 1..=3 {
        let profile = NodeProfile { versions: (1, 2), ..profile(node.into()) };
        run(&mut state, MetaCommand::Announce { node, profile });
    }
    assert!(matches!(run(&mut state, activate), MetaReply::Begun(_)));
    let old = refused(&mut state, announce(1, 1));
    assert!(matches!(old, MetaRefusal::Unsafe(_)), "a release that cannot read it: {old}");
}

#[test]
fn operations_that_are_over_are_bounded() {
    let mut state = founded(3);
    for _ in 0..200 {
        let id = begun(&mut state, OperationKind::Rebalance);
        run(&mut state, MetaCommand::Steer { operation: id, to: OperationState::Canceled });
    }
    assert!(state.operations().len() <= 65, "{}", state.operations().len());
}

#[test]
fn a_snapshot_gives_back_the_state() {
    let mut state = founded(3);
    run(&mut state, MetaCommand::Pin { key: "key".into(), shards: 3 });
    let mut frozen = Vec::new();
    state.freeze()(&mut frozen).expect("memory takes it");
    assert_eq!(MetaState::restore(0, &mut &frozen[..]), Ok(state));
    assert!(MetaState::restore(0, &mut &b"META2\n"[..]).is_err());
    assert!(MetaState::restore(0, &mut &b""[..]).is_err());
}

#[test]
fn a_snapshot_of_the_first_form_is_read() {
    let pins = BTreeMap::from([("key".to_owned(), Pin { number: 1, shard: 2 })]);
    let load = BTreeMap::from([(2_u32, 1_u32)]);
    let first = codec::encode(&(pins, load, 7_u64));
    let state = MetaState::restore(0, &mut &first[..]).expect("the first form");
    assert_eq!(state.pin_of("key"), Some(Pin { number: 1, shard: 2 }));
    assert_eq!((state.revision(), state.is_founded()), (7, false));
}
