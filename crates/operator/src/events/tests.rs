//! Orders about events against an application in memory and the meta group's real state.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use super::*;
use crate::console::tests::Fake;

/// Which events are in which shard, which are refused there, which are halted.
#[derive(Default)]
struct Shop {
    there: Mutex<BTreeSet<(ShardId, u32)>>,
    fenced: Mutex<BTreeSet<(ShardId, u32)>>,
    halted: Mutex<BTreeMap<u32, bool>>,
    /// The next answer is lost.
    deaf: Mutex<bool>,
}

impl Events for Shop {
    fn tell(
        &self,
        shard: ShardId,
        event: u32,
        wish: Wish,
        _: Instant,
    ) -> BoxFuture<'_, Result<(), EventTrouble>> {
        Box::pin(async move {
            let there = self.there.lock().expect("no panic").contains(&(shard, event));
            match wish {
                Wish::Quiesce | Wish::Resume if !there => return Err(EventTrouble::Absent),
                Wish::Quiesce | Wish::Resume => {
                    self.halted.lock().expect("no panic").insert(event, wish == Wish::Quiesce);
                }
                Wish::Fence if there => return Err(EventTrouble::Present),
                Wish::Fence => drop(self.fenced.lock().expect("no panic").insert((shard, event))),
                Wish::Unfence => {
                    self.fenced.lock().expect("no panic").remove(&(shard, event));
                }
            }
            let lost = std::mem::take(&mut *self.deaf.lock().expect("no panic"));
            if lost { Err(EventTrouble::Unknown) } else { Ok(()) }
        })
    }

    fn is_there(
        &self,
        shard: ShardId,
        event: u32,
        _: Instant,
    ) -> BoxFuture<'_, Result<bool, EventTrouble>> {
        Box::pin(async move { Ok(self.there.lock().expect("no panic").contains(&(shard, event))) })
    }
}

async fn pinned(event: &str, shard: ShardId) -> (Console, Arc<Shop>) {
    let (console, _) = Fake::new(4).console();
    let shop = Arc::new(Shop::default());
    let console = console.with_events(Arc::clone(&shop) as Arc<dyn Events>);
    let order = Order::EventPin { event: event.to_owned(), shard: Some(shard) };
    console.perform(&order, false).await.expect("pinned");
    (console, shop)
}

fn to(shard: ShardId) -> Order {
    Order::EventMove { event: "gala".to_owned(), shard }
}

#[tokio::test]
async fn an_event_moves_before_its_sale_is_made_and_back() {
    let (console, shop) = pinned("gala", 2).await;
    let plan = console.perform(&to(3), true).await.expect("a plan");
    assert_eq!((plan.plan.len(), plan.dry_run), (3, true));
    assert_eq!(console.pin_of("gala").await.expect("pinned").shard, 2, "only a plan");
    assert!(shop.fenced.lock().expect("no panic").is_empty());

    console.perform(&to(3), false).await.expect("moved");
    assert_eq!(console.pin_of("gala").await.expect("pinned").shard, 3);
    assert_eq!(*shop.fenced.lock().expect("no panic"), [(2, 1)].into());
    console.perform(&to(3), false).await.expect("it is there already");
    console.perform(&to(2), false).await.expect("moved back");
    assert_eq!(console.pin_of("gala").await.expect("pinned").shard, 2);
    assert_eq!(*shop.fenced.lock().expect("no panic"), [(3, 1)].into());
}

#[tokio::test]
async fn an_event_whose_sale_is_made_stays() {
    let (console, shop) = pinned("gala", 2).await;
    shop.there.lock().expect("no panic").insert((2, 1));
    for dry_run in [true, false] {
        let refused = console.perform(&to(3), dry_run).await;
        let Err(Trouble::Refused(Refusal::Unsafe { reason, remedy })) = refused else {
            panic!("{refused:?}")
        };
        assert!(reason.contains("shard 2") && remedy.contains("--to NODE"), "{reason}; {remedy}");
    }
    assert_eq!(console.pin_of("gala").await.expect("pinned").shard, 2);
    assert!(shop.fenced.lock().expect("no panic").is_empty());
}

#[tokio::test]
async fn a_move_that_broke_off_is_finished_by_the_same_order() {
    let (console, shop) = pinned("gala", 2).await;
    *shop.deaf.lock().expect("no panic") = true;
    assert_eq!(console.perform(&to(3), false).await, Err(Trouble::Unknown));
    assert_eq!(console.pin_of("gala").await.expect("pinned").shard, 2, "not yet");
    console.perform(&to(3), false).await.expect("moved");
    assert_eq!(console.pin_of("gala").await.expect("pinned").shard, 3);
}

#[tokio::test]
async fn senseless_moves_are_refused_before_anything_happens() {
    let (console, shop) = pinned("gala", 2).await;
    for shard in [0, 9] {
        let refused = console.perform(&to(shard), false).await;
        assert!(matches!(refused, Err(Trouble::Refused(_))), "{refused:?}");
    }
    let unknown = Order::EventMove { event: "matinee".to_owned(), shard: 1 };
    let refused = console.perform(&unknown, false).await;
    assert!(matches!(refused, Err(Trouble::Refused(Refusal::Missing(_)))), "{refused:?}");
    assert!(shop.fenced.lock().expect("no panic").is_empty());
}

#[tokio::test]
async fn a_sale_is_halted_and_resumed_where_it_is_made() {
    let (console, shop) = pinned("gala", 2).await;
    let event = || "gala".to_owned();
    let early = console.perform(&Order::EventQuiesce { event: event() }, false).await;
    assert!(matches!(early, Err(Trouble::Refused(Refusal::Missing(_)))), "{early:?}");
    shop.there.lock().expect("no panic").insert((2, 1));
    console.perform(&Order::EventQuiesce { event: event() }, true).await.expect("a plan");
    assert!(shop.halted.lock().expect("no panic").is_empty(), "only a plan");
    console.perform(&Order::EventQuiesce { event: event() }, false).await.expect("halted");
    assert_eq!(shop.halted.lock().expect("no panic").get(&1), Some(&true));
    console.perform(&Order::EventResume { event: event() }, false).await.expect("resumed");
    assert_eq!(shop.halted.lock().expect("no panic").get(&1), Some(&false));
}
