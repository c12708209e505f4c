//! A shard whose replicas are lost is founded anew by other nodes while the rest of the grid lives, and
//! what is left of the old one never meets the new one.

use grid_node::meta::{MetaCommand, MetaRefusal, MetaReply, NodeState, OperationKind};
use grid_node::{AdminRequest, GridClient, NodeId, planner};

use crate::controlled::{begin, done, newest};
use crate::grid::{Grid, soon, wait_for};
use crate::toy::command;

/// Of five founders, the third to the fifth have this shard, the second to the fourth the other one.
const LOST: u32 = 2;
const LIVING: u32 = 1;

async fn say(client: &GridClient, shard: u32, request: u64, word: &str) {
    client.submit(shard, command(request, word), soon()).await.expect("it is taken");
}

fn holders(grid: &Grid, shard: u32) -> Vec<NodeId> {
    let mut holders = newest(grid).shards()[&shard].replicas.clone();
    holders.sort_unstable();
    holders
}

async fn refused(grid: &Grid, kind: OperationKind) -> MetaRefusal {
    match grid.change(MetaCommand::Begin { kind }).await {
        MetaReply::Refused(why) => why,
        other => panic!("not refused: {other:?}"),
    }
}

/// Takes the disk of a node away that was killed; what still writes for a moment goes with it.
fn wipe(grid: &Grid, node: NodeId) {
    let place = grid.data_dir(node);
    std::fs::rename(&place, place.with_extension("gone")).expect("its directory goes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_shard_is_founded_anew_beside_living_ones() {
    let mut grid = Grid::start(5).await;
    let client = grid.client();
    wait_for("the founding layout", || grid.nodes[&1].grid_state()).await;
    for shard in [LIVING, LOST] {
        grid.leader(shard).await;
        say(&client, shard, 1, "before").await;
    }
    assert_eq!(holders(&grid, LOST), [3, 4, 5]);
    // The first node once had a replica and remembers a vote.
    for (add, remove) in [(Some(1), None), (None, Some(1))] {
        let moved = begin(&grid, OperationKind::MoveReplica { shard: LOST, add, remove }).await;
        done(&grid, moved).await;
    }
    wait_for("node 1 to let go", || grid.nodes[&1].shard(LOST).is_none().then_some(())).await;

    // Two of three disks are lost, the third node stands still with its own.
    for node in [3, 4, 5] {
        grid.kill_node(node);
    }
    wipe(&grid, 4);
    wipe(&grid, 5);
    let founding = |lost: &[NodeId], replicas: &[NodeId]| OperationKind::FoundShard {
        shard: LOST,
        lost: lost.to_vec(),
        replicas: replicas.to_vec(),
    };
    assert!(matches!(refused(&grid, founding(&[4, 5], &[1, 2])).await, MetaRefusal::Conflict(_)));
    assert!(matches!(refused(&grid, founding(&[3, 4, 5], &[1, 3])).await, MetaRefusal::Unsafe(_)));
    let usable = [1, 2].into();
    let founders = planner::founders(&newest(&grid), LOST, &usable);
    assert_eq!(founders.len(), 2, "{founders:?}");
    let founded = begin(&grid, founding(&[3, 4, 5], &founders)).await;
    assert_eq!(begin(&grid, founding(&[3, 4, 5], &founders)).await, founded, "the same again");
    done(&grid, founded).await;
    say(&client, LOST, 1, "after").await;
    let leader = grid.leader(LOST).await;
    assert_eq!(grid.words(leader, LOST), ["after"], "it began empty");

    // The old replica that returns goes; its node serves its other shard again.
    grid.start_node(3).await;
    wait_for("the old replica to go", || grid.nodes[&3].shard(LOST).is_none().then_some(())).await;
    say(&client, LIVING, 2, "goes on").await;
    assert_eq!(grid.words(grid.leader(LIVING).await, LIVING), ["before", "goes on"]);

    // The lost nodes return under new ids and fill the shard up; the old one never gets it again.
    for node in [4, 5] {
        let given_up = begin(&grid, OperationKind::RecoverNode { node }).await;
        assert!(given_up > founded);
        grid.start_node(node).await;
        assert_eq!(newest(&grid).node(node).map(|node| node.state), Some(NodeState::Lost));
    }
    let spread = begin(&grid, OperationKind::Rebalance).await;
    done(&grid, spread).await;
    let members = holders(&grid, LOST);
    assert!(members.len() == 3 && !members.contains(&3), "{members:?}");
    let back = OperationKind::MoveReplica { shard: LOST, add: Some(3), remove: None };
    assert!(matches!(refused(&grid, back).await, MetaRefusal::Unsafe(_)));

    // Everything stops and starts: the new log is the one that counts.
    let names: Vec<NodeId> = grid.nodes.keys().copied().collect();
    grid.stop().await;
    for name in names {
        grid.start_node(name).await;
    }
    say(&client, LOST, 2, "again").await;
    let leader = grid.leader(LOST).await;
    assert_eq!(grid.words(leader, LOST), ["after", "again"]);
    let digest = AdminRequest::Digest { shard: LOST };
    assert!(matches!(grid.administer(digest).await, grid_node::AdminAnswer::Digest { .. }));
    grid.stop().await;
}
