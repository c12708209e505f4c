//! The network between units fails while routers still reach all of them.

use std::sync::Arc;
use std::time::Duration;

use e2e::System;
use e2e::drill::{Drill, EVENT, Load, knob, lasts, loads, pause_max};
use e2e::links::{Links, Way};

use super::reconciles;

/// How long each fault stays.
const LASTS: Duration = Duration::from_secs(3);
/// How long the system gets afterwards.
const RESTS: Duration = Duration::from_secs(2);

/// The leader is cut off from the other units in three ways, one after the other, and its links are
/// slow in a fourth. Expected: cut off both ways, or not heard by the others, it loses its lease and
/// answers nothing more, and the others elect a leader; hearing nobody, it falls silent, so that the
/// others elect all the same; with slow links it goes on, each hold later by one round trip. No
/// answer contradicts another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_leaders_links_fail() {
    let drill = Drill::begin("leader's links fail");
    let links = Links::between_units(Arc::new(System::start())).await;
    let system = links.system();
    let each = 4 * (LASTS + RESTS).as_secs() + 4;
    for rounds in loads(knob("PARTITIONS", 1), each) {
        let mut load = Load::start(system, rounds * each + 4).await;
        for _ in 0..rounds {
            for fault in ["cut off", "not heard", "hears nobody", "slow"] {
                let leader = system.leader_of(EVENT).await.node;
                load.mark(format!("unit {leader} {fault}"));
                make(&links, leader, fault);
                lasts(LASTS).await;
                links.heal();
                load.mark(format!("healed after {fault}"));
                lasts(RESTS).await;
            }
        }
        load.calm();
        load.judge(system, &drill).await.pauses_at_most(pause_max());
    }
    reconciles(system);
}

fn make(links: &Links, leader: u32, fault: &str) {
    let others: Vec<u32> =
        links.system().units().iter().map(|unit| unit.node).filter(|n| *n != leader).collect();
    match fault {
        "cut off" => links.set_around(leader, Way::Cut),
        "not heard" => others.iter().for_each(|other| links.set(leader, *other, Way::Cut)),
        "hears nobody" => others.iter().for_each(|other| links.set(*other, leader, Way::Cut)),
        _ => links.set_around(leader, Way::Slow(Duration::from_millis(50))),
    }
}
