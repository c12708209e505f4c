//! Answers as short lines.

use inventory::*;

use super::Shard;

pub fn reply(shard: &Shard, reply: &Reply) -> String {
    let told = outcome(shard, &reply.outcome);
    if reply.replayed { format!("again {told}") } else { told }
}

fn outcome(shard: &Shard, outcome: &Outcome) -> String {
    match outcome {
        Outcome::SaleOpened => "opened".into(),
        Outcome::Held(h) | Outcome::Swapped(h) => held(shard, h),
        Outcome::Released => "released".into(),
        Outcome::OrderPlaced(o) => format!("o{} {}", o.order.no, o.total_minor),
        Outcome::OrderCancelled => "cancelled".into(),
        Outcome::PaymentStarted(p) => format!("p{} {}", p.payment.no, p.amount_minor),
        Outcome::PaymentRecorded => "recorded".into(),
        Outcome::Settled(s) => settled(s),
        Outcome::RefundRecorded => "noted".into(),
        Outcome::Expired { holds, more } => format!("expired {holds} more={more}"),
        Outcome::Acknowledged => "acknowledged".into(),
        Outcome::Refused(refusal) => refused(shard, refusal),
        Outcome::Extended { expires_at_ms, at_ms, left } => {
            format!("{}s more={left}", (expires_at_ms - at_ms) / 1_000)
        }
        Outcome::SeatsBlocked { seats } => format!("blocked {seats}"),
        Outcome::SeatsUnblocked { seats } => format!("unblocked {seats}"),
        Outcome::SeatsRemoved { holds, refunds } => {
            let holds = holds.iter().map(|h| format!(" h{}", h.no));
            let refunds = refunds.iter().map(|r| format!(" r{}", r.no));
            format!("removed{}", holds.chain(refunds).collect::<String>())
        }
        Outcome::QueueOpened { .. } => "queue".into(),
        Outcome::QueueEntered { place } => format!("q{}", place.no),
        Outcome::TurnTaken { until_ms, at_ms } => format!("{}s", (until_ms - at_ms) / 1_000),
        Outcome::WaitlistJoined { entry, before } => format!("w{} behind {before}", entry.no),
        Outcome::SeatsRefunded { refund, amount_minor } => {
            let refund = refund.map_or(String::new(), |r| format!("r{} ", r.no));
            format!("{refund}{amount_minor}")
        }
        Outcome::EventCancelled { holds, orders, more } => {
            format!("cancelled {holds} holds {orders} orders more={more}")
        }
        plain @ (Outcome::SalePaused
        | Outcome::SaleResumed
        | Outcome::Fenced
        | Outcome::Unfenced
        | Outcome::PersonLimitSet
        | Outcome::WindowSet
        | Outcome::CodesPut
        | Outcome::SeatsReassigned
        | Outcome::PlanReplaced
        | Outcome::WaitlistLeft
        | Outcome::Bound
        | Outcome::OutboxLimited
        | Outcome::Recovered { .. }
        | Outcome::RefundRetried) => format!("{plain:?}"),
    }
}

fn held(shard: &Shard, held: &Held) -> String {
    let step = held.step.map_or(String::new(), |s| format!(" {s:?}"));
    let seats = shard.names(held.seats.iter().map(|s| s.seat));
    format!("h{} {seats} {}{step}", held.hold.no, held.total_minor)
}

fn settled(s: &Settled) -> String {
    let as_what = s.settled_as.map_or("nothing", SettledAs::as_str);
    let refund = s.refund.map_or(String::new(), |r| format!(" r{}", r.no));
    format!("{} {as_what} order={}{refund}", s.status.as_str(), s.order_status.as_str())
}

fn refused(shard: &Shard, refusal: &Refusal) -> String {
    match refusal {
        Refusal::SeatTaken { seats } => {
            let one = |(s, status): &(SeatIx, SeatStatus)| {
                format!("{}:{}", shard.ids[s.at()], status.as_str())
            };
            let taken: Vec<_> = seats.iter().map(one).collect();
            format!("SeatTaken {}", taken.join(","))
        }
        other => format!("{other:?}"),
    }
}
