//! Units die, all processes die, a unit stands still.

use std::time::Duration;

use e2e::drill::{EVENT, Load, knob, lasts};
use e2e::{Client, System};
use serde_json::json;

use super::reconciles;

/// Between two kills: the unit is back and has caught up long before.
const BETWEEN_KILLS_S: u64 = 6;

/// kill -9 of the unit that leads, again and again. Expected: a pause of about lease and election
/// time-out, two seconds with the defaults, during which requests wait; answers are late or say
/// `outcome_unknown`, and the same key resolves them.
#[tokio::test]
async fn leaders_are_killed() {
    let system = System::start();
    let kills = knob("KILLS", 1);
    let mut load = Load::start(&system, (kills * BETWEEN_KILLS_S + 4).min(240)).await;
    for number in 1..=kills {
        let next = tokio::time::Instant::now() + Duration::from_secs(BETWEEN_KILLS_S);
        let leader = system.leader_of(EVENT).await;
        load.mark(format!("kill {number}, unit {}", leader.node));
        System::kill(&leader);
        system.until_back(&leader).await;
        tokio::time::sleep_until(next).await;
    }
    let verdict = load.judge(&system, "leaders killed").await;
    verdict.holds_promises().pauses_at_most(Duration::from_secs(knob("GAP_MAX_S", 10)));
    reconciles(&system);
}

/// kill -9 of every process at once, and everything started again. Expected: requests fail while
/// nothing is there and succeed under the same key afterwards; nothing acknowledged before is lost.
#[tokio::test]
async fn all_processes_are_killed_at_once() {
    let mut system = System::start();
    for number in 1..=knob("BLACKOUTS", 1) {
        let load = Load::start(&system, 4).await;
        system.kill_all();
        system.start_again();
        let name = format!("all processes killed, {number}");
        load.judge(&system, &name).await.holds_promises();
    }
    reconciles(&system);
}

/// The leading unit stands still for five seconds and goes on. Expected: the others elect a leader
/// within about two seconds; when the old one wakes it still believes that it leads, and must not
/// answer from what it knows: all answers fit the new leader's history.
#[tokio::test]
async fn the_leader_stands_still_and_goes_on() {
    let system = System::start();
    let pauses = knob("FREEZES", 1);
    let mut load = Load::start(&system, (pauses * 12 + 2).min(240)).await;
    for number in 1..=pauses {
        let leader = system.leader_of(EVENT).await;
        load.mark(format!("freeze {number}, unit {}", leader.node));
        System::freeze(&leader);
        lasts(Duration::from_secs(5)).await;
        System::thaw(&leader);
        load.mark(format!("thaw {number}"));
        lasts(Duration::from_secs(5)).await;
    }
    let verdict = load.judge(&system, "leader stands still for 5 s").await;
    verdict.holds_promises().pauses_at_most(Duration::from_secs(knob("GAP_MAX_S", 10)));
    let client = Client::new(&system.url());
    let free = client.seats(EVENT, "free").await;
    client.hold(EVENT, json!({"seats": [free[0]]})).await.expect("the sale goes on");
    reconciles(&system);
}
