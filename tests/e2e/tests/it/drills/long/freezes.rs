//! A unit stands still and goes on.

use std::time::Duration;

use e2e::drill::{Drill, EVENT, Load, knob, lasts, loads, pause_max};
use e2e::{Client, System};
use serde_json::json;

use super::super::reconciles;

/// How long it stands still.
const STILL_FOR: Duration = Duration::from_secs(5);
/// How long it then gets.
const RESTS: Duration = Duration::from_secs(5);

/// The leading unit stands still for five seconds and goes on. Expected: the others elect a leader
/// within about two seconds; when the old one wakes it still believes that it leads, and must not
/// answer from what it knows: all answers fit the new leader's history.
#[tokio::test]
async fn the_leader_stands_still_and_goes_on() {
    let drill = Drill::begin("leader stands still for 5 s");
    let system = System::start();
    let each = STILL_FOR + RESTS + Duration::from_secs(2);
    for freezes in loads(knob("FREEZES", 1), each.as_secs()) {
        let mut load = Load::start(&system, freezes * each.as_secs() + 4).await;
        for number in 1..=freezes {
            let leader = system.leader_of(EVENT).await;
            load.mark(format!("freeze {number}, unit {}", leader.node));
            System::freeze(&leader);
            lasts(STILL_FOR).await;
            System::thaw(&leader);
            load.mark(format!("thaw {number}"));
            lasts(RESTS).await;
        }
        load.calm();
        load.judge(&system, &drill).await.pauses_at_most(pause_max());
    }
    let client = Client::new(&system.url());
    let free = client.seats(EVENT, "free").await;
    client.hold(EVENT, json!({"seats": [free[0]]})).await.expect("the sale goes on");
    reconciles(&system);
}
