//! Tables merge to the same whatever the order of the updates.

use super::*;

fn pin(number: u32, shard: ShardId) -> Pin {
    Pin { number, shard }
}

fn route(epoch: u64, term: u64, leader: Option<NodeId>) -> ShardRoute {
    ShardRoute { epoch, replicas: vec![epoch, epoch + 1], leader, term }
}

fn update(revision: u64, since: u64, pins: &[(&str, Pin)]) -> RouteUpdate {
    let pins = pins.iter().map(|(key, pin)| ((*key).to_owned(), *pin)).collect();
    RouteUpdate { revision, since, pins, topology: None }
}

#[test]
fn shards_are_found_by_number() {
    let mut table = RouteTable::default();
    table.merge(update(2, 0, &[("b", pin(1, 4)), ("a", pin(2, 7))]));
    assert_eq!([0, 1, 2, 3].map(|n| table.shard_of(n)), [None, Some(4), Some(7), None]);
    table.merge(update(3, 2, &[("b", pin(1, 5))]));
    assert_eq!((table.shard_of(1), table.pins["b"].shard, table.revision), (Some(5), 5, 3));
}

#[test]
fn an_update_that_does_not_follow_leaves_the_pins_alone() {
    let mut table = RouteTable::default();
    table.merge(update(3, 0, &[("a", pin(1, 1))]));
    table.merge(update(9, 7, &[("c", pin(3, 1))]));
    assert_eq!((table.revision, table.pins.len()), (3, 1), "changes 4 to 7 would be lost");
    table.merge(update(9, 2, &[("b", pin(2, 2)), ("c", pin(3, 1))]));
    assert_eq!((table.revision, table.pins.len()), (9, 3));
}

#[test]
fn a_number_from_nowhere_costs_no_memory() {
    let mut table = RouteTable::default();
    table.merge(update(1, 0, &[("a", pin(u32::MAX, 1)), ("b", pin(0, 1))]));
    assert_eq!((table.by_number.len(), table.shard_of(u32::MAX)), (2, None));
}

#[test]
fn newer_terms_and_epochs_win_in_any_order() {
    let news =
        [route(1, 5, Some(1)), route(2, 4, Some(3)), route(1, 6, None), route(1, 6, Some(2))];
    let mut orders = vec![vec![]];
    for item in 0..news.len() {
        orders = orders
            .into_iter()
            .flat_map(|order: Vec<usize>| {
                (0..=order.len()).map(move |at| {
                    let mut longer = order.clone();
                    longer.insert(at, item);
                    longer
                })
            })
            .collect();
    }
    assert_eq!(orders.len(), 24);
    for order in orders {
        let mut merged = ShardRoute::default();
        for item in &order {
            merged.merge(&news[*item]);
        }
        let expected = ShardRoute { epoch: 2, replicas: vec![2, 3], leader: Some(2), term: 6 };
        assert_eq!(merged, expected, "{order:?}");
    }
}

#[test]
fn an_old_shape_does_not_bring_removed_nodes_back() {
    let address = SocketAddr::from(([127, 0, 0, 1], 1));
    let shape = |nodes: &[NodeId]| Topology {
        shards: 2,
        routes: BTreeMap::new(),
        nodes: nodes.iter().map(|node| (*node, address)).collect(),
    };
    let mut table = RouteTable::default();
    table.merge(RouteUpdate { topology: Some(shape(&[1, 2])), ..update(5, 0, &[]) });
    table.merge(RouteUpdate { topology: Some(shape(&[1, 2, 3])), ..update(4, 0, &[]) });
    assert_eq!(table.nodes.keys().copied().collect::<Vec<_>>(), [1, 2]);
    assert_ne!(shape(&[1]).fingerprint(), shape(&[2]).fingerprint());
}
