//! Units die.

use std::time::Duration;

use e2e::System;
use e2e::drill::{Drill, EVENT, Load, knob, loads, pause_max};

use super::reconciles;

/// Between two kills: the unit is back and has caught up long before.
const BETWEEN_KILLS_S: u64 = 6;

/// kill -9 of the unit that leads, again and again. Expected: a pause of about lease and election
/// time-out, two seconds with the defaults, during which requests wait; answers are late or say
/// `outcome_unknown`, and the same key resolves them.
#[tokio::test]
async fn leaders_are_killed() {
    let drill = Drill::begin("leaders killed");
    let system = System::start();
    for kills in loads(knob("KILLS", 1), BETWEEN_KILLS_S) {
        let mut load = Load::start(&system, kills * BETWEEN_KILLS_S + 4).await;
        for number in 1..=kills {
            let next = tokio::time::Instant::now() + Duration::from_secs(BETWEEN_KILLS_S);
            let leader = system.leader_of(EVENT).await;
            load.mark(format!("kill {number}, unit {}", leader.node));
            System::kill(&leader);
            system.until_back(&leader).await;
            tokio::time::sleep_until(next).await;
        }
        load.calm();
        load.judge(&system, &drill).await.pauses_at_most(pause_max());
    }
    reconciles(&system);
}
